"""The first difference, the largest distances and the final ones are found where they were put."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from shared.drift import KINDS, DriftMeter, Largest
from shared.ulp import INCOMPARABLE
from tests.trajectories import (
    COUNTS,
    NETWORK,
    NOTHING,
    STEPS,
    copied,
    every_kind,
    every_place,
    four_people,
    moved,
    pair,
    recording,
    table,
    with_number,
)


def test_equal_trajectories_never_differ(dtype: str) -> None:
    found = pair(table(dtype=dtype), table(dtype=dtype))
    assert found.first == dict.fromkeys(KINDS)


def test_equal_trajectories_are_nowhere_apart(dtype: str) -> None:
    found = pair(table(dtype=dtype), table(dtype=dtype))
    assert found.largest == {kind: (NOTHING,) * COUNTS[kind] for kind in KINDS}
    assert found.final == (0,) * 9
    assert found.marks == ((1, 0, 0.0), (10, 0, 0.0), (12, 0, 0.0))


@every_kind
def test_other_trajectories_differ_from_the_first_step(kind: str) -> None:
    assert pair(table(0), table(1)).first[kind] == 1


@every_kind
def test_other_trajectories_are_apart_in_every_number(kind: str) -> None:
    assert all(one.ulps > 0 and one.step > 0 for one in pair(table(0), table(1)).largest[kind])


@every_place
@pytest.mark.parametrize("step", [1, 7, STEPS])
def test_one_flipped_bit_is_found_in_its_step(
    kind: str, element: int, step: int, dtype: str
) -> None:
    numbers = table(dtype=dtype)
    found = pair(numbers, moved(numbers, kind, step, element))
    assert found.first == {**dict.fromkeys(KINDS), kind: step}


@every_place
def test_one_flipped_bit_is_found_at_its_number(kind: str, element: int, dtype: str) -> None:
    numbers = table(dtype=dtype)
    expected = {name: [NOTHING] * COUNTS[name] for name in KINDS}
    expected[kind][element] = Largest(1, 7)
    found = pair(numbers, moved(numbers, kind, 7, element))
    assert {name: list(largest) for name, largest in found.largest.items()} == expected


@every_place
def test_the_largest_distance_is_kept_with_its_first_step(kind: str, element: int) -> None:
    other = moved(table(), kind, 3, element, ulps=5)
    other = moved(other, kind, 9, element, ulps=100)
    other = moved(other, kind, 20, element, ulps=100)
    other = moved(other, kind, 40, element, ulps=99)
    assert pair(table(), other).largest[kind][element] == Largest(100, 9)


@every_kind
def test_the_first_difference_is_kept_whatever_comes_later(kind: str) -> None:
    other = moved(moved(table(), kind, 3, 0), kind, 9, 0, ulps=100)
    assert pair(table(), other).first[kind] == 3


@every_kind
def test_the_first_difference_is_that_of_any_number(kind: str) -> None:
    last = COUNTS[kind] - 1
    other = moved(moved(table(), kind, 9, 0), kind, 4, last)
    assert pair(table(), other).first[kind] == 4


@every_kind
def test_a_zero_of_other_sign_differs_without_distance(kind: str, dtype: str) -> None:
    numbers = with_number(table(dtype=dtype), kind, 5, 0, 0.0)
    found = pair(numbers, with_number(numbers, kind, 5, 0, -0.0))
    assert (found.first[kind], found.largest[kind][0]) == (5, NOTHING)


@every_kind
def test_a_nan_is_further_than_any_number(kind: str) -> None:
    other = with_number(moved(table(), kind, 3, 0, ulps=2**40), kind, 30, 0, math.nan)
    assert pair(table(), other).largest[kind][0] == Largest(int(INCOMPARABLE), 30)


@every_kind
def test_equal_nans_have_equal_bits(kind: str) -> None:
    other = with_number(table(), kind, 5, 0, math.nan)
    assert pair(other, copied(other)).first[kind] is None


def test_the_two_sides_are_as_far_apart_both_ways() -> None:
    one, other = pair(table(0), table(1)), pair(table(1), table(0))
    assert (one.first, one.largest, one.final) == (other.first, other.largest, other.final)


@pytest.mark.parametrize("element", range(9))
def test_the_final_distance_is_that_of_the_last_step(element: int) -> None:
    other = moved(
        moved(table(), "weights", 9, element, ulps=100), "weights", STEPS, element, ulps=3
    )
    expected = [0] * 9
    expected[element] = 3
    assert pair(table(), other).final == tuple(expected)


def test_a_difference_that_heals_leaves_no_final_distance() -> None:
    assert pair(table(), moved(table(), "weights", STEPS - 1, 0)).final == (0,) * 9


def test_a_trajectory_one_step_late_differs_from_the_start() -> None:
    late = {kind: np.concatenate([rows[:1], rows[:-1]]) for kind, rows in table().items()}
    assert pair(table(), late).first == dict.fromkeys(KINDS, 2)


def test_the_order_is_that_of_the_networks_element_names() -> None:
    numbers = table()
    other = recording(numbers)
    w5 = np.array(other.after[2])
    w5[6, 0, 0] = np.nextafter(w5[6, 0, 0], math.inf)
    meter = DriftMeter("ab", four_people())
    meter.add([recording(numbers), replace(other, after=(*other.after[:2], w5, other.after[3]))])
    (found,) = meter.finish()
    named = dict(zip(NETWORK.element_names, found.largest["weights"], strict=True))
    assert {name for name, one in named.items() if one != NOTHING} == {"w5"}
