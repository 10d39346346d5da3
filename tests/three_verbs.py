"""Backends of three verbs as a user would write them, and results compared to the bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest

from shared.backend import (
    Array,
    Backend,
    Dataset,
    Evaluation,
    OptimizerState,
    Params,
    StepBackend,
    StepGradients,
)
from shared.network import Network
from shared.optimizer import Optimizer
from shared.registry import Loaded, Source
from shared.seeding import initial_params

NETWORK = Network((2, 3, 1))
OPTIMIZER = Optimizer(0.1)
STEPS, M = 7, 2
AXES: list[tuple[int, ...]] = [(), (3,), (2, 3)]
both_dtypes = pytest.mark.parametrize("dtype", ["float64", "float32"])
every_axes = pytest.mark.parametrize("axes", AXES, ids=["one network", "3 networks", "2x3"])


def sigmoid(z: Array) -> Array:
    answer: Array = 1 / (1 + np.exp(-z))
    return answer


class ThreeVerbs(StepBackend):
    """What a user would write: one network, no replica in sight."""

    optimizer: ClassVar[Optimizer] = OPTIMIZER

    def __init__(
        self, network: Network, optimizer: Optimizer, dtype: str, device: str = "cpu"
    ) -> None:
        assert (network, device) == (NETWORK, "cpu")
        assert optimizer == self.optimizer
        self.rate = np.dtype(dtype).type(optimizer.learning_rate)

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        W1, b1, W2, b2 = params
        assert (b1.ndim, x.ndim, y.ndim) == (1, 2, 2)
        h = sigmoid(x @ W1.T + b1)
        o = sigmoid(h @ W2.T + b2)
        return Evaluation((h, o), None, np.mean((o - y) ** 2))

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        evaluation = self.evaluate(params, x, y)
        assert evaluation.activations is not None
        h, o = evaluation.activations
        d2 = 2 * (o - y) / o.size * o * (1 - o)
        d1 = d2 @ params[2] * h * (1 - h)
        return StepGradients(
            evaluation, (d1.T @ x, d1.sum(axis=0), d2.T @ h, d2.sum(axis=0)), (d1, d2)
        )

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        return self.moved(params, grads), OptimizerState(state.step + 1)

    def moved(self, params: Params, grads: Params) -> Params:
        return tuple(w - self.rate * g for w, g in zip(params, grads, strict=True))


class Momentum(ThreeVerbs):
    """Heavy ball: a velocity, kept from step to step."""

    optimizer = Optimizer(0.1, "momentum")

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        before = state.slots.get("velocity") or tuple(np.zeros_like(w) for w in params)
        mu = self.rate.dtype.type(self.optimizer.momentum)
        after = tuple(mu * v + g for v, g in zip(before, grads, strict=True))
        return self.moved(params, after), OptimizerState(state.step + 1, {"velocity": after})


def made(kind: type[ThreeVerbs], dtype: str = "float64") -> Backend:
    """Make a whole backend of a class of one's own, as the registry does."""
    return Loaded(Source("mine", "mine"), kind, "1").create(NETWORK, kind.optimizer, dtype)


def start(axes: tuple[int, ...], dtype: str = "float64") -> Params:
    """Other parameters for each replica."""
    if not axes:
        return initial_params(NETWORK, 42, dtype)
    each = [initial_params(NETWORK, seed, dtype) for seed in range(int(np.prod(axes)))]
    stacked = [np.stack(tensors) for tensors in zip(*each, strict=True)]
    return tuple(w.reshape(*axes, *w.shape[1:]) for w in stacked)


def no_momentum(params: Params) -> OptimizerState:
    return OptimizerState(0, {"velocity": tuple(np.zeros_like(w) for w in params)})


def samples(dtype: str = "float64") -> Dataset:
    draws = np.random.RandomState(7)
    return Dataset(draws.normal(size=(6, 2)).astype(dtype), draws.normal(size=(6, 1)).astype(dtype))


def batches(axes: tuple[int, ...], steps: int = STEPS) -> Array:
    """Other samples for each step and replica."""
    draws: Array = np.random.RandomState(8).randint(0, 6, size=(steps, *axes, M))
    return draws


def one(params: Params, replica: tuple[int, ...]) -> Params:
    return tuple(w[replica] for w in params)


def flat(value: Any) -> dict[str, Array]:
    """Lay out every array of a result under a name."""
    if isinstance(value, (np.ndarray, np.generic, int)):
        return {"": np.asarray(value)}
    if value is None:
        return {}
    if isinstance(value, Mapping):
        parts = {str(key): part for key, part in value.items()}
    elif isinstance(value, tuple):
        parts = {str(i): part for i, part in enumerate(value)}
    else:
        parts = {name: getattr(value, name) for name in value.__dataclass_fields__}
    return {
        f"{name}.{rest}".rstrip("."): array
        for name, part in parts.items()
        for rest, array in flat(part).items()
    }


def differing(a: Any, b: Any) -> list[str]:
    """Name the arrays in which two results differ: in shape, dtype or a bit, or by being there."""
    left, right = flat(a), flat(b)
    return [
        name
        for name in sorted({*left, *right})
        if name not in left
        or name not in right
        or (left[name].shape, left[name].dtype) != (right[name].shape, right[name].dtype)
        or left[name].tobytes() != right[name].tobytes()
    ]


def cut(value: Any, replica: tuple[int, ...]) -> dict[str, Array]:
    """Lay out what belongs to one replica."""
    return {name: array[replica] if array.ndim else array for name, array in flat(value).items()}
