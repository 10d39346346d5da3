"""The drift is the same however the recordings are cut; recordings that do not fit are noticed."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.drift import DriftMeter
from tests.trajectories import (
    STEPS,
    Table,
    drift,
    four_people,
    moved,
    not_finite,
    recording,
    table,
    with_number,
)

repeatably = settings(derandomize=True, deadline=None)


def full_of_everything() -> list[Table]:
    """Three trajectories whose drifts differ in every respect, with ties across the chunks."""
    one, two = table(), moved(table(), "weights", 17, 2, ulps=40)
    two = moved(two, "weights", 33, 2, ulps=40)
    two = moved(two, "gradients", 8, 5, ulps=3)
    two = with_number(two, "loss", 29, 0, math.nan)
    three = moved(moved(one, "loss", 44, 0, ulps=9), "weights", STEPS, 8, ulps=2)
    return [one, two, moved(three, "weights", 4, 1, ulps=6)]


@repeatably
@given(st.lists(st.integers(1, STEPS - 1), unique=True, max_size=6).map(sorted))
def test_any_cut_into_chunks_gives_the_same(cuts: list[int]) -> None:
    assert drift(full_of_everything(), cuts) == drift(full_of_everything())


@repeatably
@given(st.lists(st.integers(1, STEPS - 1), unique=True, max_size=6).map(sorted))
def test_any_cut_into_chunks_finds_the_same_first_step(cuts: list[int]) -> None:
    assert not_finite(*full_of_everything(), cuts=cuts) == {"a": None, "b": 29, "c": None}


def test_a_chunk_that_is_lost_is_noticed() -> None:
    """Shows that the tests above can fail."""
    meter = DriftMeter("abc", four_people())
    meter.add([recording(numbers, 0, 16) for numbers in full_of_everything()])
    meter.add([recording(numbers, 20, STEPS) for numbers in full_of_everything()])
    assert meter.finish() != drift(full_of_everything())


def test_recordings_of_other_steps_are_refused() -> None:
    meter, numbers = DriftMeter("ab", four_people()), table()
    with pytest.raises(ValueError, match="same steps"):
        meter.add([recording(numbers, 0, 3), recording(numbers, 1, 4)])


def test_a_chunk_in_which_nothing_was_recorded_says_nothing() -> None:
    meter, numbers = DriftMeter("ab", four_people()), table()
    empty = dataclasses.replace(recording(numbers, 0, 3), steps=np.arange(0))
    meter.add([empty, empty])
    (told,) = meter.finish()
    assert told.first == {"weights": None, "gradients": None, "loss": None}
