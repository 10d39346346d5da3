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

from shared import worked
from shared.backend import Params
from shared.calibration.adoption import adopted_here
from shared.certificate.findings import BackendCertificate
from shared.certificate.judge import Judge
from shared.certificate.sampling import sampling
from shared.classification import Classification, classification
from shared.drift import DriftMeter, PairDrift
from shared.evaluation import Curve, CurveTaker, Outcome, outcome
from shared.faults.injected import FaultyBackend
from shared.faults.seen import FaultSeen
from shared.faults.watched import faults_seen, watches_of
from shared.gaps import CurveGap, NamedCurve, curve_gap
from shared.host import host
from shared.interrupts import interrupts_deferred
from shared.problems import Problem
from shared.recording_file import RecordingWriter, recording_writer
from shared.registry import Loaded
from shared.training import Missing, Trainee, lockstep, prepare
from shared.truth.estimate import Estimate
from shared.truth.findings import Truth
from shared.truth.follower import Follower
from shared.worked import WorkedAnswer

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
    truth
        How far the backends are from the exact trajectory, if that was asked for; of a large
        network an estimate of the sensitivity; None, too, where the training was interrupted.
    truth_gaps
        Where each backend's loss curve is furthest from the exact one, as far as that goes.
    faults
        What became of the faults that were brought into backends.
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
    truth_wanted: bool = False
    truth: Truth | Estimate | None = None
    truth_gaps: tuple[CurveGap, ...] = ()
    faults: tuple[FaultSeen, ...] = ()

    @property
    def certified(self) -> bool:
        """Every backend was judged, and no finding made."""
        return bool(self.certificates) and all(one.certified for one in self.certificates)

    @property
    def cut_short(self) -> bool:
        """Whether Ctrl-C ended the training, or what was followed after it."""
        walk = isinstance(self.truth, Truth) and self.truth.stopped == "interrupted"
        return self.interrupted or walk

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
    truth: bool = False,
    faulty: Sequence[FaultyBackend] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> Comparison:
    """Train every backend from one seed, in lockstep.

    record_to
        A folder for one recording file per backend.
    one_in
        Judge one step in so many; if not said, all, or as many as a budget allows.
    truth
        Follow the exact trajectory, too, once the backends have made theirs.
    faulty
        Those of the backends that hold a fault, with which it is to be seen when it first acts.
    progress
        Called with the number of steps that all backends have made, and then with these and the
        number of exact ones.

    Ctrl-C ends the training and is no error: the comparison then holds what is known so far.
    """
    trainees, failed = prepare(loaded, problem, dtype)
    for trainee in trainees:
        trainee.start(seed)
    judges, remarks = _judges(trainees, one_in)
    named = [(trainee.name, trainee.backend) for trainee in trainees]
    curves = [CurveTaker(trainee, judge) for trainee, judge in zip(trainees, judges, strict=True)]
    meter = DriftMeter([trainee.name for trainee in trainees], problem)
    follower = Follower([one.name for one in trainees], problem, seed, dtype) if truth else None
    watches = watches_of(trainees, faulty, seed)
    params = [trainee.params for trainee in trainees]
    steps, interrupted = 0, False
    answers: tuple[WorkedAnswer, ...] = ()

    try:
        if problem.network == worked.NETWORK:
            answers = worked.answers(named, WORKED_ELEMENT, dtype)
        with ExitStack() as files:
            writers = [_writer(files, record_to, trainee, seed, faulty) for trainee in trainees]
            for recordings in lockstep(trainees):
                with interrupts_deferred():
                    meter.add(recordings)
                    if follower:
                        follower.add(recordings)
                    for trainee, recording in zip(trainees, recordings, strict=True):
                        if trainee.name in watches:
                            watches[trainee.name].add(recording)
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
    followed: Truth | Estimate | None = None
    if follower and steps and not interrupted:
        followed = follower.finish(steps, lambda made: progress(steps + made))
    gaps, truth_gaps = _gaps(results, followed)
    certificates = tuple(judge.finish() for judge in judges)
    return Comparison(
        problem, seed, dtype, results, (*missing, *failed), meter.finish(), gaps,
        answers, steps, interrupted, record_to,
        certificates, remarks,
        sum(judge.elapsed_s for judge in judges),
        _classification(problem, results), truth, followed, truth_gaps,
        faults_seen(faulty, problem, dtype, watches, certificates),
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


def _gaps(
    results: Sequence[BackendResult], truth: Truth | Estimate | None
) -> tuple[tuple[CurveGap, ...], tuple[CurveGap, ...]]:
    """Compare the loss curves of every pair of backends, and each with the exact one."""
    curves = [NamedCurve(r.name, r.curve.epochs, r.curve.loss) for r in results]
    between = tuple(curve_gap(a, b) for a, b in itertools.combinations(curves, 2))
    if not isinstance(truth, Truth):
        return between, ()
    exact = NamedCurve("exact", truth.curve_epochs, truth.curve_loss)
    return between, tuple(curve_gap(curve, exact) for curve in curves)


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
    files: ExitStack,
    folder: Path | None,
    trainee: Trainee,
    seed: int,
    faulty: Sequence[FaultyBackend],
) -> RecordingWriter | None:
    if folder is None:
        return None
    header: dict[str, Any] = {
        "backend": trainee.name,
        "problem": trainee.problem.to_json(),
        "seed": seed,
        "dtype": trainee.dtype,
        "versions": {trainee.loaded.kind.framework: trainee.loaded.version},
        "host": host(),
    }
    for one in faulty:
        if one.wrong.name == trainee.name:
            header["fault"] = str(one.chosen)  # what is wrong on purpose says so
    return files.enter_context(recording_writer(folder / f"{trainee.name}.npz", header))
