"""The plan holds every fault, in every backend whose source can hold it, from every seed."""

from __future__ import annotations

from collections import Counter

import pytest

from shared.faults.fault import LAST, AtBorder, Fault, InSource
from shared.faults.named import FAULTS, trials
from shared.power.trials import (
    BORDER,
    CALM,
    CHAOTIC,
    DIGITS,
    DTYPES,
    PEOPLE,
    QUICK,
    SOURCE,
    Trial,
    planned,
    planned_quickly,
)

AT_BORDER = AtBorder("backward", ("W*",))


def in_source(backend: str) -> InSource:
    return InSource(backend, "backward", ("W*",), ())


def fault(name: str, *ways: str, border: bool = False, **more: object) -> Fault:
    sources = tuple(map(in_source, ways))
    at_border = AT_BORDER if border else None
    return Fault(name, "A story.", "backward", at_border=at_border, in_source=sources, **more)  # type: ignore[arg-type]


def ways(plan: tuple[Trial, ...]) -> list[tuple[str, str, str]]:
    people = [one for one in plan if one.slice == PEOPLE and one.dtype == "float64"]
    return [(one.fault, one.backend, one.way) for one in people]


def test_every_fault_is_tried_with_every_size_and_start_in_both_dtypes() -> None:
    counted = Counter(
        (one.fault, one.size, one.start, one.dtype) for one in planned() if one.slice == PEOPLE
    )
    assert counted.keys() == {
        (one.name, size, start, dtype)
        for one in FAULTS
        for size, start in trials(one)
        for dtype in DTYPES
    }


def test_seeds_are_the_four_calm_ones_and_the_chaotic_one() -> None:
    assert PEOPLE.seeds == (4, 13, 7, 1, 29)
    assert (CALM, CHAOTIC) == ((4, 13, 7, 1), (29,))


def test_a_change_of_source_is_tried_in_every_backend_that_has_it() -> None:
    plan = planned([fault("some", "numpy", "torch", "jax")])
    assert ways(plan) == [("some", name, SOURCE) for name in ("numpy", "torch", "jax")]


def test_at_the_border_backends_take_turns() -> None:
    plan = planned([fault(name, border=True) for name in "abcd"])
    turns = ["numpy", "torch", "jax", "numpy"]
    assert ways(plan) == [(name, turn, BORDER) for name, turn in zip("abcd", turns, strict=True)]


def test_the_border_is_for_backends_whose_source_does_not_hold_the_fault() -> None:
    everywhere = fault("all", "numpy", "torch", "jax", border=True)
    plan = planned([fault("some", "numpy", border=True), everywhere])
    assert ("some", "torch", BORDER) in ways(plan)
    assert [way for name, _, way in ways(plan) if name == "all"] == [SOURCE] * 3


def test_backends_that_are_not_there_take_no_part() -> None:
    plan = planned([fault("some", "numpy", "torch", border=True)], ["numpy", "jax"])
    assert ways(plan) == [("some", "numpy", SOURCE), ("some", "jax", BORDER)]


def test_the_digits_see_the_first_size_of_each_fault_that_fits() -> None:
    sizes = fault("sizes", "numpy", sizes=(0.5, 0.1))
    late = fault("late", "numpy", starts=(777,))
    seen = [(one.fault, one.size) for one in planned([sizes, late]) if one.slice == DIGITS]
    assert seen == [("sizes", 0.5)] * 2


@pytest.mark.parametrize(
    ("start", "epochs"), [(1, 200), (3200, 200), (3201, 201), (12345, 772), (LAST, 200)]
)
def test_a_run_is_as_long_as_its_fault_needs(start: int, epochs: int) -> None:
    one = PEOPLE.of(start)
    assert one is not None
    assert one.epochs == epochs


def test_a_fault_that_begins_with_the_last_step_does_so() -> None:
    named = next(one.name for one in FAULTS if LAST in one.starts)
    trial = Trial(PEOPLE, named, None, LAST, "numpy", SOURCE, "float64")
    assert trial.chosen().start == trial.problem().step_count


def test_every_trial_names_a_way_that_there_is() -> None:
    for trial in planned():
        way = trial.injection()
        assert isinstance(way, AtBorder if trial.way == BORDER else InSource)
        assert isinstance(way, AtBorder) or way.backend == trial.backend


def test_the_quick_plan_is_for_numpy_alone() -> None:
    plan = planned_quickly()
    assert {one.backend for one in plan} == {"numpy"}
    assert {one.slice for one in plan} == {QUICK}
    assert QUICK.seeds == (4, 29)
