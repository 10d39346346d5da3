"""Runs of which only every K-th state is known, and backends that are wrong in some of their steps.

All of these train step by step, so that what is wrong in a step is wrong however a run is cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from impls.numpy_backprop import NumpyBackprop
from shared.backend import (
    Array,
    Dataset,
    OptimizerState,
    Params,
    Recording,
    StepGradients,
)
from shared.named_problems import problem
from shared.problems import Problem
from shared.registry import Loaded, Source, find, load
from shared.sparse.blocks import Block, go_to, held, trained_block
from shared.sparse.findings import SparseCertificate, SparseComparison
from shared.sparse.run import compare_sparsely
from shared.stepwise import Stepwise
from shared.training import Trainee

NUMPY = load(find("numpy"))


class StepByStep(NumpyBackprop):
    """NumPy's backend, which trains by its verbs and knows which step it is in."""

    at = 1

    def train(
        self,
        params: Params,
        state: OptimizerState,
        data: Dataset,
        batches: Array,
        every: int = 1,
    ) -> Recording:
        self.at = state.step + 1
        return Stepwise(self).train(params, state, data, batches, every)

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        self.at = state.step + 2
        return super().update(params, grads, state)


class Scaled(StepByStep):
    """The gradients of step 37 are too large by a thousandth."""

    def scale(self) -> float:
        return 1.001 if self.at == 37 else 1.0

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        result = super().gradients(params, x, y)
        factor = self.scale()
        return replace(result, grads=tuple((g * factor).astype(g.dtype) for g in result.grads))


class Growing(Scaled):
    """From step 20 on too large by less than a block could tell; in step 70 by a thousandth."""

    at_first = 8e-15

    def scale(self) -> float:
        if self.at == 70:
            return 1.001
        return 1 + self.at_first if self.at >= 20 else 1.0


class FasterLater(StepByStep):
    """From step 100 on the learning rate is too large by a hundredth."""

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        if state.step >= 99:
            grads = tuple((g * 1.01).astype(g.dtype) for g in grads)
        return super().update(params, grads, state)


class FlipsABit(StepByStep):
    """After step 50 one bit of w2 is another."""

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        after, done = super().update(params, grads, state)
        if done.step == 50:
            bits = after[0].view(np.int64 if after[0].dtype == np.float64 else np.int32)
            bits[0, 1] ^= 1 << 12
        return after, done


class CountsItsCalls(Scaled):
    """The 75th gradients that it is asked for are half as large again."""

    calls = 0

    def scale(self) -> float:
        self.calls += 1
        return 1.5 if self.calls == 75 else 1.0


class CountsAllCalls(Scaled):
    """So are the 75th of all that were asked for, whichever backend was: it never repeats."""

    calls: ClassVar[list[int]] = [0]

    def scale(self) -> float:
        self.calls[0] += 1
        return 1.5 if self.calls[0] == 75 else 1.0


class StartsElsewhere(StepByStep):
    """It begins at another start than it is given."""

    def train(self, params: Params, state: OptimizerState, *rest: Any, **more: Any) -> Recording:
        if state.step == 0:
            params = tuple(w * w.dtype.type(1.001) for w in params)
        return super().train(params, state, *rest, **more)


def own(kind: type[NumpyBackprop]) -> Loaded:
    """A backend of one's own, as the registry would load it."""
    return Loaded(Source("mine", "mine"), kind, "1.0")


def people(epochs: int = 10, name: str = "people16") -> Problem:
    """The sixteen people, 16 steps to an epoch."""
    return problem(name).changed(epochs=epochs)


def digits() -> Problem:
    """Seven steps of digits to an epoch, the last of them with 3 samples, over 3 epochs."""
    whole = problem("digits").changed(epochs=3)
    return replace(whole, x=whole.x[:63], y=whole.y[:63], held_out=None)


def compared(
    one: Problem, every: int, *loaded: Loaded, seed: int = 4, dtype: str = "float64", **more: Any
) -> SparseComparison:
    CountsAllCalls.calls[0] = 0
    return compare_sparsely(one, seed, loaded or [NUMPY], every=every, dtype=dtype, **more)


def certificate(
    one: Problem,
    every: int,
    kind: type[NumpyBackprop] | Loaded = NUMPY,
    seed: int = 4,
    dtype: str = "float64",
    **more: Any,
) -> SparseCertificate:
    """What is decided on one backend; NumPy's unless told otherwise."""
    loaded = kind if isinstance(kind, Loaded) else own(kind)
    return compared(one, every, loaded, seed=seed, dtype=dtype, **more).certificates[0]


def blocks(one: Problem, ends: Sequence[int], seed: int = 4, dtype: str = "float64") -> list[Block]:
    """What NumPy's backend leaves after some steps."""
    trainee = Trainee(NUMPY, one, dtype)
    trainee.start(seed)
    go_to(trainee, held((trainee.params, trainee.state)))
    return [trained_block(trainee, end) for end in ends]


def with_end(block: Block, params: Params) -> Block:
    """The same block, ending elsewhere."""
    return Block(block.start, (params, block.end[1]))
