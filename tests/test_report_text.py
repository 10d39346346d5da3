"""The text report in the cases that a default run does not show."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from shared.comparison import Comparison, compare
from shared.network import Network
from shared.problems import Problem, problem
from shared.registry import Loaded, Source, find, load
from shared.report.survey_text import print_survey
from shared.report.text import print_comparison
from shared.survey import survey

NUMPY = load(find("numpy"))
OTHER = Loaded(Source("other", "other"), NUMPY.kind, NUMPY.version)
SHORT = problem("people16").changed(epochs=3)


def text_of(comparison: Comparison) -> str:
    page = io.StringIO()
    print_comparison(Console(file=page, width=88, highlight=False), comparison)
    return page.getvalue()


def wide(hidden: int) -> Problem:
    """A problem like the people's, for a network with many hidden units."""
    return replace(SHORT, network=Network((2, hidden, 1)))


def test_many_parameters_are_shown_by_tensor() -> None:
    told = text_of(compare(wide(30), 1, [NUMPY, OTHER]))
    section = told[told.index("Largest distance") : told.index("Loss:")]
    rows = [line.split()[:2] for line in section.splitlines() if line.startswith(("W", "b"))]
    assert rows == [["W1", "(30x2)"], ["b1", "(30)"], ["W2", "(1x30)"], ["b2", "(1)"]]
    assert "Weights and biases" not in told


def test_few_parameters_are_shown_one_by_one() -> None:
    told = text_of(compare(wide(3), 1, [NUMPY, OTHER]))
    assert "Weights and biases" in told
    assert "W1[2,1]" in told


def test_one_backend_alone_is_not_compared() -> None:
    told = text_of(compare(SHORT, 1, [NUMPY]))
    assert "ULPs, in" not in told
    assert "Drift" not in told
    assert "Largest distance" not in told
    assert "numpy: " in told


def test_two_backends_that_learned_alike_are_told_together() -> None:
    assert "Both: stuck: 8 of 16" in text_of(compare(SHORT, 1, [NUMPY, OTHER]))


def test_people_of_whom_the_backends_say_different_things() -> None:
    told = compare(SHORT, 1, [NUMPY, OTHER])
    (answer,) = told.backends[1].outcome.answers
    changed = replace(told.backends[1].outcome, answers=(1 - answer,))
    parted = replace(told, backends=(told.backends[0], replace(told.backends[1], outcome=changed)))
    assert "They do not agree." in " ".join(text_of(parted).split())
    assert "They do not agree." not in text_of(told)


@pytest.mark.parametrize(("answer", "said"), [(float("nan"), "No answer"), (0.9, "female")])
def test_what_is_said_of_a_person(answer: float, said: str) -> None:
    told = compare(SHORT, 1, [NUMPY])
    outcome = replace(told.backends[0].outcome, answers=(answer,))
    changed = replace(told, backends=(replace(told.backends[0], outcome=outcome),))
    assert said in text_of(changed)


def test_of_many_parted_seeds_the_first_are_shown() -> None:
    told = survey(SHORT, range(30), [NUMPY, OTHER])
    parted = replace(told, parted_epoch=np.ones(30, dtype=int))
    page = io.StringIO()
    print_survey(Console(file=page, width=88, highlight=False), parted)
    assert "parted 30" in page.getvalue()
    assert "and 10 more; --json FILE holds them all." in page.getvalue()
    assert "\n19 " in page.getvalue()
    assert "\n20 " not in page.getvalue()
