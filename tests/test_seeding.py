"""From a seed to the bits that all backends start from."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backend import Array
from shared.errors import UsageError
from shared.named_problems import problem
from shared.network import Network
from shared.seeding import (
    LARGEST_SEED,
    from_textbook_order,
    initial_params,
    require_seed,
    starting_params,
)

repeatably = settings(derandomize=True, deadline=None)
some_seeds = pytest.mark.parametrize("seed", [0, 1, 37, 42, LARGEST_SEED])

TEXTBOOK = Network((2, 2, 1))
TEXTBOOK_PROBLEM = problem("people16")
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
    stacked = starting_params(TEXTBOOK_PROBLEM, seeds, dtype)
    each = [in_textbook_order(tuple(w[row] for w in stacked)) for row in range(len(seeds))]
    assert each == [in_textbook_order(initial_params(TEXTBOOK, seed, dtype)) for seed in seeds]


def test_replicas_lead_every_tensor() -> None:
    shapes = [w.shape for w in starting_params(TEXTBOOK_PROBLEM, range(5), "float64")]
    assert shapes == [(5, 2, 2), (5, 2), (5, 1, 2), (5, 1)]


def test_replicas_stand_in_the_order_of_their_seeds() -> None:
    one = starting_params(TEXTBOOK_PROBLEM, (1, 2), "float64")
    other = initial_params(TEXTBOOK, 1, "float64")
    swapped = in_textbook_order(tuple(w[1] for w in one))
    assert swapped != in_textbook_order(other)


def test_one_seed_has_no_replica_axis(dtype: str) -> None:
    alone = starting_params(TEXTBOOK_PROBLEM, 7, dtype)
    assert in_textbook_order(alone) == in_textbook_order(initial_params(TEXTBOOK, 7, dtype))
    assert alone[0].shape == (2, 2)


WIDE = Network((7, 3, 2))


def fan_in(network: Network, seed: int, dtype: str = "float64") -> tuple[Array, ...]:
    return initial_params(network, seed, dtype, "fan_in_normal")


@repeatably
@given(NETWORKS, st.integers(0, LARGEST_SEED))
def test_fan_in_weights_are_the_draws_over_the_root_of_their_inputs(
    network: Network, seed: int
) -> None:
    """One correctly rounded division each, by a correctly rounded root."""
    draws = iter(drawn(seed, network.param_count).tolist())
    for w in fan_in(network, seed)[0::2]:
        n_in = w.shape[1]
        assert w.ravel().tolist() == [next(draws) / math.sqrt(n_in) for _ in range(w.size)]


@repeatably
@given(NETWORKS, st.integers(0, LARGEST_SEED), st.sampled_from(["float64", "float32"]))
def test_fan_in_biases_are_positive_zeros(network: Network, seed: int, dtype: str) -> None:
    biases = fan_in(network, seed, dtype)[1::2]
    assert all(b.tobytes() == bytes(b.nbytes) for b in biases)


@some_seeds
def test_fan_in_parameters_in_float32_are_the_float64_ones_rounded(seed: int) -> None:
    rounded = [float(np.float32(value)) for value in in_textbook_order(fan_in(WIDE, seed))]
    assert in_textbook_order(fan_in(WIDE, seed, "float32")) == rounded


def test_dividing_in_float32_would_give_other_parameters() -> None:
    """Shows that the test above can fail: a quotient of rounded numbers is rounded twice."""
    draws = initial_params(WIDE, 42, "float32")
    twice = [float(v) for w in draws[0::2] for v in (w / np.sqrt(np.float32(w.shape[1]))).ravel()]
    once = [float(v) for w in fan_in(WIDE, 42, "float32")[0::2] for v in w.ravel()]
    assert twice != once


def test_fan_in_parameters_have_the_networks_shapes_and_dtype(dtype: str) -> None:
    params = fan_in(WIDE, 0, dtype)
    assert tuple(w.shape for w in params) == WIDE.param_shapes
    assert {w.dtype.name for w in params} == {dtype}


def test_the_outputs_of_a_layer_would_be_another_divisor() -> None:
    """Shows that the fan-in is told from the fan-out."""
    wrong = [w / np.sqrt(w.shape[0]) for w in initial_params(WIDE, 5, "float64")[0::2]]
    pairs = zip(fan_in(WIDE, 5)[0::2], wrong, strict=True)
    assert not any((w == other).any() for w, other in pairs)


@pytest.mark.parametrize("seeds", [5, (5, 6)])
@pytest.mark.parametrize("initialization", ["standard_normal", "fan_in_normal"])
def test_a_problem_starts_as_its_initialization_says(
    initialization: str, seeds: int | tuple[int, ...], dtype: str
) -> None:
    one = replace(TEXTBOOK_PROBLEM, initialization=initialization)
    started = starting_params(one, seeds, dtype)
    first = started if isinstance(seeds, int) else tuple(w[0] for w in started)
    expected = initial_params(TEXTBOOK, 5, dtype, initialization)
    assert [w.tobytes() for w in first] == [w.tobytes() for w in expected]


def test_the_initializations_start_elsewhere() -> None:
    """Shows that the test above can fail."""
    fan, standard = fan_in(TEXTBOOK, 5), initial_params(TEXTBOOK, 5, "float64")
    assert in_textbook_order(fan) != in_textbook_order(standard)
