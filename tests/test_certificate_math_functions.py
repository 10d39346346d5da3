"""The declared errors of tanh and sigmoid hold for every library here, and not by luck."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import pytest
import torch

from shared.backend import Array
from shared.certificate import bounds, exact
from shared.certificate.arithmetic import LongDouble
from shared.certificate.profile import tight
from shared.certificate.rounding import Rounding

TIGHT = tight("float64")
ARITHMETIC, DOUBLE = LongDouble(), Rounding.of("float64")
Function = Callable[[Array], Array]


def of_jax(function: Callable[[Any], Any]) -> Function:
    compiled = jax.jit(function)

    def run(z: Array) -> Array:
        with jax.enable_x64(True):
            return np.asarray(compiled(z))

    return run


def of_torch(function: Callable[[Any], Any]) -> Function:
    return lambda z: np.asarray(function(torch.from_numpy(z)).numpy())


def by_branches(z: Array) -> Array:
    e = np.exp(-abs(z))
    s: Array = np.where(z >= 0, 1 / (1 + e), e / (1 + e))
    return s


SIGMOIDS: dict[str, Function] = {
    "numpy": lambda z: 1 / (1 + np.exp(-z)),
    "numpy, by branches": by_branches,
    "torch": of_torch(torch.sigmoid),
    "jax": of_jax(jax.nn.sigmoid),
}
TANHS: dict[str, Function] = {
    "numpy": np.tanh,
    "torch": of_torch(torch.tanh),
    "jax": of_jax(jax.numpy.tanh),
}


@pytest.fixture(autouse=True)
def _overflows_are_meant() -> Iterator[None]:
    with np.errstate(over="ignore"):
        yield


def points(seed: int) -> Array:
    """Drawn over every scale, and dense where libraries change their method."""
    random = np.random.RandomState(seed)
    sizes = 10 ** random.uniform(-320, 3.1, 40_000)
    dense = [np.linspace(at, at + 1e-3, 5_000) for at in (0.0, 0.0625, 0.549, 1.0, 15.96, 18.99)]
    steps = [1 + np.arange(2_000) * 2.0**-52, 20 * (1 - np.arange(2_000) * 2.0**-53)]
    ranges = [random.uniform(0, top, 40_000) for top in (0.7, 3.0, 22.0, 45.0, 745.0)]
    all_of_them = np.concatenate(
        [[0.0, 5e-324, 709.7, 745.2, 1e300], sizes, *dense, *steps, *ranges]
    )
    return np.concatenate([all_of_them, -all_of_them])


def worst(found: Array, true: Any, bound: Array) -> float:
    return float((abs(found - true) / bound).max())


@pytest.mark.parametrize("name", SIGMOIDS)
def test_the_sigmoid_is_within_what_is_declared(name: str) -> None:
    z = points(1)
    true = exact.sigmoid(ARITHMETIC, ARITHMETIC.lift(z))
    s, c = ARITHMETIC.lower(true.value), ARITHMETIC.lower(true.rest)
    bound = TIGHT.sigmoid_error(DOUBLE, s, c, np.zeros(1))
    assert worst(SIGMOIDS[name](z), true.value, bound) <= 1


@pytest.mark.parametrize("name", TANHS)
def test_the_tanh_is_within_what_is_declared(name: str) -> None:
    z = points(2)
    true = exact.activation(ARITHMETIC, "tanh", ARITHMETIC.lift(z))
    t, q = ARITHMETIC.lower(true.value), ARITHMETIC.lower(true.rest)
    assert worst(TANHS[name](z), true.value, TIGHT.tanh_error(DOUBLE, t, q, np.zeros(1))) <= 1


@pytest.mark.parametrize(
    ("name", "z_error"),
    [*itertools.product(("sigmoid", "tanh"), (1e-15, 1e-6, 0.1, 3.0, 20.0, 40.0))],
)
def test_a_z_that_is_off_moves_the_function_no_further(name: str, z_error: float) -> None:
    z = np.concatenate([np.linspace(-30, 30, 2_000), np.linspace(-1, 1, 2_000)])
    true = exact.activation(ARITHMETIC, name, ARITHMETIC.lift(z))
    moved = [
        exact.activation(ARITHMETIC, name, ARITHMETIC.lift(z) + side * np.longdouble(z_error))
        for side in (-1, 1)
    ]
    value, rest = ARITHMETIC.lower(true.value), ARITHMETIC.lower(true.rest)
    error = TIGHT.sigmoid_error if name == "sigmoid" else TIGHT.tanh_error
    bound = error(DOUBLE, value, rest, np.full(1, z_error))
    assert max(worst(ARITHMETIC.lower(one.value), true.value, bound) for one in moved) <= 1


def test_a_z_that_is_off_by_more_than_it_is_large_may_move_a_sigmoid_to_1() -> None:
    s = np.exp(np.array([-700.0, -1000.0]))
    assert (TIGHT.sigmoid_error(DOUBLE, s, 1 - s, np.full(2, 2000.0)) >= 1 - 1e-9).all()


@pytest.mark.parametrize("units", [20, -20])
def test_a_function_that_is_off_by_twenty_units_is_outside(units: int) -> None:
    z = np.linspace(0.1, 3, 1_000)
    true = exact.activation(ARITHMETIC, "tanh", ARITHMETIC.lift(z))
    t, q = ARITHMETIC.lower(true.value), ARITHMETIC.lower(true.rest)
    bound = TIGHT.tanh_error(DOUBLE, t, q, np.zeros(1))
    assert worst(t * (1 + units * DOUBLE.u), true.value, bound) > 1


def test_a_sigmoid_through_float32_is_outside() -> None:
    z = np.linspace(-30, 30, 1_000)
    true = exact.sigmoid(ARITHMETIC, ARITHMETIC.lift(z))
    s, c = ARITHMETIC.lower(true.value), ARITHMETIC.lower(true.rest)
    narrow = by_branches(z.astype(np.float32)).astype(float)
    assert worst(narrow, true.value, TIGHT.sigmoid_error(DOUBLE, s, c, np.zeros(1))) > 1


def test_a_subnormal_input_may_be_flushed_before_a_large_weight_meets_it() -> None:
    a, W = np.array([[[1e-309]]]), np.array([[[1e6]]])
    bound = bounds.affine(DOUBLE, a, W, np.zeros((1, 1)))
    with jax.enable_x64(True):
        found = np.asarray(jax.jit(jax.numpy.matmul)(a, W))
    assert (abs(found - a * W) <= bound).all()
