"""NAME[:size][@step] is read, and what cannot be meant is refused in a sentence."""

from __future__ import annotations

import itertools
import re

import pytest

from shared.certificate import findings, stages
from shared.errors import UsageError
from shared.faults import places
from shared.faults.fault import LAST, Expected, Fault
from shared.faults.named import FAULTS, chosen_fault, fault_named, trials
from shared.faults.places import tensors_of
from shared.network import Network


@pytest.mark.parametrize(
    ("text", "size", "start"),
    [
        ("gradient-scaled", fault_named("gradient-scaled").sizes[0], 1),
        ("gradient-scaled:0.5", 0.5, 1),
        ("gradient-scaled:-1e-3@7", -1e-3, 7),
        ("gradient-scaled@80", fault_named("gradient-scaled").sizes[0], 80),
        ("gradient-scaled:2@last", 2.0, 80),
        ("gradient-doubled@last", None, 80),
    ],
)
def test_name_size_and_step_are_read(text: str, size: float | None, start: int) -> None:
    chosen = chosen_fault(text, 80)
    assert chosen.fault.name == text.partition("@")[0].partition(":")[0]
    assert (chosen.size, chosen.start) == (size, start)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gradient-scald", "Did you mean 'gradient-scaled'?"),
        ("", "unknown fault ''"),
        ("gradient-doubled:2", "has no size"),
        ("gradient-scaled:much", "cannot be used"),
        ("gradient-scaled:0", "cannot be used"),
        ("gradient-scaled:nan", "cannot be used"),
        ("gradient-scaled:", "cannot be used"),
        ("gradient-scaled@0", "expected a number from 1"),
        ("gradient-scaled@-3", "expected a number from 1"),
        ("gradient-scaled@", "expected a number from 1"),
        ("gradient-scaled@5:0.1", "as in NAME:size@step"),
        ("gradient-scaled@81", "the run has 80"),
        ("units-reordered@7", "changes what a run starts from"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        chosen_fault(text, 80)


def test_a_fault_that_begins_with_the_last_step_does_so_in_every_run() -> None:
    late = next(fault for fault in FAULTS if fault.starts[0] == LAST)
    assert chosen_fault(late.name, 80).start == 80


def test_a_choice_is_worded_as_it_is_typed() -> None:
    for text in ("gradient-scaled:0.5@7", "gradient-doubled@1"):
        assert str(chosen_fault(text, 80)) == text


def test_every_size_is_tried_from_every_start() -> None:
    fault = Fault("some", "A story.", "backward", sizes=(0.5, 2.0), starts=(1, 7))
    assert trials(fault) == ((0.5, 1), (0.5, 7), (2.0, 1), (2.0, 7))
    assert trials(Fault("some", "A story.", "backward")) == ((None, 1),)


def test_below_its_resolution_either_answer_is_right() -> None:
    fault = Fault("some", "A story.", "backward", sizes=(1.0,), resolution={"float32": 1e-6})
    assert fault.expected_of("float32", 0.9e-6) is Expected.BELOW
    assert fault.expected_of("float32", -0.9e-6) is Expected.BELOW
    assert fault.expected_of("float32", 1e-6) is Expected.FLAGGED
    assert fault.expected_of("float64", 0.9e-6) is Expected.FLAGGED


def test_no_two_faults_have_one_name() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names)


def test_the_harmless_and_the_tiny_come_last() -> None:
    order = [Expected.FLAGGED, Expected.BENIGN, Expected.BELOW]
    found = [order.index(fault.expected) for fault in FAULTS]
    assert found == sorted(found)


def test_faults_come_in_the_order_in_which_a_step_meets_them() -> None:
    order = ["data", "init", "forward", "loss", "backward", "update"]
    wrong = [fault for fault in FAULTS if fault.expected is Expected.FLAGGED]
    assert [stage for stage, _ in itertools.groupby(one.stage for one in wrong)] == order


def test_a_third_and_more_of_what_must_be_found_is_in_the_source_of_a_backend() -> None:
    wrong = [fault for fault in FAULTS if fault.expected is Expected.FLAGGED]
    assert 3 * sum(bool(fault.in_source) for fault in wrong) >= len(wrong)


def test_stages_are_called_as_the_certificate_calls_them() -> None:
    named = (places.START, places.CARRIED, places.SAMPLES)
    assert named == (findings.START, findings.CARRIED, findings.SAMPLES)
    steps = (places.FORWARD, places.LOSS, places.BACKWARD, places.UPDATE)
    assert steps == (stages.FORWARD, stages.LOSS, stages.BACKWARD, stages.UPDATE)


def test_places_hold_for_any_depth() -> None:
    deep = Network((2, 5, 4, 1))
    assert tensors_of(deep, ("Wh", "b*")) == {"W1", "W2", "b1", "b2", "b3"}
    assert tensors_of(deep, ("δL", "a1", "loss")) == {"δ3", "a1", "loss"}
