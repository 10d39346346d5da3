"""Recorded runs to be judged: honest ones, and copies in which one number is another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shared.backend import Array, OptimizerState, Params, Recording
from shared.certificate.backward import judge_backward
from shared.certificate.decision import Judged
from shared.certificate.findings import BackendCertificate
from shared.certificate.forward import judge_forward
from shared.certificate.judge import Judge, reference_for
from shared.certificate.sampling import Sampling
from shared.certificate.stages import Evaluated, Gradients
from shared.certificate.update import judge_update
from shared.evaluation import CurveTaker
from shared.named_problems import problem
from shared.network import Network
from shared.problems import Problem
from shared.registry import Loaded, find, load
from shared.seeding import starting_params
from shared.training import Trainee, lockstep

Place = tuple[int, ...]
Seeds = int | tuple[int, ...]


@dataclass(frozen=True)
class Run:
    """A problem, the seeds its training started from, and what was recorded, chunk by chunk."""

    problem: Problem
    seeds: Seeds
    chunks: tuple[Recording, ...]
    dtype: str = "float64"

    @property
    def start(self) -> Params:
        return starting_params(self.problem, self.seeds, self.dtype)

    @property
    def rate(self) -> np.floating[Any]:
        rate: np.floating[Any] = np.dtype(self.dtype).type(self.problem.optimizer.learning_rate)
        return rate

    @property
    def whole(self) -> Recording:
        (recording,) = self.chunks
        return recording

    def with_chunks(self, *chunks: Recording) -> Run:
        return replace(self, chunks=chunks)

    def without_deltas(self) -> Run:
        """As a backend records it that does not form ∂L/∂z."""
        return self.with_chunks(*(replace(chunk, deltas=None) for chunk in self.chunks))

    def judged(self, sample: Sampling | None = None) -> BackendCertificate:
        judge = Judge("numpy", self.problem, self.dtype, self.seeds, sample)
        for chunk in self.chunks:
            judge.add(chunk)
        return judge.finish()

    def epoch(self, step: int) -> int:
        return math.ceil(step / self.problem.steps_per_epoch)


def general(
    sizes: tuple[int, ...], samples: int, batch_size: int, epochs: int, draw: int = 5
) -> Problem:
    """A net of any sizes on drawn samples, at a learning rate that moves it."""
    random = np.random.RandomState(draw)
    x = random.normal(size=(samples, sizes[0]))
    y = random.uniform(size=(samples, sizes[-1]))
    return replace(
        problem("people16").changed(epochs=epochs, learning_rate=0.5),
        network=Network(sizes),
        classes=(),
        x=x,
        y=y,
        people=(),
        batch_size=batch_size,
    )


def trained(
    one: Problem, seeds: Seeds = 42, loaded: Loaded | None = None, dtype: str = "float64"
) -> Run:
    """Train as the harness does and keep every chunk; NumPy's backend unless told otherwise."""
    trainee = Trainee(loaded or load(find("numpy")), one, dtype)
    trainee.start(seeds)
    return Run(one, seeds, tuple(recording for (recording,) in lockstep([trainee])), dtype)


def certificate(
    loaded: Loaded,
    one: Problem,
    seeds: Seeds,
    sample: Sampling | None = None,
    seen: Callable[[Recording], None] = lambda _: None,
    dtype: str = "float64",
) -> BackendCertificate:
    """Train with a judge on the steps and the curve, as the harness does; show every chunk."""
    trainee = Trainee(loaded, one, dtype)
    trainee.start(seeds)
    judge = Judge(loaded.name, one, dtype, seeds, sample)
    taker = CurveTaker(trainee, judge)
    for (recording,) in lockstep([trainee]):
        judge.add(recording)
        taker.add(recording)
        seen(recording)
    taker.finish()
    return judge.finish()


def seen_by(run: Run) -> Evaluated:
    """What the stages of a run's only chunk are judged from, held in float64."""
    recording, data = run.whole, run.problem.dataset(run.dtype)
    evaluation = recording.evaluation
    assert evaluation.activations is not None
    x, y = (of_all[recording.batches].astype(np.float64) for of_all in (data.x, data.y))
    return Evaluated(
        run.problem.network, held(recording.before), (x, *held(evaluation.activations)),
        None if evaluation.logits is None else evaluation.logits.astype(np.float64),
        y, np.asarray(evaluation.loss, np.float64),
    )  # fmt: skip


def held(arrays: Params) -> Params:
    """The same numbers in float64, as what a certificate judges is held."""
    return tuple(a.astype(np.float64, copy=False) for a in arrays)


def gradients_of(run: Run) -> Gradients:
    """The gradients of a run's only chunk, and the deltas if it has any."""
    deltas = run.whole.deltas
    return Gradients(held(run.whole.grads), None if deltas is None else held(deltas))


def judgements(run: Run) -> dict[tuple[str, str], Judged]:
    """Every judged tensor of a run's only chunk, by stage and name; nothing is screened."""
    reference, seen, recording = reference_for(run.dtype), seen_by(run), run.whole
    got = gradients_of(run)
    every = (
        *judge_forward(reference, seen),
        *judge_backward(reference, seen, got.grads, got.deltas),
        *judge_update(
            reference, run.problem.network.param_names, recording.before, recording.grads,
            recording.after, run.rate,
        ),
    )  # fmt: skip
    return {(judged.stage, judged.tensor): judged for judged in every}


def put(recording: Recording, group: str, tensor: int, place: Place, value: float) -> Recording:
    """Return a recording with one number exchanged; group is one of its fields, or a part of its
    evaluation. In loss, logits and batches, which are no tuples, tensor is not looked at."""
    evaluation = recording.evaluation
    if group in ("loss", "logits"):
        part: dict[str, Any] = {group: _put(getattr(evaluation, group), place, value)}
        return replace(recording, evaluation=replace(evaluation, **part))
    if group == "batches":
        return replace(recording, batches=_put(recording.batches, place, value))
    if group == "activations":
        assert evaluation.activations is not None
        layers = _put_in(evaluation.activations, tensor, place, value)
        return replace(recording, evaluation=replace(evaluation, activations=layers))
    if group == "final":
        params, state = recording.final
        return replace(recording, final=(_put_in(params, tensor, place, value), state))
    changed: dict[str, Any] = {group: _put_in(getattr(recording, group), tensor, place, value)}
    # before and after may be views of one array; copies keep the one from moving with the other.
    return replace(recording, **changed)


def put_state(recording: Recording, tensor: int, place: Place, value: float) -> Recording:
    """Exchange a parameter after a step and wherever it is carried from there."""
    step, inner = place[0], place[1:]
    recording = put(recording, "after", tensor, place, value)
    if step + 1 < len(recording.steps):
        return put(recording, "before", tensor, (step + 1, *inner), value)
    return put(recording, "final", tensor, inner, value)


def joined(chunks: Sequence[Recording]) -> Recording:
    """Make one recording of several that follow each other; parameters are copied as they are."""

    def along(tensors: Sequence[Params]) -> Params:
        return tuple(np.concatenate(column) for column in zip(*tensors, strict=True))

    evaluations = [chunk.evaluation for chunk in chunks]
    return replace(
        chunks[-1],
        steps=np.concatenate([chunk.steps for chunk in chunks]),
        batches=np.concatenate([chunk.batches for chunk in chunks]),
        before=along([chunk.before for chunk in chunks]),
        after=along([chunk.after for chunk in chunks]),
        grads=along([chunk.grads for chunk in chunks]),
        deltas=along([chunk.deltas or () for chunk in chunks]) or None,
        evaluation=replace(
            evaluations[0],
            activations=along([one.activations or () for one in evaluations]),
            loss=np.concatenate([one.loss for one in evaluations]),
        ),
    )


def on_batches(run: Run, batches: Array, start: Params | None = None) -> Recording:
    """Train honestly from a start and on batches of one's own choice, as one chunk."""
    trainee = Trainee(load(find("numpy")), run.problem, "float64")
    return trainee.backend.train(start or run.start, OptimizerState(), trainee.data, batches)


def reloaded(run: Run, after: int, back: int) -> Run:
    """Train `after` steps, then go on from the parameters of `back` steps before: two chunks."""
    honest = run.whole
    batches, row = honest.batches, after - back
    trainee = Trainee(load(find("numpy")), run.problem, "float64")
    backend, data = trainee.backend, trainee.data
    first = backend.train(run.start, OptimizerState(), data, batches[:after])
    old = tuple(np.array(w[row]) for w in honest.before)
    second = backend.train(old, OptimizerState(after), data, batches[after:])
    return run.with_chunks(first, second)


def _put_in(tensors: Params, tensor: int, place: Place, value: float) -> Params:
    return tuple(_put(a, place, value) if i == tensor else a for i, a in enumerate(tensors))


def _put(array: Array, place: Place, value: float) -> Array:
    moved = np.array(array)
    moved[place] = value
    return moved
