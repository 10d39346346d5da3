"""Training is gradients and update again and again, and the recording holds every one of them."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from shared.backend import OptimizerState, Recording
from shared.contract import Contract
from shared.errors import ContractError
from shared.recording_file import open_recording, recording_writer
from tests.three_verbs import (
    NETWORK,
    STEPS,
    M,
    Momentum,
    batches,
    both_dtypes,
    cut,
    differing,
    every_axes,
    flat,
    made,
    no_momentum,
    samples,
    start,
)


@every_axes
@both_dtypes
@pytest.mark.parametrize("every", [0, 1, 3])
@pytest.mark.parametrize("first", [1, 6])
def test_training_is_gradients_and_update_again_and_again(
    axes: tuple[int, ...], dtype: str, every: int, first: int
) -> None:
    backend, data, chosen = made(Momentum, dtype), samples(dtype), batches(axes)
    params = start(axes, dtype)
    state = OptimizerState(first - 1, no_momentum(params).slots)
    recording = backend.train(params, state, data, chosen, every)
    row = 0
    for batch in chosen:
        before = params, state
        result = backend.gradients(params, data.x[batch], data.y[batch])
        params, state = backend.update(params, result.grads, state)
        if every and state.step % every == 0:
            assert recording.steps[row] == state.step
            assert differing(recording.batches[row], batch) == []
            assert differing(tuple(w[row] for w in recording.before), before[0]) == []
            assert differing(tuple(w[row] for w in recording.after), params) == []
            slots = recording.state_before, recording.state_after
            assert differing(cut(slots, (row,)), flat((before[1].slots, state.slots))) == []
            recorded = recording.evaluation, recording.grads, recording.deltas
            expected = result.evaluation, result.grads, result.deltas
            assert differing(cut(recorded, (row,)), flat(expected)) == []
            row += 1
    assert len(recording.steps) == row
    assert differing(recording.final, (params, state)) == []


@every_axes
@pytest.mark.parametrize("every", [0, 1, 3, 8])
def test_what_is_recorded_holds_the_contract(axes: tuple[int, ...], every: int) -> None:
    params = start(axes)
    recording = made(Momentum).train(params, no_momentum(params), samples(), batches(axes), every)
    contract = Contract("mine", NETWORK, "float64", ("velocity",))
    contract.require_recording(recording, 1, (STEPS, *axes, M), every)


@every_axes
@both_dtypes
@pytest.mark.parametrize("every", [0, 8])
def test_no_recorded_step_leaves_empty_arrays_of_the_right_shape(
    axes: tuple[int, ...], dtype: str, every: int
) -> None:
    params = start(axes, dtype)
    state = no_momentum(params)
    recording = made(Momentum, dtype).train(params, state, samples(dtype), batches(axes), every)
    shapes = [(0, *axes, *shape) for shape in NETWORK.param_shapes]
    of_parameters = (
        recording.before, recording.after, recording.grads,
        recording.state_before["velocity"], recording.state_after["velocity"],
    )  # fmt: skip
    assert [[w.shape for w in params] for params in of_parameters] == [shapes] * 5
    units = [(0, *axes, M, 3), (0, *axes, M, 1)]
    assert [a.shape for a in recording.evaluation.activations or ()] == units
    assert [a.shape for a in recording.deltas or ()] == units
    assert recording.evaluation.loss.shape == (0, *axes)
    assert (recording.steps.shape, recording.batches.shape) == ((0,), (0, *axes, M))
    floats = flat((*of_parameters, recording.evaluation, recording.deltas))
    assert {array.dtype for array in floats.values()} == {np.dtype(dtype)}


@every_axes
def test_where_every_step_is_recorded_both_sides_are_views_of_one_trail(
    axes: tuple[int, ...],
) -> None:
    params = start(axes)
    recording = made(Momentum).train(params, no_momentum(params), samples(), batches(axes))
    pairs = [
        *zip(recording.before, recording.after, strict=True),
        *zip(recording.state_before["velocity"], recording.state_after["velocity"], strict=True),
    ]
    for before, after in pairs:
        assert np.shares_memory(before, after)
        assert before.base is after.base
        assert differing(before[1:], after[:-1]) == []
    assert differing(tuple(w[0] for w in recording.before), params) == []
    assert differing(tuple(w[-1] for w in recording.after), recording.final[0]) == []


def test_a_run_in_two_parts_is_the_run_in_one() -> None:
    backend, params, data, chosen = made(Momentum), start((3,)), samples(), batches((3,))
    state = no_momentum(params)
    whole = backend.train(params, state, data, chosen)
    first = backend.train(params, state, data, chosen[:3])
    second = backend.train(*first.final, data, chosen[3:])
    joined = {
        name: np.concatenate([array, flat(second)[name]])
        for name, array in flat(first).items()
        if not name.startswith("final")
    }
    assert differing(joined, {k: v for k, v in flat(whole).items() if k in joined}) == []
    assert differing(second.final, whole.final) == []


def saved_and_read(recording: Recording, folder: Path) -> Recording:
    with recording_writer(folder / "mine.npz", {}) as writer:
        writer.add(recording)
    (chunk,) = open_recording(folder / "mine.npz").recordings()
    return chunk


@every_axes
@pytest.mark.parametrize("every", [1, 3])
def test_slots_survive_replicas_and_recording(
    axes: tuple[int, ...], every: int, tmp_path: Path
) -> None:
    params = start(axes)
    recording = made(Momentum).train(params, no_momentum(params), samples(), batches(axes), every)
    chunk = saved_and_read(recording, tmp_path)
    assert [w.shape[1:] for w in chunk.state_after["velocity"]] == [w.shape for w in params]
    assert all(w.any() for w in chunk.state_after["velocity"])
    assert differing(chunk, recording) == []


@every_axes
@pytest.mark.parametrize("every", [0, 1, 3])
def test_slots_that_the_first_step_makes_are_kept_or_refused(
    axes: tuple[int, ...], every: int
) -> None:
    backend, params = made(Momentum), start(axes)
    run = samples(), batches(axes), every
    with contextlib.suppress(ContractError):
        from_none = backend.train(params, OptimizerState(), *run)
        from_zero = backend.train(params, no_momentum(params), *run)
        assert differing(from_none.final, from_zero.final) == []
        assert differing(from_none.state_after, from_zero.state_after) == []
