"""Backpropagation by hand, in NumPy: the file to read first.

A network is a chain of functions, so its derivative is a product of their derivatives. Forward,
each layer computes and keeps its activations. Backward, one quantity travels from the loss to
the input: δ_l = ∂L/∂z_l, the slope of the loss by what layer l put into its activation function.
Everything else falls out of δ on the way.

Shapes: a row is a sample, so a_l is (m, n_l) and W_l is (n_l, n_{l-1}). Replicas, networks of the
same shape trained side by side, are leading axes; `@`, `.mT` and `[..., None, :]` look at the
last two axes only, so one network and a thousand run through the same lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from impls._numpy_updates import Move, rule
from shared.backend import (
    Array,
    Backend,
    Dataset,
    Elementary,
    Evaluation,
    OptimizerState,
    Params,
    Recording,
    StepGradients,
)
from shared.errors import BackendUnusable
from shared.network import Network
from shared.optimizer import Optimizer

NUMBERS_GATHERED = 2**16
"""As many inputs are gathered from the data at once: few calls, and no second copy of the data."""


def sigmoid(z: Array) -> Array:
    """σ(z) = 1 / (1 + e^-z). For z far below zero e^-z is infinite, and 1/∞ = 0 is right."""
    return 1 / (1 + np.exp(-z))


def relu(z: Array) -> Array:
    """max(0, z)."""
    return np.maximum(z, 0)


def softmax(z: Array) -> Array:
    """e^z_k / Σ_j e^z_j. Less the largest z, which changes nothing, no exponential overflows."""
    powers = np.exp(z - z.max(axis=-1, keepdims=True))
    shares: Array = powers / powers.sum(axis=-1, keepdims=True)
    return shares


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": relu,
    "identity": lambda z: z,
    "softmax": softmax,
}

SLOPES: dict[str, Callable[[Array], Array]] = {
    # f'(z), written with a = f(z), which the forward pass has kept:
    "sigmoid": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a * a,
    "relu": lambda a: a > 0,  # at z = 0 there is no slope; 0 is taken for it
    "identity": np.ones_like,
}


def forward(network: Network, params: Params, x: Array) -> tuple[list[Array], Array]:
    """Return a_0 = x, a_1, ..., a_L, and z_L: backward needs every one of them."""
    activations, last = [x], len(params) // 2
    for layer, (W, b) in enumerate(zip(params[0::2], params[1::2], strict=True), start=1):
        # z_l = a_{l-1} W_lᵀ + b_l
        z = activations[-1] @ W.mT + b[..., None, :]
        # a_l = f(z_l)
        f = FUNCTIONS[network.output if layer == last else network.activation]
        activations.append(f(z))
    return activations, z


def total_loss(network: Network, output: Array, logits: Array, y: Array) -> Array:
    """Return L, one number for each network; M = m n_L."""
    m, n = output.shape[-2:]
    if network.loss == "mean_squared_error":
        # L = (1/M) Σ (a_L - y)²
        return _sum((output - y) ** 2, m * n)
    if network.loss == "quadratic_cost":
        # L = (1/2m) Σ (a_L - y)²
        return _sum((output - y) ** 2, 2 * m)
    if network.loss == "binary_cross_entropy":
        # L = (1/M) Σ ln(1 + e^z) - z y,  with  ln(1 + e^z) = max(z, 0) + ln(1 + e^-|z|)
        softplus = np.maximum(logits, 0) + np.log1p(np.exp(-abs(logits)))
        return _sum(softplus - logits * y, m * n)
    # L = (1/m) Σ y (ln Σ_j e^z_j - z),  with z counted from the largest one of each sample
    z = logits - logits.max(axis=-1, keepdims=True)
    return _sum(y * (np.log(np.exp(z).sum(axis=-1, keepdims=True)) - z), m)


def _sum(terms: Array, divisor: int) -> Array:
    """Return Σ terms / divisor over samples and outputs."""
    m, n = terms.shape[-2:]
    total: Array = terms.reshape(*terms.shape[:-2], m * n).sum(axis=-1)
    return np.asarray(total / divisor)


def output_delta(network: Network, output: Array, y: Array) -> Array:
    """Return δ_L = ∂L/∂z_L."""
    m, n = output.shape[-2:]
    error: Array = output - y
    if network.loss == "categorical_cross_entropy":
        # The logarithm undoes the softmax: their derivatives together are  a_L - y
        delta: Array = error / m
    elif network.loss == "binary_cross_entropy":
        delta = error / (m * n)
    else:
        # ∂L/∂a_L = (2/M) (a_L - y)  or  (1/m) (a_L - y),  and  δ_L = ∂L/∂a_L · f'(z_L)
        slope = 2 * error / (m * n) if network.loss == "mean_squared_error" else error / m
        delta = slope * SLOPES[network.output](output)
    return delta


def backward(
    network: Network, params: Params, activations: Sequence[Array], y: Array
) -> tuple[Params, tuple[Array, ...]]:
    """Return ∂L/∂W1, ∂L/∂b1, ∂L/∂W2, ... and δ_1, ..., δ_L, from what `forward` kept."""
    grads: list[Array] = []
    delta = output_delta(network, activations[-1], y)
    deltas = [delta]
    for layer in range(len(activations) - 1, 0, -1):
        a_below = activations[layer - 1]
        # The bias is added to every z of its unit:  ∂L/∂b_l = Σ over the samples of δ_l
        grads.append(delta.sum(axis=-2))
        # A weight multiplies one activation below:  ∂L/∂W_l = δ_lᵀ a_{l-1}
        grads.append(delta.mT @ a_below)
        if layer > 1:
            # A unit below acts on every unit above it:  ∂L/∂a_{l-1} = δ_l W_l
            slope = delta @ params[2 * (layer - 1)]
            # Its activation function:  δ_{l-1} = ∂L/∂a_{l-1} · f'(z_{l-1})
            delta = slope * SLOPES[network.activation](a_below)
            deltas.append(delta)
    return tuple(reversed(grads)), tuple(reversed(deltas))


def move_all(move: Move, params: Params, grads: Params, slots: Sequence[Params], step: int) -> None:
    """Move every tensor in its place, all of them by a gradient taken before any moved."""
    carried = zip(*slots, strict=True) if slots else [()] * len(params)
    for w, g, own in zip(params, grads, carried, strict=True):
        move(w, g, own, step)


class NumpyBackprop(Backend, Elementary):
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
        self.network = network
        self.move, self.slots = rule(optimizer, dtype), optimizer.slots

    def loss(self, params: Params, x: Array, y: Array) -> tuple[Array, list[Array], Array]:
        """Return the loss (*R,), and a_0, ..., a_L and the logits z_L behind it."""
        with np.errstate(over="ignore", invalid="ignore"):
            activations, logits = forward(self.network, params, x)
            loss = total_loss(self.network, activations[-1], logits, y)
        return loss, activations, logits

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        loss, activations, logits = self.loss(params, x, y)
        return self._evaluation(loss, activations[1:], logits)

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        loss, activations, logits = self.loss(params, x, y)
        grads, deltas = backward(self.network, params, activations, y)
        return StepGradients(self._evaluation(loss, activations[1:], logits), grads, deltas)

    def _evaluation(self, loss: Array, activations: Sequence[Array], logits: Array) -> Evaluation:
        return Evaluation(tuple(activations), logits if self.network.from_logits else None, loss)

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        after, slots = _copied(params), [_copied(state.slots[name]) for name in self.slots]
        with np.errstate(over="ignore", invalid="ignore"):
            move_all(self.move, after, grads, slots, state.step + 1)
        return after, self._state(state.step + 1, slots)

    def _state(self, step: int, slots: Sequence[Params]) -> OptimizerState:
        return OptimizerState(step, dict(zip(self.slots, slots, strict=True)))

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
        params, slots = _copied(params), [_copied(state.slots[name]) for name in self.slots]
        carried = [w for tensors in (params, *slots) for w in tensors]
        count, dtype, row = int(recorded.sum()), params[0].dtype, 0
        shapes = [w.shape for w in carried]
        layers = [(*batches.shape[1:], n) for n in self.network.sizes[1:]]
        # What is recorded is copied here at once, so that every step finds its memory in the cache.
        before, after = (_room(count, shapes, dtype) for _ in range(2))
        if every == 1:
            trail = _room(count + 1, shapes, dtype)
            before, after = tuple(w[:-1] for w in trail), tuple(w[1:] for w in trail)
        slopes = _room(count, shapes[: len(params)], dtype)
        outputs, errors = (_room(count, layers, dtype) for _ in range(2))
        (logits,) = _room(count, layers[-1:], dtype)
        columns = (*before, *slopes, *outputs, *errors, logits)

        with np.errstate(over="ignore", invalid="ignore"):
            for (x, y), step, keep in zip(
                _samples(data, batches), numbers.tolist(), recorded.tolist(), strict=True
            ):
                activations, z = forward(self.network, params, x)
                grads, deltas = backward(self.network, params, activations, y)
                if keep:
                    seen = (*carried, *grads, *activations[1:], *deltas, z)
                    for column, array in zip(columns, seen, strict=True):
                        column[row] = array
                move_all(self.move, params, grads, slots, step)
                if keep:
                    for column, array in zip(after, carried, strict=True):
                        column[row] = array
                    row += 1

        # The loss is no part of the descent, so it is taken for all the steps at once.
        with np.errstate(over="ignore", invalid="ignore"):
            loss = total_loss(self.network, outputs[-1], logits, data.y[batches[recorded]])
        start, end = (self._recorded(tensors) for tensors in (before, after))
        return Recording(
            steps=numbers[recorded],
            batches=batches[recorded],
            before=start[0],
            after=end[0],
            state_before=start[1],
            state_after=end[1],
            evaluation=self._evaluation(loss, outputs, logits),
            grads=slopes,
            deltas=errors,
            final=(params, self._state(state.step + len(batches), slots)),
        )

    def _recorded(self, tensors: Params) -> tuple[Params, dict[str, Params]]:
        """Part recorded tensors into the parameters and the slots, which stand behind them."""
        n = len(tensors) // (1 + len(self.slots))
        groups = [tensors[i : i + n] for i in range(0, len(tensors), n)]
        return groups[0], dict(zip(self.slots, groups[1:], strict=True))

    def elementary(self, name: str, x: Array) -> Array:
        own: dict[str, Callable[[Array], Array]] = {
            "exp": np.exp,
            "log": np.log,
            "log1p": np.log1p,
        }
        functions = {**FUNCTIONS, **own}
        with np.errstate(over="ignore", divide="ignore"):
            return functions[name](x)


def _samples(data: Dataset, batches: Array) -> Iterator[tuple[Array, Array]]:
    """Yield x and y of each batch; they are gathered for many small batches at once."""
    size = max(1, batches[0].size * data.x.shape[1])
    together = max(1, NUMBERS_GATHERED // size)
    for start in range(0, len(batches), together):
        chosen = batches[start : start + together]
        yield from zip(data.x[chosen], data.y[chosen], strict=True)


def _copied(tensors: Params) -> Params:
    return tuple(w.copy() for w in tensors)


def _room(count: int, shapes: Sequence[tuple[int, ...]], dtype: np.dtype[Any]) -> tuple[Array, ...]:
    """Return an array (count, *shape) for each shape, to be filled row by row."""
    return tuple(np.empty((count, *shape), dtype) for shape in shapes)
