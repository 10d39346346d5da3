"""NaN and infinity are told as what they are, and never as a distance or as equal."""

from __future__ import annotations

from pathlib import Path

from tests.command_line import Ran, row, run, section, strictly, unwrapped
from tests.own_backends import inserted, write_training

NAN_LOSS = ("loss = np.mean((o - y) ** 2)", "loss = np.mean((o - y) ** 2) * np.nan")
NAN_GRADIENT = ("return StepGradients(evaluation, grads)",
                "return StepGradients(evaluation, tuple(g * np.nan for g in grads))")  # fmt: skip
INFINITE_BIAS = inserted("return after", "after = (*after[:3], after[3] - np.inf)")


def lost(path: Path, folder: Path) -> tuple[Ran, str]:
    """Run a backend whose numbers are none beside NumPy; return the JSON as text, too."""
    ran = run("--backends", f"numpy,{path}", "--epochs", "2", "--json", folder / "a.json")
    return ran, (folder / "a.json").read_text("utf-8")


def test_a_nan_is_written_as_a_string(tmp_path: Path) -> None:
    ran, text = lost(write_training(tmp_path, NAN_LOSS), tmp_path)
    assert (ran.code, ran.errors) == (1, "")
    assert strictly(text)["backends"][1]["curve"]["loss"] == ["NaN"] * 3
    assert "mine: a recorded number is NaN or infinite from step 1 on" in unwrapped(ran.text)


def test_an_infinity_is_written_as_a_string(tmp_path: Path) -> None:
    ran, text = lost(write_training(tmp_path, INFINITE_BIAS), tmp_path)
    assert ran.code == 1
    assert strictly(text)["backends"][1]["params"]["b3"] == "-Infinity"
    assert "broken: " in ran.text


def test_a_nan_is_never_equal_to_a_number(tmp_path: Path) -> None:
    ran, text = lost(write_training(tmp_path, NAN_LOSS), tmp_path)
    assert strictly(text)["parted"]
    assert "equal to the last bit" not in ran.text
    assert "The loss curves part (numpy-mine)" in unwrapped(ran.text)


def test_the_distance_of_a_nan_is_no_number(tmp_path: Path) -> None:
    ran, text = lost(write_training(tmp_path, NAN_GRADIENT), tmp_path)
    assert strictly(text)["backends"][1]["params"]["w1"] == "NaN"
    assert row(section(ran.text, "Largest distance"), "w1")[0] == "NaN"
    assert "18446744073709551615" not in ran.text


def test_the_distance_of_a_nan_is_no_number_in_the_data(tmp_path: Path) -> None:
    _, text = lost(write_training(tmp_path, NAN_GRADIENT), tmp_path)
    assert strictly(text)["drift"][0]["final_ulps"]["w1"] == "NaN"
    assert "18446744073709551615" not in text
