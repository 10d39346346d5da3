"""Harmless changes at the border of any backend: the same gradient, and the same step."""

from __future__ import annotations

from dataclasses import replace

from shared.backend import Array, OptimizerState, Params, StepGradients
from shared.certificate.fused import fused
from shared.faults.fault import Moment


def sample_by_sample(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Take the gradient of each sample for itself, and their mean."""
    right = moment.inner.gradients(params, x, y)
    m = x.shape[-2]
    if m == 1:
        return right
    each = [
        moment.inner.gradients(params, x[..., i : i + 1, :], y[..., i : i + 1, :]).grads
        for i in range(m)
    ]
    means = tuple(
        sum(parts[1:], parts[0]) / parts[0].dtype.type(m) for parts in zip(*each, strict=True)
    )
    return replace(right, grads=means)


def rounded_once(
    moment: Moment, params: Params, grads: Params, state: OptimizerState
) -> tuple[Params, OptimizerState]:
    """Round w - ηg once, as a fused multiply-add does."""
    if not moment.optimizer.is_plain:
        return moment.inner.update(params, grads, state)
    eta = moment.optimizer.learning_rate
    after = tuple(fused(-eta, g, w, moment.dtype) for w, g in zip(params, grads, strict=True))
    return after, replace(state, step=state.step + 1)
