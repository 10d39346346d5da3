"""What a backend may return, checked at the border: count, shape and dtype of every array.

The harness and the wrappers call this on every result. It looks at no value: a wrong number is a
result to be shown, while a wrong shape would silently broadcast into one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.backend import Evaluation, OptimizerState, Recording, StepGradients
from shared.errors import ContractError
from shared.network import Network


@dataclass(frozen=True, slots=True)
class Contract:
    """The shapes that one network imposes, and the name of the backend that promised them.

    slots
        What the optimizer carries: each has the shapes of the parameters. None where it may be
        anything.
    """

    backend: str
    network: Network
    dtype: str
    slots: tuple[str, ...] | None = None

    def require_evaluation(
        self, evaluation: Evaluation, lead: tuple[int, ...], m: int, where: str
    ) -> None:
        """Hold an Evaluation of m samples, with leading axes, to the contract."""
        self._require_type(evaluation, Evaluation, where)
        if evaluation.activations is not None:
            layers = range(1, len(self.network.sizes))
            shapes = [(*lead, m, n) for n in self.network.sizes[1:]]
            names = [f"activations of layer {layer}" for layer in layers]
            self._require_arrays(evaluation.activations, names, shapes, where)
        if evaluation.logits is not None:
            shape = (*lead, m, self.network.sizes[-1])
            self._require_array(evaluation.logits, "logits", shape, where)
        elif self.network.from_logits and evaluation.activations is not None:
            raise self._error(
                where, f"logits, from which {self.network.loss} is computed", "None",
                "Return z_L, the output layer before its activation function.",
            )  # fmt: skip
        self._require_array(evaluation.loss, "loss", lead, where)

    def require_gradients(
        self, result: StepGradients, lead: tuple[int, ...], m: int, where: str
    ) -> None:
        """Hold a StepGradients to the contract."""
        self._require_type(result, StepGradients, where)
        self.require_evaluation(result.evaluation, lead, m, where)
        self._require_params(result.grads, lead, where, kind="gradient ")
        self._require_deltas(result.deltas, lead, m, where)

    def require_update(self, result: object, lead: tuple[int, ...], step: int, where: str) -> None:
        """Hold what `update` returned to the contract; `step` is the number it has to carry."""
        if not (isinstance(result, tuple) and len(result) == 2):
            raise self._error(where, "a pair (params, state)", f"{type(result).__name__}")
        params, state = result
        self._require_params(params, lead, where, kind="parameter ")
        self._require_type(state, OptimizerState, where)
        if state.step != step:
            raise self._error(
                where, f"a state with step {step}", f"one with step {state.step}",
                "update returns OptimizerState(state.step + 1).",
            )  # fmt: skip
        self._require_slots(state.slots, lead, where)

    def require_recording(
        self, recording: Recording, first: int, batches_shape: tuple[int, ...], every: int
    ) -> None:
        """Hold a Recording of steps first, first + 1, ... (from 1) to the contract."""
        count, *replicas, m = batches_shape
        where = f"steps {first} to {first + count - 1}"
        self._require_type(recording, Recording, where)
        numbers = np.arange(first, first + count)
        expected = numbers[numbers % every == 0] if every else numbers[:0]
        if not np.array_equal(recording.steps, expected):
            raise self._error(
                where, f"{len(expected)} recorded steps (every = {every})",
                f"{len(recording.steps)}, or other numbers",
            )  # fmt: skip
        lead = (len(expected), *replicas)
        self._require_batches(recording.batches, (*lead, m), where)
        for kind, params in (
            ("parameter before ", recording.before),
            ("parameter after ", recording.after),
            ("gradient ", recording.grads),
        ):
            self._require_params(params, lead, where, kind)
        self._require_deltas(recording.deltas, lead, m, where)
        self._require_type(recording.evaluation, Evaluation, where)
        self.require_evaluation(recording.evaluation, lead, m, where)
        for slots in (recording.state_before, recording.state_after):
            self._require_slots(slots, lead, where)
        self.require_update(recording.final, tuple(replicas), first + count - 1, where)

    def _require_params(self, params: Any, lead: tuple[int, ...], where: str, kind: str) -> None:
        names = [f"{kind}{name}" for name in self.network.param_names]
        shapes = [(*lead, *shape) for shape in self.network.param_shapes]
        self._require_arrays(params, names, shapes, where)

    def _require_deltas(self, deltas: object, lead: tuple[int, ...], m: int, where: str) -> None:
        if deltas is None:
            return
        shapes = [(*lead, m, n) for n in self.network.sizes[1:]]
        names = [f"delta of layer {layer}" for layer in range(1, len(self.network.sizes))]
        self._require_arrays(deltas, names, shapes, where)

    def _require_slots(self, slots: Any, lead: tuple[int, ...], where: str) -> None:
        self._require_type(slots, Mapping, where)
        if self.slots is not None and set(slots) != set(self.slots):
            expected, came = (
                ", ".join(map(repr, names)) or "none"
                for names in (self.slots, sorted(slots, key=str))
            )
            raise self._error(
                where, f"the optimizer's slots ({expected})", came,
                "What an optimizer carries is named in shared/optimizer.py.",
            )  # fmt: skip
        for name, params in slots.items():
            self._require_params(params, lead, where, kind=f"slot {name} of ")

    def _require_batches(self, batches: Any, shape: tuple[int, ...], where: str) -> None:
        if not isinstance(batches, np.ndarray) or batches.shape != shape:
            came = getattr(batches, "shape", type(batches).__name__)
            raise self._error(where, f"batches of shape {shape}", f"shape {came}")

    def _require_arrays(
        self,
        arrays: Any,
        names: Sequence[str],
        shapes: Sequence[tuple[int, ...]],
        where: str,
    ) -> None:
        if not isinstance(arrays, (tuple, list)):
            raise self._error(where, f"a tuple of {', '.join(names)}", type(arrays).__name__)
        if len(arrays) != len(names):
            raise self._error(where, f"{len(names)} arrays ({', '.join(names)})", f"{len(arrays)}")
        for array, name, shape in zip(arrays, names, shapes, strict=True):
            self._require_array(array, name, shape, where)

    def _require_array(self, array: Any, name: str, shape: tuple[int, ...], where: str) -> None:
        if not isinstance(array, (np.ndarray, np.generic)):
            raise self._error(
                where, f"{name} as a NumPy array", type(array).__name__,
                "Convert it at the border of your backend.",
            )  # fmt: skip
        if array.shape != shape:
            raise self._error(
                where, f"{name} of shape {shape}", f"shape {array.shape}", _hint(name, shape, array)
            )
        if array.dtype != self.dtype:
            raise self._error(
                where, f"{name} in {self.dtype}", f"{array.dtype}",
                "In NumPy a np.float64 times a float32 array is float64.",
            )  # fmt: skip

    def _require_type(self, value: object, kind: type, where: str) -> None:
        if not isinstance(value, kind):
            article = "an" if kind.__name__[0] in "AEIOU" else "a"
            raise self._error(where, f"{article} {kind.__name__}", f"a {type(value).__name__}")

    def _error(self, where: str, expected: str, came: str, advice: str = "") -> ContractError:
        message = f"{self.backend}, {where}: expected {expected}; got {came}."
        return ContractError(f"{message} {advice}".rstrip())


def _hint(name: str, shape: tuple[int, ...], array: Any) -> str:
    transposed = len(shape) >= 2 and array.shape == (*shape[:-2], shape[-1], shape[-2])
    if " W" in name and transposed:
        return "W is stored (n_out, n_in), as torch.nn.Linear does: return the transpose."
    if name == "loss" and array.shape != ():
        return "The loss is one number per network: the mean over the batch."
    return ""
