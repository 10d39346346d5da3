"""Products of matrices in both wide arithmetics, whatever the sizes of their terms."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import pytest

from shared.backend import Array
from shared.certificate import products
from shared.certificate.arithmetic import DoubleDoubles, LongDouble
from shared.certificate.double_double import DoubleDouble
from shared.certificate.products import SHARE, SHORT
from shared.certificate.rounding import Rounding

ROUNDING = Rounding.of("float64")
Matrices: TypeAlias = tuple[Array, Array]
Draw: TypeAlias = Callable[[np.random.RandomState, int], Matrices]

ARITHMETICS = [
    pytest.param(
        LongDouble(), id="longdouble",
        marks=pytest.mark.skipif(
            not LongDouble.is_wide_enough(), reason="longdouble is no wider than a double here"
        ),
    ),
    pytest.param(DoubleDoubles(), id="pairs"),
]  # fmt: skip
both = pytest.mark.parametrize("arithmetic", ARITHMETICS)


def ordinary(draw: np.random.RandomState, n: int) -> Matrices:
    return draw.normal(size=(3, n)), draw.normal(size=(n, 2))


def cancelling(draw: np.random.RandomState, n: int) -> Matrices:
    """The second half of each sum takes the first away, but for a few units in the last place."""
    a, b = ordinary(draw, n)
    half = n // 2
    b[n - half :] = b[:half]
    a[:, n - half :] = -a[:, :half] * (1 + 2.0**-50)
    return a, b


def spread_alike(draw: np.random.RandomState, n: int) -> Matrices:
    """Small terms of one matrix meet large ones of the other."""
    a, b = ordinary(draw, n)
    scale = np.ldexp(1.0, draw.randint(-200, 200, size=n))
    return a * scale, b / scale[:, None]


def spread_apart(draw: np.random.RandomState, n: int) -> Matrices:
    """In each row other terms are large, and in the first column they do not matter."""
    a, b = ordinary(draw, n)
    scale = np.ldexp(1.0, draw.randint(-40, 40, size=(3, n)))
    b[:, 0] /= scale[1]
    return a * scale, b


def huge(draw: np.random.RandomState, n: int) -> Matrices:
    a, b = ordinary(draw, n)
    return a * 2.0**400, b * 2.0**300


def with_zeros(draw: np.random.RandomState, n: int) -> Matrices:
    a, b = ordinary(draw, n)
    a[0], b[::2] = 0, 0
    return a, b


DRAWN: list[Draw] = [ordinary, cancelling, spread_alike, spread_apart, huge, with_zeros]
every_draw = pytest.mark.parametrize("drawn", DRAWN)
every_length = pytest.mark.parametrize("n", [1, SHORT, SHORT + 1, 40, 700])


def allowed(a: Array, b: Array) -> Array:
    """What n roundings may cost, and as many underflows."""
    n = a.shape[-1]
    limit: Array = ROUNDING.gamma(n) * (abs(a) @ abs(b)) + n * ROUNDING.omega
    return limit


def exactly(number: Any, place: tuple[int, int]) -> Fraction:
    if isinstance(number, DoubleDouble):
        return Fraction(float(number.high[place])) + Fraction(float(number.low[place]))
    return Fraction(*number[place].as_integer_ratio())


def worst_share(found: Any, a: Array, b: Array) -> float:
    """The largest error over what is allowed, against fractions."""
    limit = allowed(a, b)
    shares = [Fraction(0)]
    for i, j in np.ndindex(*limit.shape):
        pairs = zip(a[i].tolist(), b[:, j].tolist(), strict=True)
        true = sum((Fraction(x) * Fraction(y) for x, y in pairs), Fraction(0))
        shares.append(abs(exactly(found, (i, j)) - true) / Fraction(float(limit[i, j])))
    return float(max(shares))


@both
@every_draw
@every_length
def test_a_product_is_off_by_no_more_than_its_share(arithmetic: Any, drawn: Draw, n: int) -> None:
    a, b = drawn(np.random.RandomState(n), n)
    assert worst_share(arithmetic.product(a, b, allowed(a, b)), a, b) <= SHARE


@both
@every_draw
@every_length
def test_so_is_one_that_goes_on_as_a_number(arithmetic: Any, drawn: Draw, n: int) -> None:
    a, b = drawn(np.random.RandomState(n + 1), n)
    found = arithmetic.matmul(arithmetic.lift(a), b, allowed(a, b))
    assert worst_share(found, a, b) <= SHARE


@both
@every_draw
def test_one_without_room_is_computed_term_by_term(arithmetic: Any, drawn: Draw) -> None:
    """Nothing is allowed: a sum of 40 is then as exact as the arithmetic's own numbers are."""
    a, b = drawn(np.random.RandomState(3), 40)
    found = arithmetic.product(a, b, np.zeros((3, 2)))
    assert worst_share(found, a, b) <= 40 * arithmetic.unit_roundoff / ROUNDING.u


@both
def test_without_that_rows_that_spread_would_be_wrong(
    arithmetic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "_replace", lambda *_: None)
    a, b = spread_apart(np.random.RandomState(0), 40)
    assert worst_share(arithmetic.product(a, b, allowed(a, b)), a, b) > SHARE


@both
def test_leading_axes_are_steps_and_replicas(arithmetic: Any) -> None:
    draw = np.random.RandomState(1)
    a, b = draw.normal(size=(3, 2, 4, 20)), draw.normal(size=(3, 2, 20, 5))
    together = arithmetic.product(a, b, np.full((3, 2, 4, 5), 1e-14))
    for place in np.ndindex(3, 2):
        alone = arithmetic.product(a[place], b[place], np.full((4, 5), 1e-14))
        assert (together.high[place] == alone.high).all()
        assert (together.low[place] == alone.low).all()


@both
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("n", [3, 40])
def test_what_is_no_number_makes_none(arithmetic: Any, value: float, n: int) -> None:
    a, b = ordinary(np.random.RandomState(2), n)
    a[1, 2] = value
    with np.errstate(all="ignore"):
        found = arithmetic.lower(arithmetic.matmul(a, b, np.full((3, 2), 1e-14)))
    assert not np.isfinite(found[1]).any()
    assert np.isfinite(found[[0, 2]]).all()
