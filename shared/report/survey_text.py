"""The report on many seeds, for the terminal."""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.text import Text

from shared.report import words
from shared.report.layout import compile_time, heading, print_head, print_missing, say, table_of
from shared.survey import Survey

SHOWN_PARTED = 20
"""As many parted seeds are shown one by one."""


def print_survey(console: Console, survey: Survey) -> None:
    """Print the summary of many seeds."""
    count = len(survey.seeds)
    print_head(
        console, survey.problem, f"seeds {words.ranges(survey.seeds)}", survey.dtype,
        [(b.name, b.framework, b.version) for b in survey.backends],
    )  # fmt: skip
    if survey.interrupted:
        say(
            console,
            f"Interrupted: {count:,} of {survey.asked:,} seeds, after {survey.epochs:,} of "
            f"{survey.problem.epochs:,} epochs.",
        )
    print_missing(console, survey.missing)
    _print_groups(console, survey)
    heading(console, "By backend")
    table = table_of("", "solved", "stuck", "set-up", "compile", "training", "per seed")
    for result, solved in zip(survey.backends, survey.solved.sum(axis=1).tolist(), strict=True):
        table.add_row(
            result.name, f"{solved:,}", f"{count - solved:,}",
            words.seconds(result.setup_s), compile_time(result.compile_s),
            words.seconds(result.train_s), words.seconds(result.train_s / count),
        )  # fmt: skip
    console.print(table)


def _print_groups(console: Console, survey: Survey) -> None:
    solved, seeds = survey.solved, np.array(survey.seeds)
    groups = [
        ("solved", solved.all(axis=0), f"all {survey.samples} samples right, on every backend"),
        ("stuck", ~solved.any(axis=0), "some sample wrong, on every backend"),
        ("differ", solved.any(axis=0) & ~solved.all(axis=0), "solved on one, stuck on another"),
        ("parted", survey.parted_epoch >= 0, "the loss curves of two backends differ visibly"),
    ]
    heading(console, f"{len(seeds):,} seeds")
    for name, members, meaning in groups:
        chosen = seeds[members].tolist()
        console.print(Text.assemble((f"{name} {len(chosen):,}", "bold"), f" ({meaning})"))
        say(console, f"    {words.ranges(chosen) or 'none'}")
    parted = np.flatnonzero(survey.parted_epoch >= 0).tolist()
    if not parted:
        return
    heading(console, f"Parted seeds: since when, and how many of {survey.samples} came out right")
    table = table_of("seed", "from epoch", *(result.name for result in survey.backends))
    for i in parted[:SHOWN_PARTED]:
        right = (str(result.correct[i]) for result in survey.backends)
        table.add_row(str(survey.seeds[i]), f"{survey.parted_epoch[i]:,}", *right)
    console.print(table)
    if len(parted) > SHOWN_PARTED:
        say(console, f"and {len(parted) - SHOWN_PARTED:,} more; --json FILE holds them all.")
