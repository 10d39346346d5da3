"""Measure the certificate itself: `python -m benchmarks.certificate [--quick]`.

The backends here are right, so a finding is a fault of the certificate. The bounds are tight where
the largest error comes near them, the cost is held against the training that is judged, and a
gradient made wrong on purpose shows how small a mistake is found. The result is a report, not a
test: the exit code is 0 whatever it says. All backends and scikit-learn have to be installed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from shared.host import THREAD_VARIABLES, host, threads

os.environ.update({name: os.environ.get(name, "1") for name in THREAD_VARIABLES})  # before NumPy

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.claims import digits, duration
from benchmarks.judged_problems import RANDOM_PROBLEMS, kind_problems, random_problem
from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, Params, StepGradients
from shared.certificate.decision import Verdict
from shared.certificate.findings import BackendCertificate, Finding, StageSummary
from shared.certificate.judge import Judge
from shared.certificate.rounding import Rounding
from shared.certificate.sampling import sampling
from shared.certificate.stages import BACKWARD, FORWARD, LOSS
from shared.network import Network
from shared.problems import Problem, problem
from shared.registry import find, load, sources
from shared.stepwise import Stepwise
from shared.training import Trainee, lockstep, prepare

DTYPE = "float64"
U = Rounding.of(DTYPE).u
PIPED_WIDTH = 132

SEEDS = {"people16": 30, "people16-centered": 10, "people4": 10}
QUICK_EPOCHS = 100

RANDOM_SEEDS, KIND_SEEDS = 3, 5

WITH_DELTAS = ", δ recorded"
GROUPS = (
    "activations",
    "loss",
    "last gradient",
    "first gradient",
    f"last gradient{WITH_DELTAS}",
    f"first gradient{WITH_DELTAS}",
)
REFERENCE = {
    "2-2-1": ("1.3 - 2.8", "1.0", "1.1 - 1.4", "1.5 - 1.9", "", ""),
    "5-4-3-2": ("1.5 - 2.7", "4 - 7", "4 - 6", "6 - 9", "", ""),
    "64-30-10": ("3.4 - 6.3", "10 - 33", "2.5 - 4", "4 - 9", "", ""),
    "20-50-50-10": ("1.4 - 33", "50 - 100", "8 - 25", "50 - 100", "", "6 - 11"),
}
"""Bound over largest error as it should come out; fewer steps meet smaller errors."""

SEED = 42
COST_LIMIT, DIGITS_COST_LIMIT, QUICK_COST_EPOCHS = 0.5, 1.0, 500
SLIP_EPOCHS, SLIP_SIZES = 20, tuple(10.0 ** (-16 + half / 2) for half in range(9))


@dataclass(frozen=True, slots=True)
class Run:
    """Backends judged side by side; the seconds of judging them all, and of training each.

    steps
        Of every backend, those of all seeds together.
    compile_s
        Of all backends together.
    """

    title: str
    network: Network
    steps: int
    certificates: tuple[BackendCertificate, ...]
    judging_s: float
    training_s: dict[str, float]
    compile_s: float


class Slipping(NumpyBackprop):
    """Backpropagation whose ∂L/∂W1[0,0] is too large by the factor 1 + size."""

    size = 0.0

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        result = super().gradients(params, x, y)
        result.grads[0][..., 0, 0] += self.size * result.grads[0][..., 0, 0]  # 1 + 1e-16 is 1
        return result


def main(argv: Sequence[str] | None = None) -> int:
    """Measure part by part, and print each as soon as it is known."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.certificate")
    parser.add_argument("--quick", action="store_true", help="train the people problems less")
    quick: bool = parser.parse_args(argv).quick
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    console = Console(highlight=False, markup=False, width=width)
    for name, value in {**host(), "threads per library": threads()}.items():
        console.print(f"{name}: {value}")
    epochs = QUICK_EPOCHS if quick else None
    people = [judged(problem(name).changed(epochs), range(SEEDS[name])) for name in SEEDS]
    _print_findings(console, people)
    wide = [judged(random_problem(name), range(RANDOM_SEEDS)) for name in RANDOM_PROBLEMS]
    _print_findings(console, wide)
    kinds = [judged(one, range(KIND_SEEDS)) for one in kind_problems()]
    _print_findings(console, kinds)
    _print_tightness(console, [people, *([run] for run in wide)])
    default = problem("people16").changed(QUICK_COST_EPOCHS if quick else None)
    _print_cost(console, judged(default, SEED))
    _print_digits_cost(console, judged(problem("digits"), SEED))
    _print_smallest_slip(console)
    return 0


def judged(trained: Problem, seeds: int | Sequence[int]) -> Run:
    """Train every backend from the seeds, several of them as replicas, and judge every step."""
    print(f"benchmarks: judging {trained.name}", file=sys.stderr, flush=True)
    trainees, missing = prepare([load(source) for source in sources()], trained, DTYPE)
    if missing:
        raise RuntimeError(missing[0].reason)
    return _judged(trainees, seeds)


def _judged(trainees: Sequence[Trainee], seeds: int | Sequence[int]) -> Run:
    trained, judging_s = trainees[0].problem, 0.0
    for trainee in trainees:
        trainee.start(seeds)
    compiled = sum(one.compile_s for one in trainees)
    before = {one.name: one.train_s for one in trainees}
    every = sampling(trained, seeds, one_in=1)
    judges = [Judge(one.name, trained, DTYPE, seeds, every) for one in trainees]
    for recordings in lockstep(trainees, every=1):
        started = time.perf_counter()
        for judge, recording in zip(judges, recordings, strict=True):
            judge.add(recording)
        judging_s += time.perf_counter() - started
    count = 1 if isinstance(seeds, int) else len(seeds)
    return Run(
        f"{trained.name} x {count}", trained.network, trained.step_count * count,
        tuple(judge.finish() for judge in judges), judging_s,
        {one.name: one.train_s - before[one.name] for one in trainees},
        sum(one.compile_s for one in trainees) - compiled,
    )  # fmt: skip


def _print_findings(console: Console, runs: Sequence[Run]) -> None:
    table = _table(("problem x seeds", "backend"), ("steps", "values", "bit-equal", "vacuous",
                   "undecided", "findings"))  # fmt: skip
    first: list[str] = []
    for run in runs:
        for one in run.certificates:
            counts = np.sum([stage.counts for stage in one.stages], axis=0).tolist()
            shown = (counts[v] for v in (Verdict.BIT_EQUAL, Verdict.VACUOUS, Verdict.UNDECIDED))
            numbers = (run.steps, one.values, *shown, one.found)
            table.add_row(run.title, one.backend, *(f"{number:,}" for number in numbers))
            if one.found and not first:
                first = [f"The first finding is in {run.title}, {one.backend}:", *(
                    f"  {field.name}: {getattr(one.findings[0], field.name)!r}"
                    for field in fields(Finding)
                )]  # fmt: skip
    console.print("\nRight backends, judged at every step:", table, sep="\n")
    console.print("\n".join(first) or "No finding.")


def _print_tightness(console: Console, rows: Sequence[Sequence[Run]]) -> None:
    table = _table(("network", "group"), ("steps", "lowest", "highest", "expected", "resolution"))
    for runs in rows:
        name = "-".join(map(str, runs[0].network.sizes))
        steps = f"{sum(run.steps for run in runs):,}"
        for group, expected in zip(GROUPS, REFERENCE[name], strict=True):
            loose, medians = _looseness(runs, group)
            if not loose:
                continue
            table.add_row(
                name, group, steps, digits(min(loose)), digits(max(loose)), expected,
                f"{digits(min(medians))} - {digits(max(medians))}",
            )  # fmt: skip
    console.print("\nBound over largest error, lowest and highest of all backends and tensors;")
    console.print("median resolution in u, from the lowest to the highest:", table, sep="\n")


def _looseness(runs: Sequence[Run], group: str) -> tuple[list[float], list[float]]:
    """Return bound over largest error of each backend and tensor, and resolutions in u."""
    worst: dict[tuple[str, str], float] = {}
    medians = []
    for run in runs:
        for one in run.certificates:
            of_deltas = group.endswith(WITH_DELTAS)
            if "gradient" in group and of_deltas != _has_deltas(one):
                continue
            for stage in _stages_of(one, group, len(run.network.sizes) - 1):
                key = (one.backend, stage.tensor)
                worst[key] = max(worst.get(key, 0.0), stage.worst)
                medians.append((stage.resolution or 0.0) / U)
    return [1 / value if value else np.inf for value in worst.values()], medians


def _stages_of(one: BackendCertificate, group: str, layers: int) -> Iterator[StageSummary]:
    wanted = {"activations": FORWARD, "loss": LOSS}.get(group, BACKWARD)
    layer = layers if group.startswith("last") else 1
    for stage in one.stages:
        if stage.stage == wanted and (
            wanted != BACKWARD or stage.tensor in (f"W{layer}", f"b{layer}")
        ):
            yield stage


def _has_deltas(one: BackendCertificate) -> bool:
    return any(stage.tensor[0] == "δ" for stage in one.stages)


def _print_cost(console: Console, run: Run) -> None:
    ratio = run.judging_s / run.training_s["numpy"]
    console.print(
        f"\nCost of {run.steps:,} steps: judging {len(run.certificates)} backends "
        f"{duration(run.judging_s)}, training NumPy {duration(run.training_s['numpy'])}, "
        f"{digits(ratio)}x; at most {COST_LIMIT:g}x: {_verdict(ratio, COST_LIMIT)}."
    )


def _print_digits_cost(console: Console, run: Run) -> None:
    """The digits: judging every step, against training all backends, compiling included."""
    training_s = sum(run.training_s.values())
    ratio, without = run.judging_s / (training_s + run.compile_s), run.judging_s / training_s
    console.print(
        f"Cost of digits, {run.steps:,} steps: judging {len(run.certificates)} backends "
        f"{duration(run.judging_s)}, training them {duration(training_s)} and compiling "
        f"{duration(run.compile_s)}, {digits(ratio)}x; at most {DIGITS_COST_LIMIT:g}x: "
        f"{_verdict(ratio, DIGITS_COST_LIMIT)}. Without the compiling {digits(without)}x."
    )


def _verdict(ratio: float, limit: float) -> str:
    return "holds" if ratio <= limit else "missed"


def _print_smallest_slip(console: Console) -> None:
    """Make ∂L/∂W1[0,0] wrong by more and more, until it is found."""
    trained = problem("people16").changed(SLIP_EPOCHS)
    for size in SLIP_SIZES:
        (trainee,), _ = prepare([load(find("numpy"))], trained, DTYPE)
        slipping = Slipping(trained.network, trained.optimizer, DTYPE)
        slipping.size, trainee.backend = size, Stepwise(slipping)
        run = _judged([trainee], SEED)
        if run.certificates[0].found:
            first = run.certificates[0].findings[0]
            console.print(
                f"Smallest relative error of ∂L/∂W1[0,0] found in {run.steps} steps: {size:.1e}, "
                f"{digits(size / U)} u; first in step {first.step}, {first.stage} {first.tensor}."
            )
            return
    console.print(f"A relative error of ∂L/∂W1[0,0] of {SLIP_SIZES[-1]:.1e} is not found.")


def _table(words: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name in words:
        table.add_column(name)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


if __name__ == "__main__":
    sys.exit(main())
