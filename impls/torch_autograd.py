"""The network in PyTorch: the forward pass is written down, autograd derives the rest.

While the forward pass runs, every operation on a tensor that requires a gradient leaves a node
on a graph; `torch.autograd.grad` walks it backwards. No derivative is written here. There is no
module and no optimizer object: parameters are leaf tensors. A step makes new ones where steps are
recorded, and moves them in place where nobody will ask for what they were.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from impls._torch_updates import rule
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
    from torch import Tensor


STEPS_PER_BLOCK = 64
"""Batches are cut, and recorded steps stacked, in blocks of at most as many.

Thousands of live tensors would slow Python's collector down.
"""

Tensors: TypeAlias = "list[Tensor]"
Slots: TypeAlias = "list[list[Tensor]]"
"""One list of tensors for each quantity that the optimizer carries."""

Moving: TypeAlias = "tuple[Tensors, Slots]"
Move: TypeAlias = "Callable[[Tensors, Sequence[Tensor], Slots, int], Moving]"
"""(parameters, gradient, slots, step) -> parameters and slots after the step."""

NUMBERS_GATHERED = 2**16
"""As many inputs are gathered from the data at once: few calls, and no second copy of the data."""

ALIGNMENT_BYTES = 64
"""Where torch lets the memory of a new tensor begin: at a multiple of this."""


class TorchAutograd(Backend, Elementary):
    """Eager PyTorch, one autograd graph per step."""

    framework = "torch"
    replica_axes = True

    def __init__(
        self, network: Network, optimizer: Optimizer, dtype: str, device: str = "cpu"
    ) -> None:
        import torch

        self.torch = torch
        self.network = network
        functions: dict[str, Callable[[Tensor], Tensor]] = {
            "sigmoid": torch.sigmoid,
            "tanh": torch.tanh,
            "relu": torch.relu,
            "softmax": partial(torch.softmax, dim=-1),
            "identity": lambda z: z,
        }
        self.activation, self.output = functions[network.activation], functions[network.output]
        self.dtype = torch.float64 if dtype == "float64" else torch.float32
        self.learning_rate, self.is_plain = optimizer.learning_rate, optimizer.is_plain
        self.move, self.slots = rule(optimizer), optimizer.slots
        try:
            self.device = torch.empty(0, device=device).device
        except (RuntimeError, AssertionError) as error:
            raise BackendUnusable(f"torch cannot use the device {device!r}: {error}") from error

    def forward(self, params: Sequence[Tensor], x: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return a_1, ..., a_{L-1} and z_L."""
        hidden: list[Tensor] = []
        a, last = x, len(params) - 2
        for i in range(0, last, 2):
            a = self.activation(self._affine(a, params[i], params[i + 1]))
            hidden.append(a)
        return hidden, self._affine(a, params[last], params[last + 1])

    def _affine(self, a: Tensor, W: Tensor, b: Tensor) -> Tensor:
        if W.ndim == 2:
            return self.torch.nn.functional.linear(a, W, b)
        return a @ W.mT + b.unsqueeze(-2)  # `linear` knows no replica axes

    def loss(
        self, params: Sequence[Tensor], x: Tensor, y: Tensor
    ) -> tuple[Tensor, list[Tensor], Tensor]:
        """Return the loss (*R,), the activations it was computed from, and the logits z_L.

        The activations are a_1, ..., a_L, or, where the loss is computed from the logits,
        a_1, ..., a_{L-1}.
        """
        activations, z = self.forward(params, x)
        if self.network.loss == "categorical_cross_entropy":
            terms = y * self.torch.log_softmax(z, dim=-1)
            return terms.sum(dim=(-2, -1)) / -y.shape[-2], activations, z
        if self.network.loss == "binary_cross_entropy":
            cross_entropy = self.torch.nn.functional.binary_cross_entropy_with_logits
            terms = cross_entropy(z, y.expand_as(z), reduction="none")
            return terms.mean(dim=(-2, -1)), activations, z
        activations.append(self.output(z))
        squares = (activations[-1] - y).square()
        if self.network.loss == "quadratic_cost":
            return squares.sum(dim=(-2, -1)) / (2 * y.shape[-2]), activations, z
        return squares.mean(dim=(-2, -1)), activations, z

    def _seen(self, loss: Tensor, activations: list[Tensor], z: Tensor) -> list[Tensor]:
        """Return what an Evaluation holds: a_1, ..., a_L, the logits if they are asked for, L."""
        if not self.network.from_logits:
            return [*activations, loss]
        with self.torch.no_grad():
            return [*activations, self.output(z), z, loss]

    def _evaluation(self, arrays: Sequence[Array]) -> Evaluation:
        if self.network.from_logits:
            return Evaluation(tuple(arrays[:-2]), arrays[-2], arrays[-1])
        return Evaluation(tuple(arrays[:-1]), None, arrays[-1])

    def _derive(self, loss: Tensor, params: Sequence[Tensor]) -> Sequence[Tensor]:
        # Replicas share no parameter, so the gradient of their sum is each one's own gradient.
        return self.torch.autograd.grad(loss.sum() if loss.ndim else loss, params)

    def _moved(self, w: Tensors, grads: Sequence[Tensor], slots: Slots, step: int) -> Moving:
        """Return the parameters after a step, as new leaves, and the slots."""
        carried = zip(*slots, strict=True) if slots else [()] * len(w)
        with self.torch.no_grad():
            moved = [self.move(*one, step) for one in zip(w, grads, carried, strict=True)]
            leaves = [after.requires_grad_() for after, _ in moved]
        columns = zip(*(own for _, own in moved), strict=True)
        return leaves, [list(column) for column in columns]

    def _moved_in_place(self, w: Tensors, grads: Sequence[Tensor], _: Slots, __: int) -> Moving:
        """Make a plain step of gradient descent where the parameters are."""
        with self.torch.no_grad():
            for tensor, gradient in zip(w, grads, strict=True):
                tensor.sub_(gradient, alpha=self.learning_rate)
        return w, []

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        with self.torch.no_grad():
            seen = self._seen(*self.loss(self._tensors(params), *self._tensors((x, y))))
        return self._evaluation(_arrays(seen))

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        leaves = self._tensors(params, requires_grad=True)
        loss, activations, z = self.loss(leaves, *self._tensors((x, y)))
        grads = self._derive(loss, leaves)
        evaluation = self._evaluation(_arrays(self._seen(loss, activations, z)))
        return StepGradients(evaluation, _arrays(grads))

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        slots = self._slots(state)
        tensors = (self._tensors(params), self._tensors(grads))
        after, slots = self._moved(*tensors, slots, state.step + 1)
        return _arrays(after), self._state(state.step + 1, slots)

    def _slots(self, state: OptimizerState) -> Slots:
        return [self._tensors(state.slots[name]) for name in self.slots]

    def _state(self, step: int, slots: Slots) -> OptimizerState:
        return OptimizerState(step, dict(zip(self.slots, map(_arrays, slots), strict=True)))

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
        in_place = self.is_plain and not recorded.any()
        move = self._moved_in_place if in_place else self._moved
        leaves, slots = self._tensors(params, requires_grad=True), self._slots(state)
        rows: list[list[Tensor]] = []
        blocks: list[tuple[Array, ...]] = []

        for (x, y), step, keep in zip(
            self._samples(data, batches), numbers.tolist(), recorded.tolist(), strict=True
        ):
            (leaves, slots), row = self._step(leaves, slots, x, y, step, move, keep)
            if keep:
                rows.append(row)
                if len(rows) == STEPS_PER_BLOCK:
                    blocks.append(self._stack(rows))
                    rows.clear()

        blocks.append(self._stack(rows) if rows else self._no_rows(params, batches.shape[1:]))
        columns = [np.concatenate(column) for column in zip(*blocks, strict=True)]
        count = len(leaves)
        carried = count * (1 + len(self.slots))
        starts, ends = columns[:carried], columns[carried : 2 * carried]
        if every == 1:
            trail = [np.concatenate([a[:1], b]) for a, b in zip(starts, ends, strict=True)]
            starts, ends = [w[:-1] for w in trail], [w[1:] for w in trail]
        (before, state_before), (after, state_after) = map(self._parted, (starts, ends))
        return Recording(
            steps=numbers[recorded],
            batches=batches[recorded],
            before=before,
            after=after,
            state_before=state_before,
            state_after=state_after,
            evaluation=self._evaluation(columns[2 * carried + count :]),
            grads=tuple(columns[2 * carried : 2 * carried + count]),
            deltas=None,
            final=(_arrays(leaves), self._state(state.step + len(batches), slots)),
        )

    def _parted(self, arrays: Sequence[Array]) -> tuple[Params, dict[str, Params]]:
        """Part what was recorded into the parameters and the slots, which stand behind them."""
        n = len(arrays) // (1 + len(self.slots))
        first, *others = (tuple(arrays[i : i + n]) for i in range(0, len(arrays), n))
        return first, dict(zip(self.slots, others, strict=True))

    def elementary(self, name: str, x: Array) -> Array:
        torch = self.torch
        functions: dict[str, Callable[[Tensor], Tensor]] = {
            "exp": torch.exp,
            "log": torch.log,
            "log1p": torch.log1p,
            "sigmoid": torch.sigmoid,
            "tanh": torch.tanh,
        }
        return _array(functions[name](*self._tensors([x])))

    def _step(
        self, leaves: Tensors, slots: Slots, x: Tensor, y: Tensor, step: int, move: Move, keep: bool
    ) -> tuple[Moving, list[Tensor]]:
        """Return the next leaves and slots, and what is recorded of the step, if it is to be kept.

        A function of its own, so that all else is freed before the next step asks for memory:
        that gets the same memory again, which is still in the processor's cache.
        """
        loss, activations, z = self.loss(leaves, x, y)
        grads = self._derive(loss, leaves)
        after = move(leaves, grads, slots, step)
        if not keep:
            return after, []
        sides = (leaves, *slots, after[0], *after[1])
        carried = [tensor for tensors in sides for tensor in tensors]
        return after, [*carried, *grads, *self._seen(loss, activations, z)]

    def _no_rows(self, params: Params, batch_shape: tuple[int, ...]) -> tuple[Array, ...]:
        """Return the columns of no step at all."""
        outputs = [(*batch_shape, n) for n in self.network.sizes[1:]]
        outputs += outputs[-1:] if self.network.from_logits else []
        sides = 2 * (1 + len(self.slots)) + 1
        shapes = [*(w.shape for w in params * sides), *outputs, batch_shape[:-1]]
        return tuple(np.empty((0, *shape), params[0].dtype) for shape in shapes)

    def _samples(self, data: Dataset, batches: Array) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield x and y of each batch, until the next is asked for.

        They are gathered for many small batches at once, always to the same place.
        """
        fitting = NUMBERS_GATHERED // (batches[0].size * data.x.shape[1])
        together = max(1, min(fitting, STEPS_PER_BLOCK))
        shape = batches[:together].shape
        places = [self._place(*shape, rows.shape[1]) for rows in (data.x, data.y)]
        for start in range(0, len(batches), together):
            chosen = batches[start : start + together]
            xs, ys = (place[: len(chosen)] for place in places)
            # With the mode "raise" NumPy would make a copy first.
            np.take(data.x, chosen, axis=0, out=xs.numpy(), mode="wrap")
            np.take(data.y, chosen, axis=0, out=ys.numpy(), mode="wrap")
            yield from zip(xs.to(self.device), ys.to(self.device), strict=True)

    def _place(self, count: int, *shape: int) -> Tensor:
        """Return room for batches, each of which begins where a tensor of its own would.

        The matrix products round by where their arguments begin, so a batch that merely followed
        the last one would end in other bits than the same samples handed to `gradients`.
        """
        size, line = math.prod(shape), ALIGNMENT_BYTES // self.dtype.itemsize
        room = self.torch.empty(count, math.ceil(size / line) * line, dtype=self.dtype)
        return room[:, :size].view(count, *shape)

    def _tensors(self, arrays: Sequence[Array], requires_grad: bool = False) -> list[Tensor]:
        return [
            self.torch.tensor(a, dtype=self.dtype, device=self.device, requires_grad=requires_grad)
            for a in arrays
        ]

    def _stack(self, rows: Sequence[Sequence[Tensor]]) -> tuple[Array, ...]:
        """Turn s rows of tensors into one array (s, ...) per column."""
        with self.torch.no_grad():
            return tuple(_array(self.torch.stack(column)) for column in zip(*rows, strict=True))


def _array(tensor: Tensor) -> Array:
    array: Array = tensor.numpy(force=True)
    return array


def _arrays(tensors: Sequence[Tensor]) -> tuple[Array, ...]:
    return tuple(_array(t) for t in tensors)
