"""Of many seeds, what each came to: accuracies, losses, and where loss curves part.

A table has a row for each of the first seeds; by backend, all seeds are summed up. The report on
many seeds puts these tables among its others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console

from shared.backend import Array
from shared.classification import Spread, SurveyedAnswers
from shared.report import words
from shared.report.layout import heading, say, table_of
from shared.report.survey_data import classes_of
from shared.surveyed import LossSpread, Survey, SurveyedBackend, loss_spread

SHOWN_SEEDS = 20
"""As many seeds are shown with a row each."""

LOSS_DIGITS = 6
NO_CLASS = "no class"


def seeds(survey: Survey) -> str:
    """Word how many seeds there are."""
    return f"{len(survey.seeds):,} {'seed' if len(survey.seeds) == 1 else 'seeds'}"


def say_more(console: Console, count: int) -> None:
    """Say how many seeds have no row."""
    if count > SHOWN_SEEDS:
        say(console, f"and {count - SHOWN_SEEDS:,} more; --json FILE holds them all.")


def print_accuracies(console: Console, survey: Survey, told: SurveyedAnswers) -> None:
    """Print the accuracy of each seed on each backend."""
    count = len(told.measured.truth)
    heading(console, f"{seeds(survey)}: accuracy in percent on the {words.samples(told.measured)}")
    say(console, words.split(told.measured), style="dim")
    rows = [[words.percent(n / count) for n in row] for row in told.correct.T.tolist()]
    _print_rows(console, survey, rows)


def accuracies_by_backend(told: SurveyedAnswers) -> tuple[list[str], list[list[str]]]:
    """Return titles and, for each backend, cells: the accuracy over all seeds."""
    return ["mean", "standard deviation", "lowest"], [_spread(one) for one in told.spreads]


def print_losses(console: Console, survey: Survey) -> None:
    """Print the last loss of each seed on each backend, of samples held out, too."""
    told, held_out = f"mean loss after epoch {survey.epochs:,}", survey.problem.held_out
    heading(console, f"{seeds(survey)}: {told} on the {survey.samples:,} {_which(survey)}samples")
    _print_rows(console, survey, _rows([result.loss for result in survey.backends]))
    if held_out:
        heading(console, f"{seeds(survey)}: {told} on the {len(held_out.x):,} held-out samples")
        say(console, words.held_out(held_out.split), style="dim")
        _print_rows(console, survey, _rows([_measured(result) for result in survey.backends]))


def measured_loss(survey: Survey) -> str:
    """Name the loss that tells most: where samples are held out, theirs."""
    held_out = "held-out " if survey.problem.held_out else ""
    return f"last {held_out}loss"


def losses_by_backend(survey: Survey) -> tuple[list[str], list[list[str]]]:
    """Return titles and, for each backend, cells: the last loss over all seeds."""
    return ["mean", "lowest", "highest"], [_loss_cells(one) for one in _spreads(survey)]


def say_left_out(console: Console, survey: Survey) -> None:
    """Say of how many seeds the last loss is no number that could be summed up."""
    counts = [len(survey.seeds) - one.finite for one in _spreads(survey)]
    told = [f"{n:,} of {b.name}" for n, b in zip(counts, survey.backends, strict=True) if n]
    if told:
        say(console, f"Losses that are NaN or infinite are left out: {words.joined(told)}.")


def print_parted(console: Console, survey: Survey) -> None:
    """Print since when curves part, and where each backend ends."""
    parted = np.flatnonzero(survey.parted_epoch >= 0).tolist()
    if not parted:
        return
    heading(console, f"Parted seeds: since when, and {_ends_told(survey)}")
    classes = classes_of(survey.sensitivity)
    names = [result.name for result in survey.backends]
    table = table_of("seed", "from epoch", *names, "twin", left=(0, len(names) + 2))
    for i in parted[:SHOWN_SEEDS]:
        ends = (_end(result, i) for result in survey.backends)
        since = f"{survey.parted_epoch[i]:,}"
        table.add_row(str(survey.seeds[i]), since, *ends, classes[i] or NO_CLASS)
    console.print(table)
    say_more(console, len(parted))
    if not survey.sensitivity.chaotic[parted].all():
        say(
            console,
            "A parted seed need not be chaotic by its twin: losses may differ visibly where no "
            "weight does, and near a limit another backend may say otherwise.",
        )


def _print_rows(console: Console, survey: Survey, rows: Sequence[Sequence[str]]) -> None:
    """Print the cells of each backend, a row for each of the first seeds."""
    table = table_of("seed", *(result.name for result in survey.backends), left=())
    for seed, cells in list(zip(survey.seeds, rows, strict=True))[:SHOWN_SEEDS]:
        table.add_row(str(seed), *cells)
    console.print(table)
    say_more(console, len(survey.seeds))


def _ends_told(survey: Survey) -> str:
    """Say what the table of parted seeds has of each backend."""
    if not survey.problem.classes:
        return f"the mean loss after epoch {survey.epochs:,}"
    samples = f"{survey.samples:,}{' training samples' if survey.answers else ''}"
    return f"how many of {samples} came out right"


def _end(result: SurveyedBackend, i: int) -> str:
    if result.correct is None:
        return words.loss(float(result.loss[i]), LOSS_DIGITS)
    return str(result.correct[i])


def _rows(each: Sequence[Array]) -> list[list[str]]:
    lists = (losses.tolist() for losses in each)
    return [[words.loss(one, LOSS_DIGITS) for one in row] for row in zip(*lists, strict=True)]


def _which(survey: Survey) -> str:
    return "training " if survey.problem.held_out else ""


def _measured(result: SurveyedBackend) -> Array:
    return result.loss if result.held_out_loss is None else result.held_out_loss


def _spreads(survey: Survey) -> list[LossSpread]:
    return [loss_spread(_measured(result)) for result in survey.backends]


def _loss_cells(one: LossSpread) -> list[str]:
    return [
        "-" if value is None else words.loss(value, LOSS_DIGITS)
        for value in (one.mean, one.lowest, one.highest)
    ]


def _spread(spread: Spread) -> list[str]:
    deviation = "-" if spread.deviation is None else f"{100 * spread.deviation:.2f}"
    return [f"{100 * spread.mean:.2f}", deviation, words.percent(spread.lowest)]
