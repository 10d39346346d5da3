"""The report on many seeds, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from rich.console import Console
from rich.text import Text

from shared.classification import Spread, SurveyedAnswers
from shared.report import words
from shared.report.layout import compile_time, heading, print_head, print_missing, say, table_of
from shared.survey import Survey

SHOWN_SEEDS = 20
"""As many seeds are shown one by one."""

_Members: TypeAlias = tuple[str, Any, str]
"""A group of seeds: its name, (S,) whether each belongs to it, and what that means."""


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
    if survey.answers is None:
        _print_groups(console, survey)
    else:
        _print_accuracies(console, survey, survey.answers)
    _print_parted(console, survey)
    _print_backends(console, survey)


def _print_groups(console: Console, survey: Survey) -> None:
    solved = survey.solved
    heading(console, _seeds(survey))
    _print_members(console, survey, [
        ("solved", solved.all(axis=0), f"all {survey.samples} samples right, on every backend"),
        ("stuck", ~solved.any(axis=0), "some sample wrong, on every backend"),
        ("differ", solved.any(axis=0) & ~solved.all(axis=0), "solved on one, stuck on another"),
        _parted(survey),
    ])  # fmt: skip


def _print_accuracies(console: Console, survey: Survey, told: SurveyedAnswers) -> None:
    """Print the accuracy of each seed on each backend."""
    count = len(told.measured.truth)
    heading(console, f"{_seeds(survey)}: accuracy in percent on the {words.samples(told.measured)}")
    say(console, words.split(told.measured), style="dim")
    table = table_of("seed", *(result.name for result in survey.backends), left=())
    for seed, correct in zip(survey.seeds[:SHOWN_SEEDS], told.correct.T.tolist(), strict=False):
        table.add_row(str(seed), *(words.percent(n / count) for n in correct))
    console.print(table)
    _say_more(console, len(survey.seeds))
    groups = [_parted(survey)]
    if len(survey.backends) > 1:
        meaning = f"all backends predict the same for all {count:,}"
        groups.insert(0, ("alike", told.alike, meaning))
    _print_members(console, survey, groups)


def _parted(survey: Survey) -> _Members:
    meaning = "the loss curves of two backends differ visibly"
    return ("parted", survey.parted_epoch >= 0, meaning)


def _print_members(console: Console, survey: Survey, groups: Sequence[_Members]) -> None:
    seeds = np.array(survey.seeds)
    for name, members, meaning in groups:
        chosen = seeds[members].tolist()
        console.print(Text.assemble((f"{name} {len(chosen):,}", "bold"), f" ({meaning})"))
        say(console, f"    {words.ranges(chosen) or 'none'}")


def _print_parted(console: Console, survey: Survey) -> None:
    parted = np.flatnonzero(survey.parted_epoch >= 0).tolist()
    if not parted:
        return
    samples = f"{survey.samples:,}{' training samples' if survey.answers else ''}"
    heading(console, f"Parted seeds: since when, and how many of {samples} came out right")
    table = table_of("seed", "from epoch", *(result.name for result in survey.backends))
    for i in parted[:SHOWN_SEEDS]:
        right = (str(result.correct[i]) for result in survey.backends)
        table.add_row(str(survey.seeds[i]), f"{survey.parted_epoch[i]:,}", *right)
    console.print(table)
    _say_more(console, len(parted))


def _print_backends(console: Console, survey: Survey) -> None:
    count = len(survey.seeds)
    if survey.answers is None:
        heading(console, "By backend")
        titles = ["solved", "stuck"]
        solved = survey.solved.sum(axis=1).tolist()
        cells = [[f"{n:,}", f"{count - n:,}"] for n in solved]
    else:
        heading(console, f"By backend: accuracy over the {_seeds(survey)}, and time")
        titles = ["mean", "standard deviation", "lowest"]
        cells = [_spread(spread) for spread in survey.answers.spreads]
    table = table_of("", *titles, "set-up", "compile", "training", "per seed")
    for result, told in zip(survey.backends, cells, strict=True):
        table.add_row(
            result.name, *told, words.seconds(result.setup_s), compile_time(result.compile_s),
            words.seconds(result.train_s), words.seconds(result.train_s / count),
        )  # fmt: skip
    console.print(table)


def _spread(spread: Spread) -> list[str]:
    deviation = "-" if spread.deviation is None else f"{100 * spread.deviation:.2f}"
    return [f"{100 * spread.mean:.2f}", deviation, words.percent(spread.lowest)]


def _say_more(console: Console, count: int) -> None:
    if count > SHOWN_SEEDS:
        say(console, f"and {count - SHOWN_SEEDS:,} more; --json FILE holds them all.")


def _seeds(survey: Survey) -> str:
    return f"{len(survey.seeds):,} {'seed' if len(survey.seeds) == 1 else 'seeds'}"
