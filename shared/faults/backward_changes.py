"""What a wrong backward pass hands over, at the border of any backend.

Each function asks the right backend and changes its answer, or asks it another question; none
knows how the network computes.

Shapes: leading axes *R are replicas; x is (*R, m, n_0) or (m, n_0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from shared.backend import Array, Params, StepGradients, replica_axes_of
from shared.faults.fault import Moment


def scaled(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Multiply every gradient by 1 + size."""
    right = moment.inner.gradients(params, x, y)
    return replace(right, grads=tuple(g * g.dtype.type(1 + moment.size) for g in right.grads))


def of_the_sum(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Multiply every gradient by the number of samples."""
    right = moment.inner.gradients(params, x, y)
    return replace(right, grads=tuple(g * g.dtype.type(x.shape[-2]) for g in right.grads))


def of_the_last_sample(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Hand over the gradient of the last sample alone."""
    right = moment.inner.gradients(params, x, y)
    last = moment.inner.gradients(params, x[..., -1:, :], y[..., -1:, :])
    return replace(right, grads=last.grads)


def biases_averaged(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Divide the gradients of the biases by the number of samples."""
    right = moment.inner.gradients(params, x, y)
    return replace(right, grads=_biases(right.grads, lambda g: g / g.dtype.type(x.shape[-2])))


def biases_reversed(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Give every layer's biases their gradients in the opposite order."""
    right = moment.inner.gradients(params, x, y)
    return replace(right, grads=_biases(right.grads, lambda g: g[..., ::-1].copy()))


def first_weights_transposed(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Hand over ∂L/∂W1 read column by column instead of row by row."""
    right = moment.inner.gradients(params, x, y)
    first = right.grads[0]
    return replace(right, grads=(first.mT.reshape(first.shape), *right.grads[1:]))


def one_entry_reversed(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Turn the sign of the last layer's first weight gradient."""
    right = moment.inner.gradients(params, x, y)
    grads = tuple(g.copy() for g in right.grads)
    grads[-2][..., 0, 0] *= -1
    return replace(right, grads=grads)


def one_entry_nan(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Make the last layer's first weight gradient no number."""
    right = moment.inner.gradients(params, x, y)
    grads = tuple(g.copy() for g in right.grads)
    grads[-2][..., 0, 0] = np.nan
    return replace(right, grads=grads)


def clipped(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Shorten a gradient whose norm exceeds the size to that norm."""
    right = moment.inner.gradients(params, x, y)
    axes = len(replica_axes_of(params))
    squares = [
        (g.astype(np.float64) ** 2).sum(axis=tuple(range(axes, g.ndim))) for g in right.grads
    ]
    norm = np.sqrt(sum(squares[1:], squares[0]))
    factor = np.minimum(1, moment.size / np.maximum(norm, np.finfo(np.float64).tiny))
    grads = tuple(g * factor.astype(g.dtype)[(..., *[None] * (g.ndim - axes))] for g in right.grads)
    return replace(right, grads=grads)


def small_dropped(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Take every gradient smaller than the size for 0."""
    right = moment.inner.gradients(params, x, y)
    grads = tuple(np.where(abs(g) < moment.size, 0 * g, g) for g in right.grads)
    return replace(right, grads=grads)


def by_moved_output_weights(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Derive the hidden layers with the last layer's weights as they are after the step.

    The output is kept as it was: for each sample the bias takes up what the weights change.
    """
    right = moment.inner.gradients(params, x, y)
    if len(params) < 4:
        return right
    *_, W, b = params
    moved = W - W.dtype.type(moment.optimizer.learning_rate) * right.grads[-2]
    below = (right.evaluation.activations or ())[-2]
    parts = []
    for i in range(x.shape[-2]):
        kept = b + ((W - moved) @ below[..., i, :, None])[..., 0]
        one = moment.inner.gradients(
            (*params[:-2], moved, kept), x[..., i : i + 1, :], y[..., i : i + 1, :]
        )
        parts.append(one.grads)
    means = tuple(np.mean(each, axis=0) for each in zip(*parts, strict=True))
    return replace(right, grads=(*means[:-2], *right.grads[-2:]))


def accumulated(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Add the gradient to those of all steps before."""
    right = moment.inner.gradients(params, x, y)
    before = moment.memory.get("sum")
    grads = right.grads
    if before is not None:
        grads = tuple(a + g for a, g in zip(before, grads, strict=True))
    moment.memory["sum"] = grads
    return replace(right, grads=grads)


def of_stale_output(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Compare the targets with the output of the step before; all else is of this step."""
    right = moment.inner.gradients(params, x, y)
    now = (right.evaluation.activations or ())[-1]
    before, moment.memory["output"] = moment.memory.get("output"), now
    if before is None or before.shape != now.shape:
        return right
    # The error o - y becomes the old one where the target moves by as much as the output did.
    stale = moment.inner.gradients(params, x, y + (now - before))
    return replace(right, grads=stale.grads)


def of_stale_parameters(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Take the gradient at the parameters that the step before began with."""
    right = moment.inner.gradients(params, x, y)
    before, moment.memory["params"] = moment.memory.get("params"), params
    if before is None:
        return right
    return replace(right, grads=moment.inner.gradients(before, x, y).grads)


def _biases(grads: Params, change: Callable[[Array], Array]) -> Params:
    return tuple(change(g) if i % 2 else g for i, g in enumerate(grads))
