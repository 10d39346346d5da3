"""One network, every step recorded, against what people write who record nothing."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from benchmarks.claims import Claim, Side, duration, require_same_training, timed_claim
from benchmarks.training_calls import (
    CALL_EPOCHS,
    CHECKED_EPOCHS,
    DATA,
    PROBLEM,
    backend,
    final_params,
    one_start,
    training,
    training_side,
)
from shared.backend import Backend, Params

Train: TypeAlias = Callable[..., Params]
"""(params, x, y, epochs, learning_rate) -> the last parameters."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The loop that a backend is held against, and how much longer than it a step may take."""

    name: str
    module: str
    limit: float


BASELINES = {
    "numpy": Baseline("the textbook's scalar loop", "textbook_loop", 4),
    "torch": Baseline("modules, loss and optimizer", "torch_modules", 0.9),
    "jax": Baseline("a jitted step for each sample", "jax_jitted_step", 0.06),
}


def claims(name: str) -> list[Claim]:
    """Time a backend's `train` against its baseline, which has to end at the same parameters."""
    baseline, trainer = BASELINES[name], backend(name)
    train: Train = importlib.import_module(f"benchmarks.{baseline.module}").train
    notes = _compiling(trainer, train, baseline.name) if name == "jax" else ()
    require_same_training(
        baseline.name,
        _baseline(train, CHECKED_EPOCHS)(),
        final_params(trainer, one_start(), CHECKED_EPOCHS),
    )
    return [
        timed_claim(
            f"{name} train, recording",
            baseline.name,
            training_side(trainer, one_start(), CALL_EPOCHS, every=1),
            Side(_baseline(train, CALL_EPOCHS), CALL_EPOCHS * PROBLEM.steps_per_epoch),
            baseline.limit,
            *notes,
        )
    ]


def _compiling(trainer: Backend, train: Train, name: str) -> tuple[str, ...]:
    """Say what compiling takes on both sides; neither is part of the time per step."""
    training(trainer, one_start(), CALL_EPOCHS, every=1)()
    started = time.perf_counter()
    _baseline(train, epochs=1)()
    first_s = time.perf_counter() - started
    steps = CALL_EPOCHS * PROBLEM.steps_per_epoch
    note = (
        f"jax: compiling is apart from the time per step: {duration(trainer.compile_s)} for the "
        f"program of {steps:,} steps; {name}: {duration(first_s)}, with its first epoch."
    )
    return (note,)


def _baseline(train: Train, epochs: int) -> Callable[[], Params]:
    return partial(train, one_start(), DATA.x, DATA.y, epochs, PROBLEM.optimizer.learning_rate)
