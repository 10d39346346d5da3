"""The checks on trainings: each returns what is wrong, in a sentence or two, or nothing.

A class that trains by itself is held to its own verbs; what the harness trained and judged is
asked stage by stage.
"""

from __future__ import annotations

from shared.backend import Array, Backend, Recording
from shared.certificate.decision import Verdict
from shared.certificate.findings import (
    CARRIED,
    SAMPLES,
    SHAPE,
    START,
    StageSummary,
)
from shared.checking import guarded
from shared.report.certificate_text import place, what_is_wrong
from shared.seeding import batch_runs, starting_params, starting_state
from shared.stepwise import Stepwise
from tests.conformance.arrays import bits, different, of_end, of_recording
from tests.conformance.subjects import Subject, Trained

SEED, SEEDS = 1, (1, 2, 3)

STAGES = ("forward", "loss", "backward", "update", "curve")


def recording_changes(subject: Subject) -> str:
    """Train with every step recorded and with none, and compare the ends."""
    ends = [bits(of_end(subject.network, _trained(subject, every))) for every in (0, 1)]
    changed = different(*ends)
    if not changed:
        return ""
    return (
        f"{subject.name}, train: expected equal bits at the end of the run whether it is recorded "
        f"or not; with every = 0 and every = 1 they differ in {', '.join(changed)}. What is "
        "recorded must not change what is computed."
    )


def thinned(subject: Subject, every: int = 3) -> str:
    """Record every third step, and compare these with the same steps of a whole recording."""
    thin, whole = _trained(subject, every), _trained(subject, 1)
    rows = [step - 1 for step in thin.steps.tolist()]
    seen, expected = (
        bits(of_recording(subject.network, thin)),
        {n: a[rows].tobytes() for n, a in of_recording(subject.network, whole).items()},
    )
    changed = different(seen, expected)
    if not changed:
        return ""
    return (
        f"{subject.name}, train: expected the steps {_listed(thin.steps)} with every = {every} as "
        f"they are with every = 1; they differ in {', '.join(changed)}. Record the steps whose "
        "number is divided by `every`, counted from 1, and both sides of each."
    )


def other_steps(subject: Subject) -> str:
    """Compare the steps of `train` with those that `gradients` and `update` make."""
    own = of_recording(subject.network, _trained(subject, 1))
    looped = of_recording(subject.network, _trained(subject, 1, Stepwise(subject.verbs)))
    for step in range(len(_batches(subject))):
        changed = different(
            *({n: a[step].tobytes() for n, a in one.items()} for one in (own, looped))
        )
        if changed:
            return (
                f"{subject.name}, train: expected the bits that gradients and update give, one "
                f"after the other; from step {step + 1} on {changed[0]} is another. Compute a step "
                "of train as the verbs do."
            )
    return ""


def run_failed(told: Trained) -> str:
    """Word the first finding that belongs to no stage: where steps start, and what they saw."""
    one = told.steps
    failed = one.found - sum(map(_failed, one.stages))
    if not failed:
        return ""
    for finding in one.findings:
        if finding.stage in (START, CARRIED, SAMPLES, SHAPE):
            return f"{one.backend}, {place(finding)}. {what_is_wrong(finding)}"
    return (
        f"{one.backend}: {failed:,} times a step does not start where the one before has ended, or "
        "saw other samples than it was given."
    )


def stage_failed(told: Trained, stage: str) -> str:
    """Word the first finding of a stage; the loss curve, with all of its own, is one here."""
    one = told.curve if stage == "curve" else told.steps
    summaries = [summary for summary in one.stages if stage in ("curve", summary.stage)]
    if not summaries:
        return f"{one.backend}: nothing of the stage {stage} was judged; expected some step."
    failed = sum(map(_failed, summaries))
    if not failed:
        return ""
    values = sum(sum(summary.counts) + summary.settled for summary in summaries)
    counted = f"{failed:,} of the {values:,} values of this stage are wrong."
    for finding in one.findings:
        if stage in ("curve", finding.stage):
            return f"{one.backend}, {place(finding)}. {what_is_wrong(finding)} {counted}"
    worst = max(summaries, key=_failed)
    return (
        f"{one.backend}, {worst.stage}, {worst.tensor}: {counted} The worst one is in step "
        f"{worst.worst_step:,}."
    )


def all_failed(told: Trained) -> list[str]:
    """Word the first finding of each stage that has any."""
    return [
        words for words in (run_failed(told), *(stage_failed(told, s) for s in STAGES)) if words
    ]


def _failed(summary: StageSummary) -> int:
    return sum(summary.counts[Verdict.UNDECIDED :])


def _batches(subject: Subject) -> Array:
    one = subject.case.problem
    ((_, batches),) = batch_runs(one, SEED, 0, one.step_count)
    return batches


def _trained(subject: Subject, every: int, backend: Backend | None = None) -> Recording:
    """Train from the start; raise BackendError where it fails or records something else."""
    one, dtype, batches = subject.case.problem, subject.case.dtype, _batches(subject)
    params = starting_params(one, SEED, dtype)
    owner = backend or subject.verbs
    assert isinstance(owner, Backend)
    recording: Recording = guarded(
        subject.name, subject.verbs, "train", owner.train,
        params, starting_state(one, params), one.dataset(dtype), batches, every,
    )  # fmt: skip
    subject.contract().require_recording(recording, 1, batches.shape, every)
    return recording


def _listed(steps: Array) -> str:
    return ", ".join(map(str, steps.tolist()))
