"""A ledger that is told of judged tensors, piece by piece, and where it places what failed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backend import Array
from shared.certificate.decision import Judged, Verdict
from shared.certificate.ledger import KEPT, Ledger, Rows
from shared.certificate.placement import NAMED, Failed, FirstStep, Placed, Placement
from shared.named_problems import problem

EXPLAINED, UNDECIDED, DIFFERENT = Verdict.EXPLAINED, Verdict.UNDECIDED, Verdict.DIFFERENT
ONE = problem("people16").changed(epochs=3)
ROWS = np.arange(1, 11)


def tensor(verdicts: Array, name: str = "a1", stage: str = "forward") -> Judged:
    """Values (s, ...) with the verdicts given."""
    numbers = np.ones(verdicts.shape)
    return Judged(stage, name, numbers, numbers, numbers, numbers, verdicts.astype(np.uint8))


def verdicts(shape: tuple[int, ...], *bad: tuple[int, Verdict]) -> Array:
    """All explained, but for the whole of some rows."""
    found = np.full(shape, EXPLAINED)
    for row, verdict in bad:
        found[row] = verdict
    return found


def at(rank: int, steps: Array = ROWS) -> Rows:
    return Rows(steps, None, rank)


def told(*pieces: tuple[Judged, Rows]) -> Ledger:
    ledger = Ledger(ONE, "float64")
    for piece, rows in pieces:
        ledger.count(piece, rows)
    return ledger


def placed(ledger: Ledger) -> Placement:
    assert ledger.placement is not None
    return ledger.placement


def counts(placement: Placement) -> list[tuple[str, str, int, int]]:
    return [(part.stage, part.tensor, part.failed, part.judged) for part in placement.parts]


def test_a_mark_of_the_curve_that_is_judged_later_may_be_before_all() -> None:
    step = tensor(verdicts((10, 4), (0, DIFFERENT)))
    mark = tensor(verdicts((1, 4), (0, DIFFERENT)), stage="curve forward")
    ledger = told((step, at(1)), (mark, at(1000, np.array([0]))))
    assert (placed(ledger).step, placed(ledger).epoch) == (0, 0)
    assert placed(ledger).stage == "curve forward"


def test_a_mark_of_the_curve_comes_after_its_step() -> None:
    mark = tensor(verdicts((1, 4), (0, DIFFERENT)), stage="curve forward")
    step = tensor(verdicts((10, 2), (9, DIFFERENT)), "b1", "update")
    ledger = told((mark, at(1000, np.array([10]))), (step, at(9)))
    assert [part.stage for part in placed(ledger).parts] == ["update", "curve forward"]


def earliest(ledger: Ledger) -> Placement:
    assert ledger.earliest is not None
    return ledger.earliest


def test_the_earliest_is_placed_beside_it_be_it_different_or_not() -> None:
    doubt = tensor(verdicts((10, 4), (1, UNDECIDED), (3, DIFFERENT)), "a1")
    other = tensor(verdicts((10, 2), (1, UNDECIDED), (2, DIFFERENT)), "a2")
    ledger = told((doubt, at(1)), (other, at(2)))
    assert (placed(ledger).step, placed(ledger).tensors) == (3, ("a2",))
    assert (earliest(ledger).step, earliest(ledger).tensors) == (2, ("a1", "a2"))


def test_the_earliest_counts_both_kinds_of_one_tensor() -> None:
    mixed = verdicts((10, 4), (2, UNDECIDED))
    mixed[2, 1] = DIFFERENT
    ledger = told((tensor(mixed), at(1)))
    assert counts(placed(ledger)) == [("forward", "a1", 1, 4)]
    assert counts(earliest(ledger)) == [("forward", "a1", 4, 4)]


def test_what_no_number_describes_may_be_the_earliest() -> None:
    ledger = told((tensor(verdicts((10, 4), (5, DIFFERENT))), at(1)))
    ledger.say(3, "samples", "Others.")
    assert (earliest(ledger).step, earliest(ledger).tensors) == (3, ("samples",))


def test_a_broken_link_may_be_the_earliest() -> None:
    ledger = told((tensor(verdicts((10, 4), (5, DIFFERENT))), at(1)))
    ledger.hold_equal("carried over", "W1", ROWS[1:3], np.ones((2, 2, 2)), np.zeros((2, 2, 2)))
    assert (earliest(ledger).step, earliest(ledger).tensors) == (2, ("W1",))


def test_where_nothing_failed_nothing_is_the_earliest() -> None:
    assert told((tensor(verdicts((10, 4))), at(1))).earliest is None


def test_what_is_different_is_placed_though_something_before_it_is_undecided() -> None:
    doubt = tensor(verdicts((10, 4), (1, UNDECIDED), (3, UNDECIDED)), "a1")
    mixed = verdicts((10, 4), (2, UNDECIDED), (3, UNDECIDED))
    mixed[3, 2:] = DIFFERENT
    ledger = told((doubt, at(1)), (tensor(mixed, "a2"), at(2)))
    assert placed(ledger).step == 4
    assert placed(ledger).parts == (Placed("forward", "a2", 2, 4, ("a2[2]", "a2[3]")),)


def test_of_what_is_undecided_alone_the_first_is_placed() -> None:
    doubts = [tensor(verdicts((10, 4), (row, UNDECIDED)), f"a{row}") for row in (3, 1)]
    ledger = told((doubts[0], at(1)), (doubts[1], at(2)))
    assert (placed(ledger).step, placed(ledger).tensors) == (2, ("a1",))


def test_the_first_that_is_different_stands_among_the_findings() -> None:
    """As long as nothing is, later steps are still of interest."""
    many = verdicts((10, 40), *((row, UNDECIDED) for row in range(5)))
    ledger = told((tensor(many), at(1)))
    assert len(ledger.first) == KEPT
    assert ledger.may_keep(400)
    late = verdicts((10, 40), (7, UNDECIDED), (8, UNDECIDED))
    late[8, 30] = DIFFERENT
    ledger.count(tensor(late), at(1, ROWS + 10))
    assert len(ledger.first) == KEPT
    assert [finding.verdict for finding in ledger.first] == [UNDECIDED] * (KEPT - 1) + [DIFFERENT]
    assert (ledger.first[-1].step, ledger.first[-1].name) == (19, "a1[30]")
    assert placed(ledger).step == 19
    assert not ledger.may_keep(20)


def test_an_earlier_one_takes_its_place() -> None:
    many = verdicts((10, 40), *((row, UNDECIDED) for row in range(5)))
    ledger = told((tensor(many), at(1)))
    for first in (30, 20, 10):
        wrong = tensor(verdicts((10, 40), (8, DIFFERENT)))
        ledger.count(wrong, at(1, ROWS + first))
        assert len(ledger.first) == KEPT
        assert ledger.first[-1].step == placed(ledger).step == 9 + first
    assert ledger.found == 5 * 40 + 3 * 40


def test_once_enough_is_different_later_steps_are_of_no_interest() -> None:
    ledger = told((tensor(verdicts((10, 40), (4, DIFFERENT))), at(1)))
    assert ledger.may_keep(5)
    assert not ledger.may_keep(6)


def test_tensors_that_come_in_parts_are_counted_by_step() -> None:
    parts = [
        replace(tensor(verdicts((5, 4), (row, DIFFERENT))), rows=slice(start, start + 5))
        for start, row in ((0, 4), (5, 0))
    ]
    ledger = told(*((part, at(rank)) for rank, part in enumerate(parts, start=1)))
    assert (placed(ledger).step, placed(ledger).parts[0].failed) == (5, 4)


def some(*places: tuple[int, int], settled: int = 0) -> Judged:
    """Places of a tensor (10, 4), all of them different."""
    listed = tuple(np.array(axis) for axis in zip(*places, strict=True))
    wrong = tensor(np.full(len(places), DIFFERENT))
    return replace(wrong, places=listed, settled=settled)


def test_places_of_a_screened_tensor_are_counted_among_all_of_it() -> None:
    ledger = told((some((8, 1), (2, 3), (2, 0), settled=37), at(1)))
    assert placed(ledger).step == 3
    assert placed(ledger).parts == (Placed("forward", "a1", 2, 4, ("a1[0]", "a1[3]")),)


def test_what_an_audit_adds_to_a_tensor_belongs_to_it() -> None:
    """It is told behind everything else of its block."""
    ledger = told(
        (tensor(verdicts((10, 4), (2, DIFFERENT))), at(1)),
        (tensor(verdicts((10, 4), (2, DIFFERENT)), "δ1", "backward"), at(2)),
        (some((2, 1)), at(3)),
    )
    assert counts(placed(ledger))[0][:3] == ("forward", "a1", 5)


@pytest.mark.parametrize("screened", [False, True], ids=["in full", "screened"])
def test_what_an_audit_alone_finds_is_counted_among_all_of_its_tensor(screened: bool) -> None:
    whole = tensor(verdicts((10, 4)))
    if screened:
        whole = replace(some((2, 3), settled=39), verdict=np.array([EXPLAINED]))
    ledger = told(
        (whole, at(1)),
        (tensor(verdicts((10, 4), (2, DIFFERENT)), "δ1", "backward"), at(2)),
        (some((2, 1)), at(3)),
    )
    assert counts(placed(ledger)) == [("forward", "a1", 1, 4), ("backward", "δ1", 4, 4)]
    assert ledger.first[0].tensor == "a1"


EVENTS = st.lists(
    st.tuples(
        st.sampled_from([UNDECIDED, DIFFERENT]), st.integers(1, 3), st.integers(0, 3),
        st.integers(0, 9),
    ),
    min_size=1, max_size=12, unique_by=lambda event: event[1:],
)  # fmt: skip


@given(EVENTS, st.randoms(use_true_random=False))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_what_comes_first_makes_no_difference(
    events: list[tuple[Verdict, int, int, int]], shuffle: random.Random
) -> None:
    """Every event is one element of a tensor; ranks stand for tensors."""
    shuffled = list(events)
    shuffle.shuffle(shuffled)
    found = gathered(shuffled)
    assert found == gathered(events)
    worst = max(event[0] for event in events)
    step = min(event[1] for event in events if event[0] == worst)
    expected = [event for event in events if event[:2] == (worst, step)]
    assert found.step == step
    assert sum(part.failed for part in found.parts) == len(expected)
    for part in found.parts:
        own = sorted(element for _, _, rank, element in expected if part.tensor == f"a{rank}")
        assert part.elements == tuple(map(str, own[:NAMED]))


def gathered(events: Sequence[tuple[Verdict, int, int, int]]) -> Placement:
    first = FirstStep()
    for verdict, step, rank, element in events:
        named = (((element,), str(element)),)
        first.add(verdict, step, Failed(rank, "forward", f"a{rank}", 1, 10, named))
    found = first.placement(16)
    assert found is not None
    return found


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_samples_are_those_of_the_first_element(order: tuple[int, ...]) -> None:
    first = FirstStep()
    for i in order:
        first.add(DIFFERENT, 1, Failed(1, "forward", "a1", 1, 3, (((i,), str(i)),), (10 + i,)))
    found = first.placement(16)
    assert found is not None
    assert found.samples == (10,)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_tensor_stands_where_its_first_part_does(order: tuple[int, ...]) -> None:
    first = FirstStep()
    parts = [
        Failed(rank, "forward", name, 1, 3) for rank, name in ((1, "a1"), (2, "a2"), (3, "a1"))
    ]
    for i in order:
        first.add(DIFFERENT, 1, parts[i])
    found = first.placement(16)
    assert found is not None
    assert counts(found) == [("forward", "a1", 2, 3), ("forward", "a2", 1, 3)]
