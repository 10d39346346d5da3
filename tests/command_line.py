"""The real command, run as one types it, and ways to look at what it printed and wrote."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

ROOT = Path(__file__).parent.parent
FAST = ("--backends", "numpy", "--epochs", "3")
ENDLESS = ("--backends", "numpy", "--epochs", "10000000")
"""Hours of training: what comes back at once was noticed before."""

on_posix = pytest.mark.skipif(os.name != "posix", reason="terminals and signals as POSIX has them")


@dataclass(frozen=True)
class Ran:
    """What became of a command."""

    code: int
    text: str
    errors: str


def environment(**changes: str) -> dict[str, str]:
    """Return this environment without what would colour or widen a report, and with changes."""
    steering = {
        "NO_COLOR",
        "FORCE_COLOR",
        "COLUMNS",
        "LINES",
        "TERM",
        "COLORTERM",
        "TTY_COMPATIBLE",
    }
    return {k: v for k, v in os.environ.items() if k not in steering} | changes


def run(*arguments: str | Path, **changes: str) -> Ran:
    """Run compare.py, at most for a minute."""
    done = subprocess.run(
        [sys.executable, "compare.py", *map(str, arguments)],
        cwd=ROOT, env=environment(**changes), capture_output=True, text=True, encoding="utf-8",
        timeout=60, check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


def strictly(text: str) -> Any:
    """Read JSON as its standard has it: without NaN and Infinity."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def read(path: Path) -> Any:
    return strictly(path.read_text("utf-8"))


def without_times(data: Any) -> Any:
    """Leave out what differs from run to run."""
    if isinstance(data, dict):
        return {key: without_times(part) for key, part in data.items() if key != "time_s"}
    return [without_times(part) for part in data] if isinstance(data, list) else data


def section(text: str, heading: str) -> list[str]:
    """Return the lines below the heading that begins so, up to the next empty line."""
    _, found, rest = text.partition(f"\n{heading}")
    assert found, f"no section {heading!r} in:\n{text}"
    return [line.rstrip() for line in rest.partition("\n\n")[0].splitlines()[1:]]


def row(lines: list[str], first: str) -> list[str]:
    """Return the cells of the table row that begins so: what two spaces or more keep apart."""
    (line,) = [line for line in lines if line == first or line.startswith(f"{first} ")]
    return re.split(r"\s{2,}", line.removeprefix(first).strip())


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def complaint(ran: Ran) -> str:
    """Return what was complained of: exit code 2, nothing printed, one line on stderr."""
    assert ran.code == 2
    assert ran.text == ""
    (line,) = ran.errors.splitlines()
    assert line.startswith("compare.py: ")
    return line.removeprefix("compare.py: ")


BLOCKER = """
from importlib.machinery import PathFinder

_find = PathFinder.find_spec


def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] in {blocked!r} else _find(name, path, target)


PathFinder.find_spec = find_spec
"""


def without(folder: Path, *frameworks: str) -> dict[str, str]:
    """Return the environment in which these frameworks are not installed."""
    (folder / "sitecustomize.py").write_text(BLOCKER.replace("{blocked!r}", repr(frameworks)))
    return {"PYTHONPATH": str(folder)}
