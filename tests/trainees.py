"""Trainees of four people over 25 epochs: of NumPy's backend, and of classes made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, Evaluation, Params
from shared.named_problems import problem
from shared.problems import Problem
from shared.registry import Loaded, Source, find, load
from shared.training import Trainee

EPOCHS = 25
STEPS = 4 * EPOCHS


def four_people() -> Problem:
    """100 steps, 4 to an epoch; the curve is taken at 5 marks."""
    return problem("people4").changed(epochs=EPOCHS)


def numpy_trainee(
    one: Problem | None = None, dtype: str = "float64", seeds: int | Sequence[int] = 0
) -> Trainee:
    trainee = Trainee(load(find("numpy")), one or four_people(), dtype)
    trainee.start(seeds)
    return trainee


class Silent(NumpyBackprop):
    """NumPy's backend, which keeps its activations to itself."""

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        return replace(super().evaluate(params, x, y), activations=None)


def own_trainee(kind: type[NumpyBackprop]) -> Trainee:
    return Trainee(Loaded(Source("mine", "mine"), kind, "1.0"), four_people(), "float64")
