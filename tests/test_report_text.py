"""The text report in the cases that a default run does not show."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from shared.comparison import Comparison, compare
from shared.named_problems import problem
from shared.network import Network
from shared.problems import Feature, Problem
from shared.registry import Loaded, Source, find, load
from shared.report.survey_text import print_survey
from shared.report.text import print_comparison
from shared.survey import survey
from tests.classifiers import pictures
from tests.command_line import row, section
from tests.quantities import all_trained_on, weather

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


def test_the_head_says_what_the_inputs_are() -> None:
    assert text_of(compare(SHORT, 1, [NUMPY])).splitlines()[1:2] == [
        "Inputs: height in cm - 150, weight in kg - 50"
    ]


def test_the_inputs_stand_below_the_samples() -> None:
    head = text_of(compare(weather(1), 1, [NUMPY])).splitlines()
    assert head[1].endswith("; 4 more are held out")
    assert head[2] == "Inputs: (hour in h - 12) / 6, rain in mm - 0.333333"


def test_many_seeds_have_that_head_too() -> None:
    page = io.StringIO()
    print_survey(Console(file=page, width=88, highlight=False), survey(SHORT, [1], [NUMPY]))
    assert page.getvalue().splitlines()[1] == "Inputs: height in cm - 150, weight in kg - 50"


@pytest.mark.parametrize("image", [(2, 2), None])
def test_pixels_are_not_named(image: tuple[int, int] | None) -> None:
    pixels = tuple(Feature(f"x[{i}]", "", 0.5) for i in range(4))
    one = replace(pictures(1), features=pixels, image=image)
    assert ("Inputs: x[0] - 0.5," in text_of(compare(one, 1, [NUMPY]))) == (image is None)


def test_inputs_without_names_are_not_told() -> None:
    assert "Inputs" not in text_of(compare(replace(pictures(1), image=None), 1, [NUMPY]))


@pytest.mark.parametrize("one", [weather(), pictures(5)], ids=["quantities", "classes"])
def test_the_held_out_loss_stands_beside_the_last_one(one: Problem) -> None:
    told = compare(one, 1, [NUMPY, OTHER])
    lines = section(text_of(told), "Loss: mean over the 9 samples")
    (title,) = [line for line in lines if "before training" in line]
    assert title.split("  ")[-1] == "held out, after epoch 5"
    for result in told.backends:
        losses = result.curve.held_out_loss
        assert losses is not None
        ends = [result.curve.loss[0], result.curve.loss[-1], losses[-1]]
        assert row(lines, result.name) == [repr(float(loss)) for loss in ends]


def test_where_none_are_held_out_there_is_no_such_column() -> None:
    told = text_of(compare(all_trained_on(), 1, [NUMPY]))
    assert "held out" not in told


def test_the_exact_curve_has_no_held_out_loss() -> None:
    told = text_of(compare(weather(), 1, [NUMPY], truth=True))
    assert row(section(told, "Loss: mean"), "exact")[-1] == "-"
    assert "Exact arithmetic ends at loss" in told
    assert "right" not in told


@pytest.mark.parametrize(("one", "count"), [(weather(), 1), (pictures(5), 1)])
def test_it_is_said_once_how_samples_were_set_aside(one: Problem, count: int) -> None:
    assert text_of(compare(one, 1, [NUMPY])).count("\nHeld out: by ") == count


def test_of_quantities_the_loss_is_what_was_learned() -> None:
    told = compare(weather(), 1, [NUMPY, OTHER])
    assert section(text_of(told), "Did it learn?")[0].startswith("Both: the mean loss fell from ")


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
