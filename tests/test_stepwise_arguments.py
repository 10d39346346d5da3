"""Arguments and results are kept apart, also where a verb uses buffers again or writes in them."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest

from shared.backend import Array, Evaluation, OptimizerState, Params, StepGradients
from shared.errors import BackendFailed
from shared.stepwise import Stepwise
from tests.three_verbs import (
    NETWORK,
    Momentum,
    ThreeVerbs,
    batches,
    differing,
    every_axes,
    made,
    no_momentum,
    samples,
    start,
)


class Buffered(Momentum):
    """Frugal: every result of a kind is written into the same arrays."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.buffers: dict[str, Any] = {}

    def _kept(self, name: str, arrays: Params) -> Params:
        kept: Params = self.buffers.setdefault(name, tuple(np.array(a) for a in arrays))
        for buffer, array in zip(kept, arrays, strict=True):
            buffer[...] = array
        return kept

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        fresh = super().evaluate(params, x, y)
        assert fresh.activations is not None
        (loss,) = self._kept("loss", (np.asarray(fresh.loss),))
        return Evaluation(self._kept(f"activations {len(x)}", fresh.activations), None, loss)

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        fresh = super().gradients(params, x, y)
        assert fresh.deltas is not None
        return StepGradients(
            fresh.evaluation,
            self._kept("grads", fresh.grads),
            self._kept(f"deltas {len(x)}", fresh.deltas),
        )

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        after, fresh = super().update(params, grads, state)
        return self._kept("params", after), OptimizerState(
            fresh.step, {"velocity": self._kept("velocity", fresh.slots["velocity"])}
        )


@every_axes
@pytest.mark.parametrize("every", [1, 3])
def test_a_buffer_that_is_used_again_spoils_nothing(axes: tuple[int, ...], every: int) -> None:
    params, data, chosen = start(axes), samples(), batches(axes)
    state = no_momentum(params)
    frugal = made(Buffered).train(params, state, data, chosen, every)
    lavish = made(Momentum).train(params, state, data, chosen, every)
    assert differing(frugal, lavish) == []


def test_a_buffer_that_is_used_again_would_spoil_it_unchecked() -> None:
    backend = Stepwise(Buffered(NETWORK, Buffered.optimizer, "float64"))
    params = start(())
    run = no_momentum(params), samples(), batches(())
    assert differing(backend.train(params, *run), made(Momentum).train(params, *run))


def test_results_are_not_the_arguments() -> None:
    class Resting(Momentum):
        def update(
            self, params: Params, grads: Params, state: OptimizerState
        ) -> tuple[Params, OptimizerState]:
            return params, OptimizerState(state.step + 1, {"velocity": grads})

    params, grads = start((3,)), start((3,))
    after, state = made(Resting).update(params, grads, no_momentum(params))
    assert differing(after, params) == []
    results = [*after, *state.slots["velocity"]]
    assert not any(np.shares_memory(a, b) for a in results for b in (*params, *grads))
    assert all(a.flags.writeable for a in results)


class Scribbling(Momentum):
    """Writes into what it was given: `target` picks the array."""

    target = "params"

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        chosen = {"x": x, "y": y, "parameters of gradients": params[1]}.get(self.target)
        if chosen is not None:
            chosen[...] = 0
        return super().gradients(params, x, y)

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        targets = {"params": params[0], "grads": grads[3], "slots": state.slots["velocity"][2]}
        if self.target in targets:
            targets[self.target][...] = 0
        return super().update(params, grads, state)


@every_axes
@pytest.mark.parametrize(
    ("target", "verb"),
    [
        ("x", "gradients"),
        ("y", "gradients"),
        ("parameters of gradients", "gradients"),
        ("params", "update"),
        ("grads", "update"),
        ("slots", "update"),
    ],
)
def test_writing_into_an_argument_is_stopped(
    monkeypatch: pytest.MonkeyPatch, axes: tuple[int, ...], target: str, verb: str
) -> None:
    monkeypatch.setattr(Scribbling, "target", target)
    params = start(axes)
    with pytest.raises(BackendFailed, match=rf"^mine, {verb}: .* leaves its arguments unchanged"):
        made(Scribbling).train(params, no_momentum(params), samples(), batches(axes))


def test_the_arguments_stay_writeable_for_their_owner() -> None:
    params, data = start(()), samples()
    made(ThreeVerbs).gradients(params, data.x, data.y)
    assert all(array.flags.writeable for array in (*params, data.x, data.y))


def test_the_names_of_the_slots_given_stay_as_they_were() -> None:
    class Renaming(Momentum):
        def update(
            self, params: Params, grads: Params, state: OptimizerState
        ) -> tuple[Params, OptimizerState]:
            slots: Any = state.slots
            slots["v"] = slots.pop("velocity")
            return params, OptimizerState(state.step + 1, {"velocity": grads})

    params = start(())
    state = no_momentum(params)
    with contextlib.suppress(BackendFailed):
        made(Renaming).update(params, params, state)
    assert list(state.slots) == ["velocity"]
