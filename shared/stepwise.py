"""Wrappers that make a whole backend of one that supplies three verbs.

`PerReplica` calls a backend that knows one network once for each replica; `Stepwise` adds `train`,
as a loop over the verbs.
"""

from __future__ import annotations

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
    replica_axes_of,
)
from shared.errors import BackendError, ContractError
from shared.gathering import cut, joined, one, stacked


class PerReplica(StepBackend):
    """A backend without replica axes, called once for each replica."""

    replica_axes = True

    def __init__(self, inner: StepBackend) -> None:
        self._inner = inner

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        axes = replica_axes_of(params)
        results = [
            self._inner.evaluate(one(params, i), *_one_batch(x, y, axes, i))
            for i in np.ndindex(axes)
        ]
        return joined(results, axes)

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        axes = replica_axes_of(params)
        results = [
            self._inner.gradients(one(params, i), *_one_batch(x, y, axes, i))
            for i in np.ndindex(axes)
        ]
        return joined(results, axes)

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        axes = replica_axes_of(params)
        results = [
            self._inner.update(one(params, i), one(grads, i), one(state, i))
            for i in np.ndindex(axes)
        ]
        return joined(results, axes)


class Stepwise(Backend):
    """A whole backend: `train` calls `gradients` and `update` once for each step."""

    replica_axes = True

    def __init__(self, inner: StepBackend) -> None:
        self._inner = inner

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
        numbers = np.arange(state.step + 1, state.step + 1 + len(batches))
        recorded = numbers % every == 0 if every else np.zeros(len(batches), dtype=bool)
        befores, results, afters = [], [], []

        for batch, keep in zip(batches, recorded.tolist(), strict=True):
            before = params, state
            try:
                result = self._inner.gradients(params, data.x[batch], data.y[batch])
                params, state = self._inner.update(params, result.grads, state)
                _require_equal_slots(before[1], state)
            except BackendError as error:
                raise type(error)(f"{error} (In step {before[1].step + 1}.)") from error
            if keep:
                befores.append(before)
                results.append(result)
                afters.append((params, state))

        if every == 1:
            trail = stacked([befores[0], *afters], like=before)
            start, end = cut(trail, slice(None, -1)), cut(trail, slice(1, None))
        else:
            start, end = stacked(befores, like=before), stacked(afters, like=before)
        whole = stacked(results, like=result)
        return Recording(
            steps=numbers[recorded],
            batches=batches[recorded],
            before=start[0],
            after=end[0],
            state_before=start[1].slots,
            state_after=end[1].slots,
            evaluation=whole.evaluation,
            grads=whole.grads,
            deltas=whole.deltas,
            final=(params, state),
        )


def _require_equal_slots(before: OptimizerState, after: OptimizerState) -> None:
    if set(before.slots) != set(after.slots):
        given, came = (", ".join(sorted(state.slots)) or "none" for state in (before, after))
        raise ContractError(
            f"update: expected the optimizer slots it was given ({given}); got {came}. Start from "
            "a state that has them."
        )


def _one_batch(
    x: Array, y: Array, axes: tuple[int, ...], replica: tuple[int, ...]
) -> tuple[Array, Array]:
    """Return the replica's own batch, or the one that all replicas share."""
    return (x[replica], y[replica]) if x.ndim == 2 + len(axes) else (x, y)
