"""Backends of one's own that compute the same functions in other forms, and faulty ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np

from impls.numpy_backprop import FUNCTIONS, SLOPES, output_delta, total_loss
from shared.backend import (
    Array,
    Evaluation,
    OptimizerState,
    Params,
    StepBackend,
    StepGradients,
)
from shared.network import Network
from shared.optimizer import Optimizer
from shared.registry import Loaded, Source

Function: TypeAlias = Callable[[Array], Array]
Slope: TypeAlias = Callable[[Array, Array], Array]
"""(z, a) -> f'(z)."""
AtLogits: TypeAlias = Callable[[Array, Array], tuple[Array, Array, Array]]
"""(z, y) -> the output, the terms of the loss, and its slope by z, before the mean is taken."""


@dataclass(frozen=True)
class Writing:
    """What a program is free to choose. As NumPy's backend has it, if not said otherwise.

    at_logits
        A cross-entropy and all that comes of it.
    only_in
        The step in which alone the slopes are these.
    fault
        (tensor, step, gradient) -> the gradient that is used and recorded instead.
    """

    sigmoid: Function | None = None
    tanh: Function | None = None
    hidden: Slope | None = None
    output: Slope | None = None
    at_logits: AtLogits | None = None
    with_deltas: bool = False
    only_in: int | None = None
    fault: Callable[[str, int, Array], Array] = lambda _tensor, _step, gradient: gradient


class Written(StepBackend):
    """Backpropagation as a writing has it."""

    replica_axes = True
    writing: ClassVar[Writing]

    def __init__(
        self, network: Network, optimizer: Optimizer, dtype: str, device: str = "cpu"
    ) -> None:
        assert device == "cpu"
        self.network, self.step = network, 1
        self.rate = np.dtype(dtype).type(optimizer.learning_rate)

    def function(self, name: str, z: Array) -> Array:
        own = {"sigmoid": self.writing.sigmoid, "tanh": self.writing.tanh}.get(name)
        return (own or FUNCTIONS[name])(z)

    def slope(self, own: Slope | None, name: str, z: Array, a: Array) -> Array:
        if own is None or self.writing.only_in not in (None, self.step):
            return SLOPES[name](a)
        return own(z, a)

    def forward(self, params: Params, x: Array) -> tuple[list[Array], list[Array]]:
        """Return z_1, ..., z_L and a_0, ..., a_L."""
        sums: list[Array] = []
        activations, last = [x], len(params) // 2
        for layer in range(1, last + 1):
            W, b = params[2 * layer - 2 : 2 * layer]
            sums.append(activations[-1] @ W.mT + b[..., None, :])
            name = self.network.output if layer == last else self.network.activation
            activations.append(self.function(name, sums[-1]))
        return sums, activations

    def answered(
        self, params: Params, x: Array, y: Array
    ) -> tuple[Evaluation, list[Array], list[Array], Array]:
        sums, activations = self.forward(params, x)
        z, network, own = sums[-1], self.network, self.writing.at_logits
        if own and network.from_logits:
            m, n = y.shape[-2:]
            divisor = m * n if network.loss == "binary_cross_entropy" else m
            activations[-1], terms, error = own(z, y)
            loss, delta = np.asarray(terms.sum(axis=(-2, -1)) / divisor), error / divisor
        else:
            loss = total_loss(network, activations[-1], z, y)
            if network.from_logits:
                delta = output_delta(network, activations[-1], y)
            else:
                m, n = y.shape[-2:]
                error = activations[-1] - y
                above = 2 * error / (m * n) if network.loss == "mean_squared_error" else error / m
                own_slope = self.writing.output
                delta = above * self.slope(own_slope, network.output, z, activations[-1])
        logits = z if network.from_logits else None
        return Evaluation(tuple(activations[1:]), logits, loss), sums, activations, delta

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        with np.errstate(all="ignore"):
            return self.answered(params, x, y)[0]

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        with np.errstate(all="ignore"):
            evaluation, sums, activations, delta = self.answered(params, x, y)
            grads, deltas = [], [delta]
            for layer in range(len(sums), 0, -1):
                below = activations[layer - 1]
                for tensor, g in (
                    (f"b{layer}", delta.sum(axis=-2)),
                    (f"W{layer}", delta.mT @ below),
                ):
                    grads.append(self.writing.fault(tensor, self.step, g))
                if layer > 1:
                    name, z = self.network.activation, sums[layer - 2]
                    slope = self.slope(self.writing.hidden, name, z, below)
                    delta = (delta @ params[2 * layer - 2]) * slope
                    deltas.append(delta)
        kept = tuple(deltas[::-1]) if self.writing.with_deltas else None
        return StepGradients(evaluation, tuple(grads[::-1]), kept)

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        self.step = state.step + 2
        after = tuple(w - self.rate * g for w, g in zip(params, grads, strict=True))
        return after, OptimizerState(state.step + 1)


def written(how: Writing) -> Loaded:
    """A backend of one's own, as the registry would load it."""

    class Own(Written):
        writing = how

    return Loaded(Source("own", "own"), Own, "1.0")
