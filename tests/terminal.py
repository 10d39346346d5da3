"""A terminal to run the real command at: what it shows is read until it is closed."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.command_line import ROOT, environment


def at_terminal(*arguments: str, **changes: str) -> str:
    """Run the command with its output on a terminal, and return what the terminal got."""
    import pty

    terminal, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "compare.py", *arguments],
        cwd=ROOT, env=environment(**changes), stdout=side, stderr=side,
    )  # fmt: skip
    os.close(side)
    got = b"".join(chunks(terminal))
    process.wait(60)
    return got.decode()


def chunks(terminal: int, within_s: float = 60) -> Iterator[bytes]:
    """Yield what comes from a terminal until it is closed."""
    until = time.monotonic() + within_s
    try:
        while select.select([terminal], [], [], max(0, until - time.monotonic()))[0]:
            try:
                chunk = os.read(terminal, 65536)
            except OSError:  # the other side is closed
                return
            if not chunk:
                return
            yield chunk
        pytest.fail(f"nothing more came within {within_s} s")
    finally:
        os.close(terminal)
