"""The sign of a sum of floats against fractions."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.certificate.exact_sum import sign_of_sum
from tests.recordings import repeatably

LARGEST, SMALLEST = float(np.finfo(np.float64).max), 5e-324


def sign(*terms: float) -> int:
    with np.errstate(all="ignore"):
        return int(sign_of_sum(*(np.array([term]) for term in terms))[0])


def true_sign(*terms: float) -> int:
    exact = sum(map(Fraction, terms), Fraction(0))
    return (exact > 0) - (exact < 0)


FINITE = st.floats(allow_nan=False, allow_infinity=False)
CLOSE = st.tuples(st.integers(-8, 8), st.sampled_from([0, -30, -52, -53, -106, -150])).map(
    lambda pair: pair[0] * 2.0 ** pair[1]
)
SPECIAL = st.sampled_from([0.0, -0.0, SMALLEST, -SMALLEST, LARGEST, -LARGEST, 2.0**-1022, 1.0])
TERMS = st.lists(st.one_of(FINITE, CLOSE, SPECIAL), min_size=2, max_size=6)


@repeatably
@given(TERMS)
def test_any_sum(terms: list[float]) -> None:
    assert sign(*terms) == true_sign(*terms)


@repeatably
@given(TERMS)
def test_a_sum_that_cancels(terms: list[float]) -> None:
    """Every term has its opposite, but for one that is aside by one float."""
    opposite = [-term for term in terms]
    assert sign(*terms, *opposite) == 0
    opposite[0] = max(min(float(np.nextafter(opposite[0], np.inf)), LARGEST), -LARGEST)
    assert sign(*terms, *opposite) == true_sign(*terms, *opposite)


@repeatably
@given(st.lists(CLOSE, min_size=5, max_size=5))
def test_a_sum_near_nothing(terms: list[float]) -> None:
    assert sign(*terms) == true_sign(*terms)


CASES = {
    "nothing": (0.0, -0.0),
    "a tie": (1.0, 2.0**-53, -1.0, -(2.0**-53)),
    "a tie and the smallest": (1.0, 2.0**-53, -1.0, -(2.0**-53), SMALLEST),
    "what two additions lose": (1.0, 1e-30, -1.0),
    "what three lose": (1.0, 1e-30, 1e-60, -1e-30, -1.0),
    "what four lose": (1.0, 1e-30, 1e-60, 1e-90, -1e-60, -1e-30, -1.0),
    "steps of all sizes": (2.0**900, 2.0**500, 2.0**100, -(2.0**-300), -(2.0**100),
                           -(2.0**500), -(2.0**900)),
    "huge": (LARGEST, -LARGEST, SMALLEST),
    "overflowing": (LARGEST, LARGEST, -LARGEST, -LARGEST),
    "overflowing and more": (LARGEST, LARGEST, -LARGEST, -LARGEST, SMALLEST),
    "overflowing and less": (LARGEST, LARGEST, -LARGEST, -LARGEST, -SMALLEST),
    "overflowing for good": (-LARGEST, -LARGEST),
    "subnormal": (SMALLEST, SMALLEST, -3 * SMALLEST),
    "powers of two": (1.0, -0.5, -0.25, -0.125, -0.125),
}  # fmt: skip


@pytest.mark.parametrize("terms", CASES.values(), ids=CASES)
def test_a_sum_by_hand_in_every_order(terms: tuple[float, ...]) -> None:
    true = true_sign(*terms)
    for order in itertools.islice(itertools.permutations(terms), 120):
        assert sign(*order) == true
        assert sign(*(-term for term in order)) == -true


def test_each_of_many_sums_has_its_own_sign() -> None:
    """Of the rounded sum with its sign turned, and of nothing, in one array."""
    draw = np.random.RandomState(4)
    terms = [draw.normal(size=200) * 2.0 ** draw.randint(-60, 3, size=200) for _ in range(4)]
    terms.append(-np.sum(terms, axis=0))
    for term in terms:
        term[::10] = 0.0
    expected = [true_sign(*map(float, column)) for column in zip(*terms, strict=True)]
    assert set(expected) == {-1, 0, 1}
    assert sign_of_sum(*terms).tolist() == expected


def test_the_terms_are_left_as_they_are() -> None:
    terms = [np.array([1.0, 2.0]), np.array([1e-30, -2.0])]
    copies = [term.copy() for term in terms]
    sign_of_sum(*terms)
    assert all((term == copy).all() for term, copy in zip(terms, copies, strict=True))


def test_no_sums_have_no_signs() -> None:
    assert sign_of_sum(np.zeros(0), np.zeros(0)).shape == (0,)
