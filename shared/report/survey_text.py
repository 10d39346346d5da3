"""The report on many seeds, for the terminal: how many of each kind there are, and which."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.text import Text

from shared.atlas import Atlas
from shared.backend import Array
from shared.classification import SurveyedAnswers
from shared.report import words
from shared.report.layout import compile_time, heading, print_head, print_missing, say, table_of
from shared.report.seed_tables import (
    NO_CLASS,
    accuracies_by_backend,
    losses_by_backend,
    measured_loss,
    print_accuracies,
    print_losses,
    print_parted,
    say_left_out,
    seeds,
)
from shared.surveyed import NOT_STUCK, TOLD_DIFFERENTLY, Survey
from shared.twins import CHAOTIC_SHARE, SENSITIVE_GROWTH

LISTED_SEEDS = 60
"""As many seeds of one kind are listed by their numbers."""

COUNTED_DIFFERENTLY = "saturated units that backends count differently"
INDENT = " " * 4


@dataclass(frozen=True, slots=True)
class _Kind:
    """Some of the seeds: what they are called, what that means, and (S,) which they are.

    told
        Whether their number is told even if it is zero.
    listed
        Whether it is told which they are.
    label
        What the table calls them instead of their name, where they are part of the kind above.
    """

    name: str
    meaning: str
    members: Array
    told: bool = True
    listed: bool = True
    label: str | None = None


def print_survey(console: Console, survey: Survey) -> None:
    """Print the summary of many seeds on one problem."""
    print_atlas(console, Atlas(survey))


def print_atlas(console: Console, atlas: Atlas) -> None:
    """Print the summary of many seeds on a problem and, if it has one, on its sibling."""
    survey = atlas.survey
    print_head(
        console, survey.problem, f"seeds {words.ranges(survey.seeds)}", survey.dtype,
        [(b.name, b.framework, b.version) for b in survey.backends],
    )  # fmt: skip
    if atlas.interrupted:
        say(console, _interrupted(atlas))
    print_missing(console, survey.missing)
    if survey.answers is not None:
        print_accuracies(console, survey, survey.answers)
        _print_each(console, survey, survey.answers)
    elif survey.problem.classes:
        _print_kinds(console, atlas)
    else:
        print_losses(console, survey)
        _print_each(console, survey)
    print_parted(console, survey)
    _print_backends(console, atlas)


def _interrupted(atlas: Atlas) -> str:
    survey, sibling = atlas.survey, atlas.sibling
    if sibling and not survey.interrupted:
        return (
            f"Interrupted while {sibling.name} was trained, which is left out here; the figures of "
            f"{survey.problem.name} are complete."
        )
    told = (
        f"Interrupted: {len(survey.seeds):,} of {survey.asked:,} seeds, after {survey.epochs:,} of "
        f"{survey.problem.epochs:,} epochs."
    )
    return f"{told} {sibling.name} was not begun." if sibling else told


def _print_kinds(console: Console, atlas: Atlas) -> None:
    """Print how many seeds there are of each kind, problem beside problem, and which."""
    survey, beside = atlas.survey, atlas.centred
    columns = [survey] if beside is None or beside.interrupted else [survey, beside]
    numbers = {int(n) for column in columns for n in column.stuck_units if n >= 0}
    each = [_kinds(column, sorted(numbers, reverse=True)) for column in columns]
    heading(console, seeds(survey))
    table = table_of("", "", *(column.problem.name for column in columns), left=(0, 1))
    for row in zip(*each, strict=True):
        counts = [int(kind.members.sum()) for kind in row]
        kind = row[0]
        if kind.told or any(counts):
            name = kind.name if kind.label is None else kind.label
            table.add_row(name, kind.meaning, *(f"{count:,}" for count in counts))
    console.print(table)
    say(console, _measure(survey))
    if len(columns) > 1:
        say(console, f"{columns[1].problem.name} is the same data, less the mean of each column.")
    of_whom = f" of {survey.problem.name}" if len(columns) > 1 else ""
    heading(console, f"Which seeds{of_whom}")
    listed = [kind for kind in each[0] if kind.listed and kind.members.any()]
    _print_members(console, survey, listed)


def _kinds(survey: Survey, numbers: Sequence[int]) -> list[_Kind]:
    """Sort the seeds twice: by how they end, stuck ones by these numbers of units; by their twins.

    The seeds whose curves part stand between, and may be of any kind.
    """
    units = survey.stuck_units
    right = f"all {survey.samples} samples right, on every backend"
    return [
        _Kind("solved", right, survey.solved_by_all),
        _Kind("stuck", "some sample wrong, on every backend", units != NOT_STUCK, listed=False),
        *(_Kind("stuck", f"{_hidden_units(n)} saturated", units == n, label="") for n in numbers),
        _Kind("stuck", COUNTED_DIFFERENTLY, units == TOLD_DIFFERENTLY, told=False, label=""),
        _Kind("differ", "solved on one backend, stuck on another", survey.told_apart),
        _broken(survey),
        _parted(survey),
        *_by_twins(survey),
    ]


def _by_twins(survey: Survey) -> list[_Kind]:
    found = survey.sensitivity
    return [
        _Kind("calm", "a last bit stays small", found.calm, listed=False),
        _Kind("sensitive", f"a last bit grows {SENSITIVE_GROWTH:,.0f}-fold", found.sensitive),
        _Kind("chaotic", "rounding decides where the weights end", found.chaotic),
        _Kind(NO_CLASS, "seed and twin both NaN or infinite", found.broken, told=False),
    ]


def _measure(survey: Survey) -> str:
    """State by what measure seeds are calm, sensitive or chaotic."""
    return (
        f"{survey.sensitivity.backend} trained each seed together with a twin whose weights start "
        "one ULP higher or lower, as little as a float can, and are set so again where they have "
        "become equal: a seed is chaotic if its weights come to differ from its twin's by more "
        f"than {100 * CHAOTIC_SHARE:g} % of the largest weight, sensitive if their difference "
        f"grows {SENSITIVE_GROWTH:,.0f}-fold without that, calm if it does neither."
    )


def _print_each(console: Console, survey: Survey, told: SurveyedAnswers | None = None) -> None:
    """Print which seeds are of each kind, where it is not counted how they end."""
    alike = []
    if told and len(survey.backends) > 1:
        meaning = f"all backends predict the same for all {len(told.measured.truth):,}"
        alike = [_Kind("alike", meaning, told.alike)]
    kinds = [*alike, _broken(survey), _parted(survey), *_by_twins(survey)]
    _print_members(console, survey, [kind for kind in kinds if kind.told or kind.members.any()])
    say(console, _measure(survey))


def _broken(survey: Survey) -> _Kind:
    meaning = "on some backend, weights are NaN or infinite"
    return _Kind("broken", meaning, survey.broken_on_any, told=False)


def _parted(survey: Survey) -> _Kind:
    meaning = "the loss curves of two backends differ visibly"
    return _Kind("parted", meaning, survey.parted_epoch >= 0)


def _print_members(console: Console, survey: Survey, kinds: Sequence[_Kind]) -> None:
    numbers = np.array(survey.seeds)
    for kind in kinds:
        chosen = numbers[kind.members].tolist()
        console.print(Text.assemble((f"{kind.name} {len(chosen):,}", "bold"), f" ({kind.meaning})"))
        told = words.ranges(chosen[:LISTED_SEEDS]) or "none"
        if len(chosen) > LISTED_SEEDS:
            told += f", and {len(chosen) - LISTED_SEEDS:,} more; --json FILE holds them all."
        say(console, textwrap.fill(
            told, console.width,
            initial_indent=INDENT, subsequent_indent=INDENT, break_on_hyphens=False,
        ))  # fmt: skip


def _print_backends(console: Console, atlas: Atlas) -> None:
    survey = atlas.survey
    count = len(survey.seeds)
    if survey.answers is not None:
        heading(console, f"By backend: accuracy over the {seeds(survey)}, and time")
        titles, cells = accuracies_by_backend(survey.answers)
    elif survey.problem.classes:
        heading(console, "By backend")
        titles, cells = _ends_by_backend(survey)
    else:
        heading(console, f"By backend: {measured_loss(survey)} over the {seeds(survey)}, and time")
        titles, cells = losses_by_backend(survey)
    table = table_of("", *titles, "set-up", "compile", "training", "per seed")
    for result, told in zip(survey.backends, cells, strict=True):
        table.add_row(
            result.name, *told, words.seconds(result.setup_s), compile_time(result.compile_s),
            words.seconds(result.train_s), words.seconds(result.train_s / count),
        )  # fmt: skip
    console.print(table)
    if not survey.problem.classes:
        say_left_out(console, survey)
    say(console, _further_time(atlas))


def _ends_by_backend(survey: Survey) -> tuple[list[str], list[list[str]]]:
    """Count on each backend how seeds end."""
    each = [("solved", survey.solved), ("stuck", survey.stuck)]
    each += [("broken", survey.broken)] if survey.broken.any() else []
    sums = np.stack([members.sum(axis=1) for _, members in each], axis=1)
    return [title for title, _ in each], [[f"{n:,}" for n in row] for row in sums.tolist()]


def _further_time(atlas: Atlas) -> str:
    """Say what the twins took, and the sibling, if it was begun."""
    told = f"Training the twins took {words.seconds(atlas.survey.sensitivity.train_s)} more"
    if atlas.centred is None:
        return f"{told}."
    beside = sum(b.train_s for b in atlas.centred.backends) + atlas.centred.sensitivity.train_s
    return f"{told}, and {atlas.centred.problem.name}, twins included, {words.seconds(beside)}."


def _hidden_units(count: int) -> str:
    return {0: "no hidden unit", 1: "1 hidden unit"}.get(count, f"{count:,} hidden units")
