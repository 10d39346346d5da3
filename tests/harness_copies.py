"""Copies of the project in which a piece of the harness is exchanged, and tests run in them.

The checkout itself is never written to. `python -m pytest` puts the folder that it runs in before
all that is installed, so what is tested is the copy. test_harness_faults.py and
benchmarks/harness_faults.py go on from here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
COPIED = ("compare.py", "impls", "shared", "tests", "pyproject.toml")

CRASHES = ("NameError", "UnboundLocalError", "AttributeError", "TypeError", "IndexError")
"""What a slip raises that does not run at all: whoever met it would have seen it."""


@dataclass(frozen=True, slots=True)
class HarnessFault:
    """A slip in the harness, as a piece of one of its files and what stands there instead.

    name, story
        What it is in a few words, and what it does.
    file
        From the root of the project; `old` occurs in it exactly once.
    caught_by
        A file of tests, or a test, that fails for it.
    """

    name: str
    story: str
    file: str
    old: str
    new: str
    caught_by: str

    @property
    def tests(self) -> str:
        """The file of tests that catches it."""
        return self.caught_by.partition("::")[0]


@dataclass(frozen=True, slots=True)
class Told:
    """What pytest said: its exit code, the tests that failed, why, and all its words."""

    code: int
    failed: tuple[str, ...]
    reasons: tuple[str, ...]
    output: str

    def is_caught_by(self, named: str) -> bool:
        """Whether a test failed that is the named one, or one in the named file.

        A test that cannot be collected or set up, or fails since the slip does not even run,
        catches nothing.
        """
        return self.code == 1 and any(
            (one == named or one.startswith((f"{named}[", f"{named}::")))
            and not reason.startswith(CRASHES)
            for one, reason in zip(self.failed, self.reasons, strict=True)
        )


def copy_of_the_project(folder: Path) -> Path:
    """Copy what tests of the harness need, without what was compiled."""
    (folder / "temporary").mkdir(parents=True)
    for name in COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    return folder


def faulty_text(text: str, fault: HarnessFault) -> str:
    """Return the text of the fault's file with the fault.

    Raises
    ------
    ValueError
        The piece is not there, or more than once, or what comes out is no Python.
    """
    count = text.count(fault.old)
    if count != 1:
        raise ValueError(
            f"{fault.name}: expected {fault.old!r} once in {fault.file}; it occurs {count} times. "
            "The file has changed since the fault was written: write its piece anew."
        )
    changed = text.replace(fault.old, fault.new)
    try:
        compile(changed, fault.file, "exec")
    except SyntaxError as error:
        raise ValueError(f"{fault.name}: with it {fault.file} is no Python: {error}.") from error
    return changed


@contextmanager
def with_fault(copy: Path, fault: HarnessFault) -> Iterator[None]:
    """Put a fault into a copy, and take it out again."""
    path = copy / fault.file
    right = path.read_text("utf-8")
    wrong = faulty_text(right, fault)
    try:
        _write(path, wrong)
        yield
    finally:
        _write(path, right)


def run_tests(copy: Path, *named: str, stop: bool = True) -> Told:
    """Run tests in a copy, in a process of its own; with `stop`, up to the first that fails."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short"]
    done = subprocess.run(
        [*command, *(["-x"] if stop else []), *named],
        cwd=copy, env=_environment(copy), capture_output=True, text=True, encoding="utf-8",
        timeout=120, check=False,
    )  # fmt: skip
    output = done.stdout + done.stderr
    _, _, summary = done.stdout.rpartition(" short test summary info ")
    failed = re.findall(r"^FAILED (.*?)(?: - (.*))?$", summary, re.MULTILINE)
    return Told(done.returncode, tuple(f for f, _ in failed), tuple(r for _, r in failed), output)


def _write(path: Path, text: str) -> None:
    """Write a file, and forget what was compiled of it: within a second it would look the same."""
    path.write_text(text, "utf-8")
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        compiled.unlink()


def _environment(copy: Path) -> dict[str, str]:
    """Return this environment without what this run of pytest, or its coverage, has put there.

    Plugins would only take time; reasons of failures are cut to the width of the terminal.
    """
    foreign = ("COV", "PYTEST", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "COLUMNS": "1000",
        "TMPDIR": str(copy / "temporary"),
    }
