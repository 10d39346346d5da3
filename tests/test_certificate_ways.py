"""The ways to round a formula: every order, association and fusing is among them, and nothing else.

What there should be is enumerated by brute force, in fractions, in another manner.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backend import Array
from shared.certificate.rounding import Rounding
from shared.certificate.ways import ArrayFloats, SingleFloats, exact, magnitude, times, total, ways
from tests.every_rounding import EveryRounding
from tests.exact_rounding import rounded

repeatably = settings(derandomize=True, deadline=None, max_examples=8)

Make = Callable[..., Any]
FORMULAS: dict[str, tuple[Make, int]] = {
    "a": (lambda a: a, 1),
    "a + b": (lambda a, b: total(a, b), 2),
    "a b": (lambda a, b: times(a, b), 2),
    "a b + c": (lambda a, b, c: total(times(a, b), c), 3),
    "a b c": (lambda a, b, c: times(a, b, c), 3),
    "a + b + c": (lambda a, b, c: total(a, b, c), 3),
    "a b + c d": (lambda a, b, c, d: total(times(a, b), times(c, d)), 4),
    "a b + c d d": (lambda a, b, c, d: total(times(a, b), times(c, d, d)), 4),
    "a + b (c + a d)": (lambda a, b, c, d: total(a, times(b, total(c, times(a, d)))), 4),
    "a + b c + d c": (lambda a, b, c, d: total(a, times(b, c), times(d, c)), 4),
    "a + b c + d": (lambda a, b, c, d: total(a, times(b, c), d), 4),
}
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
every_formula = pytest.mark.parametrize("name", FORMULAS)


def strategy(dtype: str) -> st.SearchStrategy[float]:
    """Ordinary numbers that cancel well, small ones, and all about the smallest normal number."""
    smallest = float(np.finfo(dtype).smallest_normal)
    near = st.floats(0.5, 2, width=32 if dtype == "float32" else 64)
    signs = st.sampled_from([-1.0, 1.0])
    scales = st.sampled_from([1.0, 1.0, 1.0, 0.25, smallest, 2.0**-20, math.sqrt(smallest)])
    some = st.builds(lambda v, sign, scale: in_dtype(dtype, v * sign * scale), near, signs, scales)
    return st.one_of(some, st.sampled_from([0.0, smallest, -smallest, smallest / 4, 1.0, -1.0]))


def in_dtype(dtype: str, value: float) -> float:
    return float(np.dtype(dtype).type(value))


def found_singly(dtype: str, make: Make, numbers: list[float]) -> set[float]:
    return set(ways(SingleFloats(Rounding.of(dtype)), make(*numbers)))


def found_in_arrays(dtype: str, make: Make, rows: list[list[float]]) -> list[set[float]]:
    """What the array version finds for each row of numbers, all at once."""
    columns = [np.array(column, dtype) for column in zip(*rows, strict=True)]
    with np.errstate(all="ignore"):
        results = list(ways(ArrayFloats(Rounding.of(dtype)), make(*columns)))
    assert all(result.dtype == dtype for result in results)
    return [{float(result[i]) for result in results} for i in range(len(rows))]


@both_dtypes
@every_formula
@repeatably
@given(st.data())
def test_the_ways_are_those_of_brute_force(name: str, dtype: str, data: st.DataObject) -> None:
    make, count = FORMULAS[name]
    rows = data.draw(st.lists(st.lists(strategy(dtype), min_size=count, max_size=count),
                              min_size=3, max_size=3))  # fmt: skip
    expected = [EveryRounding(dtype).values(make(*row)) for row in rows]
    assert [found_singly(dtype, make, row) for row in rows] == expected
    assert found_in_arrays(dtype, make, rows) == expected


A, B, C = 1.0, 2.0**-53, 2.0**-53
"""(A + B) + C is 1, and A + (B + C) is the next float."""


def test_another_order_of_a_sum_is_found() -> None:
    assert found_singly("float64", total, [A, B, C]) == {1.0, 1 + 2.0**-52}


def test_another_association_of_a_product_is_found() -> None:
    a, b, c = 1.1, 1.7, 1.9
    associated = {(a * b) * c, a * (b * c), (a * c) * b}
    assert len(associated) == 3
    assert found_singly("float64", times, [a, b, c]) == associated


def test_a_product_fused_on_either_side_is_found() -> None:
    a, b, c, d = 1.1, 1.9, -1.3, 1.7
    exact_ab, exact_cd = Fraction(a) * Fraction(b), Fraction(c) * Fraction(d)
    left, right, once = (
        rounded(value, "float64")
        for value in (exact_ab + Fraction(c * d), Fraction(a * b) + exact_cd, exact_ab + exact_cd)
    )
    assert len({a * b + c * d, left, right, once}) == 4
    # No single operation rounds the whole of it once.
    found = found_singly("float64", FORMULAS["a b + c d"][0], [a, b, c, d])
    assert found == {a * b + c * d, left, right}


SMALLEST = 2.0**-1022


@pytest.mark.parametrize(
    ("make", "numbers", "result"),
    [
        (total, [SMALLEST / 2, 1.5 * SMALLEST], 1.5 * SMALLEST),  # a recorded number
        (total, [2.0 * SMALLEST, -1.5 * SMALLEST], 0.0),  # the result
        (FORMULAS["a b + c"][0], [SMALLEST, 0.5, SMALLEST], SMALLEST),  # the product
        (times, [SMALLEST, 0.75], 0.0),
    ],
    ids=["read", "sum", "product in a sum", "product"],
)
def test_a_flushed_subnormal_is_found(make: Make, numbers: list[float], result: float) -> None:
    assert result in found_singly("float64", make, numbers)
    assert result in found_in_arrays("float64", make, [numbers])[0]


def test_a_normal_number_is_never_flushed() -> None:
    """Beyond the smallest one, to which something subnormal may have been rounded."""
    assert found_singly("float64", total, [3 * SMALLEST, -SMALLEST]) == {2 * SMALLEST, 3 * SMALLEST}


@both_dtypes
@every_formula
def test_a_value_that_no_way_gives_is_not_among_them(name: str, dtype: str) -> None:
    make, count = FORMULAS[name]
    draw = np.random.RandomState(4)
    rows = draw.uniform(0.5, 2, size=(20, count)).astype(dtype).tolist()
    for found in found_in_arrays(dtype, make, rows):
        ends = np.array([min(found), max(found)], dtype)
        beyond = np.nextafter(ends, np.array([-np.inf, np.inf], dtype))
        assert not found & set(beyond.tolist())


def test_what_is_found_first_is_what_numpy_computes() -> None:
    """So that it is often all that has to be asked for."""
    a, b, c = (np.random.RandomState(i).normal(size=50) for i in range(3))
    floats = ArrayFloats(Rounding.of("float64"))
    for formula, computed in (
        (total(times(a, b), c), a * b + c),
        (total(times(a, b), times(c, c)), a * b + c * c),
        (total(c, times(-a, b)), c - a * b),
    ):
        first: Array = next(ways(floats, formula))
        assert (first == computed).all()


@every_formula
def test_the_exact_value_and_the_size_of_a_formula(name: str) -> None:
    make, count = FORMULAS[name]
    numbers = [Fraction(v) for v in (-3.0, 0.5, -7.0, 11.0)[:count]]
    signs = [1 if v > 0 else -1 for v in numbers]
    near = list(ways(SingleFloats(Rounding.of("float64")), make(*map(float, numbers))))
    assert {exact(make(*numbers))} == {Fraction(v) for v in near}
    assert magnitude(make(*numbers)) == exact(
        make(*(v * s for v, s in zip(numbers, signs, strict=True)))
    )


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_what_is_not_finite_stays_so(value: float) -> None:
    """A sum that has overflowed is no rounding of anything, and neither version breaks on it."""
    make = FORMULAS["a b + c"][0]
    single = list(ways(SingleFloats(Rounding.of("float64")), make(2.0, value, 1.0)))
    with np.errstate(all="ignore"):
        arrays = list(
            ways(ArrayFloats(Rounding.of("float64")), make(*np.array([[2.0], [value], [1.0]])))
        )
    assert not np.isfinite(single).any()
    assert not np.isfinite(arrays).any()
