"""A fused multiply-add made of other operations: rounded once, from the exact value, everywhere."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.backend import Array
from shared.certificate.fused import fused
from tests.exact_rounding import rounded

repeatably = settings(derandomize=True, deadline=None, max_examples=150)
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])

BITS = {"float64": 64, "float32": 32}
EXPONENTS = {"float64": (-1074, 1023), "float32": (-149, 127)}


def expected(a: float, b: float, c: float, dtype: str) -> float:
    """From the definition; what is not finite gives what it gives without fusing."""
    if not all(map(math.isfinite, (a, b, c))):
        with np.errstate(all="ignore"):
            return float(np.float64(a) * np.float64(b) + np.float64(c))
    return rounded(Fraction(a) * Fraction(b) + Fraction(c), dtype)


def all_expected(rows: Array, dtype: str) -> list[float]:
    return [expected(a, b, c, dtype) for a, b, c in rows.astype(float).tolist()]


def require_right(rows: Array, dtype: str) -> None:
    """Hold what is made of all rows (n, 3) at once to what is right of each."""
    a, b, c = rows.astype(dtype).T
    found = fused(a, b, c, dtype)
    assert (found.dtype.name, found.shape) == (dtype, a.shape)
    each = all_expected(rows.astype(dtype), dtype)
    wrong = [
        (row, got, right)
        for row, got, right in zip(rows.tolist(), found.tolist(), each, strict=True)
        if not (got == right or (math.isnan(got) and math.isnan(right)))
    ]
    assert wrong == []


def powers(draw: np.random.RandomState, low: int, high: int, n: int = 400) -> Array:
    """Numbers of either sign with exponents between two ends."""
    mantissas = draw.uniform(1, 2, n) * draw.choice([-1, 1], n)
    numbers: Array = np.ldexp(mantissas, draw.randint(low, high + 1, n))
    return numbers


def triples(*columns: Array) -> Array:
    return np.stack(columns, axis=1)


@repeatably
@given(st.lists(st.integers(0, 2**64 - 1), min_size=3, max_size=3))
@example([0x7FEF_FFFF_FFFF_FFFF, 0x3FF0_0000_0000_0001, 0x7C90_0000_0000_0000])
def test_any_bits_of_float64(bits: list[int]) -> None:
    require_right(np.array(bits, np.uint64).view(np.float64)[None], "float64")


@repeatably
@given(st.lists(st.integers(0, 2**32 - 1), min_size=3, max_size=3))
def test_any_bits_of_float32(bits: list[int]) -> None:
    require_right(np.array(bits, np.uint32).view(np.float32)[None], "float32")


@both_dtypes
def test_ordinary_numbers(dtype: str) -> None:
    draw = np.random.RandomState(1)
    require_right(triples(*(powers(draw, -3, 3) for _ in range(3))), dtype)


@both_dtypes
def test_two_roundings_are_noticed(dtype: str) -> None:
    """The check itself: in places a sum of a rounded product is another one."""
    a, b, c = (powers(np.random.RandomState(seed), -3, 3).astype(dtype) for seed in range(3))
    twice = a * b + c
    assert 0 < np.count_nonzero(fused(a, b, c, dtype) != twice) < len(c)
    assert twice.tolist() != all_expected(triples(a, b, c), dtype)


@both_dtypes
@pytest.mark.parametrize("floats", [0, 1, 2, 1000])
def test_sums_that_cancel(dtype: str, floats: int) -> None:
    """All but the product's own rounding error goes, or that and a few floats more."""
    draw = np.random.RandomState(2)
    a, b = (powers(draw, -20, 20).astype(dtype) for _ in range(2))
    c = -(a * b)
    moved = c + draw.randint(-1, 2, len(c)) * floats * np.spacing(abs(c))
    require_right(triples(a, b, moved), dtype)


@both_dtypes
@pytest.mark.parametrize("side", [-1, 0, 1], ids=["below", "at", "above"])
def test_sums_in_the_middle_between_two_floats(dtype: str, side: int) -> None:
    """c is a float and a b half a step, or a little more or less: a tie goes to the even float."""
    draw, places = np.random.RandomState(3), int(np.finfo(dtype).nmant)
    c, little = powers(draw, 0, 0), 2.0**-places
    # (1 - 2^-p) (1 + 2^-p) = 1 - 2^-2p, and (1 + 2^-p)² = 1 + 2^(1-p) + 2^-2p
    a = np.full(len(c), 2.0 ** (-places - 1) * (1 + side * little))
    b = draw.choice([-1, 1], len(c)) * (1 + (0 if side == 0 else little))
    require_right(triples(a, b, c), dtype)


@both_dtypes
def test_terms_far_apart(dtype: str) -> None:
    """A term too small to be seen still decides a tie, and which way a float is left."""
    draw, (low, high) = np.random.RandomState(4), EXPONENTS[dtype]
    places = np.finfo(dtype).nmant
    tiny, huge = powers(draw, low, low // 2), powers(draw, high // 2, high - 2)
    near, one = powers(draw, -5, 5), np.ones(400)
    tied = 1 + 2.0**-places * draw.randint(0, 8, 400)
    require_right(triples(near, one, tiny), dtype)
    require_right(triples(tiny, near, huge), dtype)
    require_right(triples(huge, one, tiny), dtype)
    # (2^p + 1) (1 + k 2^-p) has its last digit in the middle; the third term leads from there.
    require_right(triples(np.full(400, 2.0**places + 1), tied, tiny), dtype)


@both_dtypes
def test_results_that_are_subnormal(dtype: str) -> None:
    """They have fewer digits, and are rounded once to those."""
    draw, (low, _) = np.random.RandomState(5), EXPONENTS[dtype]
    halves = [powers(draw, low // 2 - 3, low // 2 + 12) for _ in range(2)]
    require_right(triples(*halves, powers(draw, low, low + 30)), dtype)
    require_right(triples(*halves, np.zeros(400)), dtype)
    products = (halves[0].astype(dtype) * halves[1].astype(dtype)).astype(float)
    require_right(triples(*halves, -products), dtype)


@both_dtypes
def test_results_about_the_largest_float(dtype: str) -> None:
    """From half a step beyond it a result is infinite; a product may be so on the way."""
    draw, (_, high) = np.random.RandomState(6), EXPONENTS[dtype]
    largest = float(np.finfo(dtype).max)
    step = largest - float(np.nextafter(np.dtype(dtype).type(largest), np.dtype(dtype).type(0)))
    for share in (0.25, 0.5, 0.75):
        require_right(np.array([[step, share, largest], [-step, share, -largest]]), dtype)
        require_right(np.array([[step * 0.5, 2 * share - 2.0**-20, largest]]), dtype)
    big = powers(draw, high // 2, high // 2 + 1)
    require_right(triples(big, np.roll(big, 1), powers(draw, high, high)), dtype)
    require_right(
        triples(np.full(400, largest), np.full(400, 2.0), powers(draw, high, high)), dtype
    )


@both_dtypes
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 0.0, -0.0])
def test_what_is_no_number_gives_what_it_gives_unfused(dtype: str, value: float) -> None:
    rows = [[value, 2.0, 3.0], [2.0, value, -math.inf], [2.0, 3.0, value], [0.0, value, 1.0]]
    require_right(np.array(rows), dtype)


def test_arrays_are_broadcast(dtype: str) -> None:
    a, b = np.array([[1.5], [2.5]], dtype), np.array([3.0, 5.0, 7.0], dtype)
    found = fused(a, b, np.dtype(dtype).type(0.25), dtype)
    assert found.tolist() == [[4.75, 7.75, 10.75], [7.75, 12.75, 17.75]]


def test_a_single_number_is_an_array_without_axes(dtype: str) -> None:
    assert fused(1.5, 3.0, 0.25, dtype).shape == ()


def test_a_sum_just_above_half_the_smallest_float() -> None:
    """2^-1075 (1 + 2^-54) is nearer to 2^-1074 than to 0."""
    a, b = math.ldexp(3373, -565), math.ldexp(16022293367461, -564)
    assert Fraction(a) * Fraction(b) - Fraction(2.0**-1074) > Fraction(2) ** -1075
    require_right(np.array([[a, b, -(2.0**-1074)]]), "float64")
