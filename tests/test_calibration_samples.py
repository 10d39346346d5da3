"""Samples lie in every binade and around every special point, and are the same each time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shared.backend import ELEMENTARY
from shared.calibration.samples import FULL, Density, range_ends, samples, samples_again
from tests.elementary_backends import FEW

SIGNED = ["sigmoid", "tanh"]


@pytest.fixture(params=ELEMENTARY)
def function(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_samples_are_finite_distinct_and_ascending(function: str, dtype: str) -> None:
    x = samples(function, dtype, FEW)
    assert x.dtype == dtype
    assert np.isfinite(x).all()
    assert (x[1:] > x[:-1]).all()


def test_samples_are_the_same_each_time(function: str, dtype: str) -> None:
    assert samples(function, dtype, FEW).tobytes() == samples(function, dtype, FEW).tobytes()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("function", SIGNED)
def test_every_binade_of_both_signs_is_sampled(function: str, dtype: str, sign: int) -> None:
    info = np.finfo(dtype)
    x = samples(function, dtype, FEW) * sign
    exponents = np.frexp(x[x >= info.smallest_normal])[1] - 1
    assert set(exponents.tolist()) == set(range(info.minexp, info.maxexp))


@pytest.mark.parametrize("function", ["log", "log1p"])
def test_every_binade_of_a_positive_domain_is_sampled(function: str, dtype: str) -> None:
    info = np.finfo(dtype)
    x = samples(function, dtype, FEW)
    exponents = np.frexp(x[x >= info.smallest_normal])[1] - 1
    assert set(exponents.tolist()) == set(range(info.minexp, info.maxexp))
    assert x[0] == 0


def test_a_binade_that_matters_gets_as_many_samples_as_asked_for() -> None:
    x = samples("tanh", "float32", Density(dense=500, sparse=1, wide=0, near=0, again=0, pieces=0))
    assert ((x >= 0.25) & (x < 0.5)).sum() >= 500


def test_samples_of_a_binade_lie_in_each_part_of_it() -> None:
    x = samples("tanh", "float32", Density(dense=64, sparse=1, wide=0, near=0, again=0, pieces=0))
    within = x[(x >= 0.25) & (x < 0.5)]
    assert set(((within - 0.25) * 256).astype(int).tolist()) == set(range(64))


def test_exp_is_sampled_to_both_ends_of_its_range(dtype: str) -> None:
    x = samples("exp", dtype, FEW)
    info = np.finfo(dtype)
    assert x.min() < math.log(info.smallest_subnormal) < math.log(info.max) < x.max()


def test_every_float_around_an_end_is_taken(function: str, dtype: str) -> None:
    x, upwards = samples(function, dtype, FEW), np.array(np.inf, dtype)
    lowest = np.finfo(dtype).smallest_normal if function == "log" else x.min()
    around = [range_ends(function, dtype).astype(dtype)]
    with np.errstate(over="ignore", under="ignore"):
        for _ in range(5):
            around.append(np.nextafter(around[-1], upwards))
    every = np.concatenate(around)
    assert np.isin(every[np.isfinite(every) & (every >= lowest)], x).all()


@pytest.mark.parametrize(
    ("function", "point"),
    [
        ("exp", math.log(2)), ("exp", 3 * math.log(2) / 2), ("exp", 5 * math.log(2) / 64),
        ("exp", 0.0), ("exp", 2.0), ("log", 1.0), ("log", 0.0), ("log", 129 / 128),
        ("log1p", 0.0), ("log1p", math.sqrt(2) - 1), ("sigmoid", 36.0), ("sigmoid", -745.13),
        ("sigmoid", -709.78), ("tanh", 0.625), ("tanh", 0.55), ("tanh", -19.06),
        ("tanh", math.log(2) / 4),
    ],
)  # fmt: skip
def test_special_points_are_taken(function: str, point: float) -> None:
    assert point in samples(function, "float64", FEW)


@pytest.mark.parametrize("exponent", [-149, -126, -24, -1, 0, 6, 127])
def test_powers_of_two_and_their_neighbours_are_taken(exponent: int) -> None:
    power = np.ldexp(np.float32(1), exponent)
    x = samples("tanh", "float32", FEW)
    assert {power, np.nextafter(power, np.float32(0)), -power} <= set(x.tolist())


@pytest.mark.parametrize("function", ["log", "log1p"])
def test_no_negative_number_is_asked_for(function: str, dtype: str) -> None:
    assert samples(function, dtype, FEW).min() >= 0


def test_log_is_not_asked_for_subnormals(dtype: str) -> None:
    x = samples("log", dtype, FEW)
    assert not ((x > 0) & (x < np.finfo(dtype).smallest_normal)).any()


def test_in_full_there_are_millions_of_float32() -> None:
    assert len(samples("sigmoid", "float32", FULL["float32"])) > 3_000_000


@pytest.mark.parametrize("x", [0.75, -0.75, 1.0, 3e-40, -88.72])
def test_a_second_look_stays_in_the_binade(x: float) -> None:
    again = samples_again("tanh", "float32", x, 100)
    assert len(set(again.tolist())) == 100
    if abs(x) > 1e-38:
        exponent = np.frexp(x)[1]
        assert set((np.frexp(again)[1]).tolist()) == {exponent}
    assert (np.sign(again) == np.sign(x)).sum() >= 99  # the smallest subnormals include 0


def test_a_second_look_at_float32_can_be_at_every_float() -> None:
    again = samples_again("exp", "float32", -1.5, 2**23)
    assert again.max() == -1
    assert again.min() == np.nextafter(np.float32(-2), np.float32(0))
    assert len(np.unique(again)) == 2**23


@pytest.mark.parametrize("function", ["log", "log1p"])
def test_a_second_look_stays_in_the_domain(function: str, dtype: str) -> None:
    least = np.finfo(dtype).smallest_normal if function == "log" else 0
    again = samples_again(function, dtype, 0.0, 1000)
    assert ((again >= least) | (again == 0)).all()
