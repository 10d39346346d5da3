"""A thousand networks in one call of `train`, against one network in one call."""

from __future__ import annotations

from benchmarks.claims import Claim, require_same_training, timed_claim
from benchmarks.training_calls import (
    CALL_EPOCHS,
    PROBLEM,
    SEED,
    backend,
    final_params,
    many_starts,
    one_start,
    training_side,
)
from shared.backend import Backend, Params

REPLICAS = 1000
REPLICA_EPOCHS = 25
"""400 steps in a call: of 4,000 steps the samples alone would take 100 MB."""

LIMITS = {"numpy": 15.0, "torch": 6.0, "jax": 250.0}


def claims() -> list[Claim]:
    """Time every backend; what is judged records nothing, as the survey of many seeds does."""
    found = []
    for name, limit in LIMITS.items():
        trainer, starts = backend(name), many_starts(range(REPLICAS))
        _require_same_as_alone(name, trainer, starts)
        found.append(_claim(name, trainer, starts, every=0, limit=limit))
        found.append(_claim(name, trainer, starts, every=1, limit=None))
    return found


def _claim(name: str, trainer: Backend, starts: Params, every: int, limit: float | None) -> Claim:
    recording = ", recording" if every else ""
    return timed_claim(
        f"{name} x {REPLICAS:,} seeds{recording}",
        f"{name} x 1 seed{recording}",
        training_side(trainer, starts, REPLICA_EPOCHS, every),
        training_side(trainer, one_start(), CALL_EPOCHS, every),
        limit,
        _lengths(),
    )


def _lengths() -> str:
    many, one = (epochs * PROBLEM.steps_per_epoch for epochs in (REPLICA_EPOCHS, CALL_EPOCHS))
    return (
        f"x {REPLICAS:,} seeds: one call of {many:,} steps, against one network in calls of "
        f'{one:,}; without "recording" neither side records anything.'
    )


def _require_same_as_alone(name: str, trainer: Backend, starts: Params) -> None:
    """Raise where the network of the seed comes out otherwise among the replicas."""
    among = tuple(w[SEED] for w in final_params(trainer, starts))
    require_same_training(f"{name}, replica {SEED}", among, final_params(trainer, one_start()))
