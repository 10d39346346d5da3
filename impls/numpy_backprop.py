"""Backpropagation by hand, in NumPy: the file to read first.

A network is a chain of functions, so its derivative is a product of their derivatives. Forward,
each layer computes and keeps its activations. Backward, one quantity travels from the loss to
the input: δ_l = ∂L/∂z_l, the slope of the loss by what layer l put into its sigmoid. Everything
else falls out of δ on the way.

Shapes: a row is a sample, so a_l is (m, n_l) and W_l is (n_l, n_{l-1}). Replicas, networks of the
same shape trained side by side, are leading axes; `@`, `.mT` and `[..., None, :]` look at the
last two axes only, so one network and a thousand run through the same lines.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shared.backend import (
    Array,
    Backend,
    Dataset,
    Evaluation,
    OptimizerState,
    Params,
    Recording,
    StepGradients,
)
from shared.errors import BackendUnusable
from shared.network import Network, Optimizer


def sigmoid(z: Array) -> Array:
    """σ(z) = 1 / (1 + e^-z). For z far below zero e^-z is infinite, and 1/∞ = 0 is right."""
    return 1 / (1 + np.exp(-z))


def forward(params: Params, x: Array) -> list[Array]:
    """Return a_0 = x, a_1, ..., a_L: backward needs every one of them."""
    activations = [x]
    for W, b in zip(params[0::2], params[1::2], strict=True):
        # z_l = a_{l-1} W_lᵀ + b_l
        z = activations[-1] @ W.mT + b[..., None, :]
        # a_l = σ(z_l)
        activations.append(sigmoid(z))
    return activations


def mean_squared_error(output: Array, y: Array) -> Array:
    """Return L = (1/M) Σ (a_L - y)², M = m n_L: one number for each network."""
    m, n = output.shape[-2:]
    error = output - y
    squares = (error * error).reshape(*output.shape[:-2], m * n)
    loss: Array = squares.sum(axis=-1) / (m * n)
    return loss


def backward(params: Params, activations: Sequence[Array], y: Array) -> Params:
    """Return ∂L/∂W1, ∂L/∂b1, ∂L/∂W2, ..., from the activations that `forward` kept."""
    m, n = activations[-1].shape[-2:]
    grads: list[Array] = []

    # The loss:  ∂L/∂a_L = (2/M) (a_L - y)
    slope = 2 * (activations[-1] - y) / (m * n)

    for layer in range(len(activations) - 1, 0, -1):
        a, a_below = activations[layer], activations[layer - 1]
        # The sigmoid:  σ'(z) = σ(z) (1 - σ(z)) = a (1 - a),  so  δ_l = ∂L/∂a_l · a_l (1 - a_l)
        delta = slope * (a * (1 - a))
        # The bias is added to every z of its unit:  ∂L/∂b_l = Σ over the samples of δ_l
        grads.append(delta.sum(axis=-2))
        # A weight multiplies one activation below:  ∂L/∂W_l = δ_lᵀ a_{l-1}
        grads.append(delta.mT @ a_below)
        if layer > 1:
            # A unit below acts on every unit above it:  ∂L/∂a_{l-1} = δ_l W_l
            slope = delta @ params[2 * (layer - 1)]

    return tuple(reversed(grads))


def descend(params: Params, grads: Params, learning_rate: np.floating) -> Params:
    """Return w - η ∂L/∂w for every parameter: against the slope, all at once."""
    return tuple(w - learning_rate * g for w, g in zip(params, grads, strict=True))


class NumpyBackprop(Backend):
    """The functions above behind the shared interface."""

    framework = "numpy"
    replica_axes = True

    def __init__(
        self, network: Network, optimizer: Optimizer, dtype: str, device: str = "cpu"
    ) -> None:
        if device != "cpu":
            raise BackendUnusable(
                f"NumPy computes on the CPU only; device {device!r} was asked for."
            )
        # A NumPy scalar of the run's dtype: a float64 one would turn float32 parameters to float64.
        self.learning_rate = np.dtype(dtype).type(optimizer.learning_rate)

    def loss(self, params: Params, x: Array, y: Array) -> tuple[Array, list[Array]]:
        """Return the loss (*R,) and the activations a_0, ..., a_L behind it."""
        with np.errstate(over="ignore", invalid="ignore"):
            activations = forward(params, x)
            return np.asarray(mean_squared_error(activations[-1], y)), activations

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        loss, activations = self.loss(params, x, y)
        return Evaluation(tuple(activations[1:]), None, loss)

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        loss, activations = self.loss(params, x, y)
        grads = backward(params, activations, y)
        return StepGradients(Evaluation(tuple(activations[1:]), None, loss), grads)

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        return descend(params, grads, self.learning_rate), OptimizerState(state.step + 1)

    def train(
        self,
        params: Params,
        state: OptimizerState,
        data: Dataset,
        batches: Array,
        every: int = 1,
    ) -> Recording:
        numbers = np.arange(state.step + 1, state.step + 1 + len(batches))
        recorded = numbers % every == 0 if every else np.zeros(len(batches), dtype=bool)
        xs, ys = data.x[batches], data.y[batches]
        befores, afters, activation_rows, grad_rows = [], [], [], []

        with np.errstate(over="ignore", invalid="ignore"):
            for x, y, keep in zip(xs, ys, recorded.tolist(), strict=True):
                activations = forward(params, x)
                grads = backward(params, activations, y)
                before, params = params, descend(params, grads, self.learning_rate)
                if keep:
                    befores.append(before)
                    afters.append(params)
                    activation_rows.append(activations[1:])
                    grad_rows.append(grads)

        if every == 1:
            trail = _stack([befores[0], *afters], like=params)
            before, after = tuple(w[:-1] for w in trail), tuple(w[1:] for w in trail)
        else:
            before, after = _stack(befores, like=params), _stack(afters, like=params)
        outputs = _stack(activation_rows, like=activations[1:])
        # The loss is no part of the descent, so it is taken for all the steps at once.
        loss = mean_squared_error(outputs[-1], ys[recorded])
        return Recording(
            steps=numbers[recorded],
            batches=batches[recorded],
            before=before,
            after=after,
            state_before={},
            state_after={},
            evaluation=Evaluation(outputs, None, loss),
            grads=_stack(grad_rows, like=params),
            deltas=None,
            final=(params, OptimizerState(state.step + len(batches))),
        )


def _stack(rows: Sequence[Sequence[Array]], like: Sequence[Array]) -> tuple[Array, ...]:
    """Turn s rows of arrays into one array (s, ...) per column, also where s is 0."""
    return tuple(
        np.array([row[i] for row in rows], dtype=a.dtype).reshape(len(rows), *a.shape)
        for i, a in enumerate(like)
    )
