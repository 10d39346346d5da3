"""A choice by a sign that is not known: both are possible, and held, in balls as in intervals."""

from __future__ import annotations

from typing import Any

import flint
import numpy as np
import pytest
from flint import arb

from shared.certificate import exact
from shared.certificate.arithmetic import Double, DoubleDoubles, LongDouble
from shared.certificate.ball import Balls, precision

BALLS = Balls()
FUNCTIONS = ("sigmoid", "tanh", "relu")
SHARES = [-1, -0.9, -1e-3, 0, 1e-9, 0.5, 1]


def around(middle: float, radius: float) -> Any:
    return np.array([arb(middle, radius)], dtype=object)


def chosen(z: Any) -> arb:
    ball: arb = BALLS.by_sign(z, BALLS.lift(np.array([1.0])), BALLS.lift(np.array([-3.0])))[0]
    return ball


@pytest.mark.parametrize(("middle", "radius"), [(0.0, 1e-9), (1e-9, 1.0), (-1.0, 1.5)])
def test_a_ball_on_both_sides_of_zero_gives_the_hull(middle: float, radius: float) -> None:
    with precision(128):
        found = chosen(around(middle, radius))
        assert found.contains(arb(1))
        assert found.contains(arb(-3))


@pytest.mark.parametrize(("middle", "wanted"), [(0.0, 1), (2.0, 1), (1e-300, 1), (-1e-300, -3)])
def test_a_ball_on_one_side_gives_that_one(middle: float, wanted: int) -> None:
    with precision(128):
        assert chosen(around(middle, 0.0)) == wanted


def test_a_ball_that_is_no_number_gives_the_hull() -> None:
    with precision(128):
        found = chosen(BALLS.lift(np.array([np.nan])))
        assert found.contains(arb(1))
        assert found.contains(arb(-3))


@pytest.mark.parametrize("radius", [2.0**-60, 2.0**-5, 0.7, 3.0])
@pytest.mark.parametrize("middle", [0.0, 2.0**-61, -(2.0**-6), 0.5])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_activation_of_a_ball_around_zero_holds_its_values(
    name: str, middle: float, radius: float
) -> None:
    """And 1 - a, and the slope, at both ends and between them."""
    with precision(80):
        wide = parts(name, around(middle, radius))
    with flint.ctx.workprec(600):
        for share in SHARES:
            point = np.array([arb(middle) + arb(share) * arb(radius)], dtype=object)
            for ball, one in zip(wide, parts(name, point), strict=True):
                assert arb(ball[0]).contains(arb(one[0]))


def parts(name: str, z: Any) -> list[Any]:
    made = exact.activation(BALLS, name, z)
    slope = exact.slope_at(BALLS, name, z, made)
    rest = [] if made.rest is None else [made.rest]
    return [made.value, *rest, slope, exact.bend(name, made, slope)]


def test_one_side_alone_does_not_hold_the_slope_of_a_relu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison of balls is false where it is not sure, and no reason to take the other side."""
    monkeypatch.setattr(Balls, "by_sign", lambda _, z, upper, lower: np.where(z >= 0, upper, lower))
    with precision(80):
        one_side = parts("relu", around(0.5, 0.7))[1]
        end = parts("relu", around(0.5 - 0.7, 0.0))[1]
        assert not one_side[0].contains(end[0])


@pytest.mark.parametrize(
    "arithmetic", [Double(), LongDouble(), DoubleDoubles()], ids=lambda a: a.name
)
def test_floats_are_on_one_side_and_zero_on_the_upper(arithmetic: Any) -> None:
    z, upper, lower = map(arithmetic.lift, (
        np.array([-1.0, -0.0, 0.0, 1.0]), np.ones(4), np.zeros(4)
    ))  # fmt: skip
    found = arithmetic.lower(arithmetic.by_sign(z, upper, lower))
    assert found.tolist() == [0.0, 1.0, 1.0, 1.0]
