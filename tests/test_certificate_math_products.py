"""Split products are as exact as they say, whatever the sizes of their numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from shared.backend import Array
from shared.certificate import products
from shared.certificate.arithmetic import LongDouble
from shared.certificate.products import SHARE
from shared.certificate.rounding import Rounding

DOUBLE = Rounding.of("float64")
ROWS, TERMS, COLUMNS = 4, 50, 3


def allowed(a: Any, b: Any) -> Array:
    """What n roundings and n underflows may cost."""
    n = a.shape[-1]
    near: tuple[Array, Array] = (abs(a).astype(float), abs(b).astype(float))
    bound: Array = DOUBLE.gamma(n) * (near[0] @ near[1]) + n * DOUBLE.omega
    return bound


def fraction(v: Any) -> Fraction:
    high = float(v)
    return Fraction(high) + Fraction(float(v - np.longdouble(high)))


def worst_share(a: Any, b: Any) -> float:
    """The largest error of a product of matrices over what is allowed it."""
    limit = allowed(a, b)
    found = LongDouble().matmul(a, b, limit)
    rows = [[fraction(v) for v in row] for row in a]
    columns = [[fraction(v) for v in column] for column in b.T]
    shares = [
        abs(fraction(found[i, j]) - sum(map(Fraction.__mul__, row, column))) / Fraction(limit[i, j])
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    ]
    return float(max(shares))


def ordinary(random: np.random.RandomState) -> tuple[Any, Any]:
    return random.normal(size=(ROWS, TERMS)), random.normal(size=(TERMS, COLUMNS))


def of_long_doubles(random: np.random.RandomState) -> tuple[Any, Any]:
    a, b = (np.asarray(v, np.longdouble) for v in ordinary(random))
    tail = random.normal(size=(ROWS, TERMS)) * np.longdouble(2.0**-60)
    return a + tail, b * (1 + np.longdouble(2.0**-62))


def cancelling(random: np.random.RandomState) -> tuple[Any, Any]:
    a, b = ordinary(random)
    b[TERMS // 2 :] = b[: TERMS // 2]
    a[:, TERMS // 2 :] = -a[:, : TERMS // 2] * (1 + 2.0**-50)
    return a, b


def spread_alike(random: np.random.RandomState) -> tuple[Any, Any]:
    """Terms of all sizes, in each row the same: powers of two can carry that over to b."""
    a, b = ordinary(random)
    scale = np.ldexp(1.0, random.randint(-250, 250, size=TERMS))
    return a * scale, b / scale[:, None]


def spread_apart(random: np.random.RandomState) -> tuple[Any, Any]:
    """In each row other terms are large, and b is large where a is small."""
    a, b = ordinary(random)
    scale = np.ldexp(1.0, random.randint(-40, 40, size=(ROWS, TERMS)))
    scale[0] = 1 / scale[1]
    b[:, 0] /= scale[1]
    return a * scale, b


def with_zeros(random: np.random.RandomState) -> tuple[Any, Any]:
    a, b = ordinary(random)
    a[0], a[:, ::3], b[:, 1] = 0, 0, 0
    return a, b


def with_subnormals(random: np.random.RandomState) -> tuple[Any, Any]:
    a, b = ordinary(random)
    a[1], a[:, 0] = 5e-324, -3e-310
    b[::2] *= 1e-308
    return a, b


def at_the_safe_exponents(random: np.random.RandomState) -> tuple[Any, Any]:
    a, b = ordinary(random)
    return a * np.ldexp(1.0, [[299], [-299], [0], [-290]]), b * np.ldexp(1.0, [-299, 299, 0])


def beyond_the_safe_exponents(random: np.random.RandomState) -> tuple[Any, Any]:
    a, b = ordinary(random)
    return a * np.ldexp(1.0, [[400], [-400], [0], [310]]), b * np.ldexp(1.0, [-350, 450, 0])


HARD: list[Callable[[np.random.RandomState], tuple[Any, Any]]] = [
    ordinary, of_long_doubles, cancelling, spread_alike, spread_apart, with_zeros, with_subnormals,
    at_the_safe_exponents, beyond_the_safe_exponents,
]  # fmt: skip


@pytest.mark.parametrize("drawn", HARD)
def test_the_error_stays_below_its_share(
    drawn: Callable[[np.random.RandomState], tuple[Any, Any]],
) -> None:
    for seed in range(3):
        assert worst_share(*drawn(np.random.RandomState(seed))) <= SHARE


@pytest.mark.parametrize("n", [1, 8, 9, 16, 17, 1000, 5000])
def test_the_error_stays_below_its_share_in_sums_of_any_length(n: int) -> None:
    random = np.random.RandomState(n)
    scale = np.ldexp(1.0, random.randint(-6, 6, size=n))
    a, b = random.normal(size=(2, n)) * scale, random.normal(size=(n, 2))
    assert worst_share(a, b) <= SHARE


def test_leading_parts_of_the_longest_sums_add_up_without_rounding() -> None:
    """All terms as large as they get: 2^53 units of the last leading bits."""
    n = 4096
    a, b = np.full((1, n), 1 - 2.0**-53), np.full((n, 1), 1 - 2.0**-53)
    assert worst_share(a, b) <= SHARE


def test_without_the_audit_rows_that_spread_would_be_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def left_alone(*arguments: object) -> None:
        del arguments

    monkeypatch.setattr(products, "_replace", left_alone)
    assert worst_share(*spread_apart(np.random.RandomState(0))) > SHARE


def test_a_row_of_tiny_numbers_beside_huge_ones_keeps_its_value() -> None:
    a = np.array([[2.0**290], [2.0**-800]]) * np.ones(12)
    a[:, 0] *= 2.0**-20
    assert worst_share(a, np.full((12, 1), 2.0**-3)) <= SHARE


def test_numbers_below_every_float_are_no_more_than_an_underflow() -> None:
    tiny = np.full((1, 20), np.exp(np.longdouble(-1000)))
    found = LongDouble().matmul(tiny, np.ones((20, 1)), np.full((1, 1), 20 * DOUBLE.omega))
    assert abs(found[0, 0]) <= 20 * DOUBLE.omega * SHARE


def test_leading_axes_are_steps_and_replicas() -> None:
    random = np.random.RandomState(1)
    a, b = random.normal(size=(3, 2, 4, 20)), random.normal(size=(3, 2, 20, 5))
    together = LongDouble().matmul(a, b, np.full((3, 2, 4, 5), 1e-14))
    for place in np.ndindex(3, 2):
        alone = LongDouble().matmul(a[place], b[place], np.full((4, 5), 1e-14))
        assert (together[place] == alone).all()
    assert math.prod(together.shape) == 120


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("drawn", HARD)
def test_large_matrices_are_cut_by_their_rows(
    drawn: Callable[[np.random.RandomState], tuple[Any, Any]],
    rows: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(products, "MOST_NUMBERS", rows * TERMS)
    assert worst_share(*drawn(np.random.RandomState(0))) <= SHARE


def test_rows_that_are_cut_apart_are_cut_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Shows that the pieces above are pieces: of four rows three at most are looked at at once."""
    seen, cut = [], products._cut_product

    def watched(a: Any, *arguments: Any) -> Any:
        seen.append(a.shape)
        return cut(a, *arguments)

    monkeypatch.setattr(products, "_cut_product", watched)
    monkeypatch.setattr(products, "MOST_NUMBERS", 3 * TERMS)
    a, b = ordinary(np.random.RandomState(0))
    LongDouble().matmul(np.stack([a, a]), np.stack([b, b]), np.stack([allowed(a, b)] * 2))
    assert seen == [(2, 3, TERMS), (2, 1, TERMS)]
