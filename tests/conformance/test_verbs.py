"""What each verb promises: shapes, pure calls, equal bits for equal arguments, the state kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared.errors import BackendError
from tests.conformance.cases import BATCH_SIZE
from tests.conformance.notes import NOT_OFFERED, TOLD, Note
from tests.conformance.subjects import Subject
from tests.conformance.verbs import (
    arguments_changed,
    not_repeated,
    other_shapes,
    replicas_mixed,
    results_changed,
    state_lost,
)


@pytest.mark.check("shapes")
@pytest.mark.parametrize("m", [1, BATCH_SIZE], ids=["one sample", "several"])
def test_shapes_and_dtypes_are_those_of_the_contract(
    subject: Subject, verb: str, m: int, note: Note
) -> None:
    note.hold(other_shapes(subject, verb, m))


@pytest.mark.check("arguments")
def test_arguments_stay_as_they_were(subject: Subject, verb: str, note: Note) -> None:
    hold(note, lambda: arguments_changed(subject, verb))


@pytest.mark.check("results")
def test_results_stay_as_they_were(subject: Subject, verb: str, note: Note) -> None:
    hold(note, lambda: results_changed(subject, verb))


@pytest.mark.check("determinism")
def test_equal_arguments_give_equal_bits(subject: Subject, verb: str, note: Note) -> None:
    hold(note, lambda: not_repeated(subject, verb))


@pytest.mark.check("state")
@pytest.mark.every_option
def test_update_counts_the_step_and_keeps_the_slots(subject: Subject, note: Note) -> None:
    hold(note, lambda: state_lost(subject))


@pytest.mark.check("replicas")
@pytest.mark.compiles_much
def test_replicas_do_not_influence_each_other(subject: Subject, verb: str, note: Note) -> None:
    if not subject.loaded.kind.replica_axes:
        note.skip(NOT_OFFERED, "replica_axes is not set: it is called once for each network")
    if other_shapes(subject, verb) or not_repeated(subject, verb):
        note.skip(TOLD, "it fails without replicas, too")
    try:
        complaint = replicas_mixed(subject, verb)
    except BackendError as error:
        complaint = f"With three replicas: {error}"
    note.hold(complaint)


def hold(note: Note, check: Callable[[], str]) -> None:
    """Make a check, unless a verb returns nothing that it could be made on."""
    try:
        complaint = check()
    except BackendError:
        note.skip(TOLD, "a verb does not return what it should: see shapes, or training")
    note.hold(complaint)
