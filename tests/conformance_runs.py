"""The conformance checks, run as one types it on files of one's own, and what was said of each."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.command_line import ROOT, Ran, environment


def checked(folder: Path, names: list[str], *more: str) -> Ran:
    """Run the checks on files of a folder; modules that lie in it are found before all others."""
    backends = [f"--backend={folder / name}.py" for name in names]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/conformance", "-q", "-p", "no:cacheprovider",
         *backends, *more],
        cwd=ROOT, env=environment(PYTHONPATH=str(folder), PYTEST_ADDOPTS=""),
        capture_output=True, text=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


def configured(*backends: str, spec: str | None = None) -> Any:
    """Return a stand-in for pytest's configuration, with --backend and --spec given so."""
    option = SimpleNamespace(backend=list(backends), spec=spec)
    return SimpleNamespace(
        option=option, getoption=vars(option).get, addinivalue_line=lambda *_: None
    )


def told_of(ran: Ran, name: str) -> str:
    """Return what the summary says of one file."""
    found = re.search(
        rf"\n=+ conformance of {name}\.py =+\n(.*?\n{name} breaks [^\n]*)", ran.text, re.S
    )
    assert found, ran.text[-2000:]
    return found[1]
