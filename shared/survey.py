"""Many seeds at once: every backend trains them all as replicas, and each seed is told apart.

A seed is solved or stuck on each backend, stuck by so many saturated units, and parted where two
loss curves differ visibly. Its twin, which starts one ULP away, tells how far a last bit carries.
Of a classifier, its accuracy is told, and whether all backends answer alike; where the targets are
quantities, the last loss.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from shared.backend import Array
from shared.classification import Answers, surveyed
from shared.evaluation import Curve, CurveTaker
from shared.gaps import visible
from shared.interrupts import interrupts_deferred
from shared.problems import Problem
from shared.registry import Loaded
from shared.surveyed import Survey, SurveyedBackend
from shared.training import Missing, Trainee, lockstep, prepare
from shared.twins import Sensitivity, TwinMeter, joined

GROUP = 1000
"""Seeds trained at once, at most: more would only take more memory."""

GROUP_BYTES = 256 * 2**20
"""What the seeds trained at once may take, with their twins, on one backend: it bounds their
number."""


@dataclass(frozen=True, slots=True)
class _Group:
    seeds: tuple[int, ...]
    curves: tuple[Curve, ...]
    sensitivity: Sensitivity
    epochs: int
    complete: bool


def survey(
    problem: Problem,
    seeds: Sequence[int],
    loaded: Sequence[Loaded],
    *,
    missing: Sequence[Missing] = (),
    dtype: str = "float64",
    progress: Callable[[int], None] = lambda _: None,
) -> Survey:
    """Train all seeds on every backend; `progress` gets the number of steps times seeds made.

    Ctrl-C ends the training: seeds of finished groups are reported, or, if there are none, where
    the seeds of the first group stood.
    """
    trainees, failed = prepare(loaded, problem, dtype)
    groups: list[_Group] = []
    size = group_size(trainees[0], len(seeds))
    for start in range(0, len(seeds), size):
        group = _train(
            trainees,
            tuple(seeds[start : start + size]),
            lambda made, before=start * problem.step_count: progress(before + made),  # type: ignore[misc]
        )
        if group.complete or not groups:
            groups.append(group)
        if not group.complete:
            break
    return Survey(
        problem=problem,
        dtype=dtype,
        seeds=tuple(seed for group in groups for seed in group.seeds),
        asked=len(seeds),
        epochs=groups[0].epochs,
        samples=len(problem.x),
        backends=tuple(_surveyed(trainee, i, groups) for i, trainee in enumerate(trainees)),
        missing=(*missing, *failed),
        parted_epoch=np.concatenate([_parted(group.curves) for group in groups]),
        sensitivity=joined([group.sensitivity for group in groups]),
        interrupted=not group.complete,
        answers=surveyed(problem, [_joined(groups, i) for i in range(len(trainees))]),
    )


def group_size(trainee: Trainee, seeds: int) -> int:
    """Return how many seeds to train at once: as few groups as fit, of equal size.

    Equal, since a compiling backend compiles for each size.
    """
    limit = max(1, min(GROUP, GROUP_BYTES // replica_size_bytes(trainee)))
    return math.ceil(seeds / math.ceil(seeds / limit))


def replica_size_bytes(trainee: Trainee) -> int:
    """Return what training and evaluating one replica takes on a backend, with its twin.

    That is parameters before and after a step, the gradient, and the parameters of the twin, which
    waits meanwhile; and for the samples of the largest call, which is an evaluation, the inputs, z
    and a of each layer.
    """
    problem, network = trainee.problem, trainee.problem.network
    samples = max(len(problem.x), len(problem.held_out.x) if problem.held_out else 0)
    numbers = 4 * network.param_count + samples * (network.sizes[0] + 2 * sum(network.sizes[1:]))
    return numbers * np.dtype(trainee.dtype).itemsize


def _train(
    trainees: Sequence[Trainee], seeds: tuple[int, ...], progress: Callable[[int], None]
) -> _Group:
    complete = True
    try:
        with interrupts_deferred():
            for trainee in trainees:
                trainee.start(seeds)
            takers = [CurveTaker(trainee) for trainee in trainees]
            meter = TwinMeter(trainees[0], seeds)
        for *recordings, twins in lockstep([*trainees, meter.twin], every=0):
            with interrupts_deferred():
                for taker, recording in zip(takers, recordings, strict=True):
                    taker.add(recording)
                meter.add(recordings[0], twins)
                # Here too: an interrupt inside a progress bar may leave its lock closed.
                progress(twins.final[1].step * len(seeds))
    except KeyboardInterrupt:
        complete = False
    # An interrupt that comes so late takes nothing away.
    with suppress(KeyboardInterrupt), interrupts_deferred():
        curves = [taker.finish() for taker in takers]
    marks = min(len(curve.epochs) for curve in curves)
    return _Group(
        seeds,
        tuple(curve.until(marks) for curve in curves),
        meter.finish(),
        int(curves[0].epochs[marks - 1]),
        complete,
    )


def _surveyed(trainee: Trainee, index: int, groups: Sequence[_Group]) -> SurveyedBackend:
    curves = [group.curves[index] for group in groups]
    ended = [curve.ended for curve in curves if curve.ended]
    return SurveyedBackend(
        name=trainee.name,
        framework=trainee.loaded.kind.framework,
        version=trainee.loaded.version,
        correct=_last([curve.correct for curve in curves]),
        loss=np.concatenate([curve.loss[-1] for curve in curves]),
        saturated=np.concatenate([end.saturated for end in ended]),
        finite=np.concatenate([end.finite for end in ended]),
        setup_s=trainee.setup_s,
        compile_s=trainee.compile_s,
        train_s=trainee.train_s,
        held_out_loss=_last([curve.held_out_loss for curve in curves]),
    )


def _last(taken: Sequence[Array | None]) -> Array | None:
    """Return the last row of what each group's curve holds, (S,); None where they hold none."""
    rows = [each[-1] for each in taken if each is not None]
    return np.concatenate(rows) if rows else None


def _joined(groups: Sequence[_Group], index: int) -> Answers | None:
    """Return what one backend answers to each seed of all groups, (S, N)."""
    told = [said for group in groups if (said := group.curves[index].answers)]
    if not told:
        return None
    return Answers(
        np.concatenate([said.predicted for said in told]),
        np.concatenate([said.confidence for said in told]),
    )


def _parted(curves: Sequence[Curve]) -> Array:
    apart = np.zeros(curves[0].loss.shape, dtype=bool)
    for a, b in itertools.combinations(curves, 2):
        apart |= visible(a.loss, b.loss)
    first: Array = np.where(apart.any(axis=0), curves[0].epochs[apart.argmax(axis=0)], -1)
    return first
