"""The update, bit by bit: every admissible rounding passes, the next float does not.

What is admissible is enumerated here in fractions, from the definition.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backend import Array
from shared.certificate.arithmetic import LongDouble
from shared.certificate.rounding import Rounding
from shared.certificate.update import admissible
from tests.recordings import repeatably

ARITHMETIC, DOUBLE = LongDouble(), Rounding.of("float64")
SMALLEST_NORMAL = 2.0**-1022


def flushed(v: float) -> float:
    return 0.0 if abs(v) < SMALLEST_NORMAL else v


def fused(w: float, g: float, rate: float) -> float:
    return float(Fraction(w) - Fraction(rate) * Fraction(g))


def allowed(w: float, g: float, rate: float) -> set[float]:
    """Every result that two roundings, one, and flushing anywhere can give."""
    results = set()
    for start, slope in itertools.product({w, flushed(w)}, {g, flushed(g)}):
        p = rate * slope
        results |= {start - p, start - flushed(p), fused(start, slope, rate)}
    return results | {flushed(r) for r in results}


def verdicts(w: float, g: float, rate: float, after: list[float]) -> list[bool]:
    one = np.ones(len(after))
    passed: list[bool] = admissible(
        DOUBLE, w * one, g * one, np.float64(rate), np.array(after)
    ).tolist()
    return passed


def require_exactly_the_admissible(w: float, g: float, rate: float) -> None:
    right = allowed(w, g, rate)
    near = {math.nextafter(r, side) for r in right for side in (math.inf, -math.inf)}
    further = {math.nextafter(r, side) for r in near for side in (math.inf, -math.inf)}
    tried = sorted(right | near | further | {w, -w, 0.0})
    assert verdicts(w, g, rate, tried) == [value in right for value in tried]


NUMBERS = st.one_of(
    st.floats(-4, 4),
    st.floats(-1e-300, 1e-300),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324, SMALLEST_NORMAL, -SMALLEST_NORMAL, 3e-308]),
)
RATES = st.sampled_from([0.05, 0.1, 0.5, 1.0, 1 / 3, 1e-12])


@repeatably
@given(NUMBERS, NUMBERS, RATES)
def test_the_admissible_roundings_and_no_others(w: float, g: float, rate: float) -> None:
    require_exactly_the_admissible(w, g, rate)


def test_ordinary_steps() -> None:
    random = np.random.RandomState(2)
    for w, g in zip(random.normal(size=300), random.normal(size=300), strict=True):
        require_exactly_the_admissible(float(w), float(g), 0.05)


def doubly_rounded(rate: float, size: float) -> list[tuple[float, float]]:
    """Steps where rounding to 64 bits first, and to 53 then, is not rounding once."""
    random = np.random.RandomState(0)
    w, g = size * random.normal(size=200_000), random.normal(size=200_000)
    wide = ARITHMETIC.lift(w) - np.longdouble(rate) * ARITHMETIC.lift(g)
    lowered = wide.astype(np.float64)
    # Only those close to the middle between two floats can be spoiled.
    from_middle = abs(abs(wide - lowered) / np.spacing(abs(lowered)) - 0.5)
    return [
        (float(w[i]), float(g[i]))
        for i in np.flatnonzero(from_middle < 2e-3).tolist()
        if fused(float(w[i]), float(g[i]), rate) != lowered[i]
    ]


def test_what_double_rounding_spoils_is_decided_exactly() -> None:
    cases = doubly_rounded(0.05, size=1.0)
    assert len(cases) >= 10
    for w, g in cases:
        require_exactly_the_admissible(w, g, 0.05)


def test_what_only_double_rounding_gives_is_not_admissible() -> None:
    rate = 0.7
    cases = [(w, g) for w, g in doubly_rounded(rate, size=0.1) if len(allowed(w, g, rate)) == 1]
    assert cases
    for w, g in cases:
        require_exactly_the_admissible(w, g, rate)


@pytest.mark.parametrize("name", ["C", "F", "strided", "one axis moved"])
def test_the_order_of_an_array_in_memory_changes_no_verdict(name: str) -> None:
    """Frameworks return views of any layout; the verdict on an element stays its own."""
    cases = doubly_rounded(0.05, size=1.0)[:12]
    w, g = (np.array(column).reshape(3, 2, 2) for column in zip(*cases, strict=True))
    after = np.vectorize(fused)(w, g, 0.05)

    def laid_out(a: Array) -> Array:
        match name:
            case "F":
                return np.asfortranarray(a)
            case "strided":
                return np.repeat(a, 2, axis=0)[::2]
            case "one axis moved":
                return np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 2, 0)), 0, 2)
        return a

    passed = admissible(DOUBLE, laid_out(w), laid_out(g), np.float64(0.05), laid_out(after))
    assert passed.all()
    beyond = np.nextafter(np.nextafter(after, np.inf), np.inf)
    beyond[0] = after[0]
    passed = admissible(DOUBLE, laid_out(w), laid_out(g), np.float64(0.05), laid_out(beyond))
    assert passed.tolist() == [[[True] * 2] * 2] + [[[False] * 2] * 2] * 2


def test_a_step_may_be_flushed_at_every_place() -> None:
    tiny = SMALLEST_NORMAL / 4
    for w, g, rate, after in (
        (tiny, 0.0, 0.05, 0.0),  # the weight, or the result
        (1e-310, SMALLEST_NORMAL, 1.0, -SMALLEST_NORMAL),  # the weight alone
        (3 * SMALLEST_NORMAL, tiny, 1.0, 3 * SMALLEST_NORMAL),  # the gradient
        (3 * SMALLEST_NORMAL, SMALLEST_NORMAL, 0.25, 3 * SMALLEST_NORMAL),  # the product
        (1.5 * SMALLEST_NORMAL, SMALLEST_NORMAL, 1.0, 0.0),  # the difference
    ):
        assert after in allowed(w, g, rate)
        assert verdicts(w, g, rate, [after]) == [True]
        require_exactly_the_admissible(w, g, rate)


def test_a_normal_number_is_never_flushed() -> None:
    assert verdicts(2 * SMALLEST_NORMAL, SMALLEST_NORMAL, 1.0, [0.0]) == [False]
    assert verdicts(SMALLEST_NORMAL, 0.0, 1.0, [0.0]) == [False]


def test_either_zero_is_zero() -> None:
    assert verdicts(0.05, 1.0, 0.05, [0.0, -0.0, 5e-324, -5e-324]) == [True, True, False, False]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_not_admissible(value: float) -> None:
    assert verdicts(1.0, 0.5, 0.05, [value]) == [False]


@pytest.mark.parametrize(("w", "g"), [(math.inf, 1.0), (math.nan, 1.0), (1.0, math.nan)])
def test_steps_from_what_is_no_number_are_decided_without_an_error(w: float, g: float) -> None:
    top = np.finfo(np.float64).max
    assert verdicts(w, g, 0.05, [0.0, 1.0, -1.0, float(top), math.nan]) == [False] * 5


def test_the_largest_float_is_not_what_an_overflow_leaves() -> None:
    top = float(np.finfo(np.float64).max)
    assert verdicts(top, -top, 0.5, [top]) == [False]
