"""Pairs of floats as arrays: what NumPy does with them is what it does with floats, or refused."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

import flint
import numpy as np
import pytest

from shared.backend import Array
from shared.certificate.double_double import DoubleDouble
from tests.test_double_double import BITS, Function, exactly

TINY = 2.0**-60
RELATIONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]


def numbers(*shape: int) -> DoubleDouble:
    """Some numbers, all different, a few of them in their low parts only."""
    high = np.random.RandomState(len(shape)).randint(-4, 5, size=shape).astype(np.float64)
    found: DoubleDouble = DoubleDouble.of(high) + TINY * np.arange(
        1.0, math.prod(shape) + 1
    ).reshape(shape)
    return found


def same(found: object, high: Array, low: Array) -> bool:
    """Whether these are pairs of just these numbers, in this shape."""
    assert isinstance(found, DoubleDouble)
    whole = found.shape == np.shape(high) == np.shape(low) == np.shape(found.low)
    return whole and bool(np.all(found.high == high) and np.all(found.low == low))


@pytest.fixture
def precise() -> Iterator[None]:
    with flint.ctx.workprec(BITS):
        yield


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize(
    "other", [(1.0, TINY), (1.0, 0.0), (1.0, -TINY), (2.0, -TINY), (-1.0, 0.0)]
)
def test_comparisons_look_at_the_low_part_where_the_high_ones_are_equal(
    relation: Function, other: tuple[float, float]
) -> None:
    a, b = (DoubleDouble(*np.array(v)[:, None]) for v in ((1.0, TINY), other))
    assert relation(a, b).tolist() == [relation((1.0, TINY), other)]


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_nan_is_unlike_everything(relation: Function) -> None:
    nan = DoubleDouble.of([np.nan])
    assert relation(nan, nan).tolist() == [relation is operator.ne]


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (-2, -1)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("method", ["sum", "max"])
@pytest.mark.usefixtures("precise")
def test_axes_are_those_of_numpy(method: str, axis: Any, keepdims: bool) -> None:
    a = numbers(3, 5, 4)
    found = getattr(a, method)(axis=axis, keepdims=keepdims)
    whole = np.array(exactly(a), dtype=object).reshape(a.shape)
    expected = np.asarray(getattr(whole, method)(axis=axis, keepdims=keepdims))
    assert found.shape == found.low.shape == expected.shape
    assert exactly(found) == expected.ravel().tolist()


@pytest.mark.parametrize("axis", [None, 0, 1])
def test_the_largest_is_found_by_its_low_part(axis: int | None) -> None:
    low = np.array([[0.0, TINY, TINY], [-TINY, 2 * TINY, 0.0]])
    assert np.array_equal(
        DoubleDouble(np.ones((2, 3)), low).argmax(axis=axis), low.argmax(axis=axis)
    )


def test_a_nan_is_the_largest() -> None:
    values = np.array([[1.0, np.nan, np.inf], [1.0, 3.0, np.inf]])
    assert np.array_equal(DoubleDouble.of(values).argmax(axis=-1), values.argmax(axis=-1))


def test_an_empty_sum_is_zero() -> None:
    assert same(numbers(2, 0).sum(axis=1), np.zeros(2), np.zeros(2))


SHAPING: list[Callable[[Any], Any]] = [
    lambda a: np.swapaxes(a, -1, -2),
    lambda a: np.broadcast_to(a, (2, 3, 4)),
    lambda a: np.copy(a),
    lambda a: np.zeros_like(a),
    lambda a: np.concatenate([a, a[1:]]),
    lambda a: np.concatenate([a, a], axis=-1),
    lambda a: np.where(np.eye(3, 4) == 1, a, -a[::-1]),
    lambda a: a.reshape(2, 6),
    lambda a: a.reshape((4, 3)),
    lambda a: a[1],
    lambda a: a[..., 1:],
    lambda a: a[:, ::-1],
    lambda a: a[..., None, :],
    lambda a: a[[2, 0]],
    lambda a: a[np.array([2, 0]), np.array([1, 1])],
    lambda a: a[np.eye(3, 4) == 1],
    lambda a: a[0, 0],
]


@pytest.mark.parametrize("shaping", SHAPING)
def test_shapes_are_those_of_numpy(shaping: Callable[[Any], Any]) -> None:
    a = numbers(3, 4)
    assert same(shaping(a), shaping(a.high), shaping(a.low))


@pytest.mark.parametrize("attribute", ["shape", "ndim", "size", "__len__"])
def test_sizes_are_those_of_numpy(attribute: str) -> None:
    found, expected = (getattr(v, attribute) for v in (numbers(3, 4), np.zeros((3, 4))))
    assert found == expected if attribute != "__len__" else found() == expected()


@pytest.mark.parametrize("other", [0, 2.5, np.ones(4)])
def test_where_takes_floats_beside_pairs(other: Any) -> None:
    a, chosen = numbers(3, 4), np.eye(3, 4) == 1
    assert same(np.where(chosen, a, other), np.where(chosen, a.high, other), a.low * chosen)
    assert same(np.where(chosen, other, a), np.where(chosen, other, a.high), a.low * ~chosen)


@pytest.mark.parametrize(
    "index", [0, (..., 1), (np.array([0, 2]), np.array([1, 1])), np.eye(3) > 0]
)
@pytest.mark.parametrize("value", [0, DoubleDouble(np.array(3.0), np.array(TINY))])
def test_numbers_are_put_in_place(index: Any, value: Any) -> None:
    a = numbers(3, 3)
    expected = np.copy(a.high), np.copy(a.low)
    expected[0][index] = value.high if isinstance(value, DoubleDouble) else value
    expected[1][index] = value.low if isinstance(value, DoubleDouble) else 0
    a[index] = value
    assert same(a, *expected)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 7, 8])
@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.usefixtures("precise")
def test_running_sums(length: int, axis: int) -> None:
    a = numbers(length, length)
    whole = np.array(exactly(a), dtype=object).reshape(a.shape)
    assert exactly(np.cumsum(a, axis=axis)) == np.cumsum(whole, axis=axis).ravel().tolist()


def test_running_sums_are_written_into_a_view() -> None:
    a, sums = numbers(2, 5), DoubleDouble.of(np.zeros((2, 5)))
    np.cumsum(a[..., :0:-1], axis=-1, out=sums[..., -2::-1])  # type: ignore[call-overload]
    assert same(sums[:, 3], a.high[:, 4], a.low[:, 4])
    assert (sums[:, 0] == a[:, 1:].sum(axis=-1)).all()


def test_the_larger_of_two_is_taken_by_its_low_part() -> None:
    a, b = (DoubleDouble(np.ones(2), TINY * np.array(v)) for v in ([1.0, -1.0], [-1.0, 1.0]))
    assert same(np.maximum(a, b), np.ones(2), np.full(2, TINY))


def test_a_size_has_no_sign() -> None:
    a = DoubleDouble(np.array([-1.0, 1.0, 0.0]), np.array([TINY, TINY, 0.0]))
    assert same(abs(a), np.array([1.0, 1.0, 0.0]), np.array([-TINY, TINY, 0.0]))


def test_rounding_to_float64() -> None:
    a = numbers(3)
    assert np.array_equal(a.astype(np.float64, copy=False), a.high)


@pytest.mark.parametrize("a", [[1, 2], [True, False], np.array([0.1, 3], np.float32), 2**53, 0.1])
def test_what_float64_holds_is_lifted(a: Any) -> None:
    assert same(DoubleDouble.of(a), np.asarray(a, np.float64), np.zeros_like(a, np.float64))


def test_what_is_lifted_is_a_copy() -> None:
    a = np.ones(3)
    DoubleDouble.of(a)[1] = 5
    assert a.tolist() == [1, 1, 1]


REFUSED: list[Callable[[DoubleDouble], Any]] = [
    lambda a: np.sqrt(a),
    lambda a: np.exp(a),
    lambda a: a // 2,
    lambda a: a**2,
    lambda a: a @ a,
    lambda a: np.add.reduce(a),
    lambda a: np.multiply(a, 2, dtype=np.float32),
    lambda a: np.add(a, 1, out=np.zeros(a.shape)),
    lambda a: np.zeros(a.shape).__iadd__(a),
    lambda a: np.mean(a),
    lambda a: np.stack([a, a]),
    lambda a: np.sort(a),
    lambda a: np.sum(a, dtype=np.float32),
    lambda a: np.sum(a, 0, np.float32),
    lambda a: np.zeros_like(a, dtype=np.int64),
    lambda a: np.where(a),
    lambda a: np.cumsum(a),
    lambda a: np.cumsum(a, axis=0, out=np.zeros(a.shape)),
    lambda a: np.cumsum(a, axis=0, dtype=np.float32),
    lambda a: np.asarray(a),
    lambda a: np.array([a, a]),
    lambda a: np.ascontiguousarray(a),
    lambda a: np.zeros(a.shape).__setitem__(0, a),
    lambda a: a.astype(np.float32),
    lambda a: a.astype(np.longdouble),
    lambda a: a + (2**53 + 1),
    lambda a: a + 10**30,
    lambda a: a * 1j,
    lambda a: a + "1",
    lambda a: a == None,  # noqa: E711
    lambda a: bool(a),
    lambda a: hash(a),
    lambda a: DoubleDouble.of([a, 1]),
    lambda _: DoubleDouble.of("1"),
]


@pytest.mark.parametrize("asked", REFUSED)
def test_what_is_not_provided_is_refused(asked: Callable[[DoubleDouble], Any]) -> None:
    with pytest.raises(TypeError):
        asked(numbers(3, 3))


@pytest.mark.skipif(np.finfo(np.longdouble).nmant <= 52, reason="longdouble is float64 here")
def test_longdoubles_are_refused() -> None:
    with pytest.raises(TypeError):
        numbers(3) + np.ones(3, np.longdouble)
