"""What a wrong step of the optimizer returns, at the border of any backend.

Each function has the right backend make the step, of other numbers or twice, or changes what comes
of it: so a backend that rounds in its own way goes on doing so.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from shared.backend import OptimizerState, Params
from shared.faults.fault import Moment

Moved: TypeAlias = tuple[Params, OptimizerState]


def at_scaled_rate(moment: Moment, params: Params, grads: Params, state: OptimizerState) -> Moved:
    """Make the step of a gradient that is 1 + size times as long."""
    longer = tuple(g * g.dtype.type(1 + moment.size) for g in grads)
    return moment.inner.update(params, longer, state)


def at_falling_rate(moment: Moment, params: Params, grads: Params, state: OptimizerState) -> Moved:
    """Make a step that is (1 - size)^t times as long."""
    factor = (1 - moment.size) ** moment.step
    return moment.inner.update(params, tuple(g * g.dtype.type(factor) for g in grads), state)


def uphill(moment: Moment, params: Params, grads: Params, state: OptimizerState) -> Moved:
    """Make the step in the opposite direction."""
    return moment.inner.update(params, tuple(-g for g in grads), state)


def not_at_all(moment: Moment, params: Params, grads: Params, state: OptimizerState) -> Moved:
    """Leave the parameters where they are, and count the step."""
    _, after = moment.inner.update(params, grads, state)
    return params, after


def twice(moment: Moment, params: Params, grads: Params, state: OptimizerState) -> Moved:
    """Make the step two times."""
    once, _ = moment.inner.update(params, grads, state)
    return moment.inner.update(once, grads, state)


def last_bias_frozen(moment: Moment, params: Params, grads: Params, state: OptimizerState) -> Moved:
    """Leave the last bias where it is."""
    after, state = moment.inner.update(params, grads, state)
    return (*after[:-1], params[-1]), state


def biases_at_twice_the_rate(
    moment: Moment, params: Params, grads: Params, state: OptimizerState
) -> Moved:
    """Move the biases twice as far."""
    longer = tuple(g * g.dtype.type(1 + i % 2) for i, g in enumerate(grads))
    return moment.inner.update(params, longer, state)


def decayed_with_gradient(
    moment: Moment, params: Params, grads: Params, state: OptimizerState
) -> Moved:
    """Add size times each parameter to its gradient."""
    drawn = tuple(g + g.dtype.type(moment.size) * w for g, w in zip(grads, params, strict=True))
    return moment.inner.update(params, drawn, state)


def decayed_apart(moment: Moment, params: Params, grads: Params, state: OptimizerState) -> Moved:
    """Shrink every parameter by η times the size before the step."""
    kept = 1 - moment.optimizer.learning_rate * moment.size
    shrunk = tuple(w * w.dtype.type(kept) for w in params)
    return moment.inner.update(shrunk, grads, state)


def with_momentum(moment: Moment, params: Params, grads: Params, state: OptimizerState) -> Moved:
    """Move by a velocity: the gradient, and the size times the velocity before."""
    velocity = _velocity(moment, grads)
    return moment.inner.update(params, velocity, state)


def with_nesterov(moment: Moment, params: Params, grads: Params, state: OptimizerState) -> Moved:
    """Move by the gradient, and the size times the velocity that it has led to."""
    velocity = _velocity(moment, grads)
    ahead = tuple(g + g.dtype.type(moment.size) * v for g, v in zip(grads, velocity, strict=True))
    return moment.inner.update(params, ahead, state)


def by_the_gradient_before(
    moment: Moment, params: Params, grads: Params, state: OptimizerState
) -> Moved:
    """Move by the gradient of the step before."""
    before, moment.memory["grads"] = moment.memory.get("grads", grads), grads
    return moment.inner.update(params, before, state)


def clipped(moment: Moment, params: Params, grads: Params, state: OptimizerState) -> Moved:
    """Hold every parameter between minus the size and the size."""
    after, state = moment.inner.update(params, grads, state)
    return tuple(w.clip(-moment.size, moment.size) for w in after), state


def through_float32(moment: Moment, params: Params, grads: Params, state: OptimizerState) -> Moved:
    """Round what comes of the step to float32."""
    after, state = moment.inner.update(params, grads, state)
    return tuple(w.astype(np.float32).astype(w.dtype) for w in after), state


def by_float32_gradient(
    moment: Moment, params: Params, grads: Params, state: OptimizerState
) -> Moved:
    """Make the step of the gradient rounded to float32."""
    rounded = tuple(g.astype(np.float32).astype(g.dtype) for g in grads)
    return moment.inner.update(params, rounded, state)


def one_bit_flipped(moment: Moment, params: Params, grads: Params, state: OptimizerState) -> Moved:
    """Flip one bit of the first weight after the step: the one worth as many last places."""
    after, state = moment.inner.update(params, grads, state)
    first = after[0].copy()
    integers = first.view(np.dtype(f"i{first.dtype.itemsize}"))
    integers[..., 0, 0] ^= integers.dtype.type(moment.size)
    return (first, *after[1:]), state


def _velocity(moment: Moment, grads: Params) -> Params:
    before = moment.memory.get("velocity")
    velocity = grads
    if before is not None:
        mu = grads[0].dtype.type(moment.size)
        velocity = tuple(mu * v + g for v, g in zip(before, grads, strict=True))
    moment.memory["velocity"] = velocity
    return velocity
