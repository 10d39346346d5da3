"""A class that trains by itself makes the steps of its verbs, and recording changes none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.backend import Backend
from shared.errors import BackendError
from tests.conformance.cases import Wanted
from tests.conformance.notes import NOT_OFFERED, TOLD, Note
from tests.conformance.subjects import Subject
from tests.conformance.training import other_steps, recording_changes, thinned
from tests.conformance.verbs import told_already

pytestmark = pytest.mark.check("train")


@pytest.mark.parametrize(
    "check",
    [other_steps, recording_changes, thinned],
    ids=["the steps of the verbs", "recorded or not", "every third step"],
)
def test_train_makes_the_steps_of_the_verbs(
    subject: Subject, wanted: Wanted, check: Callable[[Subject], str], note: Note
) -> None:
    if not issubclass(subject.loaded.kind, Backend):
        note.skip(NOT_OFFERED, "it has no train of its own: the harness loops over its verbs")
    if told_already(subject, wanted):
        note.skip(TOLD, "one of its verbs fails a check")
    try:
        complaint = check(subject)
    except BackendError as error:
        complaint = str(error)
    note.hold(complaint)
