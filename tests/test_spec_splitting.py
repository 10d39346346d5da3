"""Samples are held out by the data's own seed, each class giving its share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import UsageError
from shared.spec.splitting import Split, split

repeatably = settings(derandomize=True, deadline=None, max_examples=100)


def together(parts: Split) -> list[int]:
    return sorted([*parts.training.tolist(), *parts.held_out.tolist()])


@repeatably
@given(st.integers(2, 60), st.floats(0.01, 0.99), st.integers(0, 2**32 - 1))
def test_every_sample_is_on_one_side_and_in_order(count: int, share: float, seed: int) -> None:
    number = int(np.floor(share * count + 0.5))
    if not 1 <= number < count:
        with pytest.raises(UsageError, match="expected 1 to"):
            split(count, share, seed)
        return
    parts = split(count, share, seed)
    assert together(parts) == list(range(count))
    assert len(parts.held_out) == number
    assert parts.training.tolist() == sorted(parts.training)
    assert parts.held_out.tolist() == sorted(parts.held_out)


@repeatably
@given(st.lists(st.integers(1, 12), min_size=2, max_size=5), st.data())
def test_every_class_gives_its_share_and_keeps_one(sizes: list[int], data: st.DataObject) -> None:
    classes = np.repeat(np.arange(len(sizes)), sizes)
    most = len(classes) - len(sizes)
    if not most:
        return
    number = data.draw(st.integers(1, most))
    parts = split(len(classes), number, 0, classes)
    assert together(parts) == list(range(len(classes)))
    given_up = np.bincount(classes[parts.held_out], minlength=len(sizes))
    assert given_up.sum() == number
    assert (given_up < sizes).all()
    if all(number * size / len(classes) <= size - 1 for size in sizes):
        assert (np.abs(given_up - number * np.array(sizes) / len(classes)) < 1).all()


def test_the_samples_are_the_same_on_any_machine() -> None:
    assert split(10, 0.3, 0).held_out.tolist() == [2, 4, 8]
    assert split(10, 3, 1).held_out.tolist() == [2, 6, 9]


def test_another_seed_holds_others_out() -> None:
    assert split(50, 0.5, 0).held_out.tolist() != split(50, 0.5, 1).held_out.tolist()


def test_a_class_is_drawn_from_at_random() -> None:
    """Not its first samples, which may be alike."""
    classes = np.repeat([0, 1], 50)
    assert split(100, 10, 0, classes).held_out.tolist() != [*range(5), *range(50, 55)]


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        (None, "2 of 8 samples, drawn by NumPy's RandomState with seed 3"),
        (
            np.array([0, 1] * 4),
            "stratified, 2 of 8 samples, drawn by NumPy's RandomState with seed 3",
        ),
    ],
)
def test_a_split_says_how_it_was_made(classes: np.ndarray | None, told: str) -> None:
    assert split(8, 0.25, 3, classes).told == told


@pytest.mark.parametrize(
    ("count", "share", "reason"),
    [
        (10, 0, "held_out is 0; expected a share of all samples, such as 0.2, or a whole number"),
        (10, -1, "held_out is -1; expected a share"),
        (10, True, "held_out is True; expected a share"),
        (10, "0.2", "held_out is '0.2'; expected a share"),
        (10, 1.0, "held_out is 1.0; expected a share below 1"),
        (10, 2.5, "held_out is 2.5; expected a share below 1"),
        (10, 10, "held_out 10 of 10 samples is 10; expected 1 to 9."),
        (10, 0.01, "held_out 0.01 of 10 samples is 0; expected 1 to 9."),
        (1, 0.5, "no sample can be held out of 1; leave the split out."),
    ],
)
def test_a_share_that_leaves_nothing_is_refused(count: int, share: float, reason: str) -> None:
    with pytest.raises(UsageError) as error:
        split(count, share, 0)
    assert str(error.value).startswith(reason)


@pytest.mark.parametrize(
    ("classes", "reason"),
    [
        ([0, 0, 1, 1], "held_out 3 of 4 samples is 3; expected 1 to 2, and one of each class"),
        ([0, 1, 2, 3], "no sample can be held out of 4, and one of each class at least is trained"),
    ],
)
def test_a_class_that_would_not_be_trained_on_is_refused(classes: list[int], reason: str) -> None:
    with pytest.raises(UsageError) as error:
        split(4, 3, 0, np.array(classes))
    assert str(error.value).startswith(reason)
