"""A backend of one's own is compared; each slip in it is told with its verb, step and line."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from tests.command_line import complaint, read, run, unwrapped
from tests.own_backends import TRAINING, inserted, write_training


def line_of(path: Path, text: str) -> int:
    (number,) = [i for i, line in enumerate(path.read_text().splitlines(), 1) if text in line]
    return number


@pytest.mark.parametrize("extra", [[], ["--seeds", "0-2"], ["--dtype", "float32"]])
def test_a_backend_of_ones_own_is_compared(tmp_path: Path, extra: list[str]) -> None:
    path = write_training(tmp_path)
    ran = run(
        "--backends", f"numpy,{path}", "--epochs", "3", "--json", tmp_path / "a.json", *extra
    )  # fmt: skip
    assert (ran.code, ran.errors) == (0, "")
    assert f"mine (on numpy {np.__version__})" in unwrapped(ran.text)
    assert [one["name"] for one in read(tmp_path / "a.json")["backends"]] == ["numpy", "mine"]


def test_the_command_repeats_a_path_with_spaces(tmp_path: Path) -> None:
    path = write_training(tmp_path, name="my own.py")
    run("--backends", f"numpy,{path}", "--epochs", "3", "--json", tmp_path / "a.json")
    command = shlex.split(read(tmp_path / "a.json")["command"])
    assert f"numpy,{path}" in command


SLIPS: dict[str, tuple[tuple[str, str], str]] = {
    "a syntax error": (
        ("def sigmoid(z):", "def sigmoid(z:"),
        r"mine\.py, line 7, does not import: SyntaxError",
    ),
    "an import that raises": (
        ("def sigmoid(z):", "1 / 0\n\n\ndef sigmoid(z):"),
        r"mine\.py, line 7, does not import: ZeroDivisionError: division by zero",
    ),
    "an import that raises at length": (
        ("def sigmoid(z):", "raise ValueError('two\\nlines')\n\n\ndef sigmoid(z):"),
        r"mine\.py, line 7, does not import: ValueError: two",
    ),
    "no backend class": (("(StepBackend):", ":"), r"mine\.py holds no backend class"),
    "two backend classes": (
        ("class Mine(StepBackend):", "class Other(Mine_):\n    pass\n\n\nclass Mine(StepBackend):"),
        r"mine\.py",
    ),
    "a verb that is missing": (
        ("def update(", "def updated("),
        r"mine\.py holds no backend class that can be used \(Mine lacks update\)",
    ),
    "a constructor that raises": (
        inserted("self.rate = np", "1 / 0"),
        "mine.*ZeroDivisionError: division by zero",
    ),
    "a gradient transposed": (
        ("grads = d1.T @ x,", "grads = (d1.T @ x)[:1],"),
        r"mine, gradients: expected gradient W1 of shape \(2, 2\); got shape \(1, 2\)\.",
    ),
    "a gradient of another dtype": (
        ("d2.sum(0)\n", "d2.sum(0).astype(np.float32)\n"),
        r"mine, gradients: expected gradient b2 in float64; got float32\.",
    ),
    "a gradient short": (
        (", d2.sum(0)\n", "\n"),
        r"mine, gradients: expected 4 arrays \(.*\); got 3\.",
    ),
    "a loss of Python": (
        ("loss = np.mean((o - y) ** 2)", "loss = float(np.mean((o - y) ** 2))"),
        r"mine, gradients: expected loss as a NumPy array; got float\. Convert it at the border",
    ),
    "no activations": (
        inserted(
            "return Evaluation(a",
            "if len(x) > 1:\n            return Evaluation(None, None, loss)",
        ),
        "mine: evaluate returned no activations; expected those of every layer",
    ),
    "gradients that raise": (
        inserted("d2 = 2", "1 / 0  # here"),
        r"mine, gradients: ZeroDivisionError: division by zero \(.*mine\.py, line {line}\)",
    ),
    "an update that raises": (
        inserted("after = tuple", "1 / 0  # here"),
        r"mine, update: ZeroDivisionError: .*mine\.py, line {line}\)\. \(In step 1\.\)",
    ),
    "an update that raises later": (
        inserted("after = tuple", "1 / (19 - state.step)  # here"),
        r"mine, update: ZeroDivisionError: .*mine\.py, line {line}\)\. \(In step 20\.\)",
    ),
    "an evaluation that raises": (
        inserted("loss = np.mean", "1 / (16 - len(x))  # here"),
        r"mine, evaluate: ZeroDivisionError: .*mine\.py, line {line}\)",
    ),
    "a verb that raises at length": (
        inserted("d2 = 2", "raise ValueError('two\\nlines')"),
        "mine, gradients: ValueError: two.*lines",
    ),
    "a verb that writes into its arguments": (
        inserted("after = tuple", "params[0][...] = 0  # here"),
        (
            r"mine, update: ValueError: .*read-only \(.*mine\.py, line {line}\)\. A verb leaves "
            r"its arguments unchanged: compute a new array\. \(In step 1\.\)"
        ),
    ),
    "a verb that scales its samples in place": (
        inserted("evaluation = self", "x *= 2"),
        "mine, gradients: ValueError: .*A verb leaves its arguments unchanged",
    ),
    "a loop of its own that raises": (
        ("class Mine(StepBackend):",
         "class Mine(Backend):\n    def train(self, *_):\n        1 / 0  # here\n"),
        r"mine.*ZeroDivisionError: division by zero.*line {line}",
    ),
    "a loop of its own that returns nothing": (
        (
            "class Mine(StepBackend):",
            "class Mine(Backend):\n    def train(self, *_):\n        pass\n",
        ),
        r"mine, steps 1 to 48: expected a Recording; got a NoneType\.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("slip", "reason"), SLIPS.values(), ids=SLIPS.keys())
def test_a_slip_in_a_backend_of_ones_own_is_named(
    tmp_path: Path, slip: tuple[str, str], reason: str
) -> None:
    path = write_training(tmp_path, slip)
    if "{line}" in reason:
        reason = reason.replace("{line}", str(line_of(path, "# here")))
    assert re.search(reason, complaint(run("--backends", path, "--epochs", "3")))


def test_two_backends_in_one_file_are_named(tmp_path: Path) -> None:
    path = write_training(tmp_path)
    path.write_text(TRAINING + "\n\nclass Other(Mine):\n    pass\n", "utf-8")
    assert "mine.py holds 2 backend classes (Mine, Other)" in complaint(run("--backends", path))


def test_a_framework_of_ones_own_may_be_missing(tmp_path: Path) -> None:
    path = write_training(
        tmp_path, ("    def __init__", "    framework = 'no_such_framework'\n\n    def __init__")
    )
    ran = run("--backends", f"numpy,{path}", "--epochs", "3")
    assert (ran.code, ran.errors) == (3, "")
    assert "Not compared: mine: the package 'no_such_framework' is not" in unwrapped(ran.text)


def test_a_failed_run_leaves_files_as_they_were(tmp_path: Path) -> None:
    slip = inserted("after = tuple", "1 / (19 - state.step)")
    path, data, folder = (
        write_training(tmp_path, slip),
        tmp_path / "a.json",
        tmp_path / "recordings",
    )
    data.write_text("before")
    complaint(run("--backends", path, "--epochs", "3", "--json", data, "--record", folder))
    assert data.read_text() == "before"
    assert list(folder.iterdir()) == []
