"""The update where rounding is decided by a hair: exactly the admissible floats, and no others.

Admissible are, for w and g as they are or flushed to zero: w - ηg rounded once, or with ηg rounded
first, or flushed; and each of these flushed. All of it is enumerated in fractions.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from shared.certificate.rounding import Rounding
from shared.certificate.update import admissible

DOUBLE = Rounding.of("float64")
OMEGA, LEAST, MOST = 2.0**-1022, 5e-324, float(np.finfo(float).max)
ONE_UP, ONE_DOWN = math.nextafter(1, 2), math.nextafter(1, 0)


def flushed(v: float) -> float:
    return 0.0 if abs(v) < OMEGA else v


def rounded(exact: Fraction) -> float:
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def every_admissible(w: float, g: float, rate: float) -> set[float]:
    results: set[float] = set()
    for start, slope in itertools.product({w, flushed(w)}, {g, flushed(g)}):
        exact = Fraction(rate) * Fraction(slope)
        results.add(rounded(Fraction(start) - exact))
        for p in {rounded(exact), flushed(rounded(exact))}:
            results.add(start - p)
    results |= {flushed(r) for r in results}
    return {r for r in results if math.isfinite(r)}


def around(v: float, count: int) -> list[float]:
    found = [v]
    for side in (math.inf, -math.inf):
        at = v
        for _ in range(count):
            at = math.nextafter(at, side)
            found.append(at)
    return [one for one in found if math.isfinite(one)]


def require_exactly_the_admissible(w: float, g: float, rate: float) -> None:
    right = every_admissible(w, g, rate)
    tried = {near for r in right | {w - rate * g} for near in around(r, 4)}
    tried |= {0.0, w, -w, OMEGA, -OMEGA, LEAST, MOST}
    after = np.array(sorted(v for v in tried if math.isfinite(v)))
    one = np.ones_like(after)
    with np.errstate(all="ignore"):
        found = admissible(DOUBLE, w * one, g * one, np.float64(rate), after)
    assert found.tolist() == [v in right for v in after.tolist()]


TIES = [
    (1.0, -(2.0**-53), 1.0),  # half-way above 1: to even, down
    (ONE_UP, -(2.0**-53), 1.0),  # half-way above the next: to even, up
    (1.0, 2.0**-54, 1.0),  # half-way below 1, where floats lie twice as dense
    (1.0, 2.0**-54 * ONE_UP, 1.0),
    (1.0, 2.0**-54 * ONE_DOWN, 1.0),
    (-1.0, 2.0**-53, 1.0),
    (-1.0, -(2.0**-54), 1.0),
    (2.0**52, 0.5, 1.0),
    (2.0**53, 0.25, 3.0),
    (1.0, 2.0**-53 * ONE_UP, -ONE_DOWN),
    (1.0, 2.0**-54 * ONE_UP, ONE_DOWN),  # the product lies a hair from the half-way point
    (1.0, 2.0**-54 * ONE_UP, ONE_UP),
]
CANCELLING = [
    (0.1, 1.0, 0.1),
    (0.1 * 3, 3.0, 0.1),
    (0.1 * 0.3, 0.3, 0.1),
    (1 / 3 * 0.7, 0.7, 1 / 3),
    (math.nextafter(0.1 * 0.3, 1), 0.3, 0.1),
    (2 * 0.1 * 0.3, 0.3, 0.1),
    (ONE_UP * ONE_UP, ONE_UP, ONE_UP),
]
TINY = [
    (OMEGA, LEAST, 1.0),
    (OMEGA, LEAST, 0.5),
    (OMEGA, OMEGA, 0.75),
    (-OMEGA, OMEGA, 0.3),
    (3e-310, 1e-310, 0.5),
    (LEAST, LEAST, 0.5),
    (0.0, LEAST, 0.5),
    (0.0, LEAST, 0.75),
    (0.0, 1e-200, 1e-200),
    (1.0, 1e-310, 1.0),
    (1e-300, 1e-290, 1e-12),
    (2.0**-1000, 2.0**-1000, 0.3),
    (2.0**-400, 2.0**-400, 1 / 3),
]
ZEROS = [(0.0, 0.0, 0.1), (-0.0, 0.0, 0.1), (1.5, 0.0, 0.1), (0.0, 0.3, 0.1), (-2.0, -0.0, 1e300)]
HUGE = [
    (MOST, MOST, 1.0),
    (MOST, -MOST, 1e-16),
    (MOST, -MOST, 2.0**-54),
    (MOST, -MOST, 2.0**-53),
    (MOST, MOST, 1.5),  # ηg overflows where it is rounded; fused it does not
    (1e300, 1e200, 1e100),
    (2.0**400, 2.0**399, 1 / 3),
]


@pytest.mark.parametrize(("w", "g", "rate"), TIES + CANCELLING + TINY + ZEROS + HUGE)
def test_exactly_the_admissible_floats_pass(w: float, g: float, rate: float) -> None:
    for sign in (1, -1):
        require_exactly_the_admissible(sign * w, sign * g, rate)
        require_exactly_the_admissible(sign * w, -sign * g, rate)


@pytest.mark.parametrize("rate", [0.05, 1 / 3, 1.0, 2.0**-30])
def test_exactly_the_admissible_floats_pass_around_every_power_of_two(rate: float) -> None:
    random = np.random.RandomState(0)
    for exponent in range(-45, 5, 3):
        for g in around(2.0**exponent, 1):
            w = float(random.choice(around(1.0, 2)))
            require_exactly_the_admissible(w, g, rate)


def test_exactly_the_admissible_floats_pass_where_most_digits_cancel() -> None:
    random = np.random.RandomState(1)
    for g, rate, ulps in zip(
        random.normal(size=150).tolist(), random.uniform(0.01, 1, 150).tolist(),
        random.randint(-3, 4, 150).tolist(), strict=True,
    ):  # fmt: skip
        w = rate * g
        require_exactly_the_admissible(w + ulps * math.ulp(w), g, rate)


def test_a_fused_result_may_be_flushed_that_two_roundings_would_keep() -> None:
    for g in np.random.RandomState(2).uniform(1, 2, 20).tolist():
        slope = math.ldexp(g, -1010)
        require_exactly_the_admissible(0.7 * slope + OMEGA, slope, 0.7)
