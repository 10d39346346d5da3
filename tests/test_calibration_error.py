"""How far off a result is said to be, for results spoilt in known ways."""

from __future__ import annotations

import numpy as np
import pytest

from shared.backend import ELEMENTARY, Array
from shared.calibration.error import AT_ONCE, errors, worst_error
from shared.calibration.samples import samples
from shared.calibration.truth import exact
from tests.elementary_backends import FEW, rounded

OTHERS = [name for name in ELEMENTARY if name != "sigmoid"]


def one(function: str, x: float, value: float, dtype: str = "float64") -> tuple[float, float]:
    """Return the errors of one result in ULPs and units."""
    at = np.array([x], dtype=dtype)
    with np.errstate(over="ignore"):
        ulps, units = errors(function, np.array([value], dtype=dtype), exact(function, at))
    return float(ulps[0]), float(units[0])


def moved(value: Array, ulps: int) -> Array:
    """Return the float so many places higher."""
    integers = np.int64 if value.dtype == np.float64 else np.int32
    result: Array = (value.view(integers) + ulps).view(value.dtype)
    return result


@pytest.mark.parametrize("function", ELEMENTARY)
def test_the_nearest_floats_are_half_an_ulp_off(function: str, dtype: str) -> None:
    x = samples(function, dtype, FEW)
    ulps, units, _ = worst_error(function, x, rounded(function, x), exact(function, x))
    assert 0.45 < ulps <= 0.5 + 2.0**-20
    assert units <= 1 + 2.0**-20


@pytest.mark.parametrize("count", [2, 7, 100])
@pytest.mark.parametrize("function", OTHERS)
def test_a_result_some_ulps_off_is_measured_as_that(function: str, dtype: str, count: int) -> None:
    x = samples(function, dtype, FEW)
    value = rounded(function, x)
    i = int(np.searchsorted(x, 0.7))
    value[i : i + 1] = moved(value[i : i + 1], count)
    ulps, units, at = worst_error(function, x, value, exact(function, x))
    assert count - 0.5 <= ulps <= count + 0.5
    assert ulps <= units <= 2 * ulps
    assert at == x[i]


@pytest.mark.parametrize("x", [-5.0, -0.5, 0.5, 3.0])
def test_an_error_of_sigmoid_counts_beyond_two_roundings(dtype: str, x: float) -> None:
    at = np.array([x], dtype=dtype)
    value, u, s = moved(rounded("sigmoid", at), 9), np.finfo(dtype).eps / 2, 1 / (1 + np.exp(-x))
    ulps, c1 = one("sigmoid", x, float(value[0]), dtype)
    allowed = s * (2 + c1 * (1 - s))
    assert abs(allowed - abs(float(value[0]) - s) / u) < 2
    assert 8.5 <= ulps <= 9.5


def test_an_error_of_sigmoid_within_two_roundings_counts_nothing() -> None:
    at = np.array([40.0])
    ulps, units = one("sigmoid", 40.0, float(moved(rounded("sigmoid", at), -2)[0]))
    assert 0.9 < ulps <= 1  # below 1 floats lie twice as dense
    assert units == 0


def test_an_error_of_sigmoid_where_nothing_is_left_of_the_complement_is_infinite() -> None:
    assert one("sigmoid", 800.0, 1 + 2.0**-50)[1] == np.inf


@pytest.mark.parametrize("function", ELEMENTARY)
def test_nan_is_infinitely_wrong(function: str, dtype: str) -> None:
    assert one(function, 0.5, np.nan, dtype) == (np.inf, np.inf)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
@pytest.mark.parametrize("function", ELEMENTARY)
def test_an_infinity_in_place_of_a_number_is_infinitely_wrong(
    function: str, dtype: str, value: float
) -> None:
    assert one(function, 0.5, value, dtype) == (np.inf, np.inf)


@pytest.mark.parametrize(("dtype", "x"), [("float64", 710.0), ("float32", 89.0)])
def test_what_overflows_must_be_infinite(dtype: str, x: float) -> None:
    assert one("exp", x, np.inf, dtype) == (0.0, 0.0)
    assert one("exp", x, float(np.finfo(dtype).max), dtype) == (np.inf, np.inf)
    assert one("exp", x, -np.inf, dtype) == (np.inf, np.inf)
    assert one("exp", x, np.nan, dtype) == (np.inf, np.inf)


def test_the_logarithm_of_zero_is_minus_infinity(dtype: str) -> None:
    assert one("log", 0.0, -np.inf, dtype) == (0.0, 0.0)
    assert one("log", 0.0, np.inf, dtype) == (np.inf, np.inf)


@pytest.mark.parametrize("function", ["tanh", "log1p"])
def test_a_subnormal_result_may_be_flushed(function: str, dtype: str) -> None:
    subnormal = float(np.finfo(dtype).smallest_normal) / 4
    assert one(function, subnormal, 0.0, dtype) == (0.0, 0.0)


@pytest.mark.parametrize("function", ["tanh", "log1p"])
def test_a_subnormal_result_that_is_something_else_is_infinitely_wrong(
    function: str, dtype: str
) -> None:
    normal = float(np.finfo(dtype).smallest_normal)
    assert one(function, normal / 4, 2 * normal, dtype) == (np.inf, np.inf)


def test_a_normal_result_must_not_be_flushed(dtype: str) -> None:
    normal = float(np.finfo(dtype).smallest_normal)
    ulps, units = one("tanh", 2 * normal, 0.0, dtype)
    assert units == 2 / np.finfo(dtype).eps
    assert ulps >= 1 / np.finfo(dtype).eps


@pytest.mark.parametrize(("dtype", "x"), [("float64", -709.0), ("float32", -87.0)])
def test_sigmoid_may_lose_what_its_bound_allows_and_no_more(dtype: str, x: float) -> None:
    lower = x - 1
    assert one("sigmoid", lower, 0.0, dtype)[1] == 0
    assert one("sigmoid", x + 3, 0.0, dtype)[1] > 1000


@pytest.mark.parametrize("function", ["log", "log1p", "tanh"])
def test_an_exact_zero_must_be_zero_up_to_flushing(function: str, dtype: str) -> None:
    x = 1.0 if function == "log" else 0.0
    assert one(function, x, 0.0, dtype) == (0.0, 0.0)
    assert one(function, x, -0.0, dtype) == (0.0, 0.0)
    assert one(function, x, 1e-9, dtype) == (np.inf, np.inf)


@pytest.mark.parametrize("i", [0, AT_ONCE - 1, AT_ONCE, 2 * AT_ONCE + 1])
def test_the_worst_is_found_wherever_it_stands(i: int) -> None:
    x = np.linspace(0.1, 0.9, 2 * AT_ONCE + 2, dtype=np.float32)
    value = rounded("exp", x)
    value[i] *= 1.01
    ulps, units, at = worst_error("exp", x, value, exact("exp", x))
    assert at == x[i]
    assert units > ulps > 1000


def test_where_no_error_counts_the_largest_in_ulps_is_told() -> None:
    x = np.linspace(20.0, 21.0, 50)
    value = rounded("sigmoid", x)
    value[7:8] = moved(value[7:8], -1)
    ulps, units, at = worst_error("sigmoid", x, value, exact("sigmoid", x))
    assert units == 0
    assert ulps > 0.5
    assert at == x[7]
