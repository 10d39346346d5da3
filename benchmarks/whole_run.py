"""The default run of compare.py as a process of its own: its time, and its peak memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.claims import PAIRS, Claim, digits, duration
from shared.named_problems import problem

ROOT = Path(__file__).resolve().parent.parent
EPOCHS = problem("people16").epochs
FEWER_EPOCHS = EPOCHS // 10

TIME_LIMIT = 1.25
MEMORY_LIMIT_BYTES = 50 * 10**6

DONE, BACKEND_MISSING = 0, 3


@dataclass(frozen=True, slots=True)
class Run:
    """A finished process, and the report it wrote."""

    elapsed_s: float
    peak_bytes: int
    backends: tuple[dict[str, Any], ...]


def time_claims() -> list[Claim]:
    """Hold the wall time of the run against what its own report says was needed."""
    run = _run(EPOCHS)
    importing_s = statistics.median(
        _measured("-c", "import numpy, rich.console")["elapsed_s"] for _ in range(PAIRS)
    )
    needed_s = importing_s + sum(sum(one["time_s"].values()) for one in run.backends)
    ratio = run.elapsed_s / needed_s
    return [
        Claim(
            "the default run, a process",
            "import, set-up, compile, train",
            duration(run.elapsed_s),
            duration(needed_s),
            f"{digits(ratio)}x",
            limit=f"{TIME_LIMIT:g}x",
            holds=ratio <= TIME_LIMIT,
            notes=(_parts(run, importing_s),),
        )
    ]


def memory_claims() -> list[Claim]:
    """Hold the peak memory of the run against that of a tenth of its epochs."""
    longer, shorter = _run(EPOCHS).peak_bytes, _run(FEWER_EPOCHS).peak_bytes
    return [
        Claim(
            f"peak memory, {EPOCHS:,} epochs",
            f"peak memory, {FEWER_EPOCHS:,} epochs",
            _megabytes(longer),
            _megabytes(shorter),
            f"{(longer - shorter) / 1e6:+.1f} MB",
            limit=f"+{_megabytes(MEMORY_LIMIT_BYTES)}",
            holds=longer - shorter <= MEMORY_LIMIT_BYTES,
        )
    ]


@cache
def _run(epochs: int) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        taken = _measured("compare.py", "--json", str(report), "--epochs", str(epochs))
        if taken["exit_code"] not in (DONE, BACKEND_MISSING):
            raise RuntimeError(f"compare.py ended with exit code {taken['exit_code']}.")
        backends = json.loads(report.read_text("utf-8"))["backends"]
    return Run(taken["elapsed_s"], taken["peak_bytes"], tuple(backends))


def _measured(*arguments: str) -> dict[str, Any]:
    """Run Python with the arguments, from the root of the repository."""
    launcher = [sys.executable, "-m", "benchmarks.launcher", sys.executable, *arguments]
    done = subprocess.run(launcher, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    taken: dict[str, Any] = json.loads(done.stdout)
    return taken


def _parts(run: Run, importing_s: float) -> str:
    parts = [f"interpreter, NumPy and rich {duration(importing_s)}"]
    for one in run.backends:
        times = ", ".join(f"{what} {duration(s)}" for what, s in one["time_s"].items() if s)
        parts.append(f"{one['name']} {times}")
    return f"the default run: {'; '.join(parts)}."


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.0f} MB"
