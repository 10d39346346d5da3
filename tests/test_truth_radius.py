"""The parallelepiped holds the true error through any flow, and stays close to it."""

from __future__ import annotations

import itertools
from dataclasses import replace

import flint
import numpy as np
import pytest

from shared.backend import Array
from shared.truth.blocks import Block
from shared.truth.radius import Parallelepiped
from tests.flows import BITS, DEFECT, LIFT, LinearFlow, drawn, flow, in_line, sizes, turning

BLOCKS, LENGTH = 200, 8


def hulls(one: LinearFlow) -> tuple[Array, Array]:
    """(B, P) what the error is said to be at most after each block, and (B,) inside of it."""
    held, ends, inside = Parallelepiped(one.size), [], []
    for block in one.blocks():
        inside.append(held.through(block))
        ends.append(held.hull)
    return np.array(ends), np.array(inside)


def escaped(one: LinearFlow, told: LinearFlow | None = None) -> int:
    """At how many blocks an error is outside, if the bounds are those of what was told."""
    errors = sizes(one.errors(np.zeros(one.size)))
    ends, inside = hulls(told or one)
    outside = (errors[:, -1] > ends).any(axis=1) | (errors.max(axis=(1, 2)) > inside)
    return int(outside.sum())


FLOWS = {
    "rotations": turning(BLOCKS, LENGTH, 2, 0.0),
    "rotations of nine numbers": turning(BLOCKS, LENGTH, 9, 0.0),
    "rotations and shears": turning(BLOCKS, LENGTH, 3, 2.0),
    "strong shears": turning(BLOCKS, LENGTH, 3, 30.0),
    "training steps": drawn(BLOCKS, LENGTH, 3),
    "one number": drawn(BLOCKS, LENGTH, 1),
    "contracting": drawn(BLOCKS, LENGTH, 3) / 4,
    "singular": drawn(BLOCKS, LENGTH, 3) * np.array([1.0, 1.0, 0.0]),
    "standing still": np.tile(np.eye(4), (BLOCKS, LENGTH, 1, 1)),
}
every_flow = pytest.mark.parametrize("name", FLOWS)


@pytest.mark.parametrize("seed", [0, 1])
@every_flow
def test_the_true_error_is_always_inside(name: str, seed: int) -> None:
    assert escaped(flow(FLOWS[name], seed)) == 0


@pytest.mark.parametrize("off", [0.0, 2.0**-30, 2.0**-12])
def test_the_true_error_is_inside_however_wrong_the_derivatives_are(off: float) -> None:
    assert escaped(flow(FLOWS["rotations and shears"], off=off)) == 0


def test_the_true_error_is_inside_where_all_of_it_adds_up() -> None:
    """Derivatives wrong to one side in every step: 2.2 times as much in the end, and held."""
    still = np.tile(np.eye(2), (BLOCKS, LENGTH, 1, 1))
    one = in_line(still, 2.0**-12, DEFECT)
    assert escaped(one) == 0
    ends, _ = hulls(one)
    assert ends[-1].max() < 1.1 * sizes(one.errors(np.zeros(2)))[-1, -1].max()


@pytest.mark.parametrize("seed", range(8))
def test_what_the_axes_are_rounded_by_is_held(seed: int) -> None:
    """Stretched by 1e5 one way, shortened as much the other, turned, and all of it undone.

    What is rounded off the long side is 1e-6 of the short one.
    """
    random = np.random.RandomState(seed)
    turned = np.linalg.qr(random.normal(size=(3, 3)))[0]
    stretch = np.array([1e5, 1.0, 1e-5])
    there, back = turned * stretch, (turned / stretch).T
    corner = random.uniform(1, 2, 3)
    nothing = np.zeros(3)
    held = Parallelepiped(3)
    held.through(Block(0, 1, np.eye(3), nothing, corner, 1.0, 2.0))
    for product in (there, back):
        held.through(Block(0, 1, product, nothing, nothing, 1e6, 0.0))
    with flint.ctx.workprec(BITS):
        images = [
            LIFT(back) @ (LIFT(there) @ LIFT(corner * np.array(signs)))
            for signs in itertools.product((1.0, -1.0), repeat=3)
        ]
    assert (sizes(np.stack(images)).max(axis=0) <= held.hull).all()
    assert (held.hull < 1.001 * corner).all()


@every_flow
def test_a_defect_told_far_too_small_is_noticed(name: str) -> None:
    one = flow(FLOWS[name])
    assert escaped(one, replace(one, defects=one.defects * 2.0**-20)) > 0


def test_one_defect_told_too_small_is_noticed_in_its_block() -> None:
    one = flow(FLOWS["rotations"])
    made = np.array(one.made)
    made[100, 3] *= 2.0**20
    assert escaped(replace(one, made=made), one) == 100


def box(one: LinearFlow) -> Array:
    """(P,) what a box would hold that keeps its axes: sizes alone, from block to block."""
    now = np.zeros(one.size)
    for block in one.blocks():
        now = abs(block.product) @ now + block.constant
    return now


@pytest.mark.parametrize("name", ["rotations", "rotations of nine numbers"])
def test_a_hull_stays_close_where_a_box_would_blow_up(name: str) -> None:
    """In rotations no error is larger than the sum of all defects, n in each of 1600 steps."""
    one = flow(FLOWS[name])
    ends, _ = hulls(one)
    all_defects = DEFECT * BLOCKS * LENGTH * one.size
    assert ends.max() < 16 * one.size * all_defects
    assert box(one).max() > 1e15 * all_defects


def test_a_hull_stays_close_in_shears() -> None:
    one = flow(FLOWS["rotations and shears"])
    ends, _ = hulls(one)
    largest = np.maximum.accumulate(sizes(one.errors(np.zeros(one.size)))[:, -1].max(axis=1))
    assert (ends.max(axis=1) < 2.0**20 * largest).all()
    assert box(one).max() > 1e6 * ends.max()


def test_from_exactly_zero_nothing_is_wrong_without_defects() -> None:
    ends, inside = hulls(flow(FLOWS["rotations"], defect=0.0))
    assert (ends.max(), inside.max()) == (0.0, 0.0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("value", [np.inf, np.nan, 1e300])
def test_what_overflows_is_not_called_small(value: float) -> None:
    jacobians = np.array(FLOWS["rotations"])
    jacobians[5:, 0] = value
    ends, inside = hulls(flow(jacobians))
    assert not (inside[6:] < 1e300).any()
    assert not (ends[6:].max(axis=1) < 1e300).any()
