"""When a fault first acted in a run: the first step that the same backend, right, makes otherwise.

A right backend is asked for every step once more, from the state that was recorded before it, and
its bits are compared with the recorded ones. No bound and no exact value is asked: this is what a
verdict on the run is held against.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from shared.backend import Array, Backend, OptimizerState, Params, Recording
from shared.certificate.tensor_names import tensor_name
from shared.faults.places import BACKWARD, CARRIED, FORWARD, LOSS, SAMPLES, START, UPDATE
from shared.problems import Problem
from shared.seeding import batch_runs, starting_params

Pair: TypeAlias = tuple[str, str, Array, Array]
"""Stage, tensor, what was recorded, what is right."""


@dataclass(frozen=True, slots=True)
class Act:
    """The first step that was made otherwise, and where.

    stage
        The first stage, in the order of execution, in which any bit differs.
    changed
        The stage and the name of every tensor with a bit that differs, in all of the step.
    """

    step: int
    stage: str
    changed: frozenset[tuple[str, str]]

    def tensors_in(self, stage: str) -> frozenset[str]:
        """Return the tensors of a stage that have a bit that differs."""
        return frozenset(tensor for one, tensor in self.changed if one == stage)


class ActWatch:
    """Follows a run of one seed until something in it is made otherwise than it should be.

    act
        When that was; None as long as nothing was.
    """

    def __init__(
        self, right: Backend, problem: Problem, seed: int, dtype: str, first_step: int = 1
    ) -> None:
        self._right, self._problem, self._seed = right, problem, seed
        self._first_step, self._link = first_step, START
        self._after: Params = starting_params(problem, seed, dtype)
        self._data = problem.dataset(dtype)
        self.act: Act | None = None

    def add(self, recording: Recording) -> None:
        """Look at a chunk in which every step was recorded; steps before the first are believed."""
        numbers = recording.steps.tolist()
        if self.act is not None:
            return
        runs = batch_runs(self._problem, self._seed, numbers[0] - 1, numbers[-1])
        order = np.concatenate([batches for _, batches in runs])
        for row, step in enumerate(numbers):
            if step >= self._first_step:
                pairs = self._pairs(recording, row, order[row])
                changed = [(stage, name) for stage, name, a, b in pairs if _differ(a, b)]
                if changed:
                    self.act = Act(step, changed[0][0], frozenset(changed))
                    return
            self._after, self._link = tuple(w[row] for w in recording.after), CARRIED

    def _pairs(self, recording: Recording, row: int, order: Array) -> Iterator[Pair]:
        """Yield what was recorded of one step, and what is right, in the order of execution."""
        right, names = self._right, self._problem.network.param_names
        before, grads, ended = (
            tuple(w[row] for w in params)
            for params in (recording.before, recording.grads, recording.after)
        )
        yield from _named(self._link, "", names, before, self._after)
        batch = recording.batches[row]
        yield SAMPLES, SAMPLES, batch, order
        result = right.gradients(before, self._data.x[batch], self._data.y[batch])

        seen, own = recording.evaluation, result.evaluation
        outputs = zip(seen.activations or (), own.activations or (), strict=True)
        for layer, (a, b) in enumerate(outputs, start=1):
            yield FORWARD, f"a{layer}", a[row], b
        if seen.logits is not None and own.logits is not None:
            yield FORWARD, f"z{len(names) // 2}", seen.logits[row], own.logits
        yield LOSS, LOSS, np.asarray(seen.loss[row]), np.asarray(own.loss)
        deltas = zip(recording.deltas or (), result.deltas or (), strict=False)
        for layer, (a, b) in enumerate(deltas, start=1):
            yield BACKWARD, f"δ{layer}", a[row], b
        yield from _named(BACKWARD, "", names, grads, result.grads)

        # From the recorded gradient: an update is right if it does with it what it should.
        slots = {slot: tuple(w[row] for w in ws) for slot, ws in recording.state_before.items()}
        state = OptimizerState(int(recording.steps[row]) - 1, slots)
        after, moved = right.update(before, grads, state)
        for slot, ws in recording.state_after.items():
            came = tuple(w[row] for w in ws)
            yield from _named(UPDATE, slot, names, came, moved.slots[slot])
        yield from _named(UPDATE, "", names, ended, after)


def _named(
    stage: str, slot: str, names: tuple[str, ...], came: Params, right: Params
) -> Iterator[Pair]:
    for name, a, b in zip(names, came, right, strict=True):
        yield stage, tensor_name(slot, name), a, b


def _differ(a: Array, b: Array) -> bool:
    return a.dtype != b.dtype or a.tobytes() != b.tobytes()
