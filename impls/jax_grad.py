"""The network in JAX: a pure function is written down, and transformed.

`jax.value_and_grad` turns the loss into the function that returns its gradient as well,
`lax.scan` turns one step into a whole run, and XLA compiles that run into one program. Programs
are kept by the shapes of their arguments, so a run cut into equal chunks is compiled once.

The scan carries the parameters of a small network as one flat array (P, *R) and records one flat
row per step: XLA then makes a single tight loop of it, while a dozen small arrays would each be
written apart. Replicas come last in it, side by side in memory, as vector instructions want them.
The parameters of a larger network travel as they are: cutting and joining them would copy them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from impls._jax_updates import rule, ticks
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

if TYPE_CHECKING:
    from jax import Array as JaxArray

Carried: TypeAlias = "JaxArray | tuple[JaxArray, ...]"
"""Parameters, or their gradient, as programs pass them on: one array (P, *R), or W1, b1, W2, ..."""

State: TypeAlias = "tuple[Carried, tuple[Carried, ...]]"
"""Parameters, and what the optimizer carries for each of them."""

MOST_FLAT = 512
"""With more parameters than these, copying them takes longer than writing arrays apart."""


class JaxGrad(Backend, Elementary):
    """Compiled JAX. float64 holds inside JAX's own context only; no global flag is touched."""

    framework = "jax"
    replica_axes = True

    def __init__(
        self, network: Network, optimizer: Optimizer, dtype: str, device: str = "cpu"
    ) -> None:
        import jax

        self.jax = jax
        self.network = network
        self.barrier: Callable[..., Any] = jax.lax.optimization_barrier
        self.functions: dict[str, Callable[..., JaxArray]] = {
            "sigmoid": jax.nn.sigmoid,
            "tanh": jax.numpy.tanh,
            "relu": jax.nn.relu,
            "softmax": jax.nn.softmax,
            "identity": lambda z: z,
        }
        self.shapes = network.param_shapes
        self.is_flat = network.param_count <= MOST_FLAT
        self.dtype = np.dtype(dtype)
        self.optimizer, self.is_plain = optimizer, optimizer.is_plain
        self.move = rule(optimizer, jax.numpy)
        self.learning_rate = self.dtype.type(optimizer.learning_rate)
        self.compile_s = 0.0
        self._programs: dict[Any, Callable[..., Any]] = {}
        try:
            self.device = jax.devices(device)[0]
        except RuntimeError as error:
            raise BackendUnusable(f"JAX cannot use the device {device!r}: {error}") from error

    def forward(self, params: Sequence[JaxArray], x: JaxArray) -> tuple[list[JaxArray], JaxArray]:
        """Return a_1, ..., a_L and z_L."""
        activations, a, last = [], x, len(params) // 2
        for layer, (W, b) in enumerate(zip(params[0::2], params[1::2], strict=True), start=1):
            z = self._product(a, W) + b[..., None, :]
            name = self.network.output if layer == last else self.network.activation
            a = self.functions[name](z)
            activations.append(a)
        return activations, z

    def _product(self, a: JaxArray, W: JaxArray) -> JaxArray:
        """Return a Wᵀ.

        In a larger network it is made as (W aᵀ)ᵀ, and the barrier keeps XLA from undoing that:
        where δ is cut into columns as well, the gradient δᵀ a is made of factors that XLA
        multiplies as they lie in memory, which takes half as long.
        """
        return a @ W.mT if self.is_flat else self.barrier(W @ a.mT).mT

    def loss(
        self, params: Sequence[JaxArray], x: JaxArray, y: JaxArray
    ) -> tuple[JaxArray, list[JaxArray]]:
        """Return the loss (*R,), and what an Evaluation holds besides it.

        That is a_1, ..., a_L and, where the loss is computed from them, the logits.
        """
        jnp, nn = self.jax.numpy, self.jax.nn
        activations, z = self.forward(params, x)
        if self.network.loss == "categorical_cross_entropy":
            terms = -(y * nn.log_softmax(z)).sum(axis=-1)
            return terms.mean(axis=-1), [*activations, z]
        if self.network.loss == "binary_cross_entropy":
            terms = -y * nn.log_sigmoid(z) - (1 - y) * nn.log_sigmoid(-z)
            return jnp.mean(terms, axis=(-2, -1)), [*activations, z]
        squares = (activations[-1] - y) ** 2
        if self.network.loss == "quadratic_cost":
            return jnp.mean(squares.sum(axis=-1), axis=-1) / 2, activations
        return jnp.mean(squares, axis=(-2, -1)), activations

    def _evaluation(self, seen: Sequence[Array], loss: Array) -> Evaluation:
        if self.network.from_logits:
            return Evaluation(tuple(seen[:-1]), seen[-1], loss)
        return Evaluation(tuple(seen), None, loss)

    def differentiate(
        self, w: Carried, x: JaxArray, y: JaxArray
    ) -> tuple[Carried, list[JaxArray], JaxArray]:
        """Return the gradient at the parameters w, as they are carried; what was seen; the loss."""

        def total(params: Sequence[JaxArray]) -> tuple[JaxArray, Any]:
            loss, seen = self.loss(params, x, y)
            # Replicas share no parameter, so the gradient of their sum is each one's own gradient.
            return loss.sum(), (seen, loss)

        differentiated = self.jax.value_and_grad(total, has_aux=True)
        (_, (seen, loss)), grads = differentiated(self._params(w))
        if self.is_flat:
            return self._flat(grads, loss.shape), seen, loss
        # Behind a barrier, since XLA rounds by what it makes into one loop: the derivation is then
        # the same whether or not a step follows and the loss is asked for.
        derived: tuple[Carried, list[JaxArray], JaxArray] = self.barrier((grads, seen, loss))
        return derived

    def moved(
        self,
        w: Any,
        gradient: Any,
        slots: tuple[Any, ...],
        learning_rate: JaxArray,
        tick: JaxArray,
    ) -> State:
        """Return the parameters after a step of the optimizer, and its slots."""
        if not self.is_plain:
            # Of a batch of one sample the gradient is a product, and might be fused into a sum of
            # the optimizer before it is rounded: then what moves the parameters would not be what
            # is recorded. Multiplied once more, by a 1 that XLA does not know, it is.
            gradient = self.jax.tree.map(lambda g: g * tick[-1], gradient)
        if self.is_flat:
            return self.move(w, gradient, slots, learning_rate, tick)
        each = [
            self.move(one, g, own, learning_rate, tick)
            for one, g, *own in zip(w, gradient, *slots, strict=True)
        ]
        return tuple(after for after, _ in each), tuple(zip(*(own for _, own in each), strict=True))

    def run(
        self,
        state: State,
        x: JaxArray,
        y: JaxArray,
        batches: JaxArray,
        learning_rate: JaxArray,
        ticks: JaxArray,
        *,
        record: bool,
    ) -> tuple[State, Any]:
        """Scan over the batches; return the last parameters and slots, and a row for each step.

        A row is: parameters and slots after the step, gradient, what was seen, loss; one array if
        flat. Recorded or not, the parameters travel alike: otherwise XLA would round otherwise.
        """

        def step(state: State, given: Any) -> tuple[State, Any]:
            (w, slots), (batch, tick) = state, given
            samples = batch if self.is_flat else (x[batch], y[batch])
            gradient, seen, loss = self.differentiate(w, *samples)
            w, slots = self.moved(w, gradient, slots, learning_rate, tick)
            if not record:
                return (w, slots), None
            if not self.is_flat:
                carried = [one for part in (w, *slots) for one in part]
                return (w, slots), (*carried, *gradient, *seen, loss)
            evaluated = self._flat([*seen, loss], loss.shape)
            return (w, slots), self.jax.numpy.concatenate([w, *slots, gradient, evaluated])

        chosen = (x[batches], y[batches]) if self.is_flat else batches
        return self.jax.lax.scan(step, state, (chosen, ticks))

    def _flat(self, arrays: Sequence[JaxArray], axes: tuple[int, ...]) -> JaxArray:
        rows = [self.jax.numpy.moveaxis(a.reshape(*axes, -1), -1, 0) for a in arrays]
        return self.jax.numpy.concatenate(rows)

    def _carried(self, params: Params) -> Any:
        return joined(params) if self.is_flat else tuple(params)

    def _params(self, carried: Any) -> Sequence[Any]:
        return split(carried, self.shapes) if self.is_flat else carried

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        loss, seen = self._call(self.loss, tuple(params), x, y)
        return self._evaluation([np.asarray(a) for a in seen], np.asarray(loss))

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        gradient, seen, loss = self._call(self.differentiate, self._carried(params), x, y)
        evaluation = self._evaluation([np.asarray(a) for a in seen], np.asarray(loss))
        return StepGradients(evaluation, self._arrays(gradient))

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        number = state.step + 1
        slots = tuple(self._carried(state.slots[name]) for name in self.optimizer.slots)
        tick = ticks(self.optimizer, self.dtype.name, np.array([number]))[0]
        arguments = (self._carried(params), self._carried(grads), slots, self.learning_rate, tick)
        after, slots = self._call(self.moved, *arguments)
        return self._arrays(after), self._state(number, slots)

    def _state(self, step: int, slots: Sequence[Any]) -> OptimizerState:
        return OptimizerState(
            step, dict(zip(self.optimizer.slots, map(self._arrays, slots), strict=True))
        )

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

        x, y, rows = data.x, data.y, batches
        if batches.size < len(x):
            # Arguments are copied: of much data, take the samples of these few steps alone.
            x, y = x[batches.ravel()], y[batches.ravel()]
            rows = np.arange(batches.size).reshape(batches.shape)
        start = [params, *(state.slots[name] for name in self.optimizer.slots)]
        w, *slots = map(self._carried, start)
        moments = ticks(self.optimizer, self.dtype.name, numbers)
        arguments = ((w, tuple(slots)), x, y, rows, self.learning_rate, moments)
        (w, last), scanned = self._call(self.run, *arguments, record=bool(recorded.any()))

        seen = [(m, n) for n in self.network.sizes[1:]]
        seen += seen[-1:] if self.network.from_logits else []
        carried = self.shapes * len(start)
        shapes = [*carried, *self.shapes, *seen, ()]
        if scanned is None:
            columns = [np.empty((0, *axes, *shape), self.dtype) for shape in shapes]
        elif self.is_flat:
            columns = split(np.asarray(scanned), shapes, axis=1)
        else:
            columns = [np.asarray(column) for column in scanned]
        trail = [
            np.concatenate([one[None], ones])
            for one, ones in zip((one for part in start for one in part), columns, strict=False)
        ]
        # Where every step is recorded a slice keeps views of the rows; a mask would copy them.
        chosen = slice(None) if every == 1 else recorded[: len(columns[0])]
        before, state_before = self._parted([one[:-1][chosen] for one in trail])
        after, state_after = self._parted([one[1:][chosen] for one in trail])
        grads, answers = len(carried), len(carried) + len(self.shapes)
        return Recording(
            steps=numbers[recorded],
            batches=batches[recorded],
            before=before,
            after=after,
            state_before=state_before,
            state_after=state_after,
            evaluation=self._evaluation(
                [a[chosen] for a in columns[answers:-1]], columns[-1][chosen]
            ),
            grads=tuple(g[chosen] for g in columns[grads:answers]),
            deltas=None,
            final=(self._arrays(w), self._state(state.step + len(batches), last)),
        )

    def _parted(self, arrays: Sequence[Array]) -> tuple[Params, dict[str, Params]]:
        """Part what was recorded into the parameters and the slots, which stand behind them."""
        n = len(self.shapes)
        first, *others = (tuple(arrays[i : i + n]) for i in range(0, len(arrays), n))
        return first, dict(zip(self.optimizer.slots, others, strict=True))

    def elementary(self, name: str, x: Array) -> Array:
        jnp = self.jax.numpy
        functions = {**self.functions, "exp": jnp.exp, "log": jnp.log, "log1p": jnp.log1p}
        return np.asarray(self._call(functions[name], x))

    def _arrays(self, carried: Any) -> Params:
        return tuple(np.asarray(w) for w in self._params(carried))

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
