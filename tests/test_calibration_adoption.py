"""What a run makes of a calibration: the larger error counts, up to the wide profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.backend import ELEMENTARY
from shared.calibration.adoption import adopted, adopted_here, declared
from shared.calibration.measured import Calibration, Machine, Measured
from shared.calibration.store import Figure, default_path, save
from shared.certificate.profile import HostProfile, Profile, tight, wide

INFINITE = float("inf")
every_function = pytest.mark.parametrize("function", ELEMENTARY)


def of_numpy(dtype: str, **units: float) -> dict[Figure, float]:
    return {("numpy", dtype, function): value for function, value in units.items()}


def between(dtype: str, function: str) -> float:
    """A figure between what the tight and what the wide profile declare."""
    low, high = declared(dtype, function)
    return (low + high) / 2


def of(profile: Profile, function: str) -> float:
    return profile.declared(function)


@every_function
def test_the_declared_errors_are_those_of_the_profiles(function: str, dtype: str) -> None:
    low, high = declared(dtype, function)
    assert (low, high) == (of(tight(dtype), function), of(wide(dtype), function))
    assert low < high


@every_function
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_what_is_no_worse_than_declared_changes_nothing(
    function: str, share: float, dtype: str
) -> None:
    units = share * declared(dtype, function)[0]
    host, remarks = adopted(dtype, "numpy", of_numpy(dtype, **{function: units}))
    assert host == HostProfile(tight(dtype), measured=True)
    assert remarks == ()


@every_function
def test_what_is_worse_is_used(function: str, dtype: str) -> None:
    units, (low, _) = between(dtype, function), declared(dtype, function)
    host, remarks = adopted(dtype, "numpy", of_numpy(dtype, **{function: units}))
    assert of(host.profile, function) == units
    assert host.profile.raised == ((function, low, units),)
    assert host.measured
    assert remarks == ()


@every_function
def test_the_wide_profile_is_the_limit(function: str, dtype: str) -> None:
    _, high = declared(dtype, function)
    host, remarks = adopted(dtype, "numpy", of_numpy(dtype, **{function: high}))
    assert of(host.profile, function) == high
    assert remarks == ()


@every_function
@pytest.mark.parametrize("factor", [1.001, 40.0, INFINITE])
def test_beyond_it_nothing_is_adopted_and_that_is_said(
    function: str, factor: float, dtype: str
) -> None:
    _, high = declared(dtype, function)
    host, (remark,) = adopted(dtype, "numpy", of_numpy(dtype, **{function: factor * high}))
    assert host.profile == tight(dtype)
    assert remark == (
        f"numpy: its {function} was measured {factor * high:.3g} u off in {dtype}, beyond the "
        f"{high:g} u of the wide profile. That is not adopted: what it computes there is called "
        "different."
    )


@every_function
def test_no_other_number_of_the_profile_changes(function: str, dtype: str) -> None:
    units = between(dtype, function)
    host, _ = adopted(dtype, "numpy", of_numpy(dtype, **{function: units}))
    same = {"c1": ("exp", "sigmoid"), "log": ("log", "log1p"), "tanh": ("tanh",)}
    expected: dict[str, Any] = {
        field: units for field, functions in same.items() if function in functions
    }
    unraised = replace(host.profile, raised=())
    assert unraised == replace(tight(dtype), **expected)


@pytest.mark.parametrize(
    ("exp", "sigmoid", "used"), [(5.75, 7.0, 7.0), (7.0, 5.75, 7.0), (1.0, 7.0, 7.0), (7.0, 0, 7.0)]
)
def test_exp_and_sigmoid_share_a_number(
    exp: float, sigmoid: float, used: float, dtype: str
) -> None:
    host, _ = adopted(dtype, "numpy", of_numpy(dtype, exp=exp, sigmoid=sigmoid))
    assert host.profile.c1 == used


def test_of_two_that_share_a_number_both_are_told_beside_what_is_declared() -> None:
    host, _ = adopted("float64", "numpy", of_numpy("float64", exp=5.0, sigmoid=6.0))
    assert host.profile.raised[-1] == ("sigmoid", 4.0, 6.0)


@pytest.mark.parametrize(
    "figures",
    [
        {}, {("torch", "float64", "exp"): 7.0}, {("numpy", "float32", "exp"): 7.0},
    ],
    ids=["none", "of another framework", "of another dtype"],
)  # fmt: skip
def test_other_figures_say_nothing(figures: Mapping[Figure, float]) -> None:
    assert adopted("float64", "numpy", figures) == (HostProfile(tight("float64")), ())


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


def test_a_stored_file_is_found_by_itself(cache: Path) -> None:
    stored(figure(6.0))
    profiles, remarks = adopted_here("float64", {"numpy": "1.0", "torch": "2.0"})
    assert cache.is_file()
    assert profiles["numpy"].profile.c1 == 6.0
    assert profiles["torch"] == HostProfile(tight("float64"))
    assert remarks == ()


def test_a_file_may_be_named(tmp_path: Path) -> None:
    path = stored(figure(6.0), path=tmp_path / "mine.json")
    profiles, _ = adopted_here("float64", {"numpy": "1.0"}, path)
    assert profiles["numpy"].measured


def test_where_there_is_none_nothing_is_said(cache: Path) -> None:
    assert not cache.exists()
    profiles, remarks = adopted_here("float64", {"numpy": "1.0"})
    assert (profiles, remarks) == ({"numpy": HostProfile(tight("float64"))}, ())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_one_that_cannot_be_read_is_ignored_and_told(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    profiles, (remark,) = adopted_here("float64", {"numpy": "1.0"}, path)
    assert profiles == {"numpy": HostProfile(tight("float64"))}
    assert remark.startswith(f"{path} cannot be read (")
    assert remark.endswith("and is ignored; `compare.py calibrate` writes it anew.")


def test_one_of_another_machine_is_ignored_and_told(tmp_path: Path) -> None:
    elsewhere = replace(Machine.here(), processor="Another CPU")
    path = stored(figure(6.0), path=tmp_path / "far.json", machine=elsewhere)
    profiles, (remark,) = adopted_here("float64", {"numpy": "1.0"}, path)
    assert profiles == {"numpy": HostProfile(tight("float64"))}
    assert f"{path} was measured on another machine (processor 'Another CPU', here " in remark


def test_one_of_another_version_is_ignored_and_told(tmp_path: Path) -> None:
    path = stored(figure(6.0, version="0.9"), path=tmp_path / "old.json")
    profiles, (remark,) = adopted_here("float64", {"numpy": "1.0"}, path)
    assert profiles == {"numpy": HostProfile(tight("float64"))}
    assert "was measured with numpy 0.9, and this is 1.0" in remark


def test_what_goes_beyond_is_told_after_what_is_ignored(tmp_path: Path) -> None:
    torch = figure(1.0, framework="torch", version="0.9")
    path = stored(figure(INFINITE), torch, path=tmp_path / "both.json")
    _, (first, second) = adopted_here("float64", {"numpy": "1.0", "torch": "2.0"}, path)
    assert "was measured with torch 0.9" in first
    assert "its exp was measured inf u off in float64" in second
