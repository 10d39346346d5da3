"""The network in JAX: a pure function is written down, and transformed.

`jax.value_and_grad` turns the loss into the function that returns its gradient as well,
`lax.scan` turns one step into a whole run, and XLA compiles that run into one program. Programs
are kept by the shapes of their arguments, so a run cut into equal chunks is compiled once.

The scan carries the parameters as one flat array (P, *R) and records one flat row per step: XLA
then makes a single tight loop of it, while a dozen small arrays would each be written apart.
Replicas come last in it, side by side in memory, as vector instructions want them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from jax import Array as JaxArray


class JaxGrad(Backend):
    """Compiled JAX. float64 holds inside JAX's own context only; no global flag is touched."""

    framework = "jax"
    replica_axes = True

    def __init__(
        self, network: Network, optimizer: Optimizer, dtype: str, device: str = "cpu"
    ) -> None:
        import jax

        self.jax = jax
        self.shapes = network.param_shapes
        self.dtype = np.dtype(dtype)
        self.learning_rate = self.dtype.type(optimizer.learning_rate)
        self.compile_s = 0.0
        self._programs: dict[Any, Callable[..., Any]] = {}
        try:
            self.device = jax.devices(device)[0]
        except RuntimeError as error:
            raise BackendUnusable(f"JAX cannot use the device {device!r}: {error}") from error

    def forward(self, params: Sequence[JaxArray], x: JaxArray) -> list[JaxArray]:
        """Return a_1, ..., a_L."""
        activations, a = [], x
        for W, b in zip(params[0::2], params[1::2], strict=True):
            a = self.jax.nn.sigmoid(a @ W.mT + b[..., None, :])
            activations.append(a)
        return activations

    def loss(
        self, params: Sequence[JaxArray], x: JaxArray, y: JaxArray
    ) -> tuple[JaxArray, list[JaxArray]]:
        """Return the mean squared error (*R,) and the activations a_1, ..., a_L behind it."""
        activations = self.forward(params, x)
        return self.jax.numpy.mean((activations[-1] - y) ** 2, axis=(-2, -1)), activations

    def differentiate(
        self, w: JaxArray, x: JaxArray, y: JaxArray
    ) -> tuple[JaxArray, list[JaxArray], JaxArray]:
        """Return the gradient at the flat parameters w, flat too; the activations; the loss."""

        def total(params: Sequence[JaxArray]) -> tuple[JaxArray, Any]:
            loss, activations = self.loss(params, x, y)
            # Replicas share no parameter, so the gradient of their sum is each one's own gradient.
            return loss.sum(), (activations, loss)

        differentiated = self.jax.value_and_grad(total, has_aux=True)
        (_, (activations, loss)), grads = differentiated(split(w, self.shapes))
        return self._flat(grads, w.shape[1:]), activations, loss

    def descend(self, w: JaxArray, gradient: JaxArray, learning_rate: JaxArray) -> JaxArray:
        """Return w - η ∂loss/∂w."""
        return w - learning_rate * gradient

    def run(
        self,
        w: JaxArray,
        x: JaxArray,
        y: JaxArray,
        batches: JaxArray,
        learning_rate: JaxArray,
        *,
        record: bool,
    ) -> tuple[JaxArray, JaxArray | None]:
        """Scan over the batches; return the last parameters and one row per step, all flat.

        A row is: parameters after the step, gradient, activations, loss. Recorded or not, the
        parameters travel in one piece: cut otherwise, XLA would round otherwise.
        """

        def step(w: JaxArray, batch: tuple[JaxArray, JaxArray]) -> tuple[JaxArray, JaxArray | None]:
            gradient, activations, loss = self.differentiate(w, *batch)
            w = self.descend(w, gradient, learning_rate)
            if not record:
                return w, None
            evaluated = self._flat([*activations, loss], loss.shape)
            return w, self.jax.numpy.concatenate([w, gradient, evaluated])

        return self.jax.lax.scan(step, w, (x[batches], y[batches]))

    def _flat(self, arrays: Sequence[JaxArray], axes: tuple[int, ...]) -> JaxArray:
        rows = [self.jax.numpy.moveaxis(a.reshape(*axes, -1), -1, 0) for a in arrays]
        return self.jax.numpy.concatenate(rows)

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        loss, activations = self._call(self.loss, tuple(params), x, y)
        return Evaluation(tuple(np.asarray(a) for a in activations), None, np.asarray(loss))

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        gradient, activations, loss = self._call(self.differentiate, joined(params), x, y)
        evaluation = Evaluation(tuple(np.asarray(a) for a in activations), None, np.asarray(loss))
        return StepGradients(evaluation, tuple(split(np.asarray(gradient), self.shapes)))

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        after = self._call(self.descend, joined(params), joined(grads), self.learning_rate)
        return tuple(split(np.asarray(after), self.shapes)), OptimizerState(state.step + 1)

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
        axes, m = batches.shape[1:-1], batches.shape[-1]

        arguments = (joined(params), data.x, data.y, batches, self.learning_rate)
        last, scanned = self._call(self.run, *arguments, record=bool(recorded.any()))

        layer_sizes = [shape[0] for shape in self.shapes[1::2]]
        shapes = [*self.shapes, *self.shapes, *((m, n) for n in layer_sizes), ()]
        width = sum(math.prod(shape) for shape in shapes)
        rows = np.empty((0, width, *axes), self.dtype) if scanned is None else np.asarray(scanned)
        columns, count = split(rows, shapes, axis=1), len(self.shapes)
        trail = [np.concatenate([w[None], ws]) for w, ws in zip(params, columns, strict=False)]
        # Where every step is recorded a slice keeps views of the rows; a mask would copy them.
        chosen = slice(None) if every == 1 else recorded[: len(rows)]
        return Recording(
            steps=numbers[recorded],
            batches=batches[recorded],
            before=tuple(w[:-1][chosen] for w in trail),
            after=tuple(w[1:][chosen] for w in trail),
            state_before={},
            state_after={},
            evaluation=Evaluation(
                tuple(a[chosen] for a in columns[2 * count : -1]), None, columns[-1][chosen]
            ),
            grads=tuple(g[chosen] for g in columns[count : 2 * count]),
            deltas=None,
            final=(
                tuple(split(np.asarray(last), self.shapes)),
                OptimizerState(state.step + len(batches)),
            ),
        )

    def _call(self, function: Callable[..., Any], *arguments: Any, **static: Any) -> Any:
        """Call the function as one compiled program, made once for each set of shapes."""
        leaves = self.jax.tree.leaves(arguments)
        key = (function.__name__, *static.values(), *((a.shape, a.dtype) for a in leaves))
        with self.jax.enable_x64(self.dtype == np.float64), self.jax.default_device(self.device):
            if key not in self._programs:
                started = time.perf_counter()
                traced = self.jax.jit(partial(function, **static)).lower(*arguments)
                self._programs[key] = traced.compile()
                self.compile_s += time.perf_counter() - started
            return self._programs[key](*arguments)


def joined(params: Params) -> Array:
    """Join W1 (*R, n_1, n_0), b1 (*R, n_1), ... to one array (P, *R)."""
    axes = params[1].shape[:-1]
    return np.concatenate([np.moveaxis(w.reshape(*axes, -1), -1, 0) for w in params])


def split(flat: Any, shapes: Sequence[tuple[int, ...]], axis: int = 0) -> list[Any]:
    """Cut an axis of a NumPy or JAX array into arrays (..., *shape), one per shape."""
    parts, start = [], 0
    for shape in shapes:
        stop = start + math.prod(shape)
        part = flat[:, start:stop] if axis else flat[start:stop]
        part = part.transpose(*range(axis), *range(axis + 1, part.ndim), axis)
        parts.append(part.reshape(*part.shape[:-1], *shape))
        start = stop
    return parts
