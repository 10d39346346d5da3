"""What an optimizer carries begins at 0 and goes on by its bits, from step to step and chunk to
chunk: the links of the chain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shared.backend import Array, OptimizerState, Params, Recording
from shared.certificate.findings import CARRIED, SHAPE, START, BackendCertificate
from shared.named_problems import problem
from shared.optimizer import Optimizer
from shared.registry import find, load
from shared.seeding import starting_state
from shared.training import Trainee
from tests.certified_runs import Run, trained
from tests.optimizers import OPTIMIZERS

NAMES = {"momentum": "velocity", "rmsprop": "v", "adam": "m", "adamw": "v"}
"""An optimizer, and something that it carries."""
every_slot = pytest.mark.parametrize(("name", "slot"), NAMES.items())
HALF = 8


def honest(name: str) -> Run:
    one = replace(problem("people16-centered").changed(epochs=1), optimizer=OPTIMIZERS[name])
    return trained(one)


def nudged(params: Params, tensor: int, place: tuple[int, ...]) -> Params:
    """One number of one tensor moved to the next float."""
    moved = np.array(params[tensor])
    moved[place] = np.nextafter(moved[place], np.inf)
    return tuple(moved if i == tensor else w for i, w in enumerate(params))


def in_two_chunks(run: Run, first: OptimizerState, between: str | None) -> tuple[Recording, ...]:
    """Train in two calls; a slot may be moved by a bit before the first or between them."""
    trainee = Trainee(load(find("numpy")), run.problem, run.dtype)
    backend, data, batches = trainee.backend, trainee.data, run.whole.batches
    one = backend.train(run.start, first, data, batches[:HALF])
    params, state = one.final
    if between:
        slots = {**state.slots, between: nudged(state.slots[between], 2, (0, 1))}
        state = OptimizerState(state.step, slots)
    return one, backend.train(params, state, data, batches[HALF:])


def at_zero(run: Run) -> OptimizerState:
    return starting_state(run.problem, run.start)


def only_finding(certificate: BackendCertificate) -> tuple[int, str, str, tuple[int, ...]]:
    (found,) = certificate.findings
    assert certificate.found == 1
    assert not certificate.certified
    return found.step, found.stage, found.tensor, found.element


@every_slot
def test_two_chunks_are_as_good_as_one(name: str, slot: str) -> None:
    run = honest(name)
    assert slot in at_zero(run).slots
    assert run.with_chunks(*in_two_chunks(run, at_zero(run), None)).judged().certified


@every_slot
def test_a_slot_that_does_not_begin_at_zero_is_found(name: str, slot: str) -> None:
    """All that follows is computed from it, as it should be."""
    run = honest(name)
    slots = {**at_zero(run).slots, slot: nudged(at_zero(run).slots[slot], 0, (1, 0))}
    chunks = in_two_chunks(run, OptimizerState(0, slots), None)
    certificate = run.with_chunks(*chunks).judged()
    assert only_finding(certificate) == (1, START, f"{slot} W1", (1, 0))
    (found,) = certificate.findings
    assert (found.value, found.exact, found.name) == (5e-324, 0.0, f"{slot} of w3")


@every_slot
def test_a_slot_that_changes_between_two_chunks_is_found(name: str, slot: str) -> None:
    run = honest(name)
    certificate = run.with_chunks(*in_two_chunks(run, at_zero(run), slot)).judged()
    assert only_finding(certificate) == (HALF + 1, CARRIED, f"{slot} W2", (0, 1))
    (found,) = certificate.findings
    assert found.ulps == 1


@every_slot
def test_a_slot_that_changes_between_two_steps_is_found(name: str, slot: str) -> None:
    """Within a chunk, where both sides of a step are one array as a rule."""
    run = honest(name)
    one, two = in_two_chunks(run, at_zero(run), slot)
    joined = replace(
        two,
        steps=np.concatenate([one.steps, two.steps]),
        batches=np.concatenate([one.batches, two.batches]),
        before=_joined(one.before, two.before),
        after=_joined(one.after, two.after),
        grads=_joined(one.grads, two.grads),
        deltas=_joined(one.deltas or (), two.deltas or ()),
        state_before=_slots_joined(one, two, "state_before"),
        state_after=_slots_joined(one, two, "state_after"),
        evaluation=replace(
            two.evaluation,
            activations=_joined(one.evaluation.activations or (), two.evaluation.activations or ()),
            loss=np.concatenate([one.evaluation.loss, two.evaluation.loss]),
        ),
    )
    certificate = run.with_chunks(joined).judged()
    assert only_finding(certificate) == (HALF + 1, CARRIED, f"{slot} W2", (0, 1))


def _joined(a: Params, b: Params) -> Params:
    return tuple(map(_together, a, b))


def _together(a: Array, b: Array) -> Array:
    return np.concatenate([a, b])


def _slots_joined(one: Recording, two: Recording, side: str) -> dict[str, Params]:
    first, second = getattr(one, side), getattr(two, side)
    return {name: _joined(first[name], second[name]) for name in first}


@every_slot
def test_a_slot_that_is_not_the_last_steps_in_the_end_is_found(name: str, slot: str) -> None:
    run = honest(name)
    params, state = run.whole.final
    slots = {**state.slots, slot: nudged(state.slots[slot], 3, (0,))}
    chunk = replace(run.whole, final=(params, OptimizerState(state.step, slots)))
    assert only_finding(run.with_chunks(chunk).judged()) == (16, CARRIED, f"{slot} b2", (0,))


@every_slot
@pytest.mark.parametrize("side", ["state_before", "state_after"])
def test_a_recording_without_a_slot_is_not_judged(name: str, slot: str, side: str) -> None:
    run = honest(name)
    left: dict[str, Any] = {
        side: {key: value for key, value in getattr(run.whole, side).items() if key != slot}
    }
    certificate = run.with_chunks(replace(run.whole, **left)).judged()
    (found,) = certificate.findings
    assert (found.step, found.stage) == (1, SHAPE)
    assert "expected the optimizer's slots" in found.note
    assert not certificate.certified


def test_a_run_by_another_optimizer_has_another_shape() -> None:
    """Its recording holds what this one does not carry."""
    run = honest("momentum")
    asked = replace(run.problem, optimizer=Optimizer(0.02))
    certificate = Run(asked, 42, run.chunks).judged()
    (found,) = certificate.findings
    assert (found.stage, "(none); got 'velocity'" in found.note) == (SHAPE, True)
