"""The exact values, held to 60-digit decimals and to what is known of the functions."""

from __future__ import annotations

from decimal import Decimal, getcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backend import ELEMENTARY, Array
from shared.calibration.samples import samples
from shared.calibration.truth import exact
from tests.elementary_backends import FEW

getcontext().prec = 60


def decimal(function: str, x: float) -> Decimal:
    """Compute f(x) another way; for |x| not too small, since digits cancel."""
    z = Decimal(x)
    if function == "exp":
        return z.exp()
    if function == "log":
        return z.ln()
    if function == "log1p":
        return (1 + z).ln()
    if function == "sigmoid":
        return 1 / (1 + (-z).exp())
    power = (2 * z).exp()
    return (power - 1) / (power + 1)


def bits_lacking(high: float, rest: float, right: Decimal) -> Decimal:
    """Return the relative error of high + rest |high|, in units of 2^-53."""
    value = Decimal(high) + Decimal(rest) * abs(Decimal(high))
    return abs(value - right) / abs(right) * 2**53


@settings(deadline=None, derandomize=True)
@given(st.floats(2**-20, 600), st.sampled_from(ELEMENTARY), st.booleans())
def test_float64_values_have_a_hundred_bits(x: float, function: str, negative: bool) -> None:
    x = -x if negative and function not in ("log", "log1p") else x
    if x == 1.0 and function == "log":
        x = 2.0  # ln 1 is 0, and has no relative error
    values = exact(function, np.array([x]))
    lacking = bits_lacking(float(values.high[0]), float(values.rest[0]), decimal(function, x))
    assert lacking < Decimal(2) ** -47


@settings(deadline=None, derandomize=True)
@given(st.floats(2**-20, 80, width=32), st.sampled_from(ELEMENTARY), st.booleans())
def test_float32_values_have_fifty_bits(x: float, function: str, negative: bool) -> None:
    x = -x if negative and function not in ("log", "log1p") else x
    if x == 1.0 and function == "log":
        x = 2.0
    values = exact(function, np.array([x], dtype=np.float32))
    lacking = bits_lacking(float(values.high[0]), float(values.rest[0]), decimal(function, x))
    assert lacking < 8


@pytest.mark.parametrize("function", ELEMENTARY)
def test_high_is_the_nearest_float64(function: str) -> None:
    values = exact(function, samples(function, "float64", FEW))
    normal = np.isfinite(values.high) & (abs(values.high) > 2.0**-1000)
    assert (abs(values.rest[normal]) <= 2.0**-53).all()


@pytest.mark.parametrize("function", ELEMENTARY)
def test_both_ways_agree_where_a_float32_is_a_float64(function: str) -> None:
    x = samples(function, "float32", FEW)
    ways = [exact(function, x.astype(dtype)).high for dtype in ("float32", "float64")]
    finite = np.isfinite(ways[0]) & (abs(ways[0]) > 2.0**-1000)
    apart = abs(ways[0][finite] - ways[1][finite])
    assert (apart <= 2.0**-50 * abs(ways[1][finite])).all()
    assert (ways[0] == ways[1])[~np.isfinite(ways[0])].all()


@pytest.mark.parametrize(
    ("function", "x", "value"),
    [
        ("exp", 0.0, 1.0), ("exp", 710.0, np.inf), ("exp", 1e300, np.inf), ("exp", -1e300, 0.0),
        ("log", 1.0, 0.0), ("log", 0.0, -np.inf), ("log1p", 0.0, 0.0), ("log1p", 1e-300, 1e-300),
        ("sigmoid", 0.0, 0.5), ("sigmoid", 1e300, 1.0), ("sigmoid", -1e300, 0.0),
        ("sigmoid", -700.0, np.exp(-700.0)), ("tanh", 0.0, 0.0), ("tanh", -1e300, -1.0),
        ("tanh", 5e-324, 5e-324),
    ],
)  # fmt: skip
def test_what_is_known_of_the_functions(function: str, x: float, value: float) -> None:
    assert exact(function, np.array([x])).high.tolist() == [value]


@pytest.mark.parametrize("x", [-40.0, -1.0, 0.0, 1.0, 40.0, 700.0])
def test_the_complement_of_sigmoid_does_not_cancel(dtype: str, x: float) -> None:
    values: Array = exact("sigmoid", np.array([x], dtype=dtype)).complement
    right = decimal("sigmoid", -x)
    assert abs(Decimal(float(values[0])) - right) / right < Decimal(2) ** -50


def test_values_are_taken_by_their_indices() -> None:
    values = exact("sigmoid", np.array([0.0, 1.0, 2.0]))
    assert values.at(np.array([2])).high[0] == values.high[2]
    assert values.at(slice(1, 2)).complement[0] == values.complement[1]
