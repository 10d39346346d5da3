"""Anyone can bring a fault in, and see it found: `run --fault`, `faults` and `power`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.faults.named import FAULTS
from tests.command_line import FAST, ROOT, run

NUMPY = ("--backends", "numpy", "--epochs", "10", "--seed", "4")
OWN = """
from impls.numpy_backprop import NumpyBackprop


class Mine(NumpyBackprop):
    pass
"""


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_a_fault_is_brought_in_and_found_where_it_acts() -> None:
    ran = run(*NUMPY, "--fault", "gradient-doubled@33")
    text = squeezed(ran.text)
    assert ran.code == 1
    assert "Brought into numpy from step 33 on: gradient-doubled." in text
    assert "DIFFERENT: numpy, step 33" in text
    assert (
        "numpy: it first changed a bit in step 33, backward, and was found in step 33, backward"
        in text
    )
    assert "exactly where it acts." in text


def test_json_holds_the_fault_and_the_command_that_repeats_it(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    run(*NUMPY, "--fault", "gradient-scaled:0.25@33", "--in", "numpy", "--json", path)
    data = json.loads(path.read_text("utf-8"))
    (fault,) = data["faults"]
    assert (fault["fault"], fault["size"], fault["start"]) == ("gradient-scaled", 0.25, 33)
    assert fault["step_is_right"]
    assert data["command"].endswith("--fault gradient-scaled:0.25@33 --in numpy")


def test_without_a_fault_nothing_is_said_of_any(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    ran = run(*FAST, "--json", path)
    assert "fault found" not in ran.text
    assert json.loads(path.read_text("utf-8"))["faults"] == []


def test_a_harmless_variant_is_certified() -> None:
    harmless = next(
        fault
        for fault in FAULTS
        if fault.expected.value == "benign" and any(w.backend == "numpy" for w in fault.in_source)
    )
    ran = run(*NUMPY, "--fault", harmless.name)
    assert ran.code == 0
    assert "not flagged, as it should be" in squeezed(ran.text)


def test_a_fault_goes_into_a_file_of_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(OWN, "utf-8")
    backends = f"numpy,{path}"
    ran = run("--backends", backends, "--epochs", "3", "--fault", "gradient-doubled", "--in", path)
    text = squeezed(ran.text)
    assert "Brought into mine from step 1 on" in text
    assert "DIFFERENT: mine, step 1" in text
    assert "Certified: numpy." in text


def test_two_backends_that_share_a_fault_are_both_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(OWN, "utf-8")
    backends = f"numpy,{path}"
    ran = run("--backends", backends, "--epochs", "3", "--fault", "one-entry-nan@9",
              "--in", "numpy,mine")  # fmt: skip
    text = squeezed(ran.text)
    assert "DIFFERENT: numpy, step 9" in text
    assert "DIFFERENT: mine, step 9" in text
    assert "numpy and mine differ alike" in text


def test_units_in_another_order_are_the_same_function() -> None:
    ran = run(*NUMPY, "--fault", "units-reordered")
    assert ran.code == 1
    assert "the same function, units renamed" in squeezed(ran.text).lower()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--fault", "gradient-doubld"), "Did you mean 'gradient-doubled'?"),
        (("--fault", "gradient-doubled@9999"), "the run has 48"),
        (("--fault", "gradient-doubled", "--in", "torch"), "takes no part here"),
        (("--fault", "gradient-doubled", "--in", "numpy,numpy"), "named twice"),
        (("--in", "numpy"), "expected --fault beside it"),
        (("--fault", "gradient-doubled", "--seeds", "0-3"), "expected no --seeds"),
        (("--fault", "units-reordered@2"), "expected no @step"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments: tuple[str, ...], message: str) -> None:
    ran = run(*FAST, *arguments)
    assert ran.code == 2
    assert message in ran.errors
    assert not ran.text


def test_all_faults_are_listed_with_their_stories() -> None:
    ran = run("faults")
    assert ran.code == 0
    text = squeezed(ran.text)
    for fault in FAULTS:
        assert fault.name in text
        assert squeezed(fault.story) in text


def test_one_fault_is_shown_with_the_lines_that_change() -> None:
    ran = run("faults", "square-without-its-2")
    assert "- slope = 2 * error / (m * n) if" in ran.text
    assert "+ slope = error / (m * n) if" in ran.text


def test_a_fault_of_plain_descent_is_refused_where_another_optimizer_trains(tmp_path: Path) -> None:
    spec = json.loads(run("spec", "--problem", "people16").text)
    spec["optimizer"] |= {"name": "adam"}
    path = tmp_path / "adam.json"
    path.write_text(json.dumps(spec), "utf-8")
    ran = run("--spec", path, "--backends", "numpy", "--epochs", "3", "--fault", "step-skipped")
    assert ran.code == 2
    assert "is one of plain gradient descent" in ran.errors


def test_a_fault_is_shown_by_what_run_takes_too() -> None:
    assert run("faults", "step-skipped@9").text == run("faults", "step-skipped").text


def test_a_fault_that_there_is_not_cannot_be_shown() -> None:
    ran = run("faults", "square")
    assert ran.code == 2
    assert "unknown fault 'square'" in ran.errors


@pytest.mark.parametrize("option", ["--json", "--markdown"])
def test_a_study_that_could_not_be_written_is_not_begun(option: str, tmp_path: Path) -> None:
    ran = run("power", option, tmp_path / "no" / "such")
    assert ran.code == 2
    assert "cannot write" in ran.errors
    assert not ran.text


def test_the_source_is_untouched_by_all_this() -> None:
    before = {path: path.read_bytes() for path in (ROOT / "impls").glob("*.py")}
    run(*NUMPY, "--fault", "square-without-its-2")
    assert before == {path: path.read_bytes() for path in (ROOT / "impls").glob("*.py")}


def test_a_recording_with_a_fault_says_so_wherever_it_is_judged(tmp_path: Path) -> None:
    run(*NUMPY, "--fault", "gradient-doubled@33", "--record", tmp_path)
    judged = run("judge", tmp_path / "numpy.npz")
    assert judged.code == 1
    assert "With a fault brought in on purpose: gradient-doubled@33." in squeezed(judged.text)


def test_a_recording_without_a_fault_speaks_of_none(tmp_path: Path) -> None:
    run(*NUMPY, "--record", tmp_path)
    assert "on purpose" not in run("judge", tmp_path / "numpy.npz").text


def test_lines_that_stay_are_shown_as_they_are() -> None:
    shown = run("faults", "labels-shuffled").text
    assert "    recorded = numbers % every == 0" in shown
    assert "- recorded = numbers" not in shown
