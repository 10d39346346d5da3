"""Ctrl-C ends a run at once, and what is known by then is told."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.recording_file import open_recording
from tests.command_line import ROOT, Ran, environment, on_posix, read
from tests.terminal import chunks


@pytest.fixture
def heeding_ctrl_c() -> Iterator[None]:
    """Let children heed Ctrl-C, also where these tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted(folder: Path, *arguments: str) -> Ran:
    """Run a command that takes minutes, and press Ctrl-C once it has made some percent."""
    import pty

    terminal, side = pty.openpty()
    printed = folder / "printed.txt"
    with printed.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "compare.py", "--backends", "numpy", *arguments],
            cwd=ROOT, env=environment(TERM="xterm"), stdout=file, stderr=side,
        )  # fmt: skip
    os.close(side)
    shown, pressed = b"", False
    try:
        for chunk in chunks(terminal):
            shown += chunk
            if not pressed and re.search(rb"[1-9]\d*%", shown):
                process.send_signal(signal.SIGINT)
                pressed, since = True, time.monotonic()
        code = process.wait(10)
        assert pressed
        assert time.monotonic() - since < 15
    finally:
        process.kill()
        process.wait()
    return Ran(code, printed.read_text("utf-8"), shown.decode())


@on_posix
@pytest.mark.usefixtures("heeding_ctrl_c")
def test_an_interrupted_run_tells_what_is_known(tmp_path: Path) -> None:
    ran = interrupted(tmp_path, "--epochs", "50000", "--json", str(tmp_path / "a.json"))
    assert ran.code == 130
    assert "Traceback" not in ran.errors
    (made,) = re.findall(r"Interrupted after ([\d,]+) of 800,000 steps", ran.text)
    data = read(tmp_path / "a.json")
    assert data["interrupted"]
    assert data["steps"] == int(made.replace(",", "")) > 0
    assert f"Weights and biases after step {made}" in ran.text
    assert "Did it learn?" in ran.text


@on_posix
@pytest.mark.usefixtures("heeding_ctrl_c")
def test_an_interrupted_survey_tells_what_is_known(tmp_path: Path) -> None:
    ran = interrupted(
        tmp_path, "--seeds", "0-2", "--epochs", "50000", "--json", str(tmp_path / "a.json")
    )
    assert ran.code == 130
    assert "Traceback" not in ran.errors
    (made,) = re.findall(r"Interrupted: 3 of 3 seeds, after ([\d,]+) of 50,000 epochs", ran.text)
    data = read(tmp_path / "a.json")
    assert data["interrupted"]
    assert data["epochs"] == int(made.replace(",", "")) > 0


@on_posix
@pytest.mark.usefixtures("heeding_ctrl_c")
def test_an_interrupted_recording_is_kept_or_said_to_be_lost(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    ran = interrupted(tmp_path, "--epochs", "50000", "--record", str(folder))
    assert ran.code == 130
    names = [path.name for path in folder.iterdir()]
    assert names in ([], ["numpy.npz"])
    kept = bool(names) and next(iter(open_recording(folder / names[0]).recordings()))
    assert kept or "recording" in ran.text
