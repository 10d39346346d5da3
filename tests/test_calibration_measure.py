"""Backends under measurement: those of impls/, and some that are spoilt on purpose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.backend import ELEMENTARY, Array, Elementary
from shared.calibration.measure import PIECE_LENGTHS, measure, measurement_count
from shared.calibration.measured import Calibration, Machine, Measured
from shared.calibration.samples import Density, samples
from shared.errors import BackendUnusable, ContractError
from shared.network import Network
from shared.optimizer import Optimizer
from shared.registry import Loaded, load
from tests.elementary_backends import FEWEST, FEWEST_OF_BOTH, Right, Spoil, backend, spoilt
from tests.own_backends import own, write_training

MORE = Density(dense=300, sparse=2, wide=100, near=1, again=200, pieces=20)


def few(*loaded: Loaded, dtypes: tuple[str, ...] = ("float64", "float32")) -> Calibration:
    return measure(loaded, dtypes, densities=FEWEST_OF_BOTH)


def figure(calibration: Calibration, function: str, dtype: str = "float64") -> Measured:
    (one,) = [m for m in calibration.measured if (m.function, m.dtype) == (function, dtype)]
    return one


def at(function: str, x: float, result: float) -> Spoil:
    """Give another result at one x."""

    def spoil(name: str, where: Array, right: Array) -> Array:
        return np.where((where == x) & (name == function), right.dtype.type(result), right)

    return spoil


def test_every_function_is_measured_in_every_dtype() -> None:
    calibration = few(backend())
    told = [(m.framework, m.version, m.dtype, m.function) for m in calibration.measured]
    assert told == [
        ("numpy", "1.2.3", dtype, f) for dtype in ("float64", "float32") for f in ELEMENTARY
    ]
    assert calibration.machine == Machine.here()
    assert calibration.missing == ()


def test_an_exact_function_is_within_one_unit() -> None:
    worst = few(backend()).measured
    assert all(0.4 < one.ulps < 0.51 and one.units < 1.01 for one in worst)


@pytest.mark.parametrize("function", ELEMENTARY)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_infinitely_wrong(function: str, value: float) -> None:
    calibration = few(spoilt(at(function, 2.0, value)), dtypes=("float32",))
    one = figure(calibration, function, "float32")
    assert (one.ulps, one.units, one.at) == (np.inf, np.inf, 2.0)


def test_a_missing_overflow_is_infinitely_wrong() -> None:
    def capped(name: str, _: Array, right: Array) -> Array:
        return np.minimum(right, np.finfo(right.dtype).max) if name == "exp" else right

    one = figure(few(spoilt(capped), dtypes=("float32",)), "exp", "float32")
    assert one.units == np.inf
    assert one.at > 88.7


def test_flushing_subnormal_results_is_right(dtype: str) -> None:
    def flushed(_: str, __: Array, right: Array) -> Array:
        return np.where(abs(right) < np.finfo(right.dtype).smallest_normal, 0, right)

    assert all(one.units < 1.01 for one in few(spoilt(flushed), dtypes=(dtype,)).measured)


def test_flushing_normal_results_is_not() -> None:
    def flushed(_: str, __: Array, right: Array) -> Array:
        return np.where(abs(right) < 1e-300, 0, right)

    assert figure(few(spoilt(flushed), dtypes=("float64",)), "exp").units == 2.0**53


@pytest.mark.parametrize("length", PIECE_LENGTHS)
def test_what_is_wrong_in_short_arrays_alone_is_found(length: int) -> None:
    def short(_: str, x: Array, right: Array) -> Array:
        return right * right.dtype.type(1.001) if len(x) == length else right

    assert figure(few(spoilt(short), dtypes=("float32",)), "tanh", "float32").units > 1000


def test_samples_are_counted() -> None:
    seen: list[int] = []

    def counting(name: str, x: Array, right: Array) -> Array:
        seen.append(len(x) if name == "log" else 0)
        return right

    one = figure(few(spoilt(counting), dtypes=("float32",)), "log", "float32")
    assert one.samples == sum(seen)
    assert one.samples > 3 * sum(PIECE_LENGTHS)


def test_progress_counts_to_the_number_of_measurements() -> None:
    told: list[int] = []
    pair = [backend(), backend(name="other")]
    measure(pair, ("float32",), told.append, FEWEST_OF_BOTH)
    assert told == list(range(1, measurement_count(pair, ("float32",)) + 1))


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_backends_on_one_framework_the_worse_one_counts(order: int) -> None:
    pair = [backend(name="other"), spoilt(at("exp", 2.0, np.nan))][::order]
    calibration = few(*pair, dtypes=("float32",))
    assert len(calibration.measured) == len(ELEMENTARY)
    assert figure(calibration, "exp", "float32").units == np.inf


class Broken(Right):
    """Does not load."""

    def __init__(self, *_: Any) -> None:
        raise BackendUnusable("broken: no such thing.")


def test_a_backend_that_does_not_load_is_listed_once_and_the_others_are_measured() -> None:
    calibration = few(backend(Broken, "broken"), backend())
    assert [(one.name, one.reason) for one in calibration.missing] == [
        ("broken", "broken: no such thing.")
    ]
    assert len(calibration.measured) == 2 * len(ELEMENTARY)


def test_a_backend_of_ones_own_is_not_measured_and_that_is_said(tmp_path: Path) -> None:
    calibration = few(load(own(write_training(tmp_path))))
    assert calibration.measured == ()
    (missing,) = calibration.missing
    assert missing.reason.startswith("mine: it does not offer its functions.")
    assert missing.reason.endswith("is judged by what is measured of numpy.")


@pytest.mark.parametrize(
    "spoil", [lambda _, __, right: right[:-1], lambda _, __, right: right.astype(np.longdouble)]
)
def test_results_of_another_shape_or_dtype_break_the_contract(spoil: Spoil) -> None:
    with pytest.raises(ContractError, match=r"mine: elementary\('exp', x\) returned an array"):
        few(spoilt(spoil), dtypes=("float32",))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("exp", [1.0, np.inf, np.inf]),
        ("log", [-np.inf, 6.907755, np.inf]),
        ("log1p", [0.0, 6.908755, np.inf]),
        ("sigmoid", [0.5, 1.0, 1.0]),
        ("tanh", [0.0, 1.0, 1.0]),
    ],
)
def test_a_backend_computes_its_functions_without_a_warning(
    loaded: Loaded, dtype: str, function: str, expected: list[float]
) -> None:
    made = loaded.create(Network((1, 1)), Optimizer(0.1), dtype)
    assert isinstance(made, Elementary)
    value = made.elementary(function, np.array([0.0, 1000.0, np.inf], dtype=dtype))
    assert value.dtype == dtype
    assert [round(one, 6) for one in value.tolist()] == expected


def test_a_second_look_finds_what_the_first_one_missed() -> None:
    x = samples("exp", "float32", FEWEST)
    binade = x[(x >= 0.5) & (x < 1)]
    hidden = np.nextafter(binade[3], np.float32(2))
    assert hidden not in x

    def spoil(_: str, where: Array, right: Array) -> Array:
        right[where == binade[5]] *= np.float32(1.001)
        right[where == hidden] *= np.float32(1.1)
        return right

    closely = {"float32": replace(FEWEST, again=2**23)}
    one = figure(measure([spoilt(spoil)], ("float32",), densities=closely), "exp", "float32")
    assert one.at == hidden
    assert one.units > 2.0**20


def test_the_frameworks_are_near_what_is_known_of_them(loaded: Loaded, dtype: str) -> None:
    calibration = measure([loaded], [dtype], densities={dtype: MORE})
    assert [one.function for one in calibration.measured] == list(ELEMENTARY)
    assert all(one.framework == loaded.kind.framework for one in calibration.measured)
    most = {"exp": 8, "log": 8, "log1p": 8, "sigmoid": 8, "tanh": 20}
    assert all(one.units <= most[one.function] for one in calibration.measured)
    assert all(one.ulps >= 0.4 for one in calibration.measured)


def test_measuring_twice_gives_equal_figures(loaded: Loaded) -> None:
    once, again = (few(loaded, dtypes=("float32",)) for _ in range(2))
    assert once == again
