"""The update in float32, bit by bit, against a slow definition in fractions."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.certificate.rounding import Rounding
from shared.certificate.update import admissible
from tests.recordings import repeatably

SINGLE = Rounding.of("float32")
SMALLEST_NORMAL, SMALLEST = 2.0**-126, 2.0**-149
LARGEST = float(np.finfo(np.float32).max)
OVERFLOW = Fraction(LARGEST) + Fraction(2) ** 103
"""Half a step beyond the largest float: from there on numbers round to infinity."""


def single(value: float) -> float:
    return float(np.float32(value))


def neighbour(value: float, side: float) -> float:
    with np.errstate(over="ignore"):
        return float(np.nextafter(np.float32(value), np.float32(side)))


def rounded(exact: Fraction) -> float:
    """The float32 nearest to a number; of two the one whose last bit is 0."""
    if abs(exact) >= OVERFLOW:
        return math.inf if exact > 0 else -math.inf
    near = min(max(float(exact), -LARGEST), LARGEST)
    middle = single(near)
    candidates = [middle, neighbour(middle, -math.inf), neighbour(middle, math.inf)]
    finite = [value for value in candidates if math.isfinite(value)]
    return min(finite, key=lambda value: (abs(Fraction(value) - exact), _last_bit(value)))


def _last_bit(value: float) -> int:
    return int(np.float32(value).view(np.int32)) % 2


def flushed(value: float) -> float:
    return 0.0 if abs(value) < SMALLEST_NORMAL else value


def allowed(w: float, g: float, rate: float) -> set[float]:
    """Every finite result that two roundings, one, and flushing anywhere can give."""
    results = set()
    for start, slope in itertools.product({w, flushed(w)}, {g, flushed(g)}):
        product = Fraction(rate) * Fraction(slope)
        once = Fraction(start) - product
        results.add(rounded(once))
        if abs(once) < Fraction(SMALLEST_NORMAL):  # a fused result may be flushed unrounded
            results.add(0.0)
        p = rounded(product)
        for factor in {p, flushed(p)}:
            if math.isfinite(factor):
                results.add(rounded(Fraction(start) - Fraction(factor)))
    results |= {flushed(result) for result in results}
    return {result for result in results if math.isfinite(result)}


def verdicts(w: float, g: float, rate: float, after: list[float]) -> list[bool]:
    ones = np.ones(len(after), np.float32)
    passed: list[bool] = admissible(
        SINGLE, np.float32(w) * ones, np.float32(g) * ones, np.float32(rate),
        np.array(after, np.float32),
    ).tolist()  # fmt: skip
    return passed


def require_exactly_the_admissible(w: float, g: float, rate: float) -> None:
    rate = single(rate)
    right = allowed(w, g, rate)
    sides = (math.inf, -math.inf)
    near = {neighbour(value, side) for value in right for side in sides}
    further = {neighbour(value, side) for value in near for side in sides}
    tried = sorted(right | near | further | {w, -w, 0.0, SMALLEST, LARGEST})
    assert verdicts(w, g, rate, tried) == [value in right for value in tried]


NUMBERS = st.one_of(
    st.floats(-4, 4, width=32),
    st.floats(single(-1e-35), single(1e-35), width=32),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from([0.0, -0.0, SMALLEST, -SMALLEST, SMALLEST_NORMAL, -SMALLEST_NORMAL]),
    st.integers(-40, 40).map(lambda n: n * SMALLEST_NORMAL / 8),
)
RATES = st.sampled_from([0.05, 0.1, 0.5, 1.0, 1 / 3, 1e-12, 2.0**-60, 3.0])


@repeatably
@given(NUMBERS, NUMBERS, RATES)
def test_the_admissible_roundings_and_no_others(w: float, g: float, rate: float) -> None:
    require_exactly_the_admissible(w, g, rate)


@pytest.mark.parametrize("rate", [0.05, 0.45, 1 / 3])
@pytest.mark.parametrize("size", [1.0, 1e-3, 30.0])
def test_ordinary_steps(rate: float, size: float) -> None:
    random = np.random.RandomState(2)
    drawn = random.normal(size=(100, 2)).astype(np.float32) * np.float32(size)
    for w, g in drawn.tolist():
        require_exactly_the_admissible(w, g, rate)


def test_most_steps_have_one_result_and_some_have_two() -> None:
    drawn = np.random.RandomState(3).normal(size=(300, 2)).astype(np.float32).tolist()
    counts = {len(allowed(w, g, single(0.05))) for w, g in drawn}
    assert counts == {1, 2}


ONE_STEP = 2.0**-23
TIES = {
    "down to even": (1.0, -ONE_STEP, 0.5),
    "up to even": (1 + ONE_STEP, -ONE_STEP, 0.5),
    "below a power of two": (1.0, ONE_STEP / 2, 0.5),
    "negative": (-1 - ONE_STEP, ONE_STEP, 0.5),
    "nearly, from above": (1.0, -(ONE_STEP + ONE_STEP**2 * 2), 0.5),
    "between subnormals": (SMALLEST, SMALLEST, 0.5),
    "of the smallest": (0.0, SMALLEST, 0.5),
    "below the smallest normal": (SMALLEST_NORMAL, SMALLEST, 0.5),
    "the largest and half a step": (LARGEST, -(2.0**104), 0.5),
    "the largest and less than half a step": (LARGEST, -(2.0**103), 0.5),
}


@pytest.mark.parametrize(("w", "g", "rate"), TIES.values(), ids=TIES)
def test_ties_and_what_lies_beside_them(w: float, g: float, rate: float) -> None:
    require_exactly_the_admissible(w, g, rate)


@pytest.mark.parametrize(
    ("w", "g", "rate", "after"),
    [
        (SMALLEST_NORMAL / 4, 0.0, 0.05, 0.0),  # the weight, or the result
        (SMALLEST_NORMAL / 4, SMALLEST_NORMAL, 1.0, -SMALLEST_NORMAL),  # the weight alone
        (3 * SMALLEST_NORMAL, SMALLEST_NORMAL / 4, 1.0, 3 * SMALLEST_NORMAL),  # the gradient
        (3 * SMALLEST_NORMAL, SMALLEST_NORMAL, 0.25, 3 * SMALLEST_NORMAL),  # the product
        (1.5 * SMALLEST_NORMAL, SMALLEST_NORMAL, 1.0, 0.0),  # the difference
        (0.875 * SMALLEST_NORMAL, -0.875 * SMALLEST_NORMAL, 1.0, 0.0),  # the weight, then the rest
    ],
    ids=["weight or result", "weight", "gradient", "product", "difference", "one after another"],
)
def test_a_step_may_be_flushed_at_every_place(
    w: float, g: float, rate: float, after: float
) -> None:
    assert after in allowed(w, g, rate)
    assert verdicts(w, g, rate, [after]) == [True]
    require_exactly_the_admissible(w, g, rate)


def test_a_normal_number_is_never_flushed() -> None:
    assert verdicts(2 * SMALLEST_NORMAL, SMALLEST_NORMAL, 1.0, [0.0]) == [False]
    assert verdicts(SMALLEST_NORMAL, 0.0, 1.0, [0.0]) == [False]


def test_either_zero_is_zero() -> None:
    tried = [0.0, -0.0, SMALLEST, -SMALLEST]
    assert verdicts(single(0.05), 1.0, 0.05, tried) == [True, True, False, False]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("w", [1.0, LARGEST])
def test_what_is_no_number_is_not_admissible(w: float, value: float) -> None:
    assert verdicts(w, -LARGEST, 1.0, [value]) == [False]


@pytest.mark.parametrize(("w", "g"), [(math.inf, 1.0), (math.nan, 1.0), (1.0, math.nan)])
def test_steps_from_what_is_no_number_are_decided_without_an_error(w: float, g: float) -> None:
    assert verdicts(w, g, 0.05, [0.0, 1.0, -1.0, LARGEST, math.nan]) == [False] * 5


def test_the_largest_float_is_not_what_an_overflow_leaves() -> None:
    assert verdicts(LARGEST, -LARGEST, 0.5, [LARGEST]) == [False]


def test_what_float64_would_round_to_is_not_admissible_by_itself() -> None:
    """Rounded to 53 bits and then to 24: that is neither rounding once nor twice."""
    half = ONE_STEP / 2
    w, g = 1 + ONE_STEP, -single(half * (1 - 2.0**-24))
    once = rounded(Fraction(w) - Fraction(g))
    assert allowed(w, g, 1.0) == {once}
    assert verdicts(w, g, 1.0, [once, neighbour(once, 2.0)]) == [True, False]
