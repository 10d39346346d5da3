"""What classifiers answer, for the terminal: accuracy, confusions, disagreements, errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.text import Text

from shared.backend import Array
from shared.classification import NOTHING, BackendAnswers, Classification, Measured
from shared.comparison import Comparison
from shared.evaluation import Curve
from shared.problems import Problem
from shared.report import words
from shared.report.layout import heading, say, table_of
from shared.report.pictures import picture, side_by_side

SHOWN_MARKS = 33
MARKS_PER_ROW = 11
SHOWN_DISAGREEMENTS = 10
SHOWN_ERRORS = 4

AFTER = "after epoch"
CELL = len("100.0")
PADDING = 2
PAGE = 88


def print_classification(console: Console, comparison: Comparison) -> None:
    """Print how often every backend is right, who is taken for whom, and the surest errors."""
    told = comparison.classification
    if told is None:
        return
    _print_accuracy(console, comparison, told.measured)
    _print_confusion(console, told)
    _print_disagreements(console, told)
    _print_errors(console, told, comparison.problem)


def _print_accuracy(console: Console, comparison: Comparison, measured: Measured) -> None:
    """Print the accuracy at the marks of the curve, in blocks of epochs."""
    curves = [result.curve for result in comparison.backends]
    marks = min(len(curve.epochs) for curve in curves)
    shown = _thinned(marks)
    epochs = curves[0].epochs[shown].tolist()
    right = {result.name: _right(result.curve)[shown].tolist() for result in comparison.backends}
    heading(console, f"Accuracy in percent on the {words.samples(measured)}")
    say(console, words.split(measured), style="dim")
    per_row = _marks_per_row(console, epochs, list(right))
    for start in range(0, len(epochs), per_row):
        block = slice(start, start + per_row)
        table = table_of(AFTER, *(f"{epoch:,}".rjust(CELL) for epoch in epochs[block]))
        for name, counts in _merged({name: row[block] for name, row in right.items()}).items():
            table.add_row(name, *(words.percent(n / len(measured.truth)) for n in counts))
        console.print(table)
    if len(shown) < marks:
        say(console, f"{len(shown)} of {marks:,} marks; --json FILE holds them all.")


def _print_confusion(console: Console, told: Classification) -> None:
    first, classes = told.backends[0], told.measured.classes
    heading(
        console,
        f"Confusion matrix on the {words.samples(told.measured)}, after epoch {told.epoch:,}"
        f"{_whose(told)}",
    )
    silent = bool(first.unanswered.any())
    titles = [*classes, *(["none"] if silent else [])]
    counts = np.column_stack([first.confusion, first.unanswered]) if silent else first.confusion
    rows = [[f"{n:,}" if n else "." for n in row] for row in counts.tolist()]
    # All columns have one width, so that the diagonal is a line.
    cell = max(len(text) for row in (titles, *rows) for text in row)
    if max(map(len, ("true", *classes))) + (cell + PADDING) * len(titles) > _width(console):
        say(console, f"It is too wide to be shown: {len(classes)} classes. --json FILE holds it.")
        return
    table = table_of("true", *(title.rjust(cell) for title in titles))
    for name, row in zip(classes, rows, strict=True):
        table.add_row(name, *row)
    console.print(table)
    unanswered = "; none is NaN" if silent else ""
    say(
        console,
        f"A row is a class, its columns are what its samples were taken for{unanswered}.",
        style="dim",
    )


def _print_disagreements(console: Console, told: Classification) -> None:
    count = len(told.measured.truth)
    if len(told.backends) == 1:
        return
    if not told.disagreements:
        everyone = words.everyone(len(told.backends))
        say(console, f"{everyone} predict the same for all {count:,}.")
        return
    heading(console, f"The backends disagree on {len(told.disagreements):,} of {count:,}")
    table = table_of("sample", "true", *(one.name for one in told.backends), left=())
    for index in told.disagreements[:SHOWN_DISAGREEMENTS]:
        said = (_answer(one, index, told.measured) for one in told.backends)
        table.add_row(f"{index + 1:,}", _true_class(index, told.measured), *said)
    console.print(table)
    more = len(told.disagreements) - SHOWN_DISAGREEMENTS
    if more > 0:
        say(console, f"and {more:,} more; --json FILE holds them all.")


def _print_errors(console: Console, told: Classification, problem: Problem) -> None:
    first = told.backends[0]
    shown = first.surest_errors[:SHOWN_ERRORS]
    if not shown:
        return
    errors = "error" if first.wrong == 1 else "errors"
    heading(
        console,
        f"Most confidently wrong: {len(shown)} of {first.wrong:,} {errors}{_whose(told)}",
    )
    width = _width(console)
    blocks = []
    for index in shown:
        taken = _answer(first, index, told.measured)
        caption = f"{_true_class(index, told.measured)} taken for {taken}"
        blocks.append([caption, f"sample {index + 1:,}", *_drawn(problem, index, width)])
    for line in side_by_side(blocks, width):
        console.print(Text(line))


def _drawn(problem: Problem, index: int, width: int) -> list[str]:
    """Draw the sample where it is a picture."""
    if problem.image is None:
        return []
    x = problem.x if problem.held_out is None else problem.held_out.x
    return picture(np.array(x[index]).reshape(problem.image), width)


def _right(curve: Curve) -> Array:
    counts = curve.correct if curve.held_out_correct is None else curve.held_out_correct
    assert counts is not None  # a classifier's samples are counted
    return counts


def _thinned(marks: int) -> Array:
    """Choose marks, evenly, the first and the last among them."""
    chosen: Array = np.rint(np.linspace(0, marks - 1, min(marks, SHOWN_MARKS))).astype(int)
    return chosen


def _marks_per_row(console: Console, epochs: Sequence[int], names: Sequence[str]) -> int:
    label = max(map(len, (AFTER, *names)))
    cell = PADDING + max(CELL, len(f"{epochs[-1]:,}"))
    return max(1, min(MARKS_PER_ROW, (_width(console) - label) // cell))


def _merged(rows: dict[str, list[int]]) -> dict[str, list[int]]:
    """Put equal rows together, if all are equal and there are several."""
    first = next(iter(rows.values()))
    if len(rows) == 1 or any(row != first for row in rows.values()):
        return rows
    return {words.everyone(len(rows)).lower(): first}


def _whose(told: Classification) -> str:
    return f" ({told.backends[0].name})" if told.disagreements else ""


def _true_class(index: int, measured: Measured) -> str:
    return measured.classes[int(measured.truth[index])]


def _answer(one: BackendAnswers, index: int, measured: Measured) -> str:
    chosen = int(one.answers.predicted[index])
    if chosen == NOTHING:
        return "none (NaN)"
    return f"{measured.classes[chosen]} ({one.answers.confidence[index]:.2f})"


def _width(console: Console) -> int:
    return min(PAGE, console.width)
