"""The study of power, counted: by dtype and kind of run, by fault, and by rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.faults.fault import Expected
from shared.power.rules import RULES
from shared.power.scores import Power, Score
from shared.power.trials import DIGITS, DTYPES

CALM_RUNS, CHAOTIC_RUNS, DIGIT_RUNS = "calm", "chaotic", "digits"
KINDS = (CALM_RUNS, CHAOTIC_RUNS, DIGIT_RUNS)


@dataclass(frozen=True, slots=True)
class Count:
    """Runs with a fault that had to be flagged, and of how many what was said.

    proved
        Flagged as different, and not as undecided alone.
    exact
        Flagged, with the first step in which the fault acted.
    placed
        That, and with the stage and the tensors in which it acted.
    """

    active: int
    flagged: int
    proved: int
    exact: int
    placed: int


@dataclass(frozen=True, slots=True)
class Row:
    """Runs of one dtype and kind."""

    dtype: str
    kind: str
    count: Count


@dataclass(frozen=True, slots=True)
class RuleRow:
    """What a rule, or the certificate, flagged: of faults, and of what is correct.

    found
        By dtype and kind: how many runs with an active fault, in the order of `rows`.
    alarms
        By dtype: how many pairs of correct runs; of the certificate, how many correct runs.
    benign
        By dtype: how many runs with a harmless variant.
    """

    name: str
    found: tuple[int, ...]
    alarms: tuple[int, ...]
    benign: tuple[int, ...]


def kind_of(score: Score) -> str:
    """Return the kind of a run: on the digits, or on a calm or a chaotic seed of the people."""
    if score.trial.slice == DIGITS:
        return DIGIT_RUNS
    return CALM_RUNS if score.is_calm else CHAOTIC_RUNS


def count(scores: Iterable[Score]) -> Count:
    """Count runs; those that did not have to be flagged are left out."""
    active = [one for one in scores if one.counts]
    exact = [one for one in active if one.flagged and one.step_is_right]
    return Count(
        len(active),
        sum(one.flagged for one in active),
        sum(one.verdict == "DIFFERENT" for one in active),
        len(exact),
        sum(one.place_is_right for one in exact),
    )


def rows(power: Power) -> tuple[Row, ...]:
    """Count by dtype and kind of run; kinds that were not run are left out."""
    made = [
        Row(dtype, kind, count(_of(power.scores, dtype, kind)))
        for dtype in DTYPES
        for kind in KINDS
        if _of(power.scores, dtype, kind)
    ]
    return tuple(made)


def total(power: Power, dtype: str) -> Count:
    """Count all runs of a dtype."""
    return count(one for one in power.scores if one.trial.dtype == dtype)


def benign(power: Power, dtype: str) -> list[Score]:
    """Return the runs with a harmless variant that changed some bit."""
    return [
        one
        for one in power.scores
        if one.expected is Expected.BENIGN and not one.is_inert and one.trial.dtype == dtype
    ]


def misses(power: Power) -> list[Score]:
    """Return every run in which something was said that should not have been."""
    wrong = []
    for one in power.scores:
        if one.counts:
            bad = not (one.flagged and one.step_is_right and one.place_is_right)
        else:
            bad = one.flagged and (one.is_inert or one.expected is Expected.BENIGN)
        if bad:
            wrong.append(one)
    return wrong


def rule_rows(power: Power) -> tuple[RuleRow, ...]:
    """Count what the certificate and every rule flagged, the certificate first."""
    own = RuleRow(
        "the certificate",
        tuple(row.count.flagged for row in rows(power)),
        tuple(sum(run.flagged for run in power.runs if run.dtype == d) for d in DTYPES),
        tuple(sum(one.flagged for one in benign(power, d)) for d in DTYPES),
    )
    return (own, *(_rule_row(power, rule.name) for rule in RULES))


def _rule_row(power: Power, name: str) -> RuleRow:
    found = tuple(
        sum(
            one.rules.get(name, False)
            for one in _of(power.scores, row.dtype, row.kind)
            if one.counts
        )
        for row in rows(power)
    )
    alarms = tuple(
        sum(p.rules.get(name, False) for p in power.pairs if p.dtype == d) for d in DTYPES
    )
    harmless = tuple(sum(one.rules.get(name, False) for one in benign(power, d)) for d in DTYPES)
    return RuleRow(name, found, alarms, harmless)


def _of(scores: Sequence[Score], dtype: str, kind: str) -> list[Score]:
    return [one for one in scores if one.trial.dtype == dtype and kind_of(one) == kind]
