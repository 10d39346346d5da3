"""Runs and recordings judged by what was measured on this machine, where it is this machine."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.backend import Array
from shared.calibration.measured import Calibration, Machine, Measured
from shared.calibration.store import default_path, save
from shared.certificate.findings import BackendCertificate
from shared.certificate.profile import tight
from shared.comparison import compare
from shared.judging import judge_file
from shared.named_problems import problem
from shared.network import Network
from shared.problems import Problem
from shared.recording_file import open_recording, recording_writer
from shared.registry import Loaded, find, load
from tests.certified_forms import named_forms
from tests.form_backends import Writing, written


def figure(units: float, function: str = "exp", version: str = "1.0", **other: Any) -> Measured:
    one = Measured("numpy", version, "float64", function, 1.0, units, -0.5, 100)
    return replace(one, **other)


def stored(*figures: Measured, path: Path | None = None, machine: Machine | None = None) -> Path:
    path = path or default_path()
    save(Calibration(machine or Machine.here(), figures), path)
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for this user's calibration."""
    monkeypatch.setattr(
        "shared.calibration.store.user_cache_path", lambda name: tmp_path / "cache" / name
    )
    return default_path()


def a_little_low(z: Array) -> Array:
    """σ(z) less 2.25 unit roundoffs below 0: near there, beyond c1 = 4 and within c1 = 8."""
    right = np.array([float(1 / (1 + Decimal(-v).exp())) for v in z.ravel().tolist()])
    low: Array = right.reshape(z.shape) - np.where(z < 0, 2.25 * 2.0**-53, 0.0)
    return low


LOW = written(Writing(sigmoid=a_little_low))
BY_NAME = {"functions within the wide profile"}


def near_zero() -> Problem:
    """Sixteen people as seen from afar: every z of the hidden layer is nearly 0, and stays so."""
    one = problem("people16")
    return replace(
        one.changed(epochs=2, learning_rate=1e-9),
        x=1e-3 * one.x,
        network=Network((2, 2, 1), output="identity"), initialization="fan_in_normal",
        people=(), classes=(),
    )  # fmt: skip


def judged(loaded: Loaded = LOW) -> tuple[BackendCertificate, tuple[str, ...]]:
    comparison = compare(near_zero(), 3, [loaded])
    return comparison.certificates[0], comparison.calibration_remarks


@pytest.mark.usefixtures("cache")
def test_without_a_calibration_an_inexact_function_is_explained_by_name() -> None:
    found, remarks = judged()
    assert found.certified
    assert named_forms(found) == BY_NAME
    assert found.basis is not None
    assert (found.basis.measured, found.basis.profile) == (False, tight("float64"))
    assert remarks == ()


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("function", ["exp", "sigmoid"])
def test_with_one_it_is_explained_as_measured(function: str) -> None:
    stored(figure(7.9, function))
    found, remarks = judged()
    assert found.certified
    assert named_forms(found) == set()
    assert found.basis is not None
    assert found.basis.measured
    assert found.basis.profile.raised == ((function, 4.0, 7.9),)
    assert remarks == ()


@pytest.mark.usefixtures("cache")
def test_a_figure_beyond_the_wide_profile_is_told_by_the_run() -> None:
    stored(figure(8.5))
    found, (remark,) = judged()
    assert named_forms(found) == BY_NAME
    assert found.basis is not None
    assert (found.basis.measured, found.basis.profile.raised) == (True, ())
    assert remark.startswith("numpy: its exp was measured 8.5 u off in float64")


@pytest.mark.usefixtures("cache")
def test_figures_of_another_version_change_nothing() -> None:
    stored(figure(7.9, version="2.0"))
    found, (remark,) = judged()
    assert named_forms(found) == BY_NAME
    assert "was measured with numpy 2.0, and this is 1.0" in remark


NUMPY = load(find("numpy"))


def recorded(tmp_path: Path, **changes: Any) -> Path:
    """A recording of NumPy's own backend; changes of its header."""
    asked = problem("people16").changed(epochs=2)
    compare(asked, 3, [NUMPY], record_to=tmp_path)
    saved = open_recording(tmp_path / "numpy.npz")
    path = tmp_path / "changed.npz"
    with recording_writer(path, {**saved.header, **changes}) as writer:
        for chunk in saved.recordings():
            writer.add(chunk)
    return path


@pytest.fixture
def calibrated(cache: Path) -> Path:
    """NumPy's exponential as measured here, and worse than declared."""
    return stored(figure(6.0, version=NUMPY.version), path=cache)


@pytest.mark.usefixtures("calibrated")
def test_a_recording_of_this_machine_is_judged_as_measured(tmp_path: Path) -> None:
    found = judge_file(recorded(tmp_path))
    assert found.certificate.certified
    assert found.certificate.basis is not None
    assert found.certificate.basis.profile.raised == (("exp", 4.0, 6.0),)


ELSEWHERE = {
    "another processor": {"host": {"system": "Linux x86_64", "processor": "Another CPU"}},
    "another system": {"host": {"system": "Plan9 vax", "processor": "Another CPU"}},
    "two frameworks": {"versions": {"numpy": NUMPY.version, "torch": "2"}},
}


@pytest.mark.usefixtures("calibrated")
@pytest.mark.parametrize("where", ELSEWHERE)
def test_one_from_elsewhere_is_judged_as_declared(where: str, tmp_path: Path) -> None:
    found = judge_file(recorded(tmp_path, **ELSEWHERE[where]))
    assert found.certificate.certified
    assert found.certificate.basis is not None
    assert found.certificate.basis.profile == tight("float64")
    assert not found.certificate.basis.measured
    assert found.calibration_remarks == ()


@pytest.mark.usefixtures("calibrated")
def test_one_of_another_version_is_judged_as_declared_and_that_is_said(tmp_path: Path) -> None:
    found = judge_file(recorded(tmp_path, versions={"numpy": "1.99"}))
    assert found.certificate.basis is not None
    assert found.certificate.basis.profile == tight("float64")
    (remark,) = found.calibration_remarks
    assert "and this is 1.99" in remark
