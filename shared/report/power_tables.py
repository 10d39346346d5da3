"""The study of power as titled tables of words, for the terminal and for Markdown alike."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.faults.fault import Expected
from shared.power.rules import BESIDE_SIZES
from shared.power.scores import Power, Score, Smallest
from shared.power.summary import Count, benign, count, misses, rows, rule_rows, total
from shared.power.trials import BORDER, DTYPES, Trial
from shared.report import words


@dataclass(frozen=True, slots=True)
class Section:
    """A title, a table, and a note under it.

    left
        The columns that are words; the others are numbers.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    left: tuple[int, ...] = (0,)


def verdict(power: Power) -> list[str]:
    """Return the result in a sentence for each dtype, and one on what was left alone."""
    sentences = []
    for dtype in DTYPES:
        one = total(power, dtype)
        sentences.append(
            f"{dtype}: of {one.active:,} runs with a fault {_share(one.flagged, one.active)} were "
            f"flagged, {_share(one.exact, one.active)} at the first step in which it acts, "
            f"{_share(one.placed, one.active)} with stage and tensors right, too."
        )
    wrong = sum(run.flagged for run in power.runs)
    harmless = [one for dtype in DTYPES for one in benign(power, dtype)]
    alarms = sum(one.flagged for one in harmless)
    sentences.append(
        f"False alarms: {wrong} in {words.counted(len(power.runs), 'correct run')}, {alarms} in "
        f"{words.counted(len(harmless), 'run')} with a harmless variant."
    )
    inert = sum(one.is_inert for one in power.scores)
    below = [one for one in power.scores if one.expected is Expected.BELOW and not one.is_inert]
    sentences.append(
        f"Not counted: {words.counted(inert, 'run')} in which the fault changed no bit, and "
        f"{len(below):,} in which it is below what rounding may do, of which "
        f"{sum(one.flagged for one in below):,} were flagged."
    )
    return sentences


def sections(power: Power) -> Iterator[Section]:
    """Yield the tables."""
    yield _by_kind(power)
    yield _by_rule(power)
    yield _by_fault(power)
    yield _missed(power)
    if power.smallest:
        yield _smallest(power.smallest)


def _by_kind(power: Power) -> Section:
    return Section(
        "Faults that must be found",
        ("", "runs", "flagged", "proved different", "first step exact", "place right"),
        tuple((f"{row.dtype}, {row.kind}", *_cells(row.count)) for row in rows(power)),
        "Place: stage and tensors of the first step.",
    )


def _by_rule(power: Power) -> Section:
    kinds = rows(power)
    heads = [f"{row.dtype.replace('float', 'f')}\n{row.kind}" for row in kinds]
    heads += [f"{dtype.replace('float', 'f')}\ncorrect" for dtype in DTYPES]
    of = [f"{row.count.active:,}" for row in kinds]
    pairs = [[p for p in power.pairs if p.dtype == dtype] for dtype in DTYPES]
    of += [f"{len(some):,}" for some in pairs]
    table = [("of", *of)]
    for row in rule_rows(power):
        table.append((row.name, *(f"{n:,}" for n in (*row.found, *row.alarms))))
    return Section(
        "Beside it: what the rules of other tools say of the same runs",
        ("", *heads),
        tuple(table),
        "Each rule, written anew with its published defaults, compares the faulty run with a "
        "correct one of another framework, and in the last columns two correct ones, where it "
        "should flag none (of the certificate: single correct runs). A rule says that two runs "
        "differ; not which is wrong, nor where.",
    )


def _by_fault(power: Power) -> Section:
    table = []
    for key, group in itertools.groupby(power.scores, key=lambda one: _named(one.trial)):
        scores = list(group)
        cells = (_of_dtype([one for one in scores if one.trial.dtype == d]) for d in DTYPES)
        backends = dict.fromkeys(one.trial.backend for one in scores)
        table.append((key, *cells, ", ".join(backends)))
    return Section(
        "Fault by fault",
        ("", *DTYPES, "in"),
        tuple(table),
        "Runs in which it acts and is flagged, with the right first step, and with the right "
        "place, too; `all` where it is so in each. Inert: it changes no bit. Below: below "
        "resolution.",
        (0, 1, 2, 3),
    )


def _of_dtype(scores: Sequence[Score]) -> str:
    acting = [one for one in scores if not one.is_inert]
    flagged = sum(one.flagged for one in acting)
    if not acting:
        return "inert" if scores else "-"
    if acting[0].expected is Expected.BENIGN:
        return f"{flagged or 'none'} of {len(acting)} flagged"
    if acting[0].expected is Expected.BELOW:
        return f"below: {flagged or 'none'} of {len(acting)} flagged"
    one = count(scores)
    if one.placed == one.active:
        return f"all {one.active}"
    return f"{one.flagged}, {one.exact}, {one.placed} of {one.active}"


def _missed(power: Power) -> Section:
    wrong = misses(power)
    table = []
    for (trial, what), group in itertools.groupby(wrong, key=lambda one: (one.trial, _wrong(one))):
        scores = list(group)
        first = scores[0]
        found = f"found in {first.found_in}" if first.flagged else "found in none"
        where = f"{trial.backend}, {trial.dtype}, {trial.slice.problem}"
        example = f"seed {first.seed}: acts in {first.acted_in or 'no step'}, {found}"
        table.append((_named(trial), where, what, f"{len(scores)}", example))
    return Section(
        "What was missed",
        ("", "in", "", "runs", "such as"),
        tuple(table),
        "Steps are numbers from 1." if wrong else "Nothing.",
        (0, 1, 2, 4),
    )


def _wrong(one: Score) -> str:
    if not one.counts:
        return "flagged, and should not be"
    if not one.flagged:
        return "not flagged"
    return "another step" if not one.step_is_right else "another place"


def _smallest(found: Sequence[Smallest]) -> Section:
    table = []
    for one in found:
        cells = [_size(one.certificate)]
        cells += [
            "alarm" if name in one.alarms else _size(one.rules[name]) for name in BESIDE_SIZES
        ]
        table.append((f"{one.fault}, {one.dtype.replace('float', 'f')}", *cells))
    return Section(
        "The smallest size found, of powers of ten",
        ("", "certificate", *(name.replace(", ", ",\n") for name in BESIDE_SIZES)),
        tuple(table),
        "On the sixteen people, seed 4. Alarm: the rule flags the two runs without the fault, too.",
    )


def _size(size: float | None) -> str:
    return "-" if size is None else f"{size:.0e}"


def _named(trial: Trial) -> str:
    size = "" if trial.size is None else f":{trial.size:g}"
    start = "" if trial.start <= 1 else f"@{trial.start}"
    return f"{trial.fault}{size}{start}"


def _cells(one: Count) -> tuple[str, ...]:
    shares = (one.flagged, one.proved, one.exact, one.placed)
    return f"{one.active:,}", *(_share(n, one.active) for n in shares)


def _share(part: int, whole: int) -> str:
    """Word a part of a whole; never 100 % of what is not all."""
    if not whole or part == whole:
        return f"{part:,} (all)" if whole else "0"
    return f"{part:,} ({min(part / whole * 100, 99.9):.1f} %)"


def ways(power: Power) -> tuple[int, int]:
    """Return how many scored runs have their fault in the source, and how many at the border."""
    scored = [one for one in power.scores if one.counts]
    border = sum(one.trial.way == BORDER for one in scored)
    return len(scored) - border, border
