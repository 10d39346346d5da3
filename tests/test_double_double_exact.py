"""exact.py on pairs of floats, held to exact.py on object arrays of balls of 300 bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import flint
import numpy as np
import pytest
from flint import arb

from shared.backend import Array
from shared.certificate import double_double_functions as functions
from shared.certificate import exact
from shared.certificate.double_double import DoubleDouble
from shared.network import Network
from tests.kinds import HIDDEN, OUTPUT_AND_LOSS
from tests.test_double_double import BITS, FUNCTION, worst_error

SIZES, SAMPLES = (3, 4, 3, 2), 5
STEP = -90.0
"""A whole step has more roundings than one function, and sums whose terms cancel somewhat."""


def each(function: Callable[[Any], arb]) -> Callable[[Any], Any]:
    """A function of balls, of every number in an array."""
    of_arrays: Callable[[Any], Any] = np.frompyfunc(function, 1, 1)
    return of_arrays


def times(a: Any, b: Any) -> Any:
    """A product as the sum of products that it is."""
    return (a[..., :, None, :] * np.swapaxes(b, -1, -2)[..., None, :, :]).sum(axis=-1)


def arithmetic(lift: Callable[[Any], Any], functions: dict[str, Callable[[Any], Any]]) -> Any:
    """What exact.py asks for."""
    product = lambda a, b, _allowed: times(lift(a), lift(b))  # noqa: E731
    by_sign = lambda z, upper, lower: np.where(z >= 0, upper, lower)  # noqa: E731
    return SimpleNamespace(lift=lift, matmul=product, product=product, by_sign=by_sign, **functions)


PAIRS = arithmetic(
    DoubleDouble.of,
    {
        "exp": functions.exp,
        "log1p": functions.log1p,
        "tanh": functions.tanh,
        "positive": lambda a: np.maximum(a, 0),
    },
)
BALLS = arithmetic(
    each(arb),
    {
        "exp": each(arb.exp),
        "log1p": each(arb.log1p),
        "tanh": each(arb.tanh),
        "positive": each(arb.nonnegative_part),
    },
)


@pytest.fixture(autouse=True)
def precise() -> Iterator[None]:
    with flint.ctx.workprec(BITS):
        yield


def error(found: Any, true: Any) -> float:
    assert isinstance(found, DoubleDouble)
    assert found.shape == np.shape(true)
    return worst_error(found, np.ravel(true).tolist())


def both(function: Callable[..., Any], *operands: Array) -> Iterator[tuple[Any, Any]]:
    """What a function of an arithmetic gives in pairs and in balls, tensor by tensor."""
    results = (function(one, *map(one.lift, operands)) for one in (PAIRS, BALLS))
    return zip(*results, strict=True)


LOGITS = np.array(
    [
        [0.5, -1.25, 3.0],
        [2.0, 2.0, 2.0],
        [0.0, -0.1, 1e-9],
        [-30.0, 1e-200, 30.0],
        [300.0, 0.1, 1.0],
    ]
)


def activated(name: str) -> Callable[[Any, Any], tuple[Any, ...]]:
    def run(one: Any, z: Any) -> tuple[Any, ...]:
        found = exact.activation(one, name, z)
        return (found.value,) if found.rest is None else (found.value, found.rest)

    return run


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "identity", "softmax"])
def test_an_activation(name: str) -> None:
    errors = [error(*tensor) for tensor in both(activated(name), LOGITS)]
    assert max(errors) <= FUNCTION


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "identity"])
def test_a_slope(name: str) -> None:
    a = np.array([[0.0, 0.25, 0.1], [1e-20, 0.999999999, 1.0]])
    ((found, true),) = both(lambda _, lifted: (exact.slope(name, lifted),), a)
    assert error(found, true) <= FUNCTION


def test_the_logarithm_of_a_sum() -> None:
    ((found, true),) = both(lambda one, z: (exact.log_sum(one, z),), LOGITS)
    assert error(found, true) <= FUNCTION


def drawn(network: Network) -> list[Array]:
    """Inputs, targets with a row of soft ones, parameters."""
    random = np.random.RandomState(3)
    y = np.eye(2)[random.randint(2, size=SAMPLES)]
    y[0] = 0.25, 0.75
    x = random.normal(size=(SAMPLES, SIZES[0]))
    return [v[None] for v in (x, y, *(random.normal(size=s) for s in network.param_shapes))]


def step(one: Any, network: Network, x: Any, y: Any, *params: Any) -> list[Any]:
    """What a step computes: all a_l, the loss, and from the last layer on δ_l and gradients."""
    allowed, layers = np.zeros(1), list(zip(params[::2], params[1::2], strict=True))
    a, seen = [x], []
    for i, (W, b) in enumerate(layers, start=1):
        z = exact.affine(one, a[-1], W, b, allowed)
        name = network.output if i == len(layers) else network.activation
        true = exact.activation(one, name, z)
        a.append(true.value)
    seen += [*a, exact.loss(one, network, a[-1], z, y)]
    if network.from_logits:
        delta = exact.logit_slope(network, true, y)
    else:
        delta = exact.output_slope(network, a[-1], y) * exact.slope(network.output, a[-1])
    for i in range(len(layers), 0, -1):
        weights = exact.weight_gradient(one, delta, a[i - 1], allowed)
        seen += [delta, exact.bias_gradient(delta), weights]
        if i > 1:
            above = exact.below(one, delta, layers[i - 1][0], allowed)
            delta = above * exact.slope(network.activation, a[i - 1])
    return seen


@pytest.mark.parametrize(("output", "loss"), OUTPUT_AND_LOSS)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_a_whole_step(hidden: str, output: str, loss: str) -> None:
    network = Network(SIZES, hidden, output, loss)
    tensors = both(lambda one, *lifted: step(one, network, *lifted), *drawn(network))
    assert max(error(*tensor) for tensor in tensors) <= STEP


def test_a_step_in_float64_is_noticed() -> None:
    network = Network(SIZES)
    floats = arithmetic(np.asarray, {"exp": np.exp, "log1p": np.log1p, "tanh": np.tanh})
    found = step(floats, network, *drawn(network))
    true = step(BALLS, network, *map(BALLS.lift, drawn(network)))
    errors = [error(DoubleDouble.of(f), t) for f, t in zip(found[1:], true[1:], strict=True)]
    assert min(errors) > STEP
