"""Whether a network learned, in words: of classes by counting, of quantities by the mean loss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.comparison import BackendResult
from shared.evaluation import Curve, Outcome
from shared.report import learned_words

repeatably = settings(derandomize=True, deadline=None)


def result(
    correct: int | None = 8,
    samples: int = 16,
    saturated: tuple[tuple[int, int, int], ...] = (),
    finite: bool = True,
    curve: Curve | None = None,
) -> BackendResult:
    """A backend that ended so."""
    return BackendResult(
        name="numpy",
        framework="numpy",
        version="2.0",
        params=(),
        curve=curve or Curve(np.zeros(0), np.zeros(0), np.zeros(0)),
        outcome=Outcome(correct, samples, saturated, (), finite),
        setup_s=0.0,
        compile_s=0.0,
        train_s=0.0,
        first_not_finite=None,
    )


@pytest.mark.parametrize(
    ("ended", "text"),
    [
        (result(16), "solved: 16 of 16"),
        (result(16, saturated=((1, 1, 0),)), "solved: 16 of 16"),
        (result(8), "not solved: 8 of 16; no hidden unit is saturated"),
        (result(correct=15), "not solved: 15 of 16; no hidden unit is saturated"),
        (result(saturated=((1, 2, 0),)), "stuck: 8 of 16; saturated: h2 at 0"),
        (
            result(saturated=((1, 1, 0), (1, 2, 1))),
            "stuck: 8 of 16; saturated: h1 at 0 and h2 at 1",
        ),
        (
            result(correct=0, finite=False),
            "broken: 0 of 16, with weights that are NaN or infinite",
        ),
        (
            result(saturated=((1, 1, 1),), finite=False),
            "broken: 8 of 16, with weights that are NaN or infinite",
        ),
    ],
)
def test_what_was_learned_is_told_with_its_reason(ended: BackendResult, text: str) -> None:
    assert learned_words.learned(ended) == text


def test_saturated_units_of_two_layers_are_told_apart() -> None:
    first, second = result(saturated=((1, 1, 0),)), result(saturated=((2, 1, 0),))
    assert learned_words.learned(first) != learned_words.learned(second)


@pytest.mark.parametrize(
    ("results", "explained"),
    [
        ([result(saturated=((1, 1, 0),))], True),
        ([result(16), result(saturated=((1, 1, 1),))], True),
        ([result(16, saturated=((1, 1, 0),))], False),
        ([result(saturated=((1, 1, 0),), finite=False)], False),
        ([result()], False),
        ([], False),
    ],
)
def test_saturation_is_explained_where_a_network_is_stuck_for_it(
    results: list[BackendResult], explained: bool
) -> None:
    assert (learned_words.why_stuck(results) is not None) == explained


def test_the_explanation_names_the_flat_activation_function() -> None:
    assert "its activation function is flat, the slope is nearly 0" in (
        learned_words.why_stuck([result(saturated=((1, 1, 0),))]) or ""
    )


def quantities(*losses: float, held_out: tuple[float, ...] = (), **ended: Any) -> BackendResult:
    """A backend that ended so where nothing can be counted."""
    epochs, taken = np.arange(len(losses)), np.array(held_out) if held_out else None
    curve = Curve(epochs, np.array(losses), None, held_out_loss=taken)
    return result(correct=None, curve=curve, **ended)


@pytest.mark.parametrize(
    ("ended", "text"),
    [
        (quantities(0.42314, 0.9, 0.00873), "the mean loss fell from 0.4231 to 0.00873"),
        (quantities(0.00873, 0.42314), "the mean loss rose from 0.00873 to 0.4231"),
        (quantities(0.25), "the mean loss stayed at 0.25"),
        (quantities(0.25, 0.5, 0.25), "the mean loss stayed at 0.25"),
        (quantities(0.25, math.nan), "the mean loss went from 0.25 to NaN"),
        (quantities(0.25, math.inf), "the mean loss rose from 0.25 to infinity"),
        (quantities(math.nan, math.nan), "the mean loss stayed at NaN"),
        (
            quantities(5.0, 2.0, held_out=(4.0, 7.0)),
            "the mean loss fell from 5 to 2, and on the samples held out it rose from 4 to 7",
        ),
        (
            quantities(0.5, math.nan, finite=False, saturated=((1, 1, 0),)),
            "broken: the mean loss went from 0.5 to NaN, with weights that are NaN or infinite",
        ),
        (
            quantities(0.5, 0.25, saturated=((1, 2, 0), (2, 1, 1))),
            "the mean loss fell from 0.5 to 0.25; saturated: h2 at 0 and h1 of layer 2 at 1",
        ),
    ],
)
def test_of_quantities_it_is_told_where_the_loss_went(ended: BackendResult, text: str) -> None:
    assert learned_words.learned(ended) == text


def test_where_classes_are_counted_the_loss_is_not_told() -> None:
    """Shows that it is the count which makes the difference above."""
    curve = Curve(np.arange(2), np.array([0.5, 0.25]), np.array([8, 16]))
    assert "loss" not in learned_words.learned(result(16, curve=curve))


@repeatably
@given(*[st.floats(0, allow_infinity=True) for _ in range(2)])
@example(0.25, math.nextafter(0.25, 1))
@example(12345.678, 12345.679)
@example(math.inf, 1.0)
@example(math.nan, 1.0)
def test_losses_that_differ_are_told_apart(before: float, after: float) -> None:
    how, _, ends = learned_words.change(before, after).partition(" from ")
    first, _, last = ends.partition(" to ")
    assert (how in ("fell", "rose", "went")) == (before != after) == (first != last)
    assert (how == "fell") == (after < before)
    assert (how == "rose") == (after > before)


@pytest.mark.parametrize(
    ("count", "end"),
    [(8, "h7 at 0 and h8 at 0"), (9, "h8 at 0 and 1 more"), (1008, "h8 at 0 and 1,000 more")],
)
@pytest.mark.parametrize("correct", [8, None])
def test_of_many_saturated_units_the_first_are_named(
    count: int, end: str, correct: int | None
) -> None:
    units = tuple((1, unit, 0) for unit in range(1, count + 1))
    curve = Curve(np.arange(2), np.array([0.5, 0.25]), None)
    told = learned_words.learned(result(correct, saturated=units, curve=curve))
    assert told.endswith(end)
    assert told.count(" at 0") == 8


@pytest.mark.parametrize(
    ("ended", "explained"),
    [
        (quantities(0.5, 0.25, saturated=((1, 1, 0),)), True),
        (quantities(0.5, 0.25), False),
        (quantities(0.5, math.nan, saturated=((1, 1, 0),), finite=False), False),
    ],
)
def test_saturation_is_explained_where_quantities_are_learned_with_it(
    ended: BackendResult, explained: bool
) -> None:
    assert (learned_words.why_stuck([ended]) is not None) == explained
