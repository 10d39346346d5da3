"""The only training loop: a backend, a problem and seeds become a stream of recordings.

A run is cut into chunks, so that memory does not grow with its length. What a chunk holds is
bounded by a budget over the bytes of a recorded step; where the curve needs parameters that are
not recorded, chunks end at the marks of the curve instead.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from shared.backend import Array, Backend, Dataset, Params, Recording
from shared.contract import Contract
from shared.errors import BackendUnavailable
from shared.problems import Problem
from shared.registry import Loaded
from shared.seeding import batch_runs, starting_params, starting_state

CHUNK_BYTES = 16 * 2**20
CHUNK_STEPS = 4096


@dataclass(frozen=True, slots=True)
class Missing:
    """A backend that was asked for and could not take part, and why."""

    name: str
    reason: str


class Trainee:
    """One backend on its way through a problem, with the time it took.

    setup_s, compile_s, train_s
        Seconds spent on making the backend (imports included), on compiling, and on training.
    """

    def __init__(self, loaded: Loaded, problem: Problem, dtype: str) -> None:
        started = time.perf_counter()
        self.loaded = loaded
        self.backend: Backend = loaded.create(problem.network, problem.optimizer_in(dtype), dtype)
        self.setup_s = time.perf_counter() - started
        self.train_s = 0.0
        self.problem, self.dtype = problem, dtype
        self.data: Dataset = problem.dataset(dtype)
        self.contract = Contract(self.name, problem.network, dtype, problem.optimizer.slots)
        self.start(0)

    def start(self, seeds: int | Sequence[int]) -> None:
        """Go to the start of one seed, or of several side by side as replicas."""
        self.seeds = seeds
        self.replicas: tuple[int, ...] = () if isinstance(seeds, int) else (len(seeds),)
        self.params: Params = starting_params(self.problem, seeds, self.dtype)
        self.state = starting_state(self.problem, self.params)

    @property
    def name(self) -> str:
        """The backend's name in reports."""
        return self.loaded.name

    @property
    def compile_s(self) -> float:
        """Seconds spent on compiling so far."""
        return self.backend.compile_s

    def train(self, batches: Array, every: int) -> Recording:
        """Make one step per batch (k, *R, m) and return what was recorded, checked, read-only."""
        first, compiled = self.state.step + 1, self.compile_s
        started = time.perf_counter()
        recording = self.backend.train(self.params, self.state, self.data, batches, every)
        self.train_s += time.perf_counter() - started - (self.compile_s - compiled)
        self.contract.require_recording(recording, first, batches.shape, every)
        _make_read_only(recording)
        self.params, self.state = recording.final
        return recording


def prepare(
    loaded: Sequence[Loaded], problem: Problem, dtype: str
) -> tuple[list[Trainee], list[Missing]]:
    """Make every backend; those whose framework turns out not to load are missing.

    Raises
    ------
    UsageError
        The learning rate is zero or infinite once rounded to the dtype.
    BackendUnavailable
        No backend is left.
    """
    trainees, missing = [], []
    for one in loaded:
        try:
            trainees.append(Trainee(one, problem, dtype))
        except BackendUnavailable as error:
            missing.append(Missing(one.name, str(error)))
    if not trainees:
        raise BackendUnavailable("; ".join(one.reason for one in missing))
    return trainees, missing


def lockstep(trainees: Sequence[Trainee], every: int = 1) -> Iterator[tuple[Recording, ...]]:
    """Train all of them, chunk by chunk side by side; yield each chunk's recordings, one each.

    With every = 0 chunks end where the loss curve is taken, so that the final parameters of each
    are those of a mark.
    """
    problem, seeds = trainees[0].problem, trainees[0].seeds
    start = 0
    for stop in chunk_ends(trainees[0], every):
        for _, batches in batch_runs(problem, seeds, start, stop):
            yield tuple(trainee.train(batches, every) for trainee in trainees)
        start = stop


def chunk_ends(trainee: Trainee, every: int) -> Iterator[int]:
    """Yield after how many steps each chunk ends; equal lengths where possible.

    Equal, since a compiling backend makes a program for each length. Where the last batch of an
    epoch is smaller, and so a call of its own, chunks end with the epochs for the same reason.
    """
    problem = trainee.problem
    limit = max(1, min(CHUNK_STEPS, CHUNK_BYTES // step_size_bytes(trainee)))
    if problem.is_ragged:
        for epoch in range(problem.epochs):
            start = epoch * problem.steps_per_epoch
            last = start + problem.steps_per_epoch
            yield from _even_ends(start, last - 1, limit)
            yield last
    elif every:
        yield from _even_ends(0, problem.step_count, limit)
    else:
        marks = (epoch * problem.steps_per_epoch for epoch in problem.curve_epochs)
        for a, b in itertools.pairwise(marks):
            yield from _even_ends(a, b, limit)


def step_size_bytes(trainee: Trainee) -> int:
    """Return what one recorded step takes.

    That is parameters, what the optimizer carries, gradients, samples, activations, ∂L/∂z.
    """
    network, m = trainee.problem.network, trainee.problem.largest_batch
    logits = network.sizes[-1] if network.from_logits else 0
    per_sample = sum(network.sizes) + sum(network.sizes[1:]) + logits + 1
    carried = 2 + len(trainee.problem.optimizer.slots)
    numbers = carried * network.param_count + m * per_sample + 1
    return int(numbers * math.prod(trainee.replicas) * np.dtype(trainee.dtype).itemsize)


def _even_ends(start: int, stop: int, limit: int) -> list[int]:
    """Cut into the fewest parts of at most `limit`, or into up to twice as many equal ones."""
    total = stop - start
    if not total:
        return []
    fewest = math.ceil(total / limit)
    equal = (count for count in range(fewest, 2 * fewest + 1) if total % count == 0)
    count = next(equal, fewest)
    return [start + total * (i + 1) // count for i in range(count)]


def _make_read_only(recording: Recording) -> None:
    evaluation = recording.evaluation
    for arrays in (
        (recording.steps, recording.batches, evaluation.loss),
        recording.before, recording.after, recording.grads,
        evaluation.activations or (), recording.deltas or (),
        *recording.state_before.values(), *recording.state_after.values(), recording.final[0],
    ):  # fmt: skip
        for array in arrays:
            array.flags.writeable = False
