"""Wrappers around a user's own class: what it returns is checked, what it raises is told.

`Checked` stands around a class with three verbs, `Guarded` around one that trains by itself.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

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
from shared.contract import Contract
from shared.errors import BackendFailed, IsogradError
from shared.gathering import copied


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
        self._contract.require_evaluation(result, replica_axes_of(params), x.shape[-2], "evaluate")
        return copied(result)

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        result: StepGradients = self._call(
            "gradients", self._inner.gradients, _frozen(params), *_frozen((x, y))
        )
        self._contract.require_gradients(result, replica_axes_of(params), x.shape[-2], "gradients")
        return copied(result)

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        frozen = OptimizerState(state.step, {k: _frozen(v) for k, v in state.slots.items()})
        result: tuple[Params, OptimizerState] = self._call(
            "update", self._inner.update, _frozen(params), _frozen(grads), frozen
        )
        self._contract.require_update(result, replica_axes_of(params), state.step + 1, "update")
        return copied(result)

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
    except (Exception, SystemExit) as error:
        advice = ""
        if "read-only" in str(error):
            advice = " A verb leaves its arguments unchanged: compute a new array."
        raise BackendFailed(
            f"{name}, {verb}: {type(error).__name__}: {error} ({_place(error, owner)}).{advice}"
        ) from error


def _place(error: BaseException, owner: StepBackend) -> str:
    """Name the innermost line of the user's own file, or else of any."""
    own = getattr(sys.modules.get(type(owner).__module__), "__file__", None)
    frames = traceback.extract_tb(error.__traceback__)
    chosen = [frame for frame in frames if frame.filename == own] or frames
    return f"{chosen[-1].filename}, line {chosen[-1].lineno}"


def _frozen(arrays: Sequence[Array]) -> tuple[Array, ...]:
    views = tuple(a.view() for a in arrays)
    for view in views:
        view.flags.writeable = False
    return views
