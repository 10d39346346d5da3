"""The first act of a fault is told by bits alone, in the order of execution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from shared.backend import Array, Params, Recording
from shared.faults.acting import Act, ActWatch
from shared.named_problems import problem
from shared.registry import find, load
from shared.training import Trainee, lockstep

PEOPLE = problem("people16").changed(4, None)

Tamper = Callable[[Recording], Recording]


def honest(seed: int = 4, dtype: str = "float64") -> Recording:
    trainee = Trainee(load(find("numpy")), PEOPLE, dtype)
    trainee.start(seed)
    ((recording,),) = lockstep([trainee])
    return recording


def first_act(*recordings: Recording, first_step: int = 1, seed: int = 4) -> Act | None:
    right = load(find("numpy")).create(PEOPLE.network, PEOPLE.optimizer, "float64")
    watch = ActWatch(right, PEOPLE, seed, "float64", first_step)
    for recording in recordings:
        watch.add(recording)
    return watch.act


def nudged(array: Array, row: int) -> Array:
    """Move the first number of a row by one ULP."""
    moved = array.copy()
    flat = moved[row].reshape(-1)
    flat[0] = np.nextafter(flat[0], np.inf)
    moved[row] = flat.reshape(moved[row].shape)
    return moved


def first_nudged(arrays: Params, row: int) -> Params:
    return (nudged(arrays[0], row), *arrays[1:])


def in_activations(recording: Recording) -> Recording:
    seen = recording.evaluation
    assert seen.activations is not None
    changed = replace(seen, activations=first_nudged(seen.activations, 9))
    return replace(recording, evaluation=changed)


def in_loss(recording: Recording) -> Recording:
    changed = replace(
        recording.evaluation, loss=nudged(recording.evaluation.loss[:, None], 9)[:, 0]
    )
    return replace(recording, evaluation=changed)


def in_deltas(recording: Recording) -> Recording:
    assert recording.deltas is not None
    return replace(recording, deltas=first_nudged(recording.deltas, 9))


def in_order(recording: Recording) -> Recording:
    batches = recording.batches.copy()
    batches[9] = 0
    return replace(recording, batches=batches)


def in_after(recording: Recording) -> Recording:
    return replace(recording, after=first_nudged(recording.after, 9))


@pytest.mark.parametrize(
    ("tamper", "stage", "tensor"),
    [
        (in_order, "samples", "samples"),
        (in_activations, "forward", "a1"),
        (in_loss, "loss", "loss"),
        (in_deltas, "backward", "δ1"),
        (lambda r: replace(r, grads=first_nudged(r.grads, 9)), "backward", "W1"),
        (in_after, "update", "W1"),
    ],
    ids=["samples", "forward", "loss", "deltas", "gradients", "update"],
)
def test_one_bit_is_enough_in_any_stage(tamper: Tamper, stage: str, tensor: str) -> None:
    act = first_act(tamper(honest()))
    assert act is not None
    assert (act.step, act.stage) == (10, stage)
    assert tensor in act.tensors_in(stage)


def test_another_start_is_an_act_of_the_first_step() -> None:
    act = first_act(honest(seed=13))
    assert act is not None
    assert (act.step, act.stage) == (1, "start")
    assert act.tensors_in("start") == {"W1", "b1", "W2", "b2"}


def test_a_step_that_begins_elsewhere_is_an_act() -> None:
    recording = honest()
    act = first_act(replace(recording, before=first_nudged(recording.before, 9)))
    assert act is not None
    assert (act.step, act.stage) == (10, "carried over")
    assert act.tensors_in("carried over") == {"W1"}


def test_what_is_right_is_no_act() -> None:
    assert first_act(honest()) is None


def test_another_dtype_is_an_act() -> None:
    recording = honest()
    grads = (recording.grads[0].astype("float32"), *recording.grads[1:])
    act = first_act(replace(recording, grads=grads))
    assert act is not None
    assert act.tensors_in("backward") == {"W1"}


def test_steps_before_the_first_are_believed() -> None:
    assert first_act(in_loss(honest()), first_step=11) is None


def test_only_the_first_act_is_told() -> None:
    act = first_act(in_loss(in_after(honest())), honest(seed=13))
    assert act is not None
    assert (act.step, act.stage) == (10, "loss")
    assert act.changed == {("loss", "loss"), ("update", "W1")}
