"""Intervals at the ends of what floats can hold, and what is not offered at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shared.backend import Array
from shared.certificate import exact
from shared.certificate.ball import Balls, precision
from shared.truth.enclosure import Enclosure, Enclosures
from tests.enclosing import ARITHMETIC, OPERATIONS, exactly, holds, within

TINIEST = 5e-324
EXTREMES = np.array([[1e308, -1e308, TINIEST], [0.0, -TINIEST, 2.0**-1022]])
OTHER = np.array([[1.7e308, -1.0, 2.0**-30], [TINIEST, 3.0, 0.5]])


def encloses(name: str, a: Array, a_radius: Array | float, at: float = 0.0, b: Any = None) -> bool:
    """Whether what an operation finds holds what is true."""
    left = within(a, a_radius, at)
    right = within(a if b is None else b, 0.0, 0)
    with np.errstate(all="ignore"):
        found = OPERATIONS[name].enclosed(left.interval, right.interval)
    return holds(found, exactly(OPERATIONS[name], left.point, right.point))


@pytest.mark.parametrize("at", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("radius", [0.0, TINIEST, 1e-308, 1e308])
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in ("exp", "tanh")])
def test_extremes_are_enclosed(name: str, radius: float, at: float) -> None:
    assert encloses(name, EXTREMES, radius, at, OTHER)


@pytest.mark.parametrize("at", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("radius", [0.0, 2.0**-50, 0.5, 5.0])
@pytest.mark.parametrize(
    "a", [-750.0, -745.1, -744.4, -708.4, 0.0, TINIEST, 5e-17, 709.0, 709.9, 1e6]
)
def test_powers_at_the_ends_of_the_range_are_enclosed(a: float, radius: float, at: float) -> None:
    assert encloses("exp", np.full((1, 1), a), radius, at)


@pytest.mark.parametrize("at", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("radius", [0.0, TINIEST, 0.5, 40.0])
@pytest.mark.parametrize("a", [0.0, TINIEST, -1e-310, 1e-17, 20.0, -800.0, 1e308])
def test_hyperbolic_tangents_of_any_size_are_enclosed(a: float, radius: float, at: float) -> None:
    assert encloses("tanh", np.full((1, 1), a), radius, at)


@pytest.mark.parametrize(("a", "radius"), [(-750.0, 20.0), (-800.0, 300.0), (-5000.0, 4990.0)])
def test_a_power_that_underflows_may_be_large_at_the_other_end(a: float, radius: float) -> None:
    """e^-750 is zero in float64, e^-730 is not."""
    assert encloses("exp", np.full((1, 1), a), radius, 1.0)


def test_a_quotient_that_underflows_may_be_large_at_the_other_end() -> None:
    """2^-1074 / 4 is zero in float64; where 4 may as well be 2^-40, it is 2^-1034."""
    a, b = within(np.full((1, 1), TINIEST), 0.0, 0), within(np.full((1, 1), 4.0), 4 - 2.0**-40, -1)
    found = a.interval / b.interval
    assert holds(found, exactly(OPERATIONS["divide"], a.point, b.point))


@pytest.mark.parametrize("middle", [0.0, 1.0, -1e-300, 1e300])
@pytest.mark.parametrize("share", [1.0, 1.5, 1e6])
def test_a_divisor_that_may_be_zero_leaves_nothing_known(middle: float, share: float) -> None:
    divisor = Enclosure.of(np.array([middle]), share * abs(middle))
    found = 1 / divisor
    assert not np.isfinite(found.radius).any()


def test_a_divisor_that_is_surely_not_zero_leaves_something_known() -> None:
    found = 1 / Enclosure.of(np.array([1.0]), 1 - 2.0**-20)
    assert np.isfinite(found.radius).all()


@pytest.mark.parametrize("radius", [np.nan, np.inf])
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in ("where", "tanh")])
def test_of_what_is_not_known_nothing_is_known(name: str, radius: float) -> None:
    """Wherever the unknown number has a say: the one in the corner, in its row and column."""
    a, b = (Enclosure(np.ones((2, 3)), np.zeros((2, 3))) for _ in range(2))
    for one in (a, b):
        one.radius[0, 0] = radius
    with np.errstate(all="ignore"):
        found = OPERATIONS[name].enclosed(a, b)
    # The sums before the first number are over nothing.
    first = np.ravel(found.radius)[1 if name == "cumsum into" else 0]
    assert not np.isfinite(first)


@pytest.mark.parametrize("middle", [-1.0, 0.0, 1.0])
def test_a_side_that_is_not_known_is_not_chosen(middle: float) -> None:
    """Where z is NaN, or off by as much, upper and lower are both possible."""
    z = Enclosure.of(np.array([middle]), np.nan)
    with np.errstate(all="ignore"):
        found = ARITHMETIC.by_sign(z, np.array([1.0]), np.array([0.0]))
    known = np.isfinite(found.radius)
    assert not (known & (found.radius < 0.5)).any()


def test_zero_itself_is_on_the_upper_side() -> None:
    z = Enclosure.of(np.array([0.0, -0.0]))
    found = ARITHMETIC.by_sign(z, np.array([1.0, 1.0]), np.array([5.0, 5.0]))
    assert (found.middle.tolist(), found.radius.tolist()) == ([1.0, 1.0], [0.0, 0.0])


@pytest.mark.parametrize("function", ["exp", "tanh", "positive"])
def test_a_nan_stays_one(function: str) -> None:
    with np.errstate(all="ignore"):
        found = getattr(ARITHMETIC, function)(Enclosure.of(np.array([np.nan, 1.0])))
    assert np.isnan(found.middle[0])
    assert np.isfinite(found.radius[1])


REFUSED: dict[str, Callable[[Enclosure], Any]] = {
    "np.sqrt": np.sqrt,
    "np.exp": np.exp,
    "np.log1p": np.log1p,
    "np.maximum": lambda a: np.maximum(a, 0),
    "a power": lambda a: a**2,
    "a comparison": lambda a: a > 0,
    "an equality": lambda a: a == a,
    "a remainder": lambda a: a % 2,
    "@": lambda a: a @ a,
    "a sum in place": lambda a: np.add(a, a, out=np.zeros(2)),
    "np.add.reduce": np.add.reduce,
    "np.array": np.array,
    "np.asarray": np.asarray,
    "np.mean": np.mean,
    "np.concatenate": lambda a: np.concatenate([a, a]),
    "np.dot": lambda a: np.dot(a, a),
    "np.sum with a dtype": lambda a: np.sum(a, axis=0, dtype=float),
    "a logarithm": lambda a: ARITHMETIC.log1p(a),
    "float": lambda a: float(a),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_offered_is_refused(name: str) -> None:
    with pytest.raises(TypeError):
        REFUSED[name](Enclosure.of(np.array([1.0, 2.0])))


def test_an_arithmetic_tells_its_middle_and_how_far_off_it_may_be() -> None:
    a = Enclosure.of(np.array([1.0, -2.0]), 0.25)
    assert ARITHMETIC.lower(a).tolist() == [1.0, -2.0]
    assert np.asarray(ARITHMETIC.radius(a)).tolist() == [0.25, 0.25]
    assert ARITHMETIC.distance(np.array([1.5, -2.0]), a).tolist() == [0.75, 0.25]
    assert ARITHMETIC.lift(np.array([3.0])).radius.tolist() == [0.0]


FUNCTIONS = ("sigmoid", "tanh", "softmax", "relu", "identity")
Z = np.array([[0.3, -2.0, 700.0, -700.0, 0.0, 1e-300]])


@pytest.mark.parametrize("radius", [0.0, 2.0**-40, 0.4])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_activation_its_slope_and_what_is_left_of_it_are_enclosed(
    name: str, radius: float
) -> None:
    with np.errstate(all="ignore"):
        found = _parts(Enclosures(), name, Enclosure.of(Z, radius))
    for at in (-1, -0.3, 0, 0.3, 1):
        with precision(3000):
            point = within(Z, radius, at).point
            true = _parts(Balls(), name, point)
        assert all(holds(one, other) for one, other in zip(found, true, strict=True))


def _parts(arithmetic: Any, name: str, z: Any) -> list[Any]:
    made = exact.activation(arithmetic, name, z)
    parts = [made.value] if made.rest is None else [made.value, made.rest]
    if name == "softmax":
        return parts
    slope = exact.slope_at(arithmetic, name, z, made)
    return [*parts, slope, exact.bend(name, made, slope)]
