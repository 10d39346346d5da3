"""A calibration on disk: whole, equal bytes, and never trusted where it does not fit."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.calibration.measure import measure
from shared.calibration.measured import Calibration, Machine, Measured
from shared.calibration.store import MOST_BYTES, Found, default_path, found, load, save
from shared.errors import UsageError
from shared.training import Missing
from tests.command_line import on_posix
from tests.elementary_backends import FEWEST_OF_BOTH, backend

Change: TypeAlias = Callable[[Any], Any]

NUMPY = Measured("numpy", "2.0", "float64", "exp", 0.5, 1.25, -0.1, 1000)
TORCH = Measured("torch", "3.0", "float32", "tanh", 2.5, float("inf"), 5e-324, 7)
VERSIONS = {"numpy": "2.0", "torch": "3.0"}
IGNORED = "and is ignored; `compare.py calibrate` writes it anew."


def calibration() -> Calibration:
    return Calibration(Machine.here(), (NUMPY, TORCH))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a saved calibration."""
    there = tmp_path / "calibration.json"
    save(calibration(), there)
    return there


def write(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data), "utf-8")


def changed(path: Path, change: Change) -> None:
    """Change what stands in the file; a change that returns something puts that in its place."""
    data = json.loads(path.read_text("utf-8"))
    returned = change(data)
    write(path, data if returned is None else returned)


def one_remark(path: Path) -> str:
    """Return the only remark, where nothing else was found."""
    answer = found(path, VERSIONS)
    assert answer.figures == {}
    (remark,) = answer.remarks
    assert load(path) == remark
    return remark


def test_what_is_saved_is_loaded(path: Path) -> None:
    assert load(path) == calibration()


def test_what_is_measured_is_loaded_to_the_bit(tmp_path: Path) -> None:
    measured = measure([backend()], densities=FEWEST_OF_BOTH)
    save(measured, tmp_path / "file")
    assert load(tmp_path / "file") == measured


def test_figures_are_found_by_framework_dtype_and_function(path: Path) -> None:
    assert found(path, VERSIONS) == Found(
        {("numpy", "float64", "exp"): 1.25, ("torch", "float32", "tanh"): float("inf")}
    )


def test_equal_calibrations_give_equal_bytes(path: Path, tmp_path: Path) -> None:
    save(calibration(), tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_what_could_not_be_measured_is_not_in_the_file(path: Path, tmp_path: Path) -> None:
    with_missing = replace(calibration(), missing=(Missing("jax", "jax: no."),))
    save(with_missing, tmp_path / "other")
    assert (tmp_path / "other").read_bytes() == path.read_bytes()


def test_the_file_is_json_without_infinities_or_times(path: Path) -> None:
    data = json.loads(path.read_text("utf-8"))
    assert set(data) == {"format", "schema", "machine", "measured"}
    assert data["measured"][1]["units"] == "Infinity"


def test_a_folder_is_made(tmp_path: Path) -> None:
    save(calibration(), tmp_path / "some" / "where" / "file.json")
    assert load(tmp_path / "some" / "where" / "file.json") == calibration()


def test_saving_where_a_folder_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="the calibration cannot be kept in"):
        save(calibration(), tmp_path / "file" / "calibration.json")


def test_saving_over_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it is a folder"):
        save(calibration(), tmp_path)


def test_what_cannot_be_written_leaves_the_file_as_it_was(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        save(Calibration(Machine.here(), (replace(NUMPY, at=float("nan")),)), path)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_without_a_file_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert load(tmp_path / "none") is None
    assert found(tmp_path / "none", VERSIONS) == Found()
    (tmp_path / "file").write_text("")
    assert load(tmp_path / "file" / "none") is None


def test_it_is_kept_with_the_users_caches() -> None:
    assert default_path().name == "calibration.json"
    assert "isograd" in default_path().parts


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"{", "it is not JSON"),
        (b"NaN", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"9" * 10_000, "it is not JSON"),
        (b" " * (MOST_BYTES + 1), "it is larger than 1,048,576 bytes"),
        (b"null", "it is no calibration"),
        (b"[]", "it is no calibration"),
        (b'{"format": "isograd recording"}', "it is no calibration"),
        (b'{"format": "isograd calibration"}', "it is not of schema 1"),
    ],
)
def test_what_is_no_calibration_is_ignored(path: Path, content: bytes, reason: str) -> None:
    path.write_bytes(content)
    remark = one_remark(path)
    assert remark.startswith(f"{path} cannot be read ({reason}")
    assert remark.endswith(IGNORED)


def figure(name: str, value: Any) -> Change:
    def change(data: Any) -> None:
        data["measured"][0][name] = value

    return change


def machine(name: str, value: Any) -> Change:
    def change(data: Any) -> None:
        data["machine"][name] = value

    return change


def part(name: str, value: Any) -> Change:
    def change(data: Any) -> None:
        data[name] = value

    return change


WRONG: dict[str, Change] = {
    "another schema": part("schema", 2),
    "a schema that equals 1": part("schema", True),
    "a schema as a float": part("schema", 1.0),
    "a part more": part("more", 1),
    "no machine": lambda data: data.pop("machine") and None,
    "a machine that is a list": part("machine", []),
    "a machine without a system": lambda data: data["machine"].pop("system") and None,
    "a system that is a number": machine("system", 5),
    "a processor that is far too long": machine("processor", "x" * 201),
    "a processor in several lines": machine("processor", "a\nb"),
    "a processor with a colour": machine("processor", "\x1b[31m"),
    "half a letter": machine("processor", "\ud800"),
    "features in one text": machine("cpu_features", "avx2"),
    "a feature that is none": machine("cpu_features", [None]),
    "figures in an object": part("measured", {}),
    "a figure that is none": part("measured", [1]),
    "a figure without units": lambda data: data["measured"][0].pop("units") and None,
    "a figure with more": figure("more", 1),
    "a framework that is none": figure("framework", None),
    "a version that is a number": figure("version", 2.0),
    "a dtype that is unknown": figure("dtype", "float16"),
    "a dtype that is a list": figure("dtype", ["float64"]),
    "a function that is unknown": figure("function", "sin"),
    "units in words": figure("units", "many"),
    "units that are a list": figure("units", [1.0]),
    "units that are whole": figure("units", 1),
    "units that are true": figure("units", True),
    "units that are huge": figure("units", 10**400),
    "negative units": figure("units", -1.0),
    "negative infinite units": figure("units", "-Infinity"),
    "units that are NaN": figure("units", "NaN"),
    "negative ULPs": figure("ulps", -0.5),
    "no ULPs": figure("ulps", None),
    "an x that is infinite": figure("at", "Infinity"),
    "an x that is none": figure("at", None),
    "no samples": figure("samples", 0),
    "half a sample": figure("samples", 0.5),
    "samples that are true": figure("samples", True),
    "a figure twice": lambda data: data["measured"].append(data["measured"][0]),
    "two versions": lambda data: data["measured"].append(
        {**data["measured"][0], "version": "9", "function": "log"}
    ),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=list(WRONG))
def test_what_is_wrong_in_a_file_is_noticed(path: Path, change: Change) -> None:
    changed(path, change)
    remark = one_remark(path)
    assert "cannot be read" in remark
    assert remark.endswith(IGNORED)
    assert remark.isprintable()


def test_an_overflowing_number_is_none(path: Path) -> None:
    path.write_text(path.read_text("utf-8").replace("1.25", "1e999"), "utf-8")
    assert "'units' is no finite number" in one_remark(path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (machine("system", "Other m68k"), "system 'Other m68k', here "),
        (machine("processor", "Abacus"), "processor 'Abacus', here "),
        (machine("cpu_features", ["mmx9000"]), "with mmx9000"),
    ],
)
def test_a_file_of_another_machine_is_ignored(path: Path, change: Change, told: str) -> None:
    changed(path, change)
    remark = one_remark(path)
    assert remark.startswith(f"{path} was measured on another machine ({told}")
    assert remark.endswith(IGNORED)


def test_features_that_this_machine_has_besides_are_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(path, machine("cpu_features", ["sse4_1"]))
    monkeypatch.setattr(
        "shared.calibration.measured.cpu_features", lambda: ("avx2", "fma", "sse4_1")
    )
    assert "(without avx2, fma)" in one_remark(path)


def test_a_framework_of_another_version_loses_its_own_figures_only(path: Path) -> None:
    answer = found(path, {"numpy": "2.1", "torch": "3.0"})
    assert answer.figures == {("torch", "float32", "tanh"): float("inf")}
    (remark,) = answer.remarks
    assert remark.startswith(f"{path} was measured with numpy 2.0, and this is 2.1: what it says")
    assert remark.endswith(IGNORED)


def test_a_framework_that_takes_no_part_is_left_out(path: Path) -> None:
    assert found(path, {"numpy": "2.0"}) == Found({("numpy", "float64", "exp"): 1.25})


def test_a_framework_that_was_not_measured_has_no_figure(path: Path) -> None:
    assert found(path, {"mlx": "1"}) == Found()


def test_a_folder_in_its_place_is_ignored(tmp_path: Path) -> None:
    assert "it is no file" in one_remark(tmp_path)


@on_posix
def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "it is no file" in one_remark(tmp_path / "pipe")


@on_posix
def test_a_link_to_itself_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "cannot be read" in one_remark(tmp_path / "loop")


def test_a_file_that_may_not_be_read_is_ignored(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal is the system's; root may read everything, so it is made here."""

    def refuse(*_: object) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "cannot be read (Permission denied)" in one_remark(path)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_PLACES = st.lists(st.integers(0, 20), min_size=1, max_size=4)


def _put(data: Any, places: list[int], value: Any) -> Any:
    """Put a value somewhere into the data, where the places lead to."""
    if not places or not isinstance(data, (dict, list)) or not data:
        return value
    keys = list(data) if isinstance(data, dict) else list(range(len(data)))
    key = keys[places[0] % len(keys)]
    data[key] = _put(data[key], places[1:], value)
    return data


@settings(
    deadline=None,
    derandomize=True,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(places=_PLACES, value=_JSON)
def test_no_value_anywhere_makes_it_raise(path: Path, places: list[int], value: Any) -> None:
    save(calibration(), path)
    changed(path, lambda data: _put(data, places, value))
    answer = found(path, VERSIONS)
    assert all(units >= 0 for units in answer.figures.values())
    assert all(remark.isprintable() for remark in answer.remarks)


@settings(
    deadline=None,
    derandomize=True,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(position=st.integers(0, 5000), byte=st.integers(0, 255), kept=st.integers(0, 5000))
def test_no_damaged_byte_makes_it_raise(path: Path, position: int, byte: int, kept: int) -> None:
    save(calibration(), path)
    content = bytearray(path.read_bytes())
    content[position % len(content)] = byte
    path.write_bytes(content[: max(kept, position + 1)])
    answer = found(path, VERSIONS)
    assert all(np.isfinite(units) or units > 0 for units in answer.figures.values())
    assert all(isinstance(remark, str) for remark in answer.remarks)
