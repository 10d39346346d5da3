"""How long a problem is trained, in what steps, and when its curve is taken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import UsageError
from shared.named_problems import problem
from shared.problems import MOST_EPOCHS
from tests.named_problems import every_problem

repeatably = settings(derandomize=True, deadline=None)


@pytest.mark.parametrize(
    ("epochs", "message"),
    [
        (0, r"epochs is 0; expected 1 to 10,000,000\."),
        (-5, r"epochs is -5; expected 1 to 10,000,000\."),
        (MOST_EPOCHS + 1, r"epochs is 10,000,001; expected 1 to 10,000,000\."),
        (True, r"epochs is True; expected a whole number\."),
        (1.0, r"epochs is 1\.0; expected a whole number\."),
        ("5", r"epochs is '5'; expected a whole number\."),
    ],
)
def test_a_number_of_epochs_that_cannot_be_is_refused(epochs: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        problem("people4").changed(epochs=epochs)


@pytest.mark.parametrize("epochs", [1, MOST_EPOCHS])
def test_the_fewest_and_the_most_epochs_are_accepted(epochs: int) -> None:
    assert problem("people4").changed(epochs=epochs).epochs == epochs


def test_another_length_changes_the_length_alone() -> None:
    one = problem("people16")
    assert replace(one.changed(epochs=7), epochs=one.epochs) == one


def test_another_length_is_another_problem() -> None:
    assert problem("people16").changed(epochs=7) != problem("people16")


def test_another_learning_rate_changes_the_rate_alone() -> None:
    one = problem("people16")
    changed = one.changed(learning_rate=0.5)
    assert changed.optimizer.learning_rate == 0.5
    assert replace(changed, optimizer=one.optimizer) == one


def test_both_can_be_changed_at_once() -> None:
    changed = problem("people4").changed(3, 0.25)
    assert (changed.epochs, changed.optimizer.learning_rate) == (3, 0.25)


def test_changed_without_a_change_is_the_same_problem() -> None:
    assert problem("people4").changed() == problem("people4")


def test_a_learning_rate_that_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match=r"learning rate 0\.0 cannot be used"):
        problem("people4").changed(learning_rate=0.0)


@pytest.mark.parametrize(
    ("samples", "batch_size", "steps"),
    [(16, 1, 16), (16, 16, 1), (16, 5, 4), (16, 20, 1), (16, 15, 2)],
)
def test_an_epoch_has_as_many_steps_as_show_every_sample(
    samples: int, batch_size: int, steps: int
) -> None:
    one = replace(problem("people16"), batch_size=batch_size)
    assert (len(one.x), one.steps_per_epoch) == (samples, steps)


@pytest.mark.parametrize(
    ("batch_size", "steps", "ragged"),
    [(1, 16, False), (5, 3, False), (15, 1, False), (16, 1, False)],
)
def test_a_smaller_last_batch_that_is_dropped_is_no_step(
    batch_size: int, steps: int, ragged: bool
) -> None:
    one = replace(problem("people16"), batch_size=batch_size, last_batch="dropped", epochs=7)
    assert (one.steps_per_epoch, one.is_ragged, one.step_count) == (steps, ragged, 7 * steps)


@pytest.mark.parametrize(("batch_size", "ragged"), [(1, False), (5, True), (16, False), (20, True)])
def test_a_last_batch_that_is_kept_may_be_smaller(batch_size: int, ragged: bool) -> None:
    assert replace(problem("people16"), batch_size=batch_size).is_ragged is ragged


@every_problem
def test_the_curve_is_taken_after_the_first_epoch_and_every_tenth_from_there(name: str) -> None:
    one = problem(name)
    assert one.curve_epochs == (0, *range(1, one.epochs, 10), one.epochs)


@pytest.mark.parametrize(
    ("epochs", "marks"),
    [
        (1, (0, 1)),
        (2, (0, 1, 2)),
        (10, (0, 1, 10)),
        (11, (0, 1, 11)),
        (12, (0, 1, 11, 12)),
        (31, (0, 1, 11, 21, 31)),
    ],
)
def test_the_curve_ends_with_the_last_epoch(epochs: int, marks: tuple[int, ...]) -> None:
    assert problem("people4").changed(epochs=epochs).curve_epochs == marks


def test_the_curve_of_people16_has_its_published_marks() -> None:
    marks = problem("people16").curve_epochs
    assert (marks[:4], marks[-3:], len(marks)) == ((0, 1, 11, 21), (4981, 4991, 5000), 502)


@repeatably
@given(st.integers(1, 500), st.integers(1, 60))
def test_the_curve_starts_before_training_and_rises_to_its_end(epochs: int, every: int) -> None:
    marks = replace(problem("people4"), epochs=epochs, curve_every=every).curve_epochs
    assert (marks[0], marks[1], marks[-1]) == (0, 1, epochs)
    assert list(marks) == sorted(set(marks))
