"""Backends that hold a fault: one changed at its border, and one whose source was changed.

Both act from the fault's first step to its last, and are right before and after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from shared.backend import (
    Array,
    Backend,
    Dataset,
    Evaluation,
    OptimizerState,
    Params,
    Recording,
    StepBackend,
    StepGradients,
)
from shared.faults.fault import AtBorder, ChosenFault, Moment
from shared.gathering import gathered
from shared.network import Network
from shared.optimizer import Optimizer
from shared.stepwise import Stepwise

MakeMoment = Callable[[int], Moment]


class FaultyAtBorder(Backend):
    """A right backend whose verbs, or what they are given, are changed while a fault acts."""

    def __init__(
        self,
        inner: Backend,
        chosen: ChosenFault,
        injection: AtBorder,
        network: Network,
        optimizer: Optimizer,
        dtype: str,
    ) -> None:
        self._inner, self._chosen, self._injection = inner, chosen, injection
        self._given = network, optimizer, dtype
        self._memory: dict[str, Any] = {}

    @property
    def compile_s(self) -> float:  # type: ignore[override]
        return self._inner.compile_s

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        return self._inner.evaluate(params, x, y)

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        return self._inner.gradients(params, x, y)

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        return self._inner.update(params, grads, state)

    def train(
        self,
        params: Params,
        state: OptimizerState,
        data: Dataset,
        batches: Array,
        every: int = 1,
    ) -> Recording:
        change, acting = self._injection, self._chosen.acts_in
        if state.step == 0:
            self._memory.clear()
            if change.start:
                params = change.start(self._moment(1), params)
        numbers = range(state.step + 1, state.step + 1 + len(batches))
        if change.order:
            batches = np.stack([
                change.order(self._moment(step), batch, len(data.x)) if acting(step) else batch
                for step, batch in zip(numbers, batches, strict=True)
            ])  # fmt: skip
        verbs = _Verbs(self._inner, change, acting, self._moment, state.step + 1)
        return Stepwise(verbs).train(params, state, data, batches, every)

    def _moment(self, step: int) -> Moment:
        size = self._chosen.size
        return Moment(self._inner, *self._given, step, 0.0 if size is None else size, self._memory)


class _Verbs(StepBackend):
    """The verbs of one call of `train`, which know the number of the step."""

    replica_axes = True

    def __init__(
        self,
        inner: Backend,
        change: AtBorder,
        acting: Callable[[int], bool],
        moment: MakeMoment,
        step: int,
    ) -> None:
        self._inner, self._change, self._acting, self._moment = inner, change, acting, moment
        self._step = step

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        return self._inner.evaluate(params, x, y)

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        if self._change.gradients and self._acting(self._step):
            result = self._change.gradients(self._moment(self._step), params, x, y)
        else:
            result = self._inner.gradients(params, x, y)
        return replace(result, deltas=None) if self._change.hidden_deltas else result

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        self._step = state.step + 2
        if self._change.update and self._acting(state.step + 1):
            return self._change.update(self._moment(state.step + 1), params, grads, state)
        return self._inner.update(params, grads, state)


class FaultyInSource(Backend):
    """A backend made of changed source while the fault acts, and the right one otherwise."""

    def __init__(self, right: Backend, wrong: Backend, chosen: ChosenFault) -> None:
        self._right, self._wrong, self._chosen = right, wrong, chosen
        always = chosen.start <= 1 and chosen.stop is None
        self._shown = wrong if always else right

    @property
    def compile_s(self) -> float:  # type: ignore[override]
        return self._right.compile_s + self._wrong.compile_s

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        return self._shown.evaluate(params, x, y)

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        return self._shown.gradients(params, x, y)

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        return self._shown.update(params, grads, state)

    def train(
        self,
        params: Params,
        state: OptimizerState,
        data: Dataset,
        batches: Array,
        every: int = 1,
    ) -> Recording:
        first, end = state.step + 1, state.step + 1 + len(batches)
        borders = (self._chosen.start, self._chosen.stop or end)
        inside = sorted({first, end, *(one for one in borders if first < one < end)})
        parts = []
        for start, stop in pairwise(inside):
            backend = self._wrong if self._chosen.acts_in(start) else self._right
            part = backend.train(params, state, data, batches[start - first : stop - first], every)
            params, state = part.final
            parts.append(part)
        return parts[0] if len(parts) == 1 else joined(parts)


def joined(parts: list[Recording]) -> Recording:
    """Put recordings of consecutive steps together."""
    # The states after the last step have no leading axis: they are put back as they are.
    whole = gathered(parts, lambda arrays: np.concatenate([np.atleast_1d(a) for a in arrays]))
    return replace(whole, final=parts[-1].final)
