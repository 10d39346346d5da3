"""Networks with wider layers, trained on batches, against what people write for them.

The data are random, since only its size matters here. With width the matrix products take over,
which are the same on both sides; so what was computed per second is told as well, and held
against a large matrix product of this machine, made in the same run.
"""

from __future__ import annotations

import importlib
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from benchmarks.claims import (
    LEAST_S,
    Claim,
    Side,
    digits,
    duration,
    ratio_claim,
    require_same_training,
    timed_claim,
    timing,
)
from benchmarks.single_network import Baseline
from shared.backend import Array, Backend, Dataset, OptimizerState, Params, Recording
from shared.errors import BackendUnavailable
from shared.network import Network
from shared.optimizer import Optimizer
from shared.registry import find, load
from shared.seeding import initial_params

BASELINES = {
    "numpy": Baseline("scikit-learn's MLPClassifier", "sklearn_minibatches", 1),
    "torch": Baseline("modules, loss and optimizer", "torch_minibatches", 0.9),
    "jax": Baseline("a jitted step for each batch", "jax_minibatches", 0.8),
}
LEARNING_RATE = 0.1
DTYPE = "float64"
SEED = 0
PEAK_SIZE = 1000


@dataclass(frozen=True, slots=True)
class Task:
    """A network and one epoch of random data, in an order that was shuffled once."""

    network: Network
    params: Params
    data: Dataset
    batches: Array

    @property
    def operations(self) -> int:
        """Multiplications and additions of the matrix products in one step."""
        sizes, m = self.network.sizes, int(self.batches.shape[1])
        products = [2 * m * n_in * n_out for n_in, n_out in itertools.pairwise(sizes)]
        # Forward, the gradient of the weights, and δ of the layer below, if there is one.
        return 3 * sum(products) - products[0]

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.network.sizes))}, m = {self.batches.shape[1]}"


def claims() -> list[Claim]:
    """Time every backend on every network: nothing recorded, its share of the peak, recording."""
    tasks = [_task((64, 30, 10), 10, 200), _task((784, 30, 10), 10, 200),
             _task((784, 300, 10), 128, 20)]  # fmt: skip
    return [claim for name in BASELINES for task in tasks for claim in _claims(name, task)]


def _task(sizes: tuple[int, ...], batch_size: int, steps: int) -> Task:
    """Make inputs uniform in [0, 1], a class for each sample, and an order of them."""
    network = Network(sizes, "sigmoid", "softmax", "categorical_cross_entropy")
    random = np.random.default_rng(SEED)
    samples = steps * batch_size
    x = random.uniform(size=(samples, sizes[0]))
    y = np.eye(sizes[-1])[random.integers(sizes[-1], size=samples)]
    batches = random.permutation(samples).reshape(steps, batch_size)
    params = initial_params(network, SEED, DTYPE, "fan_in_normal")
    return Task(network, params, Dataset(x, y), batches)


def _claims(name: str, task: Task) -> Iterator[Claim]:
    trainer = load(find(name)).create(task.network, Optimizer(LEARNING_RATE), DTYPE)
    baseline, theirs = BASELINES[name], _baseline(name, task)
    started = time.perf_counter()
    expected = theirs()
    first_s = time.perf_counter() - started
    require_same_training(baseline.name, expected, _training(trainer, task, every=0)().final[0])
    notes = _compiling(trainer, task, baseline.name, first_s) if name == "jax" else ()

    unrecorded, recorded = (_side(_training(trainer, task, every), task) for every in (0, 1))
    timed = timing(unrecorded, _side(theirs, task))
    yield ratio_claim(f"{name} {task}", baseline.name, timed, baseline.limit, *notes)
    yield _share_of_peak(f"{name} {task}", task.operations / timed.ours_s)
    yield timed_claim(f"{name} {task}, recording", "recording nothing", recorded, unrecorded, None)


def _side(call: Callable[[], object], task: Task) -> Side:
    return Side(call, len(task.batches))


def _training(trainer: Backend, task: Task, every: int) -> Callable[[], Recording]:
    arguments = (task.params, OptimizerState(), task.data, task.batches, every)
    return partial(trainer.train, *arguments)


def _baseline(name: str, task: Task) -> Callable[[], Params]:
    try:
        train = importlib.import_module(f"benchmarks.{BASELINES[name].module}").train
    except ImportError as error:
        raise BackendUnavailable(str(error)) from error
    return partial(train, task.params, task.data.x, task.data.y, task.batches, LEARNING_RATE)


def _compiling(trainer: Backend, task: Task, name: str, first_s: float) -> tuple[str, ...]:
    """Say what compiling takes on both sides; neither is part of the time per step."""
    note = (
        f"jax {task}: compiling is apart from the time per step: {duration(trainer.compile_s)} "
        f"for the program of {len(task.batches)} steps that records nothing; {name}: "
        f"{duration(first_s)}, with its first epoch."
    )
    return (note,)


def _share_of_peak(what: str, per_second: float) -> Claim:
    note = (
        "m is the batch size. GFLOP/s: of the matrix products alone, in 10^9 multiplications and "
        f"additions per second, against NumPy's product of two {PEAK_SIZE:,} x {PEAK_SIZE:,} "
        "matrices in float64."
    )
    return Claim(
        f"{what}, GFLOP/s", f"NumPy, {PEAK_SIZE:,} x {PEAK_SIZE:,}", digits(per_second / 1e9),
        digits(_peak() / 1e9), f"{100 * per_second / _peak():.0f} %", notes=(note,),
    )  # fmt: skip


@cache
def _peak() -> float:
    """Return the multiplications and additions per second of the fastest of several products."""
    a, b = np.random.default_rng(SEED).uniform(size=(2, PEAK_SIZE, PEAK_SIZE))
    until, shortest_s = time.perf_counter() + LEAST_S, float("inf")
    while time.perf_counter() < until:
        started = time.perf_counter()
        a @ b
        shortest_s = min(shortest_s, time.perf_counter() - started)
    return 2 * PEAK_SIZE**3 / shortest_s
