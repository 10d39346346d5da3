"""What runs of a dtype are judged by: an arithmetic that is wide enough, on every platform."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from shared.certificate.arithmetic import Double, DoubleDoubles, LongDouble
from shared.certificate.judge import reference_for
from shared.certificate.profile import tight, wide


@pytest.mark.skipif(not LongDouble.is_wide_enough(), reason="longdouble is narrow here")
def test_the_sharpness_is_that_of_64_bits_against_53() -> None:
    assert reference_for("float64").sharpness == 2.0**-11


@pytest.mark.parametrize("bits", [53, 63])
def test_a_longdouble_of_fewer_bits_is_not_wide_enough(
    bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(np, "finfo", lambda _: SimpleNamespace(nmant=bits - 1))
    assert not LongDouble.is_wide_enough()


@pytest.mark.parametrize("bits", [64, 113])
def test_a_longdouble_of_64_bits_is_wide_enough(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "finfo", lambda _: SimpleNamespace(nmant=bits - 1))
    assert LongDouble.is_wide_enough()


@pytest.mark.parametrize(("is_wide", "arithmetic"), [(True, LongDouble), (False, DoubleDoubles)])
def test_pairs_of_floats_stand_in_for_a_narrow_longdouble(
    is_wide: bool, arithmetic: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LongDouble, "is_wide_enough", lambda: is_wide)
    assert type(reference_for("float64").arithmetic) is arithmetic


@pytest.mark.parametrize("is_wide", [True, False])
def test_float32_is_judged_in_float64(is_wide: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LongDouble, "is_wide_enough", lambda: is_wide)
    reference = reference_for("float32")
    assert type(reference.arithmetic) is Double
    assert (reference.rounding.u, reference.rounding.omega) == (2.0**-24, 2.0**-126)
    assert reference.sharpness == 2.0**-29
    assert reference.profile == tight("float32")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_another_profile_may_be_asked_for(dtype: str) -> None:
    assert reference_for(dtype, wide(dtype)).profile == wide(dtype)


def test_exact_numbers_are_lifted_and_lowered_without_a_change() -> None:
    values = np.array([0.1, -3.0, 5e-324, 1e308, 0.0])
    arithmetic = LongDouble()
    assert arithmetic.lower(arithmetic.lift(values)).tobytes() == values.tobytes()
    assert arithmetic.lower(arithmetic.lift(values) * 1).dtype == np.float64
    one = arithmetic.lift(np.array([1.0]))
    assert (one + 2.0**-63 != one).all()
    assert (one + arithmetic.unit_roundoff == one).all()
    with np.errstate(under="ignore"):
        assert arithmetic.exp(arithmetic.lift(np.array([-800.0])))[0] > 0
