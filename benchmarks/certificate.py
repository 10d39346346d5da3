"""Measure the certificate itself: `python -m benchmarks.certificate [--quick] [--dtype D]`.

The backends here are right, so a finding is a fault of the certificate. The bounds are tight where
the largest error comes near them, the cost is held against the training that is judged, and a
gradient made wrong on purpose shows how small a mistake is found. The result is a report, not a
test: the exit code is 0 whatever it says. All backends and scikit-learn have to be installed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import fields

from shared.host import THREAD_VARIABLES, host, threads

os.environ.update({name: os.environ.get(name, "1") for name in THREAD_VARIABLES})  # before NumPy

import numpy as np
from rich.console import Console

from benchmarks.claims import digits, duration
from benchmarks.judged_problems import RANDOM_PROBLEMS, kind_problems, random_problem
from benchmarks.judged_runs import Run, judged
from benchmarks.smallest_slip import print_smallest_slip
from benchmarks.tables import table_of
from benchmarks.tightness import END_EPOCHS, print_end_to_end, print_tightness
from shared.certificate.decision import Verdict
from shared.certificate.findings import BackendCertificate, Finding
from shared.named_problems import problem
from shared.problems import DTYPES

PIPED_WIDTH = 132

SEEDS = {"people16": 30, "people16-centered": 10, "people4": 10}
QUICK_EPOCHS = 100

RANDOM_SEEDS, KIND_SEEDS = 3, 5

SEED = 42
COST_LIMIT, DIGITS_COST_LIMIT, QUICK_COST_EPOCHS = 0.5, 1.0, 500


def main(argv: Sequence[str] | None = None) -> int:
    """Measure part by part, and print each as soon as it is known."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.certificate")
    parser.add_argument("--quick", action="store_true", help="train the people problems less")
    parser.add_argument("--dtype", choices=DTYPES, help="of this dtype alone; default: of both")
    chosen = parser.parse_args(argv)
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    console = Console(highlight=False, markup=False, width=width)
    for name, value in {**host(), "threads per library": threads()}.items():
        console.print(f"{name}: {value}")
    for dtype in (chosen.dtype,) if chosen.dtype else DTYPES:
        _print_all(console, dtype, chosen.quick)
    return 0


def _print_all(console: Console, dtype: str, quick: bool) -> None:
    epochs = QUICK_EPOCHS if quick else None
    people = [judged(problem(name).changed(epochs), range(SEEDS[name]), dtype) for name in SEEDS]
    _print_findings(console, people)
    wide = [judged(random_problem(name), range(RANDOM_SEEDS), dtype) for name in RANDOM_PROBLEMS]
    _print_findings(console, wide)
    kinds = [judged(one, range(KIND_SEEDS), dtype) for one in kind_problems()]
    _print_findings(console, kinds, by_hidden_function=True)
    print_tightness(console, [people, *([run] for run in wide)])
    print_end_to_end(console, dtype, QUICK_EPOCHS if quick else END_EPOCHS)
    default = problem("people16").changed(QUICK_COST_EPOCHS if quick else None)
    _print_cost(console, judged(default, SEED, dtype))
    _print_digits_cost(console, judged(problem("digits"), SEED, dtype))
    print_smallest_slip(console, dtype)


def _print_findings(
    console: Console, runs: Sequence[Run], by_hidden_function: bool = False
) -> None:
    """Print what was found; of many kinds of networks a row for each hidden function."""
    table = table_of(("problem x seeds", "backend"), ("steps", "values", "bit-equal", "vacuous",
                     "undecided", "other form", "findings", "audited", "overturned"))  # fmt: skip
    groups: dict[tuple[str, str], list[tuple[int, BackendCertificate]]] = {}
    for run in runs:
        title = run.network.activation if by_hidden_function else run.title
        for one in run.certificates:
            groups.setdefault((title, one.backend), []).append((run.steps, one))
    for (title, backend), members in groups.items():
        count = f"{title}, {len(members)} kinds x {KIND_SEEDS}" if by_hidden_function else title
        numbers = np.sum([_numbers(steps, one) for steps, one in members], axis=0).tolist()
        table.add_row(count, backend, *(f"{number:,}" for number in numbers))
    console.print(f"\nRight backends in {runs[0].dtype}, judged at every step:", table, sep="\n")
    every = [(run, one) for run in runs for one in run.certificates]
    found = [(run, one) for run, one in every if one.found]
    for run, one in found[:1]:
        console.print(f"The first finding is in {run.title}, {one.backend}:")
        for field in fields(Finding):
            console.print(f"  {field.name}: {getattr(one.findings[0], field.name)!r}")
    if not found:
        console.print("No finding.")
    furthest = max(one.audit.furthest for _, one in every)
    console.print(f"By its audits the reference was off by at most {furthest:.1e} of a bound.")


def _numbers(steps: int, one: BackendCertificate) -> tuple[int, ...]:
    """Return what is counted of one backend: see the table's columns."""
    counts = np.sum([stage.counts for stage in one.stages], axis=0).tolist()
    return (
        steps, one.values,
        *(counts[v] for v in (Verdict.BIT_EQUAL, Verdict.VACUOUS, Verdict.UNDECIDED)),
        sum(count for stage in one.stages for count in stage.forms.values()),
        one.found, one.audit.values, one.audit.overturned,
    )  # fmt: skip


def _print_cost(console: Console, run: Run) -> None:
    ratio = run.judging_s / run.training_s["numpy"]
    console.print(
        f"\nCost of {run.steps:,} steps in {run.dtype}: judging {len(run.certificates)} backends "
        f"{duration(run.judging_s)}, training NumPy {duration(run.training_s['numpy'])}, "
        f"{digits(ratio)}x; at most {COST_LIMIT:g}x: {_verdict(ratio, COST_LIMIT)}."
    )


def _print_digits_cost(console: Console, run: Run) -> None:
    """The digits: judging every step, against training all backends, compiling included."""
    training_s = sum(run.training_s.values())
    ratio, without = run.judging_s / (training_s + run.compile_s), run.judging_s / training_s
    console.print(
        f"Cost of digits, {run.steps:,} steps in {run.dtype}: judging {len(run.certificates)} "
        f"backends {duration(run.judging_s)}, training them {duration(training_s)} and compiling "
        f"{duration(run.compile_s)}, {digits(ratio)}x; at most {DIGITS_COST_LIMIT:g}x: "
        f"{_verdict(ratio, DIGITS_COST_LIMIT)}. Without the compiling {digits(without)}x."
    )


def _verdict(ratio: float, limit: float) -> str:
    return "holds" if ratio <= limit else "missed"


if __name__ == "__main__":
    sys.exit(main())
