"""Wrappers that make a whole backend of one that supplies three verbs.

`Checked` stands next to the user's own class: it holds every result to the contract and says in
which verb and line an exception arose. `PerReplica` calls a backend that knows one network once
for each replica. `Stepwise` adds `train`, as a loop over the verbs.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

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
from shared.contract import Contract
from shared.errors import BackendError, BackendFailed, ContractError, IsogradError

_Value = TypeVar("_Value")


class Checked(StepBackend):
    """A user's backend, held to the contract; arguments are read-only, results are copied.

    Raises
    ------
    ContractError
        A result has a wrong type, count, shape or dtype.
    BackendFailed
        The verb raised an exception of its own.
    """

    def __init__(self, inner: StepBackend, contract: Contract) -> None:
        self._inner = inner
        self._contract = contract

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        result: Evaluation = self._call(
            "evaluate", self._inner.evaluate, _frozen(params), *_frozen((x, y))
        )
        self._contract.require_evaluation(result, _replicas(params), x.shape[-2], "evaluate")
        return _copied(result)

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        result: StepGradients = self._call(
            "gradients", self._inner.gradients, _frozen(params), *_frozen((x, y))
        )
        self._contract.require_gradients(result, _replicas(params), x.shape[-2], "gradients")
        return _copied(result)

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        frozen = OptimizerState(state.step, {k: _frozen(v) for k, v in state.slots.items()})
        result: tuple[Params, OptimizerState] = self._call(
            "update", self._inner.update, _frozen(params), _frozen(grads), frozen
        )
        self._contract.require_update(result, _replicas(params), state.step + 1, "update")
        return _copied(result)

    def _call(self, verb: str, function: Callable[..., Any], *arguments: Any) -> Any:
        return guarded(self._contract.backend, self._inner, verb, function, *arguments)


class Guarded(Backend):
    """A user's backend that trains by itself: an exception in it is told with its line."""

    replica_axes = True

    def __init__(self, inner: Backend, name: str) -> None:
        self._inner, self._name = inner, name

    @property
    def compile_s(self) -> float:  # type: ignore[override]
        """Seconds that the backend says it spent on compiling."""
        return self._inner.compile_s

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        return self._call("evaluate", params, x, y)  # type: ignore[no-any-return]

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        return self._call("gradients", params, x, y)  # type: ignore[no-any-return]

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        return self._call("update", params, grads, state)  # type: ignore[no-any-return]

    def train(
        self,
        params: Params,
        state: OptimizerState,
        data: Dataset,
        batches: Array,
        every: int = 1,
    ) -> Recording:
        return self._call("train", params, state, data, batches, every)  # type: ignore[no-any-return]

    def _call(self, verb: str, *arguments: Any) -> Any:
        return guarded(self._name, self._inner, verb, getattr(self._inner, verb), *arguments)


def guarded(
    name: str, owner: StepBackend, verb: str, function: Callable[..., Any], *arguments: Any
) -> Any:
    """Call a verb of somebody's own; whatever it raises becomes a BackendFailed with its line."""
    try:
        return function(*arguments)
    except IsogradError:
        raise
    except Exception as error:
        advice = ""
        if "read-only" in str(error):
            advice = " A verb leaves its arguments unchanged: compute a new array."
        raise BackendFailed(
            f"{name}, {verb}: {type(error).__name__}: {error} ({_place(error, owner)}).{advice}"
        ) from error


def _place(error: Exception, owner: StepBackend) -> str:
    """Name the innermost line of the user's own file, or else of any."""
    own = inspect.getfile(type(owner))
    frames = traceback.extract_tb(error.__traceback__)
    chosen = [frame for frame in frames if frame.filename == own] or frames
    return f"{chosen[-1].filename}, line {chosen[-1].lineno}"


class PerReplica(StepBackend):
    """A backend without replica axes, called once for each replica."""

    replica_axes = True

    def __init__(self, inner: StepBackend) -> None:
        self._inner = inner

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        axes = _replicas(params)
        results = [
            self._inner.evaluate(_one(params, i), *_one_batch(x, y, axes, i))
            for i in np.ndindex(axes)
        ]
        return _joined(results, axes)

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        axes = _replicas(params)
        results = [
            self._inner.gradients(_one(params, i), *_one_batch(x, y, axes, i))
            for i in np.ndindex(axes)
        ]
        return _joined(results, axes)

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        axes = _replicas(params)
        results = [
            self._inner.update(_one(params, i), _one(grads, i), _one(state, i))
            for i in np.ndindex(axes)
        ]
        return _joined(results, axes)


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
            trail = _stacked([befores[0], *afters], like=before)
            start, end = _cut(trail, slice(None, -1)), _cut(trail, slice(1, None))
        else:
            start, end = _stacked(befores, like=before), _stacked(afters, like=before)
        stacked = _stacked(results, like=result)
        return Recording(
            steps=numbers[recorded],
            batches=batches[recorded],
            before=start[0],
            after=end[0],
            state_before=start[1].slots,
            state_after=end[1].slots,
            evaluation=stacked.evaluation,
            grads=stacked.grads,
            deltas=stacked.deltas,
            final=(params, state),
        )


def _require_equal_slots(before: OptimizerState, after: OptimizerState) -> None:
    if set(before.slots) != set(after.slots):
        given, came = (", ".join(sorted(state.slots)) or "none" for state in (before, after))
        raise ContractError(
            f"update: expected the optimizer slots it was given ({given}); got {came}. Start from "
            "a state that has them."
        )


def _replicas(params: Params) -> tuple[int, ...]:
    axes: tuple[int, ...] = params[1].shape[:-1]
    return axes


def _one_batch(
    x: Array, y: Array, axes: tuple[int, ...], replica: tuple[int, ...]
) -> tuple[Array, Array]:
    """Return the replica's own batch, or the one that all replicas share."""
    return (x[replica], y[replica]) if x.ndim == 2 + len(axes) else (x, y)


def _frozen(arrays: Sequence[Array]) -> tuple[Array, ...]:
    views = tuple(a.view() for a in arrays)
    for view in views:
        view.flags.writeable = False
    return views


def _copied(value: _Value) -> _Value:
    return _gathered([value], lambda arrays: np.array(arrays[0]))


def _one(value: _Value, replica: tuple[int, ...]) -> _Value:
    return _gathered([value], lambda arrays: arrays[0][replica])


def _cut(value: _Value, rows: slice) -> _Value:
    return _gathered([value], lambda arrays: arrays[0][rows])


def _joined(values: Sequence[_Value], axes: tuple[int, ...]) -> _Value:
    """Put results of single networks, in the order of np.ndindex, back on their replica axes."""
    return _gathered(values, lambda arrays: np.stack(arrays).reshape((*axes, *arrays[0].shape)))


def _stacked(values: Sequence[_Value], like: _Value) -> _Value:
    """Give s results one leading axis s, also where s is 0."""
    if values:
        return _gathered(values, np.stack)
    return _gathered([like], lambda arrays: np.array(arrays)[:0])


def _gathered(values: Sequence[_Value], combine: Callable[[Sequence[Array]], Array]) -> _Value:
    """Combine values of equal structure, array by array; what is no array is the first one's."""
    first: Any = values[0]
    if isinstance(first, (np.ndarray, np.generic)):
        return combine(values)  # type: ignore[arg-type, return-value]
    if isinstance(first, Mapping):
        return {k: _gathered([v[k] for v in values], combine) for k in first}  # type: ignore
    if isinstance(first, (tuple, list)):
        return tuple(_gathered(column, combine) for column in zip(*values, strict=True))  # type: ignore
    if is_dataclass(first):
        parts = (_gathered([getattr(v, f.name) for v in values], combine) for f in fields(first))
        return type(first)(*parts)  # type: ignore
    return first  # type: ignore[no-any-return]
