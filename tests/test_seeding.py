"""From a seed to the bits all backends start from, and to the samples of every step."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backend import Array
from shared.errors import UsageError
from shared.network import Network
from shared.problems import Problem, problem
from shared.seeding import (
    LARGEST_SEED,
    batch_runs,
    from_textbook_order,
    initial_params,
    initial_replicas,
    require_seed,
)

repeatably = settings(derandomize=True, deadline=None)
some_seeds = pytest.mark.parametrize("seed", [0, 1, 37, 42, LARGEST_SEED])

TEXTBOOK = Network((2, 2, 1))
NETWORKS = st.lists(st.integers(1, 4), min_size=2, max_size=5).map(lambda s: Network(tuple(s)))
SEED_42 = (
    0.4967141530112327,
    -0.13826430117118466,
    0.6476885381006925,
    1.5230298564080254,
    -0.23415337472333597,
    -0.23413695694918055,
    1.5792128155073915,
    0.7674347291529088,
    -0.4694743859349521,
)


def drawn(seed: int, count: int = 9) -> Array:
    return np.random.RandomState(seed).normal(size=count)


def in_textbook_order(params: tuple[Array, ...]) -> list[float]:
    """All weights, then all biases: of the 2-2-1 network w1, ..., w6, b1, b2, b3."""
    return [float(v) for w in (*params[0::2], *params[1::2]) for v in w.ravel()]


def small_problem(samples: int, batch_size: int, epochs: int) -> Problem:
    one = problem("people16")
    x, y = (one.x * 2)[:samples], (one.y * 2)[:samples]
    return replace(one, x=x, y=y, batch_size=batch_size, epochs=epochs)


def steps_of(one: Problem, first: int, stop: int) -> list[tuple[int, list[int]]]:
    """Each step's number and the samples it sees."""
    return [
        (start + row, batch)
        for start, batches in batch_runs(one, first, stop)
        for row, batch in enumerate(batches.tolist())
    ]


def steps_expected(one: Problem, first: int, stop: int) -> list[tuple[int, list[int]]]:
    """The same, spelt out: the data is cut anew in every epoch."""
    samples, m = list(range(len(one.x))), one.batch_size
    epoch = [samples[start : start + m] for start in range(0, len(samples), m)]
    return [(step, epoch[step % len(epoch)]) for step in range(first, stop)]


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Some full batches and a rest, in an epoch of at least one sample."""
    m = draw(st.integers(1, 6))
    rest = draw(st.integers(0, m - 1))
    full = draw(st.integers(0 if rest else 1, 4))
    return small_problem(full * m + rest, m, draw(st.integers(1, 4)))


@some_seeds
def test_the_parameters_are_the_generators_draws_in_order(seed: int) -> None:
    assert in_textbook_order(initial_params(TEXTBOOK, seed, "float64")) == drawn(seed).tolist()


def test_seed_42_draws_its_published_numbers() -> None:
    assert tuple(in_textbook_order(initial_params(TEXTBOOK, 42, "float64"))) == SEED_42


def test_each_number_stands_at_its_textbook_place() -> None:
    w1, w2, w3, w4, w5, w6, b1, b2, b3 = SEED_42
    params = [w.tolist() for w in initial_params(TEXTBOOK, 42, "float64")]
    assert params == [[[w1, w2], [w3, w4]], [b1, b2], [[w5, w6]], [b3]]


def test_biases_among_the_weights_would_be_another_start() -> None:
    """Shows that the order matters: tensor by tensor the draws stand elsewhere."""
    params = initial_params(TEXTBOOK, 42, "float64")
    assert [float(v) for w in params for v in w.ravel()] != drawn(42).tolist()


@some_seeds
def test_float32_parameters_are_the_float64_ones_rounded(seed: int) -> None:
    rounded = [float(np.float32(value)) for value in drawn(seed).tolist()]
    assert in_textbook_order(initial_params(TEXTBOOK, seed, "float32")) == rounded


def test_rounding_to_float32_changes_the_numbers() -> None:
    """Shows that the test above can fail."""
    assert in_textbook_order(initial_params(TEXTBOOK, 42, "float32")) != drawn(42).tolist()


@pytest.mark.parametrize("sizes", [(2, 2, 1), (3, 2), (2, 3, 4, 1)])
def test_parameters_have_the_networks_shapes_and_dtype(sizes: tuple[int, ...], dtype: str) -> None:
    network = Network(sizes)
    params = initial_params(network, 0, dtype)
    assert tuple(w.shape for w in params) == network.param_shapes
    assert {w.dtype.name for w in params} == {dtype}


def test_a_seed_gives_the_same_parameters_each_time() -> None:
    first, second = (initial_params(TEXTBOOK, 5, "float64") for _ in range(2))
    assert in_textbook_order(first) == in_textbook_order(second)


def test_another_seed_gives_other_parameters() -> None:
    one, other = initial_params(TEXTBOOK, 5, "float64"), initial_params(TEXTBOOK, 6, "float64")
    assert in_textbook_order(one) != in_textbook_order(other)


def test_numpys_global_generator_is_left_alone() -> None:
    before = np.random.get_state(legacy=False)
    initial_params(TEXTBOOK, 5, "float64")
    np.testing.assert_equal(np.random.get_state(legacy=False), before)


@repeatably
@given(NETWORKS)
def test_weights_come_before_biases_in_any_network(network: Network) -> None:
    params = from_textbook_order(network, np.arange(network.param_count))
    assert in_textbook_order(params) == list(range(network.param_count))


def test_parameters_share_no_memory_with_what_they_were_cut_from() -> None:
    numbers = np.arange(9.0)
    params = from_textbook_order(TEXTBOOK, numbers)
    assert not any(np.shares_memory(w, numbers) for w in params)


@pytest.mark.parametrize("seed", [0, LARGEST_SEED])
def test_the_smallest_and_the_largest_seed_are_returned(seed: int) -> None:
    assert require_seed(seed) == seed


@pytest.mark.parametrize("seed", [-1, LARGEST_SEED + 1, 10**30, True, 1.0, "7", None, [1]])
def test_a_seed_that_numpy_cannot_take_is_refused(seed: Any) -> None:
    with pytest.raises(UsageError, match=r"cannot be used; expected a whole number 0 to 2\^32 - 1"):
        require_seed(seed)


def test_no_parameters_are_drawn_from_a_seed_that_is_refused() -> None:
    with pytest.raises(UsageError, match="seed -1 cannot be used"):
        initial_params(TEXTBOOK, -1, "float64")


@pytest.mark.parametrize("seeds", [(7,), (3, 1, 2), (5, 5)])
def test_each_replica_starts_as_its_seed_alone(seeds: tuple[int, ...], dtype: str) -> None:
    stacked = initial_replicas(TEXTBOOK, seeds, dtype)
    each = [in_textbook_order(tuple(w[row] for w in stacked)) for row in range(len(seeds))]
    assert each == [in_textbook_order(initial_params(TEXTBOOK, seed, dtype)) for seed in seeds]


def test_replicas_lead_every_tensor() -> None:
    shapes = [w.shape for w in initial_replicas(TEXTBOOK, range(5), "float64")]
    assert shapes == [(5, 2, 2), (5, 2), (5, 1, 2), (5, 1)]


def test_replicas_stand_in_the_order_of_their_seeds() -> None:
    one, other = (
        initial_replicas(TEXTBOOK, (1, 2), "float64"),
        initial_params(TEXTBOOK, 1, "float64"),
    )
    swapped = in_textbook_order(tuple(w[1] for w in one))
    assert swapped != in_textbook_order(other)


@repeatably
@given(problems())
def test_samples_come_in_file_order_and_begin_anew_each_epoch(one: Problem) -> None:
    steps = one.step_count
    assert steps_of(one, 0, steps) == steps_expected(one, 0, steps)


@repeatably
@given(problems())
def test_every_sample_comes_once_in_an_epoch(one: Problem) -> None:
    seen = [sample for _, batch in steps_of(one, 0, one.step_count) for sample in batch]
    assert seen == list(range(len(one.x))) * one.epochs


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
    sizes = {
        (batches.shape[1], len(batches) > 1) for _, batches in batch_runs(one, 0, one.step_count)
    }
    ragged = len(one.x) % one.batch_size
    assert sizes <= {(one.batch_size, True), (one.batch_size, False), (ragged, False)}


@repeatably
@given(problems())
def test_a_smaller_last_batch_stands_alone(one: Problem) -> None:
    alone = [
        first
        for first, batches in batch_runs(one, 0, one.step_count)
        if batches.shape[1] < one.batch_size
    ]
    ragged = len(one.x) % one.batch_size != 0
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
    found = [(first, batches.tolist()) for first, batches in batch_runs(one, 0, one.step_count)]
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
