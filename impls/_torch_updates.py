"""How parameters move, in torch's tensor operations: those that `torch.optim` is made of.

Each rule takes one tensor w, its gradient g, what it carries from step to step (its slots), and t,
the number of the step, and returns the next w and slots. Python's floats are float64; torch rounds
them once to the dtype of the tensors that they meet. `torch_autograd` applies it to every tensor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from shared.optimizer import Optimizer

if TYPE_CHECKING:
    from torch import Tensor

Moved: TypeAlias = "tuple[Tensor, list[Tensor]]"
Move: TypeAlias = "Callable[[Tensor, Tensor, Sequence[Tensor], int], Moved]"
"""(w, g, slots, t) -> the next w and slots."""


def rule(optimizer: Optimizer) -> Move:
    """Return the rule by which a tensor moves."""
    rules = {"sgd": sgd, "momentum": momentum, "rmsprop": rmsprop, "adam": adam, "adamw": adam}
    return rules[optimizer.name](optimizer)


def sgd(optimizer: Optimizer) -> Move:
    """Plain gradient descent: w - η g, as in `torch.optim.SGD`."""
    decayed, shrunk = _decayed(optimizer), _shrunk(optimizer)

    def move(w: Tensor, g: Tensor, _: Sequence[Tensor], __: int) -> Moved:
        return shrunk(w).sub(decayed(g, w), alpha=optimizer.learning_rate), []

    return move


def momentum(optimizer: Optimizer) -> Move:
    """A velocity, with the learning rate outside, as `torch.optim.SGD` has it, or inside."""
    decayed, shrunk = _decayed(optimizer), _shrunk(optimizer)
    mu, eta, nesterov = optimizer.momentum, optimizer.learning_rate, optimizer.nesterov

    def outside(w: Tensor, g: Tensor, slots: Sequence[Tensor], _: int) -> Moved:
        g = decayed(g, w)
        velocity = slots[0].mul(mu).add_(g)
        ahead = g.add(velocity, alpha=mu) if nesterov else velocity
        return shrunk(w).sub(ahead, alpha=eta), [velocity]

    def inside(w: Tensor, g: Tensor, slots: Sequence[Tensor], _: int) -> Moved:
        g = decayed(g, w)
        velocity = slots[0].mul(mu).add_(g, alpha=eta)
        ahead = velocity.mul(mu).add_(g, alpha=eta) if nesterov else velocity
        return shrunk(w).sub(ahead), [velocity]

    return inside if optimizer.rate_place == "inside" else outside


def rmsprop(optimizer: Optimizer) -> Move:
    """Slopes divided by the root of their mean square."""
    decayed, shrunk, divisor = _decayed(optimizer), _shrunk(optimizer), _divisor(optimizer)

    def move(w: Tensor, g: Tensor, slots: Sequence[Tensor], _: int) -> Moved:
        g = decayed(g, w)
        v = slots[0].mul(optimizer.beta2).addcmul_(g, g, value=1 - optimizer.beta2)
        return shrunk(w).addcdiv(g, divisor(v, 1.0), value=-optimizer.learning_rate), [v]

    return move


def adam(optimizer: Optimizer) -> Move:
    """Means of the slopes and of their squares, both corrected for having begun at 0."""
    decayed, shrunk, divisor = _decayed(optimizer), _shrunk(optimizer), _divisor(optimizer)
    beta1, beta2 = optimizer.beta1, optimizer.beta2

    def move(w: Tensor, g: Tensor, slots: Sequence[Tensor], t: int) -> Moved:
        g = decayed(g, w)
        m = slots[0].lerp(g, 1 - beta1)
        v = slots[1].mul(beta2).addcmul_(g, g, value=1 - beta2)
        first, second = corrected(w, beta1, t), corrected(w, beta2, t)
        size = optimizer.learning_rate / first
        return shrunk(w).addcdiv(m, divisor(v, second), value=-size), [m, v]

    def corrected(like: Tensor, beta: float, t: int) -> float:
        """Return 1 - β^t, in float64 or in the run's dtype."""
        if optimizer.bias_correction == "none":
            return 1.0
        if optimizer.bias_correction == "dtype":
            return float(1 - like.new_tensor(beta).pow(t))
        return 1 - beta**t

    return move


def _decayed(optimizer: Optimizer) -> Callable[[Tensor, Tensor], Tensor]:
    """Return (g, w) -> g + λ w, where the decay is coupled."""
    decay = optimizer.coupled_decay
    return lambda g, w: g.add(w, alpha=decay) if decay else g


def _shrunk(optimizer: Optimizer) -> Callable[[Tensor], Tensor]:
    """Return w -> (1 - η λ) w, where the decay is decoupled."""
    kept = 1 - optimizer.learning_rate * optimizer.decoupled_decay
    return lambda w: w.mul(kept) if kept != 1 else w


def _divisor(optimizer: Optimizer) -> Callable[[Tensor, float], Tensor]:
    """Return (v, 1 - β2^t) -> √v̂ with ε added where the optimizer has it."""
    epsilon = optimizer.epsilon

    def inside(v: Tensor, correction: float) -> Tensor:
        return v.div(correction).add_(epsilon).sqrt_()

    def uncorrected(v: Tensor, correction: float) -> Tensor:
        return v.sqrt().add_(epsilon).div_(math.sqrt(correction))

    def outside(v: Tensor, correction: float) -> Tensor:
        return v.sqrt().div_(math.sqrt(correction)).add_(epsilon)

    places = {"inside": inside, "uncorrected": uncorrected, "outside": outside}
    return places[optimizer.epsilon_place]
