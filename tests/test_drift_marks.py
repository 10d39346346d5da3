"""Each mark tells the largest distance after its epoch, and nothing of the steps beside it."""

from __future__ import annotations

import math

import pytest

from shared.drift import DriftMeter, mark_epochs
from tests.trajectories import copied, four_people, moved, pair, recording, table, with_number


@pytest.mark.parametrize(("row", "epoch"), [(0, 1), (1, 10), (2, 12)])
def test_a_mark_tells_the_distance_after_its_epoch(row: int, epoch: int) -> None:
    numbers = with_number(table(), "weights", 4 * epoch, 5, 1.0)
    other = with_number(numbers, "weights", 4 * epoch, 5, 1.0 + 3 * 2.0**-52)
    expected = [(1, 0, 0.0), (10, 0, 0.0), (12, 0, 0.0)]
    expected[row] = (epoch, 3, 3 * 2.0**-52)
    assert pair(numbers, other).marks == tuple(expected)


def test_a_mark_tells_the_largest_distance_and_the_largest_difference() -> None:
    """They may be those of two numbers: near zero floats lie dense."""
    numbers = with_number(with_number(table(), "weights", 4, 0, 2.0**-40), "weights", 4, 1, 1.0)
    other = with_number(numbers, "weights", 4, 0, 2.0**-40 + 7 * 2.0**-92)
    other = with_number(other, "weights", 4, 1, 1.0 + 2.0**-52)
    assert pair(numbers, other).marks[0] == (1, 7, 2.0**-52)


@pytest.mark.parametrize("step", [3, 5, 39, 41, 47])
def test_a_mark_tells_nothing_of_the_steps_beside_it(step: int) -> None:
    found = pair(table(), moved(table(), "weights", step, 0))
    assert found.marks == ((1, 0, 0.0), (10, 0, 0.0), (12, 0, 0.0))


@pytest.mark.parametrize("kind", ["gradients", "loss"])
def test_a_mark_tells_of_weights_alone(kind: str) -> None:
    found = pair(table(), moved(table(), kind, 4, 0))
    assert found.marks[0] == (1, 0, 0.0)


def test_equal_infinities_at_a_mark_are_no_distance_apart() -> None:
    numbers = with_number(table(), "weights", 4, 0, math.inf)
    assert pair(numbers, copied(numbers)).marks[0][:2] == (1, 0)


def test_opposite_ends_at_a_mark_are_infinitely_far_apart() -> None:
    left = with_number(table(), "weights", 4, 0, -1.7e308)
    right = with_number(table(), "weights", 4, 0, 1.7e308)
    assert pair(left, right).marks[0][2] == math.inf


@pytest.mark.parametrize(
    ("epochs", "marks"),
    [
        (1, (1,)),
        (9, (1, 9)),
        (10, (1, 10)),
        (12, (1, 10, 12)),
        (1000, (1, 10, 100, 1000)),
        (5000, (1, 10, 100, 1000, 5000)),
    ],
)
def test_marks_are_powers_of_ten_and_the_last_epoch(epochs: int, marks: tuple[int, ...]) -> None:
    assert mark_epochs(epochs) == marks


def test_a_shorter_last_epoch_is_no_mark_before_it_ends() -> None:
    meter = DriftMeter("ab", four_people())
    meter.add([recording(table(), 0, 39)] * 2)
    assert [epoch for epoch, _, _ in meter.finish()[0].marks] == [1]
