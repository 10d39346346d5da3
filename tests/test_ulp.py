"""Distances in ULPs, held to whole-number arithmetic in Python, which cannot overflow."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backend import Array
from shared.ulp import INCOMPARABLE, bits_differ, ulp_distance

repeatably = settings(derandomize=True, deadline=None)
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
both_functions = pytest.mark.parametrize("function", [ulp_distance, bits_differ])

WIDTHS = {"float64": 64, "float32": 32}
LETTERS = {"float64": ("<d", "<Q"), "float32": ("<f", "<I")}
NEXT_TO_ZERO = {"float64": 2.0**-1074, "float32": 2.0**-149}
SMALLEST_NORMAL = {"float64": 2.0**-1022, "float32": 2.0**-126}
LARGEST = {"float64": (2 - 2.0**-52) * 2.0**1023, "float32": (2 - 2.0**-23) * 2.0**127}


def numbers(dtype: str) -> st.SearchStrategy[float]:
    """Any float of the dtype that is a number: zeros, subnormals and infinities included."""
    return st.floats(allow_nan=False, width=64 if dtype == "float64" else 32)


def any_floats(dtype: str) -> st.SearchStrategy[float]:
    return st.floats(width=64 if dtype == "float64" else 32)


def distance(a: float, b: float, dtype: str) -> int:
    return int(ulp_distance(np.array([a], dtype), np.array([b], dtype))[0])


def bits(value: float, dtype: str) -> int:
    as_float, as_integer = LETTERS[dtype]
    found: int = struct.unpack(as_integer, struct.pack(as_float, value))[0]
    return found


def place(value: float, dtype: str) -> int:
    """Where a float stands on the line of all floats, zero at 0, in a Python integer."""
    half: int = 1 << (WIDTHS[dtype] - 1)
    found = bits(value, dtype)
    return found if found < half else half - found


@both_dtypes
@repeatably
@given(st.data())
def test_the_distance_is_that_of_the_places(dtype: str, data: st.DataObject) -> None:
    a, b = data.draw(numbers(dtype)), data.draw(numbers(dtype))
    assert distance(a, b, dtype) == abs(place(a, dtype) - place(b, dtype))


@both_dtypes
@repeatably
@given(st.data())
def test_the_distance_is_symmetric(dtype: str, data: st.DataObject) -> None:
    a, b = data.draw(any_floats(dtype)), data.draw(any_floats(dtype))
    assert distance(a, b, dtype) == distance(b, a, dtype)


@both_dtypes
@repeatably
@given(st.data())
def test_the_distance_is_zero_for_equal_numbers_only(dtype: str, data: st.DataObject) -> None:
    a = data.draw(numbers(dtype))
    b = data.draw(st.one_of(numbers(dtype), st.sampled_from([a, -a])))
    assert (distance(a, b, dtype) == 0) == (a == b)


@both_dtypes
@repeatably
@given(st.data())
def test_the_next_float_is_one_away(dtype: str, data: st.DataObject) -> None:
    a = np.array([data.draw(numbers(dtype).filter(lambda value: value < math.inf))], dtype)
    with np.errstate(all="ignore"):
        up = np.nextafter(a, np.array(np.inf, dtype))
    assert ulp_distance(a, up).tolist() == [1]


@both_dtypes
@repeatably
@given(st.data())
def test_distances_add_up_along_the_line(dtype: str, data: st.DataObject) -> None:
    a, b, c = sorted(data.draw(st.tuples(*[numbers(dtype)] * 3)))
    assert distance(a, c, dtype) == distance(a, b, dtype) + distance(b, c, dtype)


@both_dtypes
@repeatably
@given(st.data())
def test_mirrored_numbers_are_as_far_apart(dtype: str, data: st.DataObject) -> None:
    a, b = data.draw(numbers(dtype)), data.draw(numbers(dtype))
    assert distance(-a, -b, dtype) == distance(a, b, dtype)


@both_dtypes
@repeatably
@given(st.data())
def test_nothing_can_be_compared_to_a_nan(dtype: str, data: st.DataObject) -> None:
    a = data.draw(any_floats(dtype))
    assert distance(a, math.nan, dtype) == distance(math.nan, a, dtype) == int(INCOMPARABLE)


@both_dtypes
@repeatably
@given(st.data())
def test_numbers_are_nearer_than_a_nan(dtype: str, data: st.DataObject) -> None:
    a, b = data.draw(numbers(dtype)), data.draw(numbers(dtype))
    assert distance(a, b, dtype) < int(INCOMPARABLE)


@both_dtypes
@pytest.mark.parametrize("sign", [1, -1])
def test_a_nan_of_either_sign_is_incomparable(dtype: str, sign: int) -> None:
    assert distance(math.copysign(math.nan, sign), 1.0, dtype) == int(INCOMPARABLE)


@both_dtypes
def test_both_zeros_are_one_number(dtype: str) -> None:
    assert distance(0.0, -0.0, dtype) == 0


@both_dtypes
def test_the_floats_on_both_sides_of_zero_are_two_apart(dtype: str) -> None:
    tiny = NEXT_TO_ZERO[dtype]
    assert distance(-tiny, tiny, dtype) == 2


@both_dtypes
def test_subnormals_are_counted_one_by_one(dtype: str) -> None:
    tiny = NEXT_TO_ZERO[dtype]
    assert distance(3 * tiny, 1000 * tiny, dtype) == 997


@both_dtypes
def test_the_largest_subnormal_is_next_to_the_smallest_normal(dtype: str) -> None:
    normal, tiny = SMALLEST_NORMAL[dtype], NEXT_TO_ZERO[dtype]
    assert distance(normal, normal - tiny, dtype) == 1


@both_dtypes
@pytest.mark.parametrize("sign", [1, -1])
def test_infinity_follows_the_largest_float(dtype: str, sign: int) -> None:
    assert distance(sign * LARGEST[dtype], sign * math.inf, dtype) == 1


@pytest.mark.parametrize(
    ("dtype", "count"),
    [("float64", 2 * 0x7FF0_0000_0000_0000), ("float32", 2 * 0x7F80_0000)],
)
def test_the_whole_line_is_counted_without_overflow(dtype: str, count: int) -> None:
    assert distance(-math.inf, math.inf, dtype) == count


@pytest.mark.parametrize(
    ("dtype", "count"),
    [("float64", 2 * 0x3FF0_0000_0000_0000), ("float32", 2 * 0x3F80_0000)],
)
def test_the_way_across_zero_is_the_way_to_zero_twice(dtype: str, count: int) -> None:
    assert distance(-1.0, 1.0, dtype) == 2 * distance(0.0, 1.0, dtype) == count


@both_dtypes
def test_distances_are_unsigned_64_bit_integers(dtype: str) -> None:
    assert ulp_distance(np.ones(3, dtype), np.ones(3, dtype)).dtype == np.uint64


def test_signed_differences_overflow_across_signs() -> None:
    """The obvious way fails: as int64 the lowest and the highest float are neighbours of zero."""
    ends = np.array([-LARGEST["float64"], LARGEST["float64"]])
    places = [place(end, "float64") for end in ends.tolist()]
    naive = np.abs(np.array([places[1]]) - np.array([places[0]])).tolist()
    assert naive == [2**64 - (places[1] - places[0])] != ulp_distance(ends[:1], ends[1:]).tolist()


def test_numpys_own_helper_calls_far_numbers_near() -> None:
    """What `ulp_distance` is for: NumPy's helper takes ±1.8e308 to be nearer than -1 and +1."""
    largest = LARGEST["float64"]
    a, b = np.array([-1.0, -largest]), np.array([1.0, largest])
    near, far = np.ravel(np.testing.assert_array_max_ulp(a, b, maxulp=2**63)).tolist()
    assert far < near


def test_far_numbers_are_further_apart_than_near_ones() -> None:
    largest = LARGEST["float64"]
    near, far = ulp_distance(np.array([-1.0, -largest]), np.array([1.0, largest])).tolist()
    assert far > near


@both_dtypes
@repeatably
@given(st.data())
def test_bits_differ_where_the_bytes_do(dtype: str, data: st.DataObject) -> None:
    a = np.array([data.draw(any_floats(dtype))], dtype)
    b = np.array([data.draw(st.one_of(any_floats(dtype), st.just(float(a[0]))))], dtype)
    assert bits_differ(a, b).tolist() == [a.tobytes() != b.tobytes()]


@both_dtypes
@repeatably
@given(st.data())
def test_any_flipped_bit_is_seen(dtype: str, data: st.DataObject) -> None:
    a = np.array([data.draw(any_floats(dtype))], dtype)
    integer = np.dtype(f"u{a.itemsize}")
    flipped = a.view(integer) ^ integer.type(1 << data.draw(st.integers(0, WIDTHS[dtype] - 1)))
    assert bits_differ(a, flipped.view(dtype)).tolist() == [True]


@both_dtypes
@repeatably
@given(st.data())
def test_numbers_whose_distance_is_not_zero_differ_in_bits(dtype: str, data: st.DataObject) -> None:
    a = np.array([data.draw(numbers(dtype))], dtype)
    b = np.array([data.draw(numbers(dtype))], dtype)
    assert bits_differ(a, b)[0] or ulp_distance(a, b)[0] == 0


@both_dtypes
def test_bits_tell_the_zeros_apart(dtype: str) -> None:
    assert bits_differ(np.array([0.0], dtype), np.array([-0.0], dtype)).tolist() == [True]


@both_dtypes
def test_equal_nans_have_equal_bits(dtype: str) -> None:
    assert bits_differ(np.array([np.nan], dtype), np.array([np.nan], dtype)).tolist() == [False]


@both_dtypes
def test_nans_of_other_payload_have_other_bits(dtype: str) -> None:
    nan = np.array([np.nan], dtype)
    other = (nan.view(f"u{nan.itemsize}") + 1).astype(f"u{nan.itemsize}").view(dtype)
    assert bits_differ(nan, other).tolist() == [True]


@both_functions
@pytest.mark.parametrize(
    ("a", "b"),
    [
        (np.ones(2), np.ones(2, np.float32)),
        (np.ones(2, np.float32), np.ones(2)),
        (np.ones(2, np.int64), np.ones(2, np.int64)),
        (np.ones(2, np.float16), np.ones(2, np.float16)),
        (np.ones(2), np.ones(2, np.int64)),
        (np.ones(2, np.dtype("f8").newbyteorder()), np.ones(2, np.dtype("f8").newbyteorder())),
    ],
    ids=lambda array: str(array.dtype),
)
def test_other_dtypes_are_refused(
    function: Callable[[Array, Array], Array], a: Array, b: Array
) -> None:
    with pytest.raises(TypeError, match="expected two float64 or two float32 arrays"):
        function(a, b)


@both_functions
@pytest.mark.parametrize(
    ("one", "other"), [((3,), (1,)), ((3,), ()), ((2, 3), (3,)), ((2, 3), (3, 2)), ((6,), (2, 3))]
)
def test_other_shapes_are_refused(
    function: Callable[[Array, Array], Array], one: tuple[int, ...], other: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError, match="expected two arrays of one shape"):
        function(np.ones(one), np.ones(other))


def strided(a: Array) -> Array:
    return np.repeat(a, 2, axis=-1)[..., ::2]


LAYOUTS = [np.asfortranarray, strided, lambda a: a[::-1].copy()[::-1]]


@both_dtypes
@both_functions
@pytest.mark.parametrize("layout", LAYOUTS, ids=["fortran", "strided", "reversed"])
def test_the_layout_in_memory_does_not_matter(
    function: Callable[[Array, Array], Array], layout: Callable[[Array], Array], dtype: str
) -> None:
    a = np.random.RandomState(1).normal(size=(3, 4)).astype(dtype)
    b = np.random.RandomState(2).normal(size=(3, 4)).astype(dtype)
    b[1] = a[1]
    assert function(layout(a), layout(b)).tolist() == function(a, b).tolist()


@both_dtypes
@pytest.mark.parametrize("layout", LAYOUTS, ids=["fortran", "strided", "reversed"])
def test_a_distance_stands_where_the_difference_is(
    layout: Callable[[Array], Array], dtype: str
) -> None:
    a = np.arange(1, 13).reshape(3, 4).astype(dtype)
    b = layout(a).copy()
    b[2, 1] = np.nextafter(b[2, 1], np.array(np.inf, dtype))
    expected = np.zeros((3, 4), int)
    expected[2, 1] = 1
    assert ulp_distance(layout(a), b).tolist() == expected.tolist()


@both_dtypes
@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (1,), (2, 3), (2, 1, 3)])
@both_functions
def test_the_shape_is_kept(
    function: Callable[[Array, Array], Array], shape: tuple[int, ...], dtype: str
) -> None:
    assert np.shape(function(np.ones(shape, dtype), np.ones(shape, dtype))) == shape


@both_dtypes
@pytest.mark.parametrize(
    ("a", "b", "count"), [(1.0, 1.0, 0), (-0.0, 0.0, 0), (math.nan, 1.0, int(INCOMPARABLE))]
)
def test_numbers_without_axes_are_compared(dtype: str, a: float, b: float, count: int) -> None:
    assert int(ulp_distance(np.array(a, dtype), np.array(b, dtype))) == count


@both_dtypes
def test_numbers_without_axes_are_compared_across_zero(dtype: str) -> None:
    one: Any = np.array(1.0, dtype)
    assert int(ulp_distance(-one, one)) == distance(-1.0, 1.0, dtype)
