"""What is typed decides what is run, and the command in the data repeats the run."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import FAST, ROOT, environment, on_posix, read, run, without_times


def test_without_a_command_run_is_meant() -> None:
    def untimed(text: str) -> str:
        return text.partition("\nTime\n")[0]

    assert untimed(run(*FAST).text) == untimed(run("run", *FAST).text)


def test_one_backend_alone_is_compared_with_nothing() -> None:
    ran = run(*FAST)
    assert (ran.code, ran.errors) == (0, "")
    assert "Weights and biases after step 48" in ran.text
    assert "ULPs\n" not in ran.text.partition("dL/dw1")[0]
    assert "Drift" not in ran.text


REPEATED = {
    "one seed": ["--epochs", "3"],
    "everything else": (
        [
            "--problem",
            "people4",
            "--seed",
            "7",
            "--dtype",
            "float32",
            "--epochs",
            "0012",
            "--lr",
            "1e-1",
        ]
    ),
    "many seeds": ["--seeds", "0-4,42", "--epochs", "3"],
}


@pytest.mark.parametrize("arguments", REPEATED.values(), ids=REPEATED.keys())
def test_the_command_in_the_data_repeats_the_run(tmp_path: Path, arguments: list[str]) -> None:
    first, again = tmp_path / "first.json", tmp_path / "again.json"
    run("--backends", "numpy", *arguments, "--json", first)
    command = shlex.split(read(first)["command"])
    assert command[:2] == ["python", "compare.py"]
    assert run(*command[2:], "--json", again).code == 0
    assert without_times(read(again)) == without_times(read(first))


def test_another_run_gives_other_data(tmp_path: Path) -> None:
    run(*FAST, "--json", tmp_path / "42.json")
    run(*FAST, "--seed", "43", "--json", tmp_path / "43.json")
    assert (
        read(tmp_path / "42.json")["backends"][0]["params"]
        != (read(tmp_path / "43.json")["backends"][0]["params"])
    )


def test_a_run_that_overshoots_wildly_is_told_without_a_warning() -> None:
    ran = run("--backends", "numpy", "--lr", "1e300", "--epochs", "2")
    assert (ran.code, ran.errors) == (0, "")


@on_posix
def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "compare.py", *FAST],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == -signal.SIGPIPE
