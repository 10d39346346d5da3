"""How parameters move, by hand in NumPy: gradient descent, and what it grew into.

Each rule moves one tensor w, given g = ∂L/∂w, what it carries for every number of w from step to
step (its slots, zero at the start), and t, the number of the step, from 1. It writes the new values
into w and into the slots, in their places. `numpy_backprop` applies it to every tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from shared.backend import Array
from shared.optimizer import Optimizer

Move: TypeAlias = Callable[[Array, Array, Sequence[Array], int], None]
"""(w, g, slots, t): moves w and its slots in their places."""

Number: TypeAlias = "type[np.floating[Any]]"
"""The scalar of the run's dtype: one of float64 would turn float32 arrays to float64."""


def rule(optimizer: Optimizer, dtype: str) -> Move:
    """Return the rule by which a tensor moves."""
    rules: dict[str, Callable[[Optimizer, Number], Move]] = {
        "sgd": sgd,
        "momentum": momentum,
        "rmsprop": rmsprop,
        "adam": adam,
        "adamw": adam,
    }
    return rules[optimizer.name](optimizer, np.dtype(dtype).type)


def sgd(optimizer: Optimizer, number: Number) -> Move:
    """Go against the slope."""
    eta, decay = number(optimizer.learning_rate), Decay(optimizer, number)

    def move(w: Array, g: Array, _: Sequence[Array], __: int) -> None:
        g = decay.added(g, w)
        decay.shrink(w)
        # w ← w - η g
        w -= eta * g

    return move


def momentum(optimizer: Optimizer, number: Number) -> Move:
    """Let the slopes add up to a velocity, which friction 1 - μ slows down."""
    eta, decay = number(optimizer.learning_rate), Decay(optimizer, number)
    mu, nesterov = number(optimizer.momentum), optimizer.nesterov

    def outside(w: Array, g: Array, slots: Sequence[Array], _: int) -> None:
        (v,) = slots
        g = decay.added(g, w)
        # v ← μ v + g
        v *= mu
        v += g
        decay.shrink(w)
        # w ← w - η v,  or, looking one step ahead,  w ← w - η (g + μ v)
        w -= eta * (g + mu * v if nesterov else v)

    def inside(w: Array, g: Array, slots: Sequence[Array], _: int) -> None:
        (v,) = slots
        g = decay.added(g, w)
        # v ← μ v + η g:  velocities made at another η keep what they have
        v *= mu
        v += eta * g
        decay.shrink(w)
        # w ← w - v,  or, looking one step ahead,  w ← w - (η g + μ v)
        w -= eta * g + mu * v if nesterov else v

    return inside if optimizer.rate_place == "inside" else outside


def rmsprop(optimizer: Optimizer, number: Number) -> Move:
    """Measure each slope by the size that it had lately."""
    eta, decay = number(optimizer.learning_rate), Decay(optimizer, number)
    average, divisor = Average(optimizer.beta2, number), Divisor(optimizer, number)

    def move(w: Array, g: Array, slots: Sequence[Array], _: int) -> None:
        (v,) = slots
        g = decay.added(g, w)
        # v ← β2 v + (1 - β2) g²
        average.take(v, g * g)
        decay.shrink(w)
        # w ← w - η g / (√v + ε)
        w -= eta * (g / divisor.of(v, number(1)))

    return move


def adam(optimizer: Optimizer, number: Number) -> Move:
    """Average the slopes and their squares; a step has about the size η, whatever the slope."""
    eta, decay = number(optimizer.learning_rate), Decay(optimizer, number)
    first, second = Average(optimizer.beta1, number), Average(optimizer.beta2, number)
    divisor = Divisor(optimizer, number)

    def move(w: Array, g: Array, slots: Sequence[Array], t: int) -> None:
        m, v = slots
        g = decay.added(g, w)
        # m ← β1 m + (1 - β1) g,  v ← β2 v + (1 - β2) g²
        first.take(m, g)
        second.take(v, g * g)
        # Both began at 0 and are too small yet:  m̂ = m / (1 - β1^t),  v̂ = v / (1 - β2^t)
        below, root = divisor.corrections(first, second, t)
        decay.shrink(w)
        # w ← w - η m̂ / (√v̂ + ε)
        w -= eta * ((m / below) / divisor.of(v, root))

    return move


class Decay:
    """Weights that are drawn to 0, by λ: through the gradient, or apart from it."""

    def __init__(self, optimizer: Optimizer, number: Number) -> None:
        self._added = number(optimizer.coupled_decay)
        self._kept = number(1 - optimizer.learning_rate * optimizer.decoupled_decay)

    def added(self, g: Array, w: Array) -> Array:
        """g + λ w, where the decay is coupled: the slope of the loss plus ½ λ w²."""
        return g + self._added * w if self._added else g

    def shrink(self, w: Array) -> None:
        """w ← (1 - η λ) w, where it is decoupled."""
        if self._kept != 1:
            w *= self._kept


class Average:
    """A running average that forgets: a ← β a + (1 - β) new."""

    def __init__(self, beta: float, number: Number) -> None:
        # 1 - β would lose digits, had β been rounded before.
        self.beta, self._beta, self._rest = beta, number(beta), number(1 - beta)

    def take(self, average: Array, new: Array) -> None:
        """Take the new value in, in its place."""
        average *= self._beta
        average += self._rest * new


class Divisor:
    """D, the size of a slope: √v̂ with ε somewhere, so that it is never 0."""

    def __init__(self, optimizer: Optimizer, number: Number) -> None:
        self._number, self._epsilon = number, number(optimizer.epsilon)
        self._place, self._correction = optimizer.epsilon_place, optimizer.bias_correction

    def corrections(self, first: Average, second: Average, t: int) -> tuple[Any, Any]:
        """1 - β1^t and 1 - β2^t, the share of an average that is no longer the 0 it began with."""
        number = self._number
        if self._correction == "none":
            return number(1), number(1)
        if self._correction == "dtype":
            # β^t and the difference, all in the dtype of the run.
            return tuple(number(1) - number(one.beta) ** t for one in (first, second))  # type: ignore[return-value]
        return number(1 - first.beta**t), number(1 - second.beta**t)

    def of(self, v: Array, correction: Any) -> Array:
        """√v̂ + ε,  √(v̂ + ε),  or √v̂ + ε/√(1 - β2^t), which is (√v + ε)/√(1 - β2^t)."""
        corrected = v / correction
        if self._place == "inside":
            return np.sqrt(corrected + self._epsilon)  # type: ignore[no-any-return]
        if self._place == "uncorrected":
            return np.sqrt(corrected) + self._epsilon / np.sqrt(correction)  # type: ignore[no-any-return]
        return np.sqrt(corrected) + self._epsilon  # type: ignore[no-any-return]
