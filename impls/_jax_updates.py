"""How parameters move, as pure functions of JAX arrays, to be traced into `jax_grad`'s programs.

Each rule takes one array w, its gradient g, what it carries from step to step (its slots), η, and
a tick, what it has to know of the step's number; it returns the next w and slots. Python's floats
take the dtype of the arrays that they meet, rounded once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from shared.backend import Array
from shared.optimizer import Optimizer

if TYPE_CHECKING:
    from jax import Array as JaxArray

Moved: TypeAlias = "tuple[JaxArray, tuple[JaxArray, ...]]"
Move: TypeAlias = "Callable[[JaxArray, JaxArray, Sequence[JaxArray], JaxArray, JaxArray], Moved]"
"""(w, g, slots, η, tick) -> the next w and slots."""


def rule(optimizer: Optimizer, jnp: ModuleType) -> Move:
    """Return the rule by which an array moves; jnp is jax.numpy."""
    if optimizer.name == "momentum":
        return momentum(optimizer, jnp)
    if optimizer.name == "rmsprop":
        return rmsprop(optimizer, jnp)
    return adam(optimizer, jnp) if optimizer.name in ("adam", "adamw") else sgd(optimizer)


def ticks(optimizer: Optimizer, dtype: str, steps: Array) -> Array:
    """Return one tick (3,) for each step number (k,), in the dtype.

    Its first two are the number itself, where 1 - β^t is to be computed in the run's dtype, and
    1 - β1^t and 1 - β2^t where they are to be computed in float64, which is done here: a float32
    program of JAX has none. The third is 1.
    """
    t = np.stack([steps, steps], axis=-1).astype(np.float64)
    if optimizer.name in ("adam", "adamw") and optimizer.bias_correction == "float64":
        t = 1 - np.array([optimizer.beta1, optimizer.beta2]) ** t
    return np.concatenate([t, np.ones((len(steps), 1))], axis=-1).astype(dtype)


def sgd(optimizer: Optimizer) -> Move:
    """w - η g."""
    decayed, drawn = _decayed(optimizer), _drawn(optimizer)

    def move(w: JaxArray, g: JaxArray, _: Any, eta: JaxArray, __: JaxArray) -> Moved:
        return w - eta * drawn(decayed(g, w), w), ()

    return move


def momentum(optimizer: Optimizer, jnp: ModuleType) -> Move:
    """A velocity, with the learning rate outside or inside."""
    decayed, drawn = _decayed(optimizer), _drawn(optimizer)
    mu = optimizer.momentum

    def outside(
        w: JaxArray, g: JaxArray, slots: Sequence[JaxArray], eta: JaxArray, _: JaxArray
    ) -> Moved:
        g = decayed(g, w)
        v = mu * slots[0] + g
        ahead = g + mu * v if optimizer.nesterov else v
        return w - eta * drawn(ahead, w), (v,)

    def inside(
        w: JaxArray, g: JaxArray, slots: Sequence[JaxArray], eta: JaxArray, _: JaxArray
    ) -> Moved:
        # Of two products only one can be fused with their sum, and XLA chooses by what else is
        # asked for: recording would change bits. A choice for each number makes this one none.
        g = decayed(g, w)
        push = jnp.where(jnp.isnan(g), jnp.nan, eta * g)
        v = mu * slots[0] + push
        ahead = push + mu * v if optimizer.nesterov else v
        decay = eta * optimizer.decoupled_decay
        return w - (ahead + decay * w if optimizer.decoupled_decay else ahead), (v,)

    return inside if optimizer.rate_place == "inside" else outside


def rmsprop(optimizer: Optimizer, jnp: ModuleType) -> Move:
    """Slopes divided by the root of their mean square."""
    decayed, drawn, beta2 = _decayed(optimizer), _drawn(optimizer), optimizer.beta2
    divisor = _divisor(optimizer, jnp)

    def move(
        w: JaxArray, g: JaxArray, slots: Sequence[JaxArray], eta: JaxArray, tick: JaxArray
    ) -> Moved:
        g = decayed(g, w)
        v = (1 - beta2) * g**2 + beta2 * slots[0]
        ahead = g / divisor(v, jnp.ones_like(tick[1]))
        return w - eta * drawn(ahead, w), (v,)

    return move


def adam(optimizer: Optimizer, jnp: ModuleType) -> Move:
    """Means of the slopes and of their squares, both corrected for having begun at 0."""
    decayed, drawn, divisor = _decayed(optimizer), _drawn(optimizer), _divisor(optimizer, jnp)
    beta1, beta2 = optimizer.beta1, optimizer.beta2

    def corrected(beta: float, tick: JaxArray) -> JaxArray:
        if optimizer.bias_correction == "none":
            return jnp.ones_like(tick)  # type: ignore[no-any-return]
        return 1 - beta**tick if optimizer.bias_correction == "dtype" else tick

    def move(
        w: JaxArray, g: JaxArray, slots: Sequence[JaxArray], eta: JaxArray, tick: JaxArray
    ) -> Moved:
        g = decayed(g, w)
        m = (1 - beta1) * g + beta1 * slots[0]
        v = (1 - beta2) * g**2 + beta2 * slots[1]
        ahead = m / corrected(beta1, tick[0]) / divisor(v, corrected(beta2, tick[1]))
        return w - eta * drawn(ahead, w), (m, v)

    return move


def _decayed(optimizer: Optimizer) -> Callable[[JaxArray, JaxArray], JaxArray]:
    """Return (g, w) -> g + λ w, where the decay is coupled."""
    decay = optimizer.coupled_decay
    return lambda g, w: g + decay * w if decay else g


def _drawn(optimizer: Optimizer) -> Callable[[Any, JaxArray], JaxArray]:
    """Return (direction, w) -> direction + λ w, where the decay is decoupled."""
    decay = optimizer.decoupled_decay
    return lambda direction, w: direction + decay * w if decay else direction


def _divisor(optimizer: Optimizer, jnp: ModuleType) -> Callable[[JaxArray, JaxArray], JaxArray]:
    """Return (v, 1 - β2^t) -> √v̂ with ε added where the optimizer has it."""
    epsilon = optimizer.epsilon
    places: dict[str, Callable[[JaxArray, JaxArray], JaxArray]] = {
        "outside": lambda v, correction: jnp.sqrt(v / correction) + epsilon,
        "inside": lambda v, correction: jnp.sqrt(v / correction + epsilon),
        "uncorrected": lambda v, correction: (jnp.sqrt(v) + epsilon) / jnp.sqrt(correction),
    }
    return places[optimizer.epsilon_place]
