"""One seed, several backends: train them side by side and collect what there is to say.

`compare` is the whole pipeline of a run; its result is data, for the reports to word.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shared import worked
from shared.backend import Params
from shared.calibration.adoption import adopted_here
from shared.certificate.findings import BackendCertificate
from shared.certificate.judge import Judge
from shared.certificate.sampling import sampling
from shared.classification import Classification, classification
from shared.drift import DriftMeter, PairDrift
from shared.evaluation import Curve, CurveTaker, Outcome, outcome
from shared.host import host
from shared.interrupts import interrupts_deferred
from shared.problems import Problem
from shared.recording_file import RecordingWriter, recording_writer
from shared.registry import Loaded
from shared.training import Missing, Trainee, lockstep, prepare
from shared.worked import WorkedAnswer

VISIBLE_GAP = 0.01
"""Curves have parted where they differ by more than this share of the loss: a gap one can see."""

WORKED_ELEMENT = "w1"


@dataclass(frozen=True, slots=True)
class BackendResult:
    """What one backend came to.

    params
        W1, b1, W2, b2, ... after the last step that all backends made.
    setup_s, compile_s, train_s
        Seconds: making the backend (imports included), compiling, training.
    first_not_finite
        The first step after which a recorded number is NaN or infinite, if any.
    """

    name: str
    framework: str
    version: str
    params: Params
    curve: Curve
    outcome: Outcome
    setup_s: float
    compile_s: float
    train_s: float
    first_not_finite: int | None


@dataclass(frozen=True, slots=True)
class CurveGap:
    """Where the loss curves of two backends are furthest apart.

    largest
        Infinite where one of the two is NaN or infinite and the other is not.
    parted_epoch
        The first mark at which the two differ visibly (VISIBLE_GAP), or None.
    """

    left: str
    right: str
    largest: float
    epoch: int
    parted_epoch: int | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that a run of one seed has to say.

    steps
        How many steps every backend made; fewer than the problem's where it was interrupted.
    certificates
        One for each backend.
    calibration_remarks
        What of a stored calibration was not used, and why.
    judging_s
        Seconds that the certificate took.
    classification
        What the networks answered at the last mark of the curve, where they are classifiers.
    recorded_to
        The folder that holds the recordings if the run was to be recorded. Interrupted, it holds
        none: they are written whole or not at all.
    """

    problem: Problem
    seed: int
    dtype: str
    backends: tuple[BackendResult, ...]
    missing: tuple[Missing, ...]
    drift: tuple[PairDrift, ...]
    gaps: tuple[CurveGap, ...]
    worked: tuple[WorkedAnswer, ...]
    steps: int
    interrupted: bool
    recorded_to: Path | None
    certificates: tuple[BackendCertificate, ...]
    calibration_remarks: tuple[str, ...] = ()
    judging_s: float = 0.0
    classification: Classification | None = None

    @property
    def certified(self) -> bool:
        """Every backend was judged, and no finding made."""
        return bool(self.certificates) and all(one.certified for one in self.certificates)

    @property
    def parted(self) -> bool:
        """Whether any two loss curves differ visibly."""
        return any(gap.parted_epoch is not None for gap in self.gaps)


def compare(
    problem: Problem,
    seed: int,
    loaded: Sequence[Loaded],
    *,
    missing: Sequence[Missing] = (),
    dtype: str = "float64",
    record_to: Path | None = None,
    one_in: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Comparison:
    """Train every backend from one seed, in lockstep.

    record_to
        A folder for one recording file per backend.
    one_in
        Judge one step in so many; if not said, all, or as many as a budget allows.
    progress
        Called with the number of steps that all backends have made.

    Ctrl-C ends the training and is no error: the comparison then holds what is known so far.
    """
    trainees, failed = prepare(loaded, problem, dtype)
    for trainee in trainees:
        trainee.start(seed)
    judges, remarks = _judges(trainees, one_in)
    named = [(trainee.name, trainee.backend) for trainee in trainees]
    curves = [CurveTaker(trainee, judge) for trainee, judge in zip(trainees, judges, strict=True)]
    meter = DriftMeter([trainee.name for trainee in trainees], problem)
    params = [trainee.params for trainee in trainees]
    steps, interrupted = 0, False
    answers: tuple[WorkedAnswer, ...] = ()

    try:
        if problem.network == worked.NETWORK:
            answers = worked.answers(named, WORKED_ELEMENT, dtype)
        with ExitStack() as files:
            writers = [_writer(files, record_to, trainee, seed) for trainee in trainees]
            for recordings in lockstep(trainees):
                with interrupts_deferred():
                    meter.add(recordings)
                    for taker, judge, writer, recording in zip(
                        curves, judges, writers, recordings, strict=True
                    ):
                        judge.add(recording)
                        taker.add(recording)
                        if writer:
                            writer.add(recording)
                    params = [recording.final[0] for recording in recordings]
                    steps = recordings[0].final[1].step
                    # Here too: an interrupt inside a progress bar may leave its lock closed.
                    progress(steps)
    except KeyboardInterrupt:
        interrupted = True

    # An interrupt that comes so late takes nothing away.
    with suppress(KeyboardInterrupt), interrupts_deferred():
        results = tuple(
            _result(trainee, taker.finish(), last, meter.first_not_finite[trainee.name])
            for trainee, taker, last in zip(trainees, curves, params, strict=True)
        )
    return Comparison(
        problem, seed, dtype, results, (*missing, *failed), meter.finish(), curve_gaps(results),
        answers, steps, interrupted, record_to,
        tuple(judge.finish() for judge in judges), remarks,
        sum(judge.elapsed_s for judge in judges),
        _classification(problem, results),
    )  # fmt: skip


def _judges(trainees: Sequence[Trainee], one_in: int | None) -> tuple[list[Judge], tuple[str, ...]]:
    """Give every backend a judge; return what there is to say of the stored calibration, too."""
    versions = {one.loaded.kind.framework: one.loaded.version for one in trainees}
    adopted, remarks = adopted_here(trainees[0].dtype, versions)
    return [
        Judge(
            one.name, one.problem, one.dtype, one.seeds,
            sampling(one.problem, one.seeds, one_in), adopted[one.loaded.kind.framework],
        )
        for one in trainees
    ], remarks  # fmt: skip


def curve_gaps(results: Sequence[BackendResult]) -> tuple[CurveGap, ...]:
    """Compare the loss curves of every pair of backends, as far as both go."""
    return tuple(_gap(a, b) for a, b in itertools.combinations(results, 2))


def visible(left: Any, right: Any) -> Any:
    """Say elementwise whether two losses differ by more than VISIBLE_GAP of the larger one.

    A NaN or infinity differs visibly from every number, and not from its like.
    """
    with np.errstate(invalid="ignore"):
        apart = np.abs(left - right) > VISIBLE_GAP * np.maximum(np.abs(left), np.abs(right))
    return apart | (np.isfinite(left) != np.isfinite(right))


def _gap(a: BackendResult, b: BackendResult) -> CurveGap:
    count = min(len(a.curve.epochs), len(b.curve.epochs))
    epochs = a.curve.epochs[:count]
    left, right = a.curve.loss[:count], b.curve.loss[:count]
    with np.errstate(invalid="ignore"):
        distance = np.abs(left - right)
    distance[np.isnan(distance)] = 0.0
    distance[np.isfinite(left) != np.isfinite(right)] = np.inf
    apart = visible(left, right)
    furthest = int(distance.argmax())
    return CurveGap(
        a.name,
        b.name,
        float(distance[furthest]),
        int(epochs[furthest]),
        int(epochs[apart.argmax()]) if apart.any() else None,
    )


def _classification(problem: Problem, results: Sequence[BackendResult]) -> Classification | None:
    named = [(result.name, result.curve.answers) for result in results]
    return classification(problem, named, int(results[0].curve.epochs[-1]))


def _result(
    trainee: Trainee, curve: Curve, params: Params, first_not_finite: int | None
) -> BackendResult:
    ended = outcome(trainee, params)
    return BackendResult(
        name=trainee.name,
        framework=trainee.loaded.kind.framework,
        version=trainee.loaded.version,
        params=params,
        curve=curve,
        outcome=ended,
        setup_s=trainee.setup_s,
        compile_s=trainee.compile_s,
        train_s=trainee.train_s,
        first_not_finite=first_not_finite,
    )


def _writer(
    files: ExitStack, folder: Path | None, trainee: Trainee, seed: int
) -> RecordingWriter | None:
    if folder is None:
        return None
    header = {
        "backend": trainee.name,
        "problem": trainee.problem.to_json(),
        "seed": seed,
        "dtype": trainee.dtype,
        "versions": {trainee.loaded.kind.framework: trainee.loaded.version},
        "host": host(),
    }
    return files.enter_context(recording_writer(folder / f"{trainee.name}.npz", header))
