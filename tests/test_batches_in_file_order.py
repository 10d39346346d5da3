"""The samples of every step in file order, cut into calls of one batch size."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.named_problems import problem
from shared.problems import Problem
from shared.seeding import batch_runs
from tests.batches import problems, repeatably, small_problem, steps_of


def steps_expected(one: Problem, first: int, stop: int) -> list[tuple[int, list[int]]]:
    """The steps spelt out: the data is cut anew in every epoch, and a rest may be dropped."""
    m = one.batch_size
    stops = range(m, len(one.x) + m, m) if one.last_batch == "kept" else range(m, len(one.x) + 1, m)
    samples = list(range(len(one.x)))
    epoch = [samples[stop - m : stop] for stop in stops]
    return [(step, epoch[step % len(epoch)]) for step in range(first, stop)]


@repeatably
@given(problems())
def test_samples_come_in_file_order_and_begin_anew_each_epoch(one: Problem) -> None:
    steps = one.step_count
    assert steps_of(one, 0, steps) == steps_expected(one, 0, steps)


@repeatably
@given(problems())
def test_every_sample_comes_once_in_an_epoch_but_those_dropped(one: Problem) -> None:
    seen = [sample for _, batch in steps_of(one, 0, one.step_count) for sample in batch]
    n = len(one.x)
    kept = n if one.last_batch == "kept" else n // one.batch_size * one.batch_size
    assert seen == list(range(kept)) * one.epochs


@repeatably
@given(problems(), st.data())
def test_any_cut_gives_the_batches_of_the_whole(one: Problem, data: st.DataObject) -> None:
    ends = data.draw(st.lists(st.integers(0, one.step_count), max_size=4).map(sorted))
    cuts = [0, *ends, one.step_count]
    parts = [
        step for first, stop in itertools.pairwise(cuts) for step in steps_of(one, first, stop)
    ]
    assert parts == steps_of(one, 0, one.step_count)


@pytest.mark.parametrize("batch_size", [1, 3, 4, 7, 9])
@pytest.mark.parametrize("cut", range(1, 14))
def test_a_cut_at_any_step_gives_the_batches_of_the_whole(batch_size: int, cut: int) -> None:
    one = small_problem(14, batch_size, epochs=14)
    assert steps_of(one, 0, cut) == steps_expected(one, 0, cut)
    assert steps_of(one, cut, one.step_count) == steps_expected(one, cut, one.step_count)


@repeatably
@given(problems())
def test_the_batches_of_a_run_have_one_size(one: Problem) -> None:
    runs = batch_runs(one, 0, 0, one.step_count)
    sizes = {(batches.shape[1], len(batches) > 1) for _, batches in runs}
    ragged = len(one.x) % one.batch_size if one.last_batch == "kept" else one.batch_size
    assert sizes <= {(one.batch_size, True), (one.batch_size, False), (ragged, False)}


@repeatably
@given(problems())
def test_a_smaller_last_batch_stands_alone(one: Problem) -> None:
    alone = [
        first
        for first, batches in batch_runs(one, 0, 0, one.step_count)
        if batches.shape[1] < one.batch_size
    ]
    ragged = len(one.x) % one.batch_size != 0 and one.last_batch == "kept"
    last_of_each_epoch = range(one.steps_per_epoch - 1, one.step_count, one.steps_per_epoch)
    assert alone == (list(last_of_each_epoch) if ragged else [])


@pytest.mark.parametrize(
    ("batch_size", "runs"),
    [
        (8, [(0, [[0, 1, 2, 3, 4, 5, 6, 7], [8, 9, 10, 11, 12, 13, 14, 15]])]),
        (9, [(0, [[0, 1, 2, 3, 4, 5, 6, 7, 8]]), (1, [[9, 10, 11, 12, 13, 14, 15]])]),
        (
            6,
            [(0, [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]), (2, [[12, 13, 14, 15]])],
        ),
        (20, [(0, [list(range(16))])]),
    ],
)
def test_an_epoch_is_cut_as_written(batch_size: int, runs: list[tuple[int, Any]]) -> None:
    one = small_problem(16, batch_size, epochs=1)
    found = [(first, batches.tolist()) for first, batches in batch_runs(one, 0, 0, one.step_count)]
    assert found == runs


@pytest.mark.parametrize("batch_size", [1, 4, 5, 16])
def test_the_next_step_sees_other_samples(batch_size: int) -> None:
    """Shows that the tests above can fail: one step on, only the whole data is the same batch."""
    one = small_problem(16, batch_size, epochs=3)
    shifted = [batch for _, batch in steps_of(one, 1, one.step_count)]
    expected = [batch for _, batch in steps_expected(one, 0, one.step_count - 1)]
    assert (shifted == expected) == (batch_size == 16)


def test_a_late_cut_needs_no_walk_from_the_start() -> None:
    one = replace(problem("people16"), batch_size=5, epochs=10**7)
    last = one.step_count - 1
    assert steps_of(one, last, last + 1) == [(last, [15])]
    assert math.ceil(16 / 5) == one.steps_per_epoch


@repeatably
@given(problems(), st.integers(1, 4))
def test_replicas_see_the_samples_in_the_same_file_order(one: Problem, count: int) -> None:
    alone = list(batch_runs(one, 0, 0, one.step_count))
    together = list(batch_runs(one, range(count), 0, one.step_count))
    assert [first for first, _ in together] == [first for first, _ in alone]
    for (_, batches), (_, own) in zip(together, alone, strict=True):
        assert batches.shape == (len(own), count, own.shape[-1])
        assert (batches == own[:, None]).all()


def test_a_rest_that_is_dropped_makes_one_run_of_the_whole() -> None:
    one = replace(small_problem(16, 5, epochs=3), last_batch="dropped")
    ((first, batches),) = batch_runs(one, 0, 0, one.step_count)
    assert (first, batches.shape) == (0, (9, 5))
    assert (batches.reshape(3, 15) == np.arange(15)).all()


def test_no_step_makes_no_run() -> None:
    assert list(batch_runs(small_problem(14, 5, epochs=3), 0, 4, 4)) == []
