"""The atlas of many seeds against single runs: each a process of its own, as a user starts it."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.claims import Claim, digits, duration

ROOT = Path(__file__).resolve().parent.parent

SEEDS = 1000
SLICE = 100
SINGLE_SEEDS = (0, 1, 2)

LIMIT = 1 / 50
"""Of the time of as many single runs."""


def claims(quick: bool = False) -> list[Claim]:
    """Time single runs, and atlases; if quick, that of the slice alone, and extrapolate from it."""
    runs_s = [_elapsed_s("--seed", str(seed)) for seed in SINGLE_SEEDS]
    single_s = statistics.median(runs_s)
    slice_s = _elapsed_s("--seeds", f"0-{SLICE - 1}")
    note = (
        f"single runs of seeds {', '.join(map(str, SINGLE_SEEDS))}: "
        f"{', '.join(map(duration, runs_s))}; more of them are not run but reckoned from the "
        "median. A single run trains one seed on people16, and certifies every step. The atlas "
        "trains each on people16 and on people16-centered, on one backend with a twin, and "
        "certifies none."
    )
    found = [_claim(f"atlas of {SLICE:,} seeds", SLICE, slice_s, single_s, None, note)]
    if quick:
        count = SEEDS // SLICE
        what = f"atlas of {SEEDS:,} seeds, reckoned as {count} such"
        return [*found, _claim(what, SEEDS, count * slice_s, single_s, LIMIT, note)]
    whole_s = _elapsed_s("--seeds", f"0-{SEEDS - 1}")
    return [*found, _claim(f"atlas of {SEEDS:,} seeds", SEEDS, whole_s, single_s, LIMIT, note)]


def _claim(
    what: str,
    seeds: int,
    elapsed_s: float,
    single_s: float,
    limit: float | None,
    note: str,
) -> Claim:
    ratio = elapsed_s / (seeds * single_s)
    return Claim(
        what, f"{seeds:,} single runs, reckoned", duration(elapsed_s), duration(seeds * single_s),
        f"1/{digits(1 / ratio)}",
        limit="" if limit is None else f"1/{digits(1 / limit)}",
        holds=None if limit is None else ratio <= limit,
        notes=(note,),
    )  # fmt: skip


def _elapsed_s(*arguments: str) -> float:
    """Run compare.py with all backends, its report thrown away; return how long that took."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "compare.py", "run", *arguments],
        cwd=ROOT, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    return time.perf_counter() - started
