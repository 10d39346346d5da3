"""`compare.py calibrate`: what it prints, keeps and writes, and what later runs say of it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import compare
import shared.asked
import shared.registry
from shared.backend import ELEMENTARY
from shared.calibration.adoption import declared
from shared.calibration.measured import DTYPES, Calibration, Machine, Measured
from shared.calibration.samples import FULL
from shared.calibration.store import default_path, load, save
from shared.errors import BackendUnavailable
from shared.registry import Loaded, Source
from tests.command_line import FAST, Ran, read, run, section, unwrapped
from tests.elementary_backends import FEWEST

Calibrate = Callable[..., Ran]

by_xdg = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere no variable says where a command keeps its files"
)


@pytest.fixture
def calibrate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Calibrate:
    """The command, in this process and with few samples, for a user without a calibration."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(
        "shared.calibration.store.user_cache_path", lambda name: tmp_path / "cache" / name
    )
    for dtype in DTYPES:
        monkeypatch.setitem(FULL, dtype, FEWEST)

    def calibrated(*arguments: str | Path) -> Ran:
        code = compare.main(["calibrate", *map(str, arguments)])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return calibrated


def kept() -> Calibration:
    found = load(default_path())
    assert isinstance(found, Calibration)
    return found


def test_every_function_of_every_backend_is_measured_and_kept(
    calibrate: Calibrate, all_loaded: list[Loaded]
) -> None:
    ran = calibrate()
    assert (ran.code, ran.errors) == (0, "")
    frameworks = [one.kind.framework for one in all_loaded]
    assert [(m.dtype, m.framework, m.function) for m in kept().measured] == [
        (dtype, framework, function)
        for dtype in DTYPES
        for framework in frameworks
        for function in ELEMENTARY
    ]


def test_the_head_names_the_machine_and_the_versions(calibrate: Calibrate) -> None:
    told, machine = unwrapped(calibrate("--backends", "numpy").text), Machine.here()
    assert told.startswith(unwrapped(f"{machine.processor}, {machine.system}"))
    assert f" numpy {kept().measured[0].version} " in told
    assert all(feature in told for feature in machine.cpu_features)


def test_a_table_for_each_dtype_shows_what_is_kept(calibrate: Calibrate) -> None:
    ran = calibrate("--backends", "numpy")
    for dtype in DTYPES:
        rows = section(ran.text, f"Elementary functions in {dtype}")
        cells = [row.removeprefix("numpy").split() for row in rows[1 : 1 + len(ELEMENTARY)]]
        assert [cell[0] for cell in cells] == list(ELEMENTARY)
        for cell, one in zip(cells, (m for m in kept().measured if m.dtype == dtype), strict=True):
            assert 0 <= float(cell[2]) - one.units < 0.0101
            assert cell[4:6] == [f"{v:g}" for v in declared(dtype, one.function)]


def test_it_says_where_the_figures_are_kept(calibrate: Calibrate) -> None:
    told = calibrate("--backends", "numpy").text.replace("\n", "")
    assert f"Kept in {default_path()}; runs on this machine use it." in told
    assert default_path().is_file()


def test_only_the_backends_asked_for_are_measured(calibrate: Calibrate) -> None:
    calibrate("--backends", "numpy")
    assert {one.framework for one in kept().measured} == {"numpy"}


def test_the_data_are_what_is_kept(calibrate: Calibrate, tmp_path: Path) -> None:
    ran = calibrate("--backends", "numpy", "--json", tmp_path / "a.json")
    data = read(tmp_path / "a.json")
    assert ran.code == 0
    assert (data["schema"], data["kind"]) == (3, "calibration")
    assert data["command"] == "python compare.py calibrate --backends numpy"
    assert [(one["function"], one["units"]) for one in data["measured"]] == [
        (one.function, one.units) for one in kept().measured
    ]
    assert data["missing"] == []


def test_infinite_figures_are_no_bare_word_in_the_data(
    calibrate: Calibrate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    infinite = Measured("numpy", "1", "float64", "exp", float("inf"), float("inf"), 1.0, 9)
    monkeypatch.setattr(
        "shared.calibration.measure.measure",
        lambda *_, **__: Calibration(Machine.here(), (infinite,)),
    )
    calibrate("--backends", "numpy", "--json", tmp_path / "a.json")
    (figure,) = read(tmp_path / "a.json")["measured"]
    assert (figure["units"], figure["in_words"]) == ("Infinity", "above wide: not used")
    assert kept().measured == (infinite,)


@pytest.fixture
def no_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without JAX."""
    whole = shared.registry.load

    def without(source: Source) -> Loaded:
        if source.name == "jax":
            raise BackendUnavailable("jax: JAX is not installed.")
        return whole(source)

    monkeypatch.setattr(shared.asked, "load", without)


@pytest.mark.usefixtures("no_jax")
def test_of_all_there_are_a_missing_one_is_told(calibrate: Calibrate) -> None:
    ran = calibrate()
    assert ran.code == 0
    assert "Not measured: jax: JAX is not installed." in unwrapped(ran.text)
    assert "jax" not in {one.framework for one in kept().measured}


@pytest.mark.usefixtures("no_jax")
def test_a_missing_one_that_was_asked_for_is_a_failure(
    calibrate: Calibrate, tmp_path: Path
) -> None:
    ran = calibrate("--backends", "numpy,jax", "--json", tmp_path / "a.json")
    assert ran.code == 3
    assert "Not measured: jax: JAX is not installed." in unwrapped(ran.text)
    (missing,) = read(tmp_path / "a.json")["missing"]
    assert missing == {"name": "jax", "reason": "jax: JAX is not installed."}


def earlier() -> Calibration:
    """Figures from another day."""
    one = Measured("numpy", "1.0", "float64", "exp", 1.0, 1.5, -0.5, 100)
    calibration = Calibration(Machine.here(), (one,))
    save(calibration, default_path())
    return calibration


@pytest.mark.usefixtures("no_jax")
def test_where_nothing_could_be_measured_what_was_kept_stays(calibrate: Calibrate) -> None:
    before = earlier()
    assert calibrate("--backends", "jax").code == 3
    assert kept() == before


def test_a_new_calibration_takes_the_place_of_an_old_one(calibrate: Calibrate) -> None:
    before = earlier()
    calibrate("--backends", "numpy")
    assert kept() != before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--backends", "nump7"), "nump7"),
        (("--backends", "numpy,numpy"), "named twice"),
        (("--json", "/nowhere/at/all.json"), "/nowhere/at/all.json"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_measured(
    calibrate: Calibrate, arguments: tuple[str, ...], told: str
) -> None:
    ran = calibrate(*arguments)
    assert (ran.code, ran.text) == (2, "")
    (line,) = ran.errors.splitlines()
    assert told in line
    assert not default_path().exists()


def test_a_folder_that_cannot_be_made_is_told(calibrate: Calibrate, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    ran = calibrate("--backends", "numpy")
    assert (ran.code, ran.text) == (2, "")
    assert "the calibration cannot be kept in" in ran.errors


@by_xdg
def test_later_runs_say_that_it_was_measured(calibrate: Calibrate, tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    before = unwrapped(run(*FAST, **cache).text)
    assert calibrate("--backends", "numpy").code == 0
    after = unwrapped(run(*FAST, **cache).text)
    unmeasured = "Not measured on this machine for numpy; `compare.py calibrate` does."
    assert unmeasured in before
    assert unmeasured not in after
    assert ("nothing was measured to be worse." in after) or ("Raised to what was" in after)


@by_xdg
def test_later_runs_say_what_they_cannot_use(tmp_path: Path) -> None:
    (tmp_path / "isograd").mkdir()
    (tmp_path / "isograd" / "calibration.json").write_text("{")
    ran = run(*FAST, "--json", tmp_path / "a.json", XDG_CACHE_HOME=str(tmp_path))
    assert ran.code == 0
    said = "cannot be read (it is not JSON) and is ignored; `compare.py calibrate` writes it anew."
    assert said.replace(" ", "") in ran.text.replace("\n", "").replace(" ", "")
    (remark,) = read(tmp_path / "a.json")["calibration_remarks"]
    assert remark.endswith(said)
