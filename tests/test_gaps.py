"""How far apart two loss curves are, and since when one can see it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shared.gaps import VISIBLE_GAP, CurveGap, NamedCurve, curve_gap, visible

EPOCHS = np.array([0, 1, 11, 21])


def gap(left: list[float], right: list[float]) -> CurveGap:
    a, b = (
        NamedCurve(name, EPOCHS[: len(loss)], np.array(loss))
        for name, loss in (("a", left), ("b", right))
    )
    return curve_gap(a, b)


def test_the_largest_difference_is_told_with_its_epoch() -> None:
    assert gap([1.0, 0.5, 0.25, 0.5], [1.0, 0.5, 0.28125, 0.50390625]) == CurveGap(
        "a", "b", 0.03125, 11, 11
    )


def test_equal_curves_are_no_distance_apart() -> None:
    assert gap([1.0, 0.5], [1.0, 0.5]) == CurveGap("a", "b", 0.0, 0, None)


def test_a_small_share_of_the_loss_is_not_visible() -> None:
    found = gap([1.0, 1.0], [1.0, 1.0 - VISIBLE_GAP / 2])
    assert (found.parted_epoch, found.epoch) == (None, 1)


def test_the_first_visible_difference_is_told_and_not_the_largest() -> None:
    found = gap([1.0, 1.0, 1.0, 1.0], [1.0, 0.97, 1.0, 0.5])
    assert (found.parted_epoch, found.epoch, found.largest) == (1, 21, 0.5)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_infinitely_far_from_one(value: float) -> None:
    found = gap([1.0, 1.0, value, 1.0], [1.0, 1.0, 1.0, 1.0])
    assert (found.largest, found.epoch, found.parted_epoch) == (math.inf, 11, 11)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_both_without_a_number_are_not_apart(value: float) -> None:
    assert gap([1.0, value], [1.0, value]) == CurveGap("a", "b", 0.0, 0, None)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_curves_are_compared_as_far_as_both_go(count: int) -> None:
    """The exact curve ends where it is no longer certified."""
    long, short = [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.5][:count]
    found, swapped = gap(long, short), gap(short, long)
    assert found.largest == (0.5 if count == 3 else 0.0)
    assert (found.largest, found.epoch) == (swapped.largest, swapped.epoch)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1.0, 1.0, False), (1.0, 1.0 - VISIBLE_GAP / 2, False), (1.0, 1.0 - VISIBLE_GAP * 2, True),
        (-1.0, 1.0, True), (0.0, 0.0, False), (0.0, 1e-300, True), (math.nan, 1.0, True),
        (math.nan, math.nan, False), (math.inf, 1.0, True), (math.inf, math.nan, False),
    ],
)  # fmt: skip
def test_visible(left: float, right: float, expected: bool) -> None:
    assert bool(visible(np.float64(left), np.float64(right))) is expected


def test_curves_are_left_as_they_were() -> None:
    loss = np.array([1.0, math.nan])
    curve_gap(NamedCurve("a", EPOCHS[:2], loss), NamedCurve("b", EPOCHS[:2], loss))
    assert (loss[0], math.isnan(loss[1])) == (1.0, True)
