"""A step of every optimizer, in every backend, is its formula up to a few roundings.

Numbers of all sizes meet in it: zeros, subnormals, numbers whose squares vanish, and huge ones.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from shared.backend import Array, OptimizerState, Params
from shared.network import Network
from shared.optimizer import Optimizer
from shared.registry import Loaded, find, load
from tests.exact_optimizer import PARAMETER, exact_update
from tests.optimizers import OPTIMIZERS

SMALL, WIDE = Network((3, 2, 1)), Network((24, 20, 4))
AXES = (3,)
STEPS = (0, 1, 2, 3, 999)
"""How many steps the state has made before each step that is looked at."""

every_optimizer = pytest.mark.parametrize("one", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())

REGIMES = {
    "float64": [(-2, 2), (-30, -20), (20, 60), (150, 160), (-270, -250), (-545, -520),
                (-1030, -1015), (-1074, -1060)],
    "float32": [(-2, 2), (-12, -8), (8, 16), (20, 30), (-50, -40), (-72, -66), (-128, -120),
                (-149, -140)],
}  # fmt: skip
"""Exponents: ordinary, small, large, huge; squares all but vanish, vanish; all but subnormal."""


def drawn(random: np.random.RandomState, shape: tuple[int, ...], dtype: str) -> Array:
    """Numbers of all sizes and signs; each eighth is zero."""
    regimes = np.array(REGIMES[dtype])[random.randint(len(REGIMES[dtype]), size=shape)]
    exponent = random.randint(regimes[..., 0], regimes[..., 1])
    numbers = np.ldexp(random.uniform(1, 2, size=shape), exponent)
    numbers *= random.choice([-1, 0, 1], p=[7 / 16, 1 / 8, 7 / 16], size=shape)
    return numbers.astype(dtype)


def all_drawn(random: np.random.RandomState, network: Network, dtype: str, *axes: int) -> Params:
    return tuple(drawn(random, (*axes, *shape), dtype) for shape in network.param_shapes)


def at_rest(one: Optimizer, params: Params) -> dict[str, Params]:
    return {name: tuple(np.zeros_like(w) for w in params) for name in one.slots}


def stray(
    one: Optimizer, dtype: str, w: Params, g: Params, state: OptimizerState,
    result: tuple[Params, OptimizerState],
) -> list[str]:  # fmt: skip
    """Name the numbers of a step that rounding does not explain."""
    after, then = result
    complaints = []
    for i, tensor in enumerate(w):
        sides = [
            {name: slots[name][i] for name in one.slots} for slots in (state.slots, then.slots)
        ]
        values = {**sides[1], PARAMETER: after[i]}
        for place in np.ndindex(tensor.shape):
            start, end = ({name: exactly(a[place]) for name, a in side.items()} for side in sides)
            expected = exact_update(
                one, dtype, exactly(tensor[place]), exactly(g[i][place]), start, end, then.step
            )
            complaints += [
                f"{name or 'w'} of tensor {i} at {place} in step {then.step}: {values[name][place]}"
                for name, exact in expected.items()
                if not abs(exactly(values[name][place]) - exact.value) <= exact.error
            ]
    return complaints


def exactly(number: Any) -> Fraction:
    return Fraction(float(number))


def walked(
    loaded: Loaded, made: Optimizer, held: Optimizer, network: Network, dtype: str, *axes: int
) -> list[str]:
    """Make steps by one optimizer, each from the state that the last one left, and hold them to
    another, which is the same if all is right."""
    backend, random = loaded.create(network, made.rounded(dtype), dtype), np.random.RandomState(3)
    params = all_drawn(random, network, dtype, *axes)
    slots: Any = at_rest(made, params)
    complaints = []
    for step in STEPS if network == SMALL else STEPS[2:4]:
        grads, state = all_drawn(random, network, dtype, *axes), OptimizerState(step, slots)
        result = backend.update(params, grads, state)
        complaints += stray(held.rounded(dtype), dtype, params, grads, state, result)
        params, slots = all_drawn(random, network, dtype, *axes), result[1].slots
    return complaints


@every_optimizer
def test_a_step_is_its_formula(loaded: Loaded, one: Optimizer, dtype: str) -> None:
    """With replicas, since every number moves for itself."""
    assert walked(loaded, one, one, SMALL, dtype, *AXES) == []


@pytest.mark.parametrize("name", ["nesterov, coupled", "rmsprop", "adamw"])
def test_a_step_of_a_larger_network_is_its_formula(loaded: Loaded, name: str, dtype: str) -> None:
    """Backends may carry more than 512 parameters in another way than few."""
    assert walked(loaded, OPTIMIZERS[name], OPTIMIZERS[name], WIDE, dtype) == []


MISTAKEN = [
    ("sgd", "sgd, coupled"), ("momentum", "nesterov, coupled"), ("momentum", "nesterov, inside"),
    ("nesterov, coupled", "nesterov, decoupled"), ("nesterov, inside", "nesterov, decoupled"),
    ("rmsprop", "rmsprop, inside, coupled"), ("adam", "adam, no correction"), ("adam", "adamw"),
    ("adam", "adam, inside, in dtype"), ("adamw", "adamw, uncorrected, in dtype"),
    ("adam, uncorrected, coupled", "adamw, uncorrected, in dtype"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "held"), MISTAKEN, ids=[" for ".join(two) for two in MISTAKEN])
def test_one_optimizer_taken_for_another_is_noticed(made: str, held: str, dtype: str) -> None:
    found = walked(load(find("numpy")), OPTIMIZERS[made], OPTIMIZERS[held], SMALL, dtype)
    assert found


def test_decays_of_plain_descent_are_one_formula(dtype: str) -> None:
    """w - η (g + λ w) = (1 - η λ) w - η g: here coupled and decoupled say the same."""
    made, held = (OPTIMIZERS[f"sgd, {kind}"] for kind in ("coupled", "decoupled"))
    assert walked(load(find("numpy")), made, held, SMALL, dtype) == []


@every_optimizer
def test_a_number_that_is_a_few_floats_off_is_noticed(one: Optimizer, dtype: str) -> None:
    """40 of them: more than all roundings together, of numbers of one size and one sign."""
    backend, random = load(find("numpy")).create(SMALL, one.rounded(dtype), dtype), np.random
    params, grads, *slots = (
        tuple(random.RandomState(seed).uniform(1, 2, shape).astype(dtype) for shape in shapes)
        for seed, shapes in enumerate([SMALL.param_shapes] * (2 + len(one.slots)))
    )
    state = OptimizerState(6, dict(zip(one.slots, slots, strict=True)))
    after, then = backend.update(params, grads, state)
    for name in (*one.slots, PARAMETER):
        moved = then.slots[name] if name else after
        wrong = tuple(w + 40 * np.spacing(w) * (w == w.flat[0]) for w in moved)
        result = (after, OptimizerState(7, {**then.slots, name: wrong})) if name else (wrong, then)
        found = stray(one.rounded(dtype), dtype, params, grads, state, result)
        assert len([told for told in found if told.startswith(f"{name or 'w'} of")]) == len(params)
