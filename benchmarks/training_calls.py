"""Calls of `train` as the benchmarks make them: people16 in float64, one sample a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.claims import Side
from shared.backend import Array, Backend, OptimizerState, Params, Recording
from shared.named_problems import problem
from shared.registry import find, load
from shared.seeding import batch_runs, starting_params

PROBLEM = problem("people16")
DTYPE = "float64"
DATA = PROBLEM.dataset(DTYPE)
SEED = 42

CALL_EPOCHS = 250
"""4,000 steps in a call of `train`, as in the default run."""

CHECKED_EPOCHS = 10
"""160 steps, after which two orders of summation still agree in nearly all digits."""


def backend(name: str) -> Backend:
    """Make a backend by its name. Raises BackendUnavailable where its framework is missing."""
    return load(find(name)).create(PROBLEM.network, PROBLEM.optimizer, DTYPE)


def one_start(seed: int = SEED) -> Params:
    """Return the starting parameters of one network."""
    return starting_params(PROBLEM, seed, DTYPE)


def many_starts(seeds: Sequence[int]) -> Params:
    """Return the starting parameters of a network for each seed, along a replica axis."""
    return starting_params(PROBLEM, seeds, DTYPE)


def training(trainer: Backend, params: Params, epochs: int, every: int) -> Callable[[], Recording]:
    """Return one call of `train` with its arguments made, ready to be called and timed."""
    batches = _batches(epochs, params[1].shape[:-1])
    return partial(trainer.train, params, OptimizerState(), DATA, batches, every)


def training_side(trainer: Backend, params: Params, epochs: int, every: int) -> Side:
    """Return such a call together with the number of its steps."""
    return Side(training(trainer, params, epochs, every), epochs * PROBLEM.steps_per_epoch)


def final_params(trainer: Backend, params: Params, epochs: int = CHECKED_EPOCHS) -> Params:
    """Train, and return the last parameters."""
    return training(trainer, params, epochs, every=1)().final[0]


def _batches(epochs: int, axes: tuple[int, ...]) -> Array:
    """Return the samples of each step: (k, 1) or, for R replicas, (k, R, 1)."""
    # Samples come in file order, so the batches of any seeds are those of all.
    seeds: int | Sequence[int] = range(axes[0]) if axes else SEED
    ((_, batches),) = batch_runs(PROBLEM, seeds, 0, epochs * PROBLEM.steps_per_epoch)
    return batches
