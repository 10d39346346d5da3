"""Shuffled samples: each once an epoch, in an order that seed and epoch alone decide."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.problems import Problem
from shared.seeding import LARGEST_SEED, batch_runs
from tests.batches import problems, repeatably, small_problem, steps_of

SEEDS = st.integers(0, LARGEST_SEED)
SHUFFLED = problems(order="shuffled")


def epochs_of(one: Problem, seed: int = 0) -> list[list[int]]:
    """The samples of each epoch, batches joined."""
    batches = [batch for _, batch in steps_of(one, 0, one.step_count, seed)]
    per_epoch = one.steps_per_epoch
    return [
        [sample for batch in batches[start : start + per_epoch] for sample in batch]
        for start in range(0, len(batches), per_epoch)
    ]


@repeatably
@given(SHUFFLED, SEEDS)
def test_every_sample_comes_once_in_an_epoch_but_those_dropped(one: Problem, seed: int) -> None:
    n, m = len(one.x), one.batch_size
    for epoch in epochs_of(one, seed):
        assert len(set(epoch)) == len(epoch) == (n if one.last_batch == "kept" else n // m * m)
        assert set(epoch) <= set(range(n))


@repeatably
@given(SHUFFLED, SEEDS)
def test_the_order_is_the_generators_own(one: Problem, seed: int) -> None:
    for epoch, order in enumerate(epochs_of(one, seed)):
        drawn = np.random.RandomState([seed, epoch]).permutation(len(one.x))
        assert order == drawn.tolist()[: len(order)]


def test_other_epochs_have_other_orders() -> None:
    orders = epochs_of(small_problem(16, 5, epochs=20, order="shuffled"))
    assert len({tuple(order) for order in orders}) == 20


def test_other_seeds_have_other_orders() -> None:
    one = small_problem(16, 5, epochs=1, order="shuffled")
    assert len({tuple(epochs_of(one, seed)[0]) for seed in range(20)}) == 20


def test_an_epoch_of_one_seed_is_no_epoch_of_another() -> None:
    """Were the two added, seed 1 would see in its first epoch what seed 0 sees in its second."""
    one = small_problem(16, 5, epochs=10, order="shuffled")
    orders = [tuple(order) for seed in range(10) for order in epochs_of(one, seed)]
    assert len(set(orders)) == 100


def test_the_order_is_not_the_one_of_the_file() -> None:
    shuffled = small_problem(16, 5, epochs=3, order="shuffled")
    in_file_order = replace(shuffled, order="file")
    assert epochs_of(shuffled) != epochs_of(in_file_order)


@repeatably
@given(SHUFFLED, SEEDS, st.data())
def test_any_cut_gives_the_batches_of_the_whole(
    one: Problem, seed: int, data: st.DataObject
) -> None:
    ends = data.draw(st.lists(st.integers(0, one.step_count), max_size=4).map(sorted))
    parts = [
        step
        for first, stop in itertools.pairwise([0, *ends, one.step_count])
        for step in steps_of(one, first, stop, seed)
    ]
    assert parts == steps_of(one, 0, one.step_count, seed)


@repeatably
@given(SHUFFLED, SEEDS, st.data())
def test_a_part_is_that_part_of_the_whole(one: Problem, seed: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, one.step_count))
    stop = data.draw(st.integers(first, one.step_count))
    assert steps_of(one, first, stop, seed) == steps_of(one, 0, one.step_count, seed)[first:stop]


@repeatably
@given(SHUFFLED, st.lists(SEEDS, min_size=1, max_size=4))
def test_each_replica_sees_the_order_of_its_own_seed(one: Problem, seeds: list[int]) -> None:
    together = list(batch_runs(one, seeds, 0, one.step_count))
    for r, seed in enumerate(seeds):
        alone = list(batch_runs(one, seed, 0, one.step_count))
        assert [first for first, _ in together] == [first for first, _ in alone]
        for (_, batches), (_, own) in zip(together, alone, strict=True):
            assert batches.shape == (len(own), len(seeds), own.shape[-1])
            assert (batches[:, r] == own).all()


def test_replicas_of_other_seeds_see_other_samples() -> None:
    """Shows that the test above can fail."""
    one = small_problem(16, 4, epochs=1, order="shuffled")
    ((_, batches),) = batch_runs(one, (3, 4), 0, one.step_count)
    assert not (batches[:, 0] == batches[:, 1]).all()


@pytest.mark.parametrize(
    ("last_batch", "shapes"),
    [
        ("kept", [(0, (3, 2, 5)), (3, (1, 2, 1)), (4, (3, 2, 5)), (7, (1, 2, 1))]),
        ("dropped", [(0, (6, 2, 5))]),
    ],
)
def test_a_ragged_rest_is_a_run_of_its_own_or_dropped(
    last_batch: str, shapes: list[tuple[int, tuple[int, ...]]]
) -> None:
    one = replace(small_problem(16, 5, epochs=2, order="shuffled"), last_batch=last_batch)
    runs = batch_runs(one, (1, 2), 0, one.step_count)
    assert [(first, batches.shape) for first, batches in runs] == shapes


def test_what_is_dropped_is_another_sample_in_another_epoch() -> None:
    one = replace(small_problem(16, 5, epochs=20, order="shuffled"), last_batch="dropped")
    left_out = {(set(range(16)) - set(epoch)).pop() for epoch in epochs_of(one)}
    assert len(left_out) > 1


def test_a_late_epoch_needs_no_walk_from_the_start() -> None:
    one = small_problem(16, 5, epochs=10**7, order="shuffled")
    last = one.step_count - 1
    order = np.random.RandomState([0, 10**7 - 1]).permutation(16)
    assert steps_of(one, last, last + 1) == [(last, order[15:].tolist())]


def test_numpys_global_generator_is_left_alone() -> None:
    before = np.random.get_state(legacy=False)
    steps_of(small_problem(16, 5, epochs=2, order="shuffled"), 0, 8)
    np.testing.assert_equal(np.random.get_state(legacy=False), before)
