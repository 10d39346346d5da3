"""The spine holds the exact value of every quantity of a step: that of the chain rule itself."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import flint
import numpy as np
import pytest
from flint import arb

from shared.backend import Array
from shared.explain.spine import BACKWARD, DIGITS, FORWARD, SLOPE, Role, joints, spine
from shared.network import Network
from shared.seeding import from_textbook_order
from shared.worked import NETWORK, worked_steps
from tests.explained_steps import (
    ASYMMETRIC,
    OTHERS,
    SQUARED,
    SYMMETRIC,
    Case,
    in_more_than_half,
)

ORDER = {"symmetric": SYMMETRIC, "asymmetric": ASYMMETRIC}


def spine_of(case: Case, dtype: str = "float64") -> dict[str, Role]:
    return spine(case.network, *case.step(dtype))


def textbook(roles: dict[str, Role]) -> dict[str, str]:
    """Return the digits under the names that the textbook gives them."""
    names = {"h1": ("a1", 0), "h2": ("a1", 1), "o1": ("a2", 0), "loss": ("L", 0)}
    found = {name: roles[role].digits[i] for name, (role, i) in names.items()}
    grads = [roles[f"dL/d{name}"].digits for name in NETWORK.param_names]
    flat = [digits for tensor in grads for digits in tensor]
    return found | {f"dL/d{name}": d for name, d in zip(NETWORK.element_names, flat, strict=True)}


def is_rounded(digits: str, exact: str) -> bool:
    """Say whether a decimal string is another one, rounded to DIGITS digits."""
    leading = Fraction(exact)
    unit = Fraction(10) ** (len(str(int(1 / abs(leading)))) - 1) if abs(leading) < 1 else 1
    return abs(Fraction(digits) - leading) * unit <= Fraction(10) ** -DIGITS


@pytest.mark.parametrize("name", ORDER)
def test_the_worked_steps_to_the_last_digit(name: str) -> None:
    (step,) = (one for one in worked_steps() if one.name == name)
    found = textbook(spine_of(ORDER[name]))
    assert found.keys() == step.exact.keys()
    assert [key for key in found if not is_rounded(found[key], step.exact[key])] == []


def test_another_last_digit_is_not_the_same() -> None:
    assert is_rounded("0.04742587317756678087884815", "0.047425873177566780878848151771")
    assert not is_rounded("0.04742587317756678087884825", "0.047425873177566780878848151771")


@pytest.mark.parametrize("name", ORDER)
def test_exact_values_are_rounded_once(name: str, dtype: str) -> None:
    (step,) = (one for one in worked_steps() if one.name == name)
    case = ORDER[name]
    exact = spine_of(case)
    values = [float(step.exact[f"dL/d{element}"]) for element in NETWORK.element_names]
    grads = from_textbook_order(NETWORK, np.zeros(9))
    parts = np.split(np.array(values), np.cumsum([g.size for g in grads])[:-1])
    for name_, part in zip(NETWORK.param_names, parts, strict=True):
        assert exact[f"dL/d{name_}"].exact.tobytes() == part.tobytes()
    assert spine_of(case, dtype)["a1"].exact.dtype == dtype


def straight(case: Case, dtype: str) -> dict[str, Array]:
    """Compute the step in float64, as it stands in any textbook; no rule of the spine is used."""
    params, x, y = case.step(dtype)
    *weights, x, y = (a.astype(np.float64) for a in (*params, x, y))
    network, count, found = case.network, len(weights) // 2, {"x": x, "y": y}
    m, n, last = *y.shape, len(weights) // 2
    a = x
    for layer in range(1, count + 1):
        W, b = weights[2 * layer - 2 : 2 * layer]
        z = a @ W.T + b
        found |= {f"W{layer}": W, f"b{layer}": b, f"p{layer}": a @ W.T, f"z{layer}": z}
        a = activated(network.output if layer == last else network.activation, z)
        if layer < last or network.output != "identity":
            found[f"a{layer}"] = a
    e = a - y
    terms = {
        "mean_squared_error": e**2 / (m * n),
        "quadratic_cost": e**2 / (2 * m),
        "binary_cross_entropy": (np.logaddexp(0, z) - z * y) / (m * n),
        "categorical_cross_entropy": (np.log(np.exp(z).sum(-1, keepdims=True)) - z) * y / m,
    }
    found |= {"e": e, "L": terms[network.loss].sum()}
    divisor = {"mean_squared_error": m * n / 2, "binary_cross_entropy": m * n}.get(network.loss, m)
    delta = e / divisor
    for layer in range(last, 0, -1):
        if not (network.from_logits and layer == last):
            name = network.output if layer == last else network.activation
            if name != "identity":
                found[f"dL/da{layer}"] = delta
            delta = delta * slope(name, found[f"z{layer}"])
        found[f"dL/dz{layer}"] = delta
        found[f"dL/db{layer}"] = delta.sum(axis=0)
        found[f"dL/dW{layer}"] = delta.T @ (found[f"a{layer - 1}"] if layer > 1 else x)
        delta = delta @ weights[2 * layer - 2]
    return found


def activated(name: str, z: Array) -> Array:
    powers = np.exp(z - z.max(-1, keepdims=True))
    functions: dict[str, Array] = {
        "sigmoid": 1 / (1 + np.exp(-z)),
        "tanh": np.tanh(z),
        "relu": z * (z > 0),
        "identity": z,
        "softmax": powers / powers.sum(-1, keepdims=True),
    }
    return functions[name]


def slope(name: str, z: Array) -> Array:
    a = activated("sigmoid", z)
    slopes = {"sigmoid": a - a**2, "tanh": 1 / np.cosh(z) ** 2, "relu": 1.0 * (z > 0)}
    return np.asarray(slopes.get(name, np.ones_like(z)))


@pytest.mark.parametrize("case", [*SQUARED, *OTHERS], ids=str)
def test_every_quantity_is_that_of_the_chain_rule(case: Case, dtype: str) -> None:
    roles, found = spine_of(case, dtype), straight(case, dtype)
    wrong = [
        name for name, array in found.items()
        if not in_more_than_half(array.astype(dtype), roles[name].exact)
    ]  # fmt: skip
    assert wrong == []
    assert {name for name in joints(case.network) if name in roles} <= set(found)


def test_another_quantity_is_not_the_same() -> None:
    roles, found = spine_of(SQUARED[3]), straight(SQUARED[3], "float64")
    assert not in_more_than_half(found["p2"], roles["z2"].exact)


@pytest.mark.parametrize("case", [*SQUARED, *OTHERS], ids=str)
def test_what_lies_between_the_joints_makes_them(case: Case) -> None:
    """Each link of the way is what its formula says, of what stands before it."""
    roles = {name: role.exact for name, role in spine_of(case).items()}
    links: dict[str, Callable[[], Array]] = {
        "-z1": lambda: -roles["z1"],
        "e^-z1": lambda: np.exp(roles["-z1"]),
        "1+e^-z1": lambda: 1 + roles["e^-z1"],
        "1-a1": lambda: 1 - roles["a1"],
        "a1²": lambda: roles["a1"] ** 2,
        "f'1": lambda: slope(case.network.activation, roles["z1"]),
        "e²": lambda: roles["e"] ** 2,
        "Σₖe²": lambda: roles["e²"].sum(axis=-1),
        "Σe²": lambda: roles["e²"].sum(),
        "Σe²/m": lambda: roles["Σe²"] / len(roles["y"]),
        "2e": lambda: 2 * roles["e"],
        "dL/dL": lambda: np.ones(()),
        "dL/d(Σe²/m)": lambda: np.full((), 0.5),
        "dL/da1 (1-a1)": lambda: roles["dL/da1"] * roles["1-a1"],
        "dL/da1 (1-a1) a1": lambda: roles["dL/da1 (1-a1)"] * roles["a1"],
    }
    if case.network.sizes == (3, 1):  # its one layer is the last
        links.pop("f'1")
    held = [name for name in links if name in roles]
    wrong = [name for name in held if not in_more_than_half(links[name](), roles[name])]
    assert held
    assert wrong == []


@pytest.mark.parametrize("case", [*SQUARED, *OTHERS], ids=str)
def test_quantities_stand_in_order(case: Case) -> None:
    """What a formula names stands before it; forward comes before backward."""
    roles = spine_of(case)
    passes = [FORWARD, SLOPE, BACKWARD]
    numbers = [passes.index(role.pass_) for role in roles.values()]
    assert numbers == sorted(numbers)
    assert [role.name for role in roles.values()] == list(roles)


def test_digits_are_those_of_every_element() -> None:
    roles = spine_of(SQUARED[3])
    assert all(len(role.digits) == role.exact.size for role in roles.values())
    assert [float(digits) for digits in roles["a1"].digits] == roles["a1"].exact.ravel().tolist()


def test_where_numbers_cancel_more_bits_are_taken() -> None:
    """With o = σ(200) and y = 1, more than 256 bits cancel in o - y."""
    network = Network((1, 1))
    params = (np.zeros((1, 1)), np.array([200.0]))
    roles = spine(network, params, np.ones((1, 1)), np.ones((1, 1)))
    with flint.ctx.workprec(400):
        expected = -2 * (arb(-200).exp() / (1 + arb(-200).exp()))
        digits = expected.str(DIGITS, radius=False)
    assert roles["dL/da1"].exact[0, 0] == float(expected)
    assert roles["dL/da1"].digits[0] == digits


def test_float32_is_rounded_once() -> None:
    """What float64 rounds to the middle between two float32 is told by what it lost."""
    network = Network((2, 1), output="identity")
    middle, little = 1 + 2.0**-24, 2.0**-80
    params = (np.array([[1.0, 1.0]], "float32"), np.array([2.0**-24], "float32"))
    x = np.array([[1.0, little]], "float32")
    z = spine(network, params, x, np.zeros((1, 1), "float32"))["z1"].exact
    assert np.float32(np.float64(middle + little)) == 1
    assert z[0, 0] == np.nextafter(np.float32(1), np.float32(2))
