"""What faults of the forward pass change at a backend's border: the parameters that it is shown."""

from __future__ import annotations

import numpy as np

from shared.backend import Array, Params, StepGradients
from shared.faults.fault import Moment


def without_biases(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Show it biases of 0."""
    shown = tuple(w if w.ndim == 2 else np.zeros_like(w) for w in params)
    return moment.inner.gradients(shown, x, y)


def one_step_late(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Show it the parameters that there were before the last step."""
    late: Params = moment.memory.get("late", params)
    moment.memory["late"] = params
    return moment.inner.gradients(late, x, y)


def averaged(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Show it a running average of the parameters."""
    number = params[0].dtype.type
    before: Params = moment.memory.get("average", params)
    average = tuple(a + number(0.1) * (w - a) for a, w in zip(before, params, strict=True))
    moment.memory["average"] = average
    return moment.inner.gradients(average, x, y)


def bfloat16_factors(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Round the inputs and the weights to bfloat16."""
    shown = tuple(_bfloat16(w) if w.ndim == 2 else w for w in params)
    return moment.inner.gradients(shown, _bfloat16(x), y)


def _bfloat16(a: Array) -> Array:
    """Round to the nearest number of eight significant bits."""
    bits = np.ascontiguousarray(a, np.float32).view(np.uint32)
    bits = bits + 0x7FFF + ((bits >> 16) & 1)
    rounded: Array = (bits & 0xFFFF0000).view(np.float32).astype(a.dtype)
    return rounded
