"""A verdict is held against what is known of the fault, and worded as what it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.certificate.placement import Placed, Placement
from shared.faults.acting import Act
from shared.faults.fault import ChosenFault, Expected, Fault
from shared.faults.seen import FaultSeen
from shared.report.fault_seen_text import brought_in_words, faults_data, found_words

FAULT = Fault("some-fault", "A story.", "backward")
ACT = Act(7, "backward", frozenset({("backward", "W1"), ("backward", "b1"), ("update", "W1")}))


def placed(step: int, stage: str, *tensors: str) -> Placement:
    parts = tuple(Placed(stage, tensor, 1, 4, ("w1",)) for tensor in tensors)
    return Placement(step, 1, (0,), (*parts, Placed("update", "W2", 1, 4, ("w5",))))


FOUND = FaultSeen(
    "numpy", ChosenFault(FAULT, None, 5), Expected.FLAGGED, ACT, "backward",
    frozenset({"W1", "b1"}), True, placed(7, "backward", "b1", "W1"),
)  # fmt: skip
MISSED = replace(FOUND, flagged=False, placement=None)


def test_step_and_place_are_right_where_the_certificate_names_them() -> None:
    assert (FOUND.step_is_right, FOUND.place_is_right) == (True, True)


@pytest.mark.parametrize(
    ("place", "step", "right"),
    [
        (placed(8, "backward", "W1", "b1"), False, True),
        (placed(7, "backward", "W1"), True, False),
        (placed(7, "backward", "W1", "b1", "W2"), True, False),
        (placed(7, "forward", "W1", "b1"), True, False),
        (placed(0, "curve backward", "W1"), True, True),
        (placed(0, "curve loss", "loss"), True, False),
        (placed(16, "curve backward", "W1"), False, False),
        (None, False, False),
    ],
    ids=["late", "less", "more", "stage", "curve", "in its loss", "later mark", "nowhere"],
)
def test_anything_else_is_not(place: Placement | None, step: bool, right: bool) -> None:
    seen = replace(FOUND, placement=place)
    assert (seen.step_is_right, seen.place_is_right) == (step, right)


def test_what_did_not_act_cannot_be_found_rightly() -> None:
    assert not replace(FOUND, act=None).step_is_right


ACTED = "it first changed a bit in step 7, backward"


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (FOUND, f"{ACTED}, and was found in step 7, backward b1, W1: exactly where it acts."),
        (MISSED, f"{ACTED}, and was not found: a miss."),
        (
            replace(MISSED, expected=Expected.BELOW),
            f"{ACTED}; it is below what rounding may do, and was not found.",
        ),
        (
            replace(MISSED, expected=Expected.BENIGN),
            (
                f"{ACTED}; it is the same function in another right form, and was not flagged, "
                "as it should be."
            ),
        ),
        (
            replace(FOUND, expected=Expected.BENIGN),
            (
                f"{ACTED}; it is the same function in another right form, and was flagged, which "
                "is wrong."
            ),
        ),
        (
            replace(FOUND, placement=placed(9, "backward", "W1")),
            f"{ACTED}, and was found in step 9, backward W1: at another step than it acts in.",
        ),
        (
            replace(FOUND, placement=placed(7, "backward", "W1")),
            (
                f"{ACTED}, and was found in step 7, backward W1: the step is right; it was "
                "expected in backward W1, b1."
            ),
        ),
        (
            replace(FOUND, placement=placed(0, "curve backward", "W1")),
            (
                f"{ACTED}, and was found before training, curve backward W1: in the first "
                "evaluation of the whole data, before any step."
            ),
        ),
        (
            replace(MISSED, act=None),
            "it changed no bit of this run, so there was nothing to find. Nothing was.",
        ),
        (
            replace(FOUND, act=None),
            (
                "it changed no bit of this run, so there was nothing to find. It was "
                "flagged all the same, which is wrong."
            ),
        ),
    ],
)
def test_what_became_of_it_is_worded(seen: FaultSeen, words: str) -> None:
    assert found_words(seen) == words


def test_what_is_below_resolution_is_told_as_that_where_it_is_flagged() -> None:
    said = found_words(replace(FOUND, expected=Expected.BELOW))
    assert said.endswith(
        "b1, W1; it is below what rounding may do, so that either answer is right."
    )


def test_a_tensor_that_is_called_as_its_stage_is_named_once() -> None:
    place = Placement(7, 1, (0,), (Placed("loss", "loss", 1, 1, ("loss",)),))
    assert "was found in step 7, loss: " in found_words(replace(FOUND, placement=place))


@pytest.mark.parametrize(
    ("lasting", "size", "words"),
    [
        (None, None, "from step 5 on: some-fault. A story."),
        (1, None, "in step 5: some-fault. A story."),
        (3, 0.5, "in step 5 and 2 after it: some-fault, size 0.5. A story."),
    ],
)
def test_a_report_begins_with_what_was_brought_in(
    lasting: int | None, size: float | None, words: str
) -> None:
    chosen = ChosenFault(replace(FAULT, lasting=lasting), size, 5)
    assert brought_in_words("numpy", chosen) == f"Brought into numpy {words}"


def test_json_says_the_same() -> None:
    (one,) = faults_data([FOUND])
    assert one["fault"] == "some-fault"
    assert (one["acted_in"], one["flagged"], one["step_is_right"]) == (7, True, True)
    assert one["shows_in"] == {"stage": "backward", "tensors": ["W1", "b1"]}
    (inert,) = faults_data([replace(MISSED, act=None)])
    assert inert["acted_in"] is None
