"""Which seeds are chaotic, on raw and on centred data, and what the exact trajectory costs.

Run as `python -m benchmarks.chaos [SEEDS]`; without seeds, 0-29, in about ten minutes. NumPy trains
each seed, and the exact trajectory is followed beside it. The curvature is taken along NumPy's
path: η times the largest eigenvalue of the second derivatives of a step's loss. Where it exceeds 2
a step of gradient descent goes more than twice as far as the bottom, and ends higher.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console

from benchmarks.tables import table_of
from shared.arguments import parse_seeds
from shared.backend import Array, Recording
from shared.named_problems import problem
from shared.problems import Problem
from shared.registry import find, load
from shared.report.truth_words import power
from shared.training import lockstep, prepare
from shared.truth.findings import Truth
from shared.truth.follow import follow
from shared.truth.jacobian import step_jacobians
from shared.truth.residuals import ResidualTaker

PROBLEMS = ("people16", "people16-centered")
WIDTH = 132


@dataclass(frozen=True, slots=True)
class Followed:
    """A seed on a problem.

    curvature, overshooting
        The largest of any step, and the share of the steps where it exceeds 2.
    """

    truth: Truth
    curvature: float
    overshooting: float
    train_s: float


def main(arguments: Sequence[str]) -> None:
    """Follow each seed on both problems, and print a table and sums."""
    seeds = parse_seeds(arguments[0] if arguments else "0-29")
    console = Console(highlight=False, width=WIDTH)
    for name in PROBLEMS:
        asked = problem(name)
        squares = [sum(v * v for v in row) + 1 for row in asked.x]
        print(f"{name}: |x|² + 1 is {sum(squares) / len(squares):.0f} on average, at most "
              f"{max(squares):.0f}")  # fmt: skip
        rows = [_followed(asked, seed) for seed in seeds]
        _print_table(console, seeds, rows)
        _print_sums(rows)


def _followed(asked: Problem, seed: int) -> Followed:
    (trainee,), _ = prepare([load(find("numpy"))], asked, "float64")
    trainee.start(seed)
    taker = ResidualTaker(trainee.name, asked, "float64")
    curvatures = []
    for (recording,) in lockstep([trainee]):
        taker.add(recording)
        curvatures.append(_curvatures(asked, recording))
    truth = follow(asked, seed, "float64", [taker], asked.step_count)
    every = np.concatenate(curvatures)
    return Followed(truth, float(every.max()), float((every > 2).mean()), trainee.train_s)


def _curvatures(asked: Problem, recording: Recording) -> Array:
    """Return (s,) the largest eigenvalue of η ∂²L in each step."""
    data, rate = asked.dataset("float64"), asked.optimizer.learning_rate
    rows = len(recording.steps)
    points = np.concatenate([w.reshape(rows, -1) for w in recording.before], axis=-1)
    samples = data.x[recording.batches], data.y[recording.batches]
    jacobians, _ = step_jacobians(asked.network, rate, points, np.zeros_like(points), *samples)
    curvatures: Array = 1 - np.linalg.eigvalsh(jacobians)[:, 0]
    return curvatures


def _print_table(console: Console, seeds: Sequence[int], rows: Sequence[Followed]) -> None:
    table = table_of((), (
        "seed", "right", "chaotic since step", "grows at most", "from step", "to step",
        "off by 2^", "left over", "η x curvature", "of steps above 2",
    ))  # fmt: skip
    for seed, row in zip(seeds, rows, strict=True):
        truth = row.truth
        since = truth.chaotic_since
        table.add_row(
            str(seed), f"{truth.correct}", "-" if since is None else f"{since:,}",
            power(truth.growth_log10), f"{truth.growth_from:,}", f"{truth.growth_to:,}",
            f"{np.ceil(np.log2(truth.radius)):.0f}",
            f"{max(truth.backends[0].unexplained[2:]):.0e}" if since is None else "-",
            f"{row.curvature:.2f}", f"{100 * row.overshooting:.2f} %",
        )  # fmt: skip
    console.print(table)


def _print_sums(rows: Sequence[Followed]) -> None:
    chaotic = sum(row.truth.chaotic_since is not None for row in rows)
    ratios = sorted(row.truth.elapsed_s / row.train_s for row in rows)
    median = ratios[len(ratios) // 2]
    print(
        f"{chaotic} of {len(rows)} chaotic. The exact trajectory took {median:.1f} times as long "
        f"as NumPy's training (median; {ratios[0]:.1f} to {ratios[-1]:.1f}).\n"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
