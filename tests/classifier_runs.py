"""Runs of small classifiers, as they are and as if a backend had answered otherwise."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from rich.console import Console

from shared.backend import Array
from shared.classification import NOTHING, Answers, classification
from shared.comparison import Comparison, compare
from shared.problems import Problem
from shared.registry import Loaded
from shared.report.data import comparison_data
from shared.report.text import print_comparison
from tests.classifiers import (
    NUMPY,
    OTHER,
)

THIRD = Loaded(replace(OTHER.source, name="third"), NUMPY.kind, NUMPY.version)


def run(one: Problem, *loaded: Loaded) -> Comparison:
    return compare(one, 1, loaded or [NUMPY], dtype="float32")


def text_of(comparison: Comparison, width: int = 88) -> str:
    page = io.StringIO()
    print_comparison(Console(file=page, width=width, highlight=False), comparison)
    return page.getvalue()


def data_of(comparison: Comparison) -> Any:
    return comparison_data(comparison, "as typed")["classification"]


def answering(comparison: Comparison, which: int, change: Callable[[Array], None]) -> Comparison:
    """The comparison, had one backend answered otherwise."""
    results = list(comparison.backends)
    before = results[which].curve.answers
    assert before is not None
    chosen = before.predicted.copy()
    change(chosen)
    said = Answers(chosen, np.where(chosen == NOTHING, np.nan, before.confidence))
    results[which] = replace(results[which], curve=replace(results[which].curve, answers=said))
    named = [(result.name, result.curve.answers) for result in results]
    found = classification(comparison.problem, named, 20)
    return replace(comparison, backends=tuple(results), classification=found)


def put(*at: int, chosen: int) -> Callable[[Array], None]:
    def change(predicted: Array) -> None:
        predicted[list(at)] = chosen

    return change


def told_of(comparison: Comparison) -> Any:
    assert comparison.classification is not None
    return comparison.classification
