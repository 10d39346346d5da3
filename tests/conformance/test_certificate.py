"""A short training through the harness, judged: every stage of a step, and the loss curve."""

from __future__ import annotations

import pytest

from shared.errors import BackendError
from tests.conformance.cases import Wanted
from tests.conformance.notes import NOT_OFFERED, TOLD, Note
from tests.conformance.subjects import Subject, Trained, trained
from tests.conformance.training import SEED, SEEDS, all_failed, run_failed, stage_failed
from tests.conformance.verbs import told_already


@pytest.mark.check("training")
@pytest.mark.every_option
def test_a_short_training_runs(subject: Subject, wanted: Wanted, note: Note) -> None:
    told = trained(subject.loaded, subject.case, SEED)
    if isinstance(told, Trained):
        note.hold(run_failed(told))
    elif told_already(subject, wanted):
        note.skip(TOLD, "one of its verbs fails a check")
    else:
        note.hold(str(told))


def test_a_short_training_is_certified(subject: Subject, stage: str, note: Note) -> None:
    told = trained(subject.loaded, subject.case, SEED)
    if isinstance(told, BackendError):
        note.skip(TOLD, "it cannot be trained: see training, or its verbs")
    complaint = stage_failed(told, stage)
    if complaint and stage == "update":
        complaint += f" The optimizer is {subject.case.problem.optimizer}."
    note.hold(complaint)


@pytest.mark.check("replicas")
@pytest.mark.compiles_much
def test_every_replica_is_certified_as_if_alone(subject: Subject, note: Note) -> None:
    if not subject.loaded.kind.replica_axes:
        note.skip(NOT_OFFERED, "replica_axes is not set: it is called once for each network")
    alone = trained(subject.loaded, subject.case, SEED)
    if isinstance(alone, BackendError) or all_failed(alone):
        note.skip(TOLD, "it fails without replicas, too")
    told = trained(subject.loaded, subject.case, SEEDS)
    if isinstance(told, BackendError):
        note.hold(f"With three replicas: {told}")
    else:
        note.hold(next(iter(all_failed(told)), ""))
