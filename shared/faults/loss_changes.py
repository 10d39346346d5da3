"""What faults of the loss change at a backend's border: the loss it tells, or all that follows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shared.backend import Array, Params, StepGradients
from shared.faults.fault import Moment


def halved(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Halve the loss, and with it every derivative."""
    right = moment.inner.gradients(params, x, y)
    return StepGradients(
        replace(right.evaluation, loss=right.evaluation.loss / 2),
        tuple(g / 2 for g in right.grads),
        right.deltas and tuple(d / 2 for d in right.deltas),
    )


def smoothed(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Tell the running mean of the loss."""
    right = moment.inner.gradients(params, x, y)
    loss = right.evaluation.loss
    mean = moment.memory.get("mean", loss)
    mean = np.asarray(mean + (loss - mean) / 10).astype(loss.dtype)
    moment.memory["mean"] = mean
    return replace(right, evaluation=replace(right.evaluation, loss=mean))


def with_penalty(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Add size times the sum of all squared weights to the loss."""
    right = moment.inner.gradients(params, x, y)
    size = params[0].dtype.type(moment.size)
    weights = [w for w in params if w.ndim == 2]
    penalty = size * sum((w * w).sum() for w in weights)
    loss = np.asarray(right.evaluation.loss + penalty)
    grads = tuple(
        g + 2 * size * w if w.ndim == 2 else g for g, w in zip(right.grads, params, strict=True)
    )
    return replace(right, evaluation=replace(right.evaluation, loss=loss), grads=grads)
