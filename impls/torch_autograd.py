"""The network in PyTorch: the forward pass is written down, autograd derives the rest.

While the forward pass runs, every operation on a tensor that requires a gradient leaves a node
on a graph; `torch.autograd.grad` walks it backwards. No derivative is written here. There is no
module and no optimizer object: parameters are leaf tensors, and a step makes new ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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
    from torch import Tensor


ROWS_PER_BLOCK = 256
"""Recorded steps are stacked in blocks: thousands of live tensors slow Python's collector down."""


class TorchAutograd(Backend):
    """Eager PyTorch, one autograd graph per step."""

    framework = "torch"
    replica_axes = True

    def __init__(
        self, network: Network, optimizer: Optimizer, dtype: str, device: str = "cpu"
    ) -> None:
        import torch

        self.torch = torch
        self.dtype = torch.float64 if dtype == "float64" else torch.float32
        self.learning_rate = float(np.dtype(dtype).type(optimizer.learning_rate))
        try:
            self.device = torch.empty(0, device=device).device
        except (RuntimeError, AssertionError) as error:
            raise BackendUnusable(f"torch cannot use the device {device!r}: {error}") from error

    def forward(self, params: Sequence[Tensor], x: Tensor) -> list[Tensor]:
        """Return a_1, ..., a_L."""
        activations, a = [], x
        for W, b in zip(params[0::2], params[1::2], strict=True):
            a = self.torch.sigmoid(self._affine(a, W, b))
            activations.append(a)
        return activations

    def _affine(self, a: Tensor, W: Tensor, b: Tensor) -> Tensor:
        if W.ndim == 2:
            return self.torch.nn.functional.linear(a, W, b)
        return a @ W.mT + b.unsqueeze(-2)  # `linear` knows no replica axes

    def loss(self, params: Sequence[Tensor], x: Tensor, y: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the mean squared error (*R,) and the activations a_1, ..., a_L behind it."""
        activations = self.forward(params, x)
        return (activations[-1] - y).square().mean(dim=(-2, -1)), activations

    def _derive(self, loss: Tensor, params: Sequence[Tensor]) -> Sequence[Tensor]:
        # Replicas share no parameter, so the gradient of their sum is each one's own gradient.
        return self.torch.autograd.grad(loss.sum() if loss.ndim else loss, params)

    def _descend(self, params: Sequence[Tensor], grads: Sequence[Tensor]) -> list[Tensor]:
        with self.torch.no_grad():
            return [
                self.torch.sub(w, g, alpha=self.learning_rate).requires_grad_()
                for w, g in zip(params, grads, strict=True)
            ]

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        with self.torch.no_grad():
            loss, activations = self.loss(self._tensors(params), *self._tensors((x, y)))
        return Evaluation(_arrays(activations), None, _array(loss))

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        leaves = self._tensors(params, requires_grad=True)
        loss, activations = self.loss(leaves, *self._tensors((x, y)))
        grads = self._derive(loss, leaves)
        return StepGradients(Evaluation(_arrays(activations), None, _array(loss)), _arrays(grads))

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        after = self._descend(self._tensors(params), self._tensors(grads))
        return _arrays(after), OptimizerState(state.step + 1)

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
        xs, ys = self._tensors((data.x[batches], data.y[batches]))
        leaves = self._tensors(params, requires_grad=True)
        rows: list[list[Tensor]] = []
        blocks: list[tuple[Array, ...]] = []

        for x, y, keep in zip(xs.unbind(), ys.unbind(), recorded.tolist(), strict=True):
            loss, activations = self.loss(leaves, x, y)
            grads = self._derive(loss, leaves)
            before, leaves = leaves, self._descend(leaves, grads)
            if keep:
                rows.append([*before, *leaves, *grads, *activations, loss])
                if len(rows) == ROWS_PER_BLOCK:
                    blocks.append(self._stack(rows))
                    rows.clear()

        like = [*before, *leaves, *grads, *activations, loss]
        blocks.append(self._stack(rows) if rows else tuple(_array(t)[None][:0] for t in like))
        columns = [np.concatenate(column) for column in zip(*blocks, strict=True)]
        count = len(leaves)
        starts, ends = columns[:count], columns[count : 2 * count]
        if every == 1:
            trail = [np.concatenate([a[:1], b]) for a, b in zip(starts, ends, strict=True)]
            starts, ends = [w[:-1] for w in trail], [w[1:] for w in trail]
        return Recording(
            steps=numbers[recorded],
            batches=batches[recorded],
            before=tuple(starts),
            after=tuple(ends),
            state_before={},
            state_after={},
            evaluation=Evaluation(tuple(columns[3 * count : -1]), None, columns[-1]),
            grads=tuple(columns[2 * count : 3 * count]),
            deltas=None,
            final=(_arrays(leaves), OptimizerState(state.step + len(batches))),
        )

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
