"""Epochs whose last batch is smaller, samples that are shuffled, and replicas, in the one loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shared.training
from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, Recording
from shared.named_problems import problem
from shared.network import Network
from shared.problems import Problem
from shared.registry import Loaded, find, load
from shared.seeding import batch_runs, initial_params
from shared.training import Trainee, chunk_ends, lockstep
from tests.batches import repeatably
from tests.conftest import load_or_skip

NUMPY = load(find("numpy"))
N = 23
SEEDS = [5, 6]


def pictures(epochs: int = 3, batch_size: int = 5, last_batch: str = "kept") -> Problem:
    """Like the digits, but small: shuffled, fan-in, softmax, a rest of three samples."""
    draw = np.random.RandomState(3)
    y = np.eye(3)[draw.randint(0, 3, size=N)]
    return replace(
        problem("people16"),
        x=draw.randint(0, 17, size=(N, 6)) / 16,
        y=y,
        classes=("a", "b", "c"),
        people=(),
        network=Network((6, 4, 3), output="softmax", loss="categorical_cross_entropy"),
        epochs=epochs,
        batch_size=batch_size,
        initialization="fan_in_normal",
        order="shuffled",
        last_batch=last_batch,
    )


def trained(
    loaded: Loaded, one: Problem, seeds: int | list[int] = 5, every: int = 1
) -> tuple[Trainee, list[Recording]]:
    trainee = Trainee(loaded, one, "float64")
    trainee.start(seeds)
    return trainee, [recordings[0] for recordings in lockstep([trainee], every)]


def bits(params: tuple[Array, ...]) -> list[bytes]:
    return [np.ascontiguousarray(w).tobytes() for w in params]


def ends(one: Problem, every: int = 1) -> list[int]:
    return list(chunk_ends(Trainee(NUMPY, one, "float64"), every))


@pytest.mark.parametrize("every", [0, 1])
def test_chunks_end_with_the_full_batches_and_with_the_rest_of_each_epoch(every: int) -> None:
    assert ends(pictures(), every) == [4, 5, 9, 10, 14, 15]


def test_where_the_rest_is_dropped_epochs_share_a_chunk() -> None:
    assert ends(pictures(last_batch="dropped")) == [12]


def test_a_rest_that_is_all_there_is_makes_a_chunk_an_epoch() -> None:
    assert ends(pictures(batch_size=30)) == [1, 2, 3]


@pytest.mark.parametrize("every", [0, 1])
@pytest.mark.parametrize("batch_size", range(2, N))
def test_an_epoch_with_a_smaller_last_batch_is_cut_in_two(batch_size: int, every: int) -> None:
    """So a compiling backend makes two programs, however many epochs there are."""
    lengths = np.diff([0, *ends(pictures(4, batch_size), every)]).tolist()
    assert lengths == [N // batch_size, 1] * 4


@repeatably
@given(st.integers(2, N - 1), st.integers(2, 4), st.integers(1, 12), st.sampled_from([0, 1]))
def test_every_epoch_is_cut_alike_where_it_is_too_long_for_a_chunk(
    batch_size: int, epochs: int, limit: int, every: int
) -> None:
    one = pictures(epochs, batch_size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared.training, "CHUNK_STEPS", limit)
        lengths = np.diff([0, *ends(one, every)]).tolist()
    assert max(lengths) <= limit
    assert lengths == lengths[: len(lengths) // epochs] * epochs
    assert sum(lengths) == one.step_count


@pytest.mark.parametrize("every", [0, 1])
def test_no_call_mixes_batches_of_two_sizes(loaded: Loaded, every: int) -> None:
    trainee, recordings = trained(loaded, pictures(), every=every)
    assert trainee.state.step == 15
    shapes = [recording.batches.shape[1:] for recording in recordings]
    assert shapes == [(5,), (3,)] * 3


def test_jax_compiles_twice_for_epochs_with_a_smaller_last_batch() -> None:
    trainee, _ = trained(load_or_skip(find("jax")), pictures(epochs=6))
    programs = trainee.backend._programs  # type: ignore[attr-defined]
    assert len(programs) == 2


@pytest.mark.parametrize("seeds", [5, SEEDS], ids=["one network", "2 networks"])
def test_every_backend_sees_the_samples_of_the_problem(
    all_loaded: list[Loaded], seeds: int | list[int]
) -> None:
    one = pictures()
    expected = [batches for _, batches in batch_runs(one, seeds, 0, one.step_count)]
    trainees = [Trainee(loaded, one, "float64") for loaded in all_loaded]
    for trainee in trainees:
        trainee.start(seeds)
    for recordings, batches in zip(lockstep(trainees), expected, strict=True):
        assert all((recording.batches == batches).all() for recording in recordings)


@pytest.mark.parametrize("seeds", [5, SEEDS], ids=["one network", "2 networks"])
def test_recording_or_not_all_end_in_equal_bits(loaded: Loaded, seeds: int | list[int]) -> None:
    with_records, _ = trained(loaded, pictures(), seeds)
    without, _ = trained(loaded, pictures(), seeds, every=0)
    assert bits(with_records.params) == bits(without.params)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_smaller_chunks_change_no_bit(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = trained(NUMPY, pictures(), SEEDS)
    monkeypatch.setattr(shared.training, "CHUNK_STEPS", steps)
    cut, recordings = trained(NUMPY, pictures(), SEEDS)
    assert max(len(recording.steps) for recording in recordings) <= steps
    assert bits(cut.params) == bits(whole.params)


def test_replicas_start_from_the_problems_initialization(loaded: Loaded) -> None:
    one = pictures()
    trainee = Trainee(loaded, one, "float64")
    trainee.start(SEEDS)
    for row, seed in enumerate(SEEDS):
        expected = initial_params(one.network, seed, "float64", "fan_in_normal")
        assert bits(tuple(w[row] for w in trainee.params)) == bits(expected)
    assert not any(b.any() for b in trainee.params[1::2])


@pytest.mark.parametrize("row", range(len(SEEDS)))
def test_a_replica_sees_the_samples_of_its_seed_alone(loaded: Loaded, row: int) -> None:
    _, together = trained(loaded, pictures(), SEEDS)
    _, alone = trained(loaded, pictures(), SEEDS[row])
    for both, own in zip(together, alone, strict=True):
        assert (both.batches[:, row] == own.batches).all()


class SameOrder(NumpyBackprop):
    """A backend that shows every replica the first one's samples."""

    def train(self, params, state, data, batches, every=1):  # type: ignore[no-untyped-def]
        return super().train(params, state, data, np.repeat(batches[:, :1], 2, axis=1), every)


def test_replicas_that_see_the_samples_of_another_are_noticed() -> None:
    one = pictures()
    _, recordings = trained(Loaded(NUMPY.source, SameOrder, "1"), one, SEEDS)
    expected = [batches for _, batches in batch_runs(one, SEEDS, 0, one.step_count)]
    pairs = zip(recordings, expected, strict=True)
    assert not any((recording.batches == batches).all() for recording, batches in pairs)
