"""From outputs to answers, and from the answers of several backends to what a report tells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from shared.classification import (
    KEPT_ERRORS,
    NOTHING,
    Answers,
    Classification,
    SurveyedAnswers,
    answers,
    classification,
    measured,
    predicted,
    right,
    surveyed,
)
from shared.named_problems import problem
from shared.problems import Problem
from tests.classifiers import none_held_out, one_output, pictures

NAN = math.nan


@pytest.mark.parametrize(
    ("output", "chosen", "confidence"),
    [
        ([0.25, 0.5, 0.125], 1, 0.5),
        ([0.75, 0.5, 0.125], 0, 0.75),
        ([0.25, 0.25, 0.25], 0, 0.25),
        ([-3.0, -2.0, -1.0], 2, -1.0),
        ([0.0, math.inf, 1.0], 1, math.inf),
        ([0.75], 1, 0.75),
        ([0.25], 0, 0.75),
        ([0.5], 0, 0.5),
    ],
)
def test_an_output_is_an_answer(
    output: list[float], chosen: int, confidence: float, dtype: str
) -> None:
    said = answers(np.array([output], dtype))
    assert (said.predicted.tolist(), said.confidence.tolist()) == ([chosen], [confidence])
    assert said.confidence.dtype == dtype


@pytest.mark.parametrize("output", [[NAN, 0.5, 0.25], [0.5, 0.25, NAN], [NAN] * 3, [NAN]])
def test_a_nan_is_no_answer(output: list[float], dtype: str) -> None:
    said = answers(np.array([output], dtype))
    assert said.predicted.tolist() == [NOTHING]
    assert np.isnan(said.confidence).all()


def test_replicas_answer_side_by_side() -> None:
    output = np.array([[[0.1, 0.9], [0.8, 0.2]], [[0.6, 0.4], [NAN, 0.2]]])
    said = answers(output)
    assert said.predicted.tolist() == [[1, 0], [0, NOTHING]]
    assert said.confidence[:, 0].tolist() == [0.9, 0.6]


def test_an_output_is_left_as_it_was() -> None:
    output = np.array([[0.25], [NAN]])
    before = output.tobytes()
    answers(output)
    assert output.tobytes() == before


def test_no_answer_is_never_right() -> None:
    said = np.array([0, 1, NOTHING, NOTHING])
    assert right(said, np.array([0, 0, 0, NOTHING])).tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("asked", "split", "truth"),
    [
        (pictures(), "by hand", [0, 1, 2, 1, 1, 2]),
        (none_held_out(), None, [0, 1, 2, 0, 1, 2, 0, 1, 2]),
        (one_output(), "by hand", [0, 1, 0]),
    ],
    ids=["held out", "none held out", "one output"],
)
def test_a_classifier_is_measured_on_what_was_held_out(
    asked: Problem, split: str | None, truth: list[int]
) -> None:
    found = measured(asked)
    assert found is not None
    assert (found.split, found.held_out, found.truth.tolist()) == (split, split is not None, truth)
    assert found.classes == asked.classes


@pytest.mark.parametrize("asked", [problem("people4"), replace(pictures(), classes=())])
def test_where_there_is_nothing_to_tell_nothing_is_measured(asked: Problem) -> None:
    assert measured(asked) is None
    assert classification(asked, [("a", said([0] * 4))], 1) is None
    assert surveyed(asked, [many([[0] * 4])]) is None


def said(chosen: Sequence[int], confidence: Sequence[float] | None = None) -> Answers:
    return Answers(np.array(chosen), np.array(confidence or [0.5] * len(chosen)))


def many(chosen: Sequence[Sequence[int]]) -> Answers:
    return Answers(np.array(chosen), np.full(np.shape(chosen), 0.5))


def told(*each: Answers) -> Classification:
    """What backends a, b, ... say of the held-out pictures, which are 0, 1, 2, 1, 1, 2."""
    found = classification(pictures(), list(zip("abc", each, strict=False)), 7)
    assert found is not None
    return found


RIGHT = [0, 1, 2, 1, 1, 2]


@pytest.mark.parametrize(
    ("chosen", "correct", "wrong", "confusion", "unanswered"),
    [
        (RIGHT, 6, 0, [[1, 0, 0], [0, 3, 0], [0, 0, 2]], [0, 0, 0]),
        ([0, 1, 2, 1, 0, 2], 5, 1, [[1, 0, 0], [1, 2, 0], [0, 0, 2]], [0, 0, 0]),
        ([1, 2, 0, 2, 2, 0], 0, 6, [[0, 1, 0], [0, 0, 3], [2, 0, 0]], [0, 0, 0]),
        ([0, NOTHING, 2, 1, 2, NOTHING], 3, 1, [[1, 0, 0], [0, 1, 1], [0, 0, 1]], [0, 1, 1]),
        ([NOTHING] * 6, 0, 0, [[0] * 3] * 3, [1, 3, 2]),
    ],
)
def test_answers_are_counted_by_class(
    chosen: list[int],
    correct: int,
    wrong: int,
    confusion: list[list[int]],
    unanswered: list[int],
) -> None:
    (one,) = told(said(chosen)).backends
    assert (one.correct, one.wrong) == (correct, wrong)
    assert (one.confusion.tolist(), one.unanswered.tolist()) == (confusion, unanswered)


@pytest.mark.parametrize(
    ("confidence", "order"),
    [
        ([0.9, 0.1, 0.2, 0.3, 0.4, 0.5], (5, 4, 1)),
        ([0.9, 0.5, 0.2, 0.3, 0.5, 0.5], (1, 4, 5)),
        ([0.9, 0.7, 0.9, 0.9, 0.5, 0.6], (1, 5, 4)),
    ],
)
def test_errors_come_with_the_surest_first(confidence: list[float], order: tuple[int, ...]) -> None:
    (one,) = told(said([0, 2, 2, 1, 0, 0], confidence)).backends
    assert one.surest_errors == order


def test_what_was_not_answered_is_no_sure_error() -> None:
    (one,) = told(said([NOTHING, 2, 2, 1, 1, 2], [NAN, *[0.5] * 5])).backends
    assert one.surest_errors == (1,)


def test_of_many_errors_the_surest_are_kept() -> None:
    count = 2 * KEPT_ERRORS
    asked = replace(none_held_out(), x=np.zeros((count, 4)), y=np.tile([1.0, 0.0, 0.0], (count, 1)))
    rising = said([1] * count, np.linspace(0, 1, count).tolist())
    found = classification(asked, [("a", rising)], 1)
    assert found is not None
    assert found.backends[0].surest_errors == tuple(range(count - 1, KEPT_ERRORS - 1, -1))
    assert found.backends[0].wrong == count


@pytest.mark.parametrize(
    ("others", "samples"),
    [
        ([], ()),
        ([RIGHT], ()),
        ([RIGHT, RIGHT], ()),
        ([[0, 1, 2, 1, 0, 2]], (4,)),
        ([RIGHT, [0, 1, 2, 1, 0, 2]], (4,)),
        ([[0, 0, 2, 1, 1, 2], [0, 1, 2, 1, 1, NOTHING]], (1, 5)),
    ],
)
def test_disagreements_are_found(others: list[list[int]], samples: tuple[int, ...]) -> None:
    assert told(said(RIGHT), *map(said, others)).disagreements == samples


def test_two_that_do_not_answer_do_not_disagree() -> None:
    assert told(said([NOTHING] * 6), said([NOTHING] * 6)).disagreements == ()


def test_other_confidences_are_no_disagreement() -> None:
    assert told(said(RIGHT, [0.5] * 6), said(RIGHT, [0.9] * 6)).disagreements == ()


def test_the_epoch_and_the_names_are_told() -> None:
    found = told(said(RIGHT), said(RIGHT))
    assert (found.epoch, [one.name for one in found.backends]) == (7, ["a", "b"])


def summed(*each: Sequence[Sequence[int]]) -> SurveyedAnswers:
    found = surveyed(pictures(), [many(one) for one in each])
    assert found is not None
    return found


WRONG = [2, 1, 2, 1, 1, 2]


def test_seeds_are_counted_on_each_backend() -> None:
    found = summed([RIGHT, WRONG, [NOTHING] * 6], [RIGHT, RIGHT, WRONG])
    assert found.correct.tolist() == [[6, 5, 0], [6, 6, 5]]


@pytest.mark.parametrize(
    ("second", "alike"),
    [
        ([RIGHT, WRONG], [True, True]),
        ([RIGHT, RIGHT], [True, False]),
        ([[0, 1, 2, 1, 1, 0], [0, 1, 2, 1, 1, 0]], [False, False]),
    ],
)
def test_seeds_are_alike_where_every_answer_is(second: list[list[int]], alike: list[bool]) -> None:
    """As many right are not enough: WRONG and the last one are both right five times."""
    assert summed([RIGHT, WRONG], second).alike.tolist() == alike


@pytest.mark.parametrize(
    ("seeds", "mean", "deviation", "lowest"),
    [
        ([RIGHT, RIGHT], 1.0, 0.0, 1.0),
        ([RIGHT, [NOTHING] * 6], 0.5, math.sqrt(0.5), 0.0),
        ([RIGHT], 1.0, None, 1.0),
    ],
)
def test_the_spread_of_the_seeds(
    seeds: list[list[int]], mean: float, deviation: float | None, lowest: float
) -> None:
    (found,) = summed(seeds).spreads
    assert (found.mean, found.deviation, found.lowest) == (mean, deviation, lowest)


def test_backends_without_answers_are_left_out() -> None:
    assert classification(pictures(), [("a", None)], 1) is None
    assert surveyed(pictures(), [None]) is None


def test_the_class_of_a_target_is_that_of_a_sure_output() -> None:
    assert predicted(np.eye(3)).tolist() == [0, 1, 2]
    assert predicted(np.array([[0.0], [1.0]])).tolist() == [0, 1]
