"""Blocks of steps: what they do together, and bounds on what rounding left over."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from shared.backend import Array
from shared.truth.blocks import BLOCK, block_ends, leftovers, products_to_end
from tests.flows import LinearFlow, drawn, flow, in_line, sizes, turning


def exactly(a: Array) -> Any:
    """The same numbers as fractions."""
    lifted: Any = np.frompyfunc(Fraction, 1, 1)(a)
    return lifted


@pytest.mark.parametrize("seed", range(3))
def test_the_sum_telescopes_for_whatever_products_there_are(seed: int) -> None:
    """e_end = P_0 e_0 + Σ [(P_t J_t - P_{t-1}) e_{t-1} + P_t s_t], without any rounding."""
    jacobians = drawn(1, 6, 3, seed)
    made = exactly(np.random.RandomState(seed).normal(size=(6, 3)))
    first, later = products_to_end(jacobians)
    now = exactly(np.array([0.5, -2.0, 3.0]))
    total = exactly(first[0]) @ now
    before = [first[0], *later[0]]
    for t in range(6):
        bracket = exactly(later[0, t]) @ exactly(jacobians[0, t]) - exactly(before[t])
        total = total + bracket @ now + exactly(later[0, t]) @ made[t]
        now = exactly(jacobians[0, t]) @ now + made[t]
    assert total.tolist() == now.tolist()


def test_products_are_those_of_all_later_steps() -> None:
    jacobians = drawn(2, 5, 3)
    first, later = products_to_end(jacobians)
    assert later[:, -1].tolist() == [np.eye(3).tolist()] * 2
    for block, t in np.ndindex(2, 5):
        true = exactly(np.eye(3))
        for k in range(4, t, -1):
            true = true @ exactly(jacobians[block, k])
        size = np.linalg.norm(later[block, t])
        assert abs(exactly(later[block, t]) - true).max() <= 20 * 2.0**-53 * size
    whole = exactly(later[:, 0]) @ exactly(jacobians[:, 0])
    assert abs(exactly(first) - whole).max() <= 20 * 2.0**-53 * abs(first).max()


def left_over(one: LinearFlow, start: Array) -> Array:
    """(B, P) the exact error at each block's end, less P_0 times that at its start."""
    products, _ = products_to_end(one.jacobians)
    found = []
    for block in range(len(one.jacobians)):
        now = exactly(start)
        for j, d, s in zip(one.jacobians[block], one.wrong[block], one.made[block], strict=True):
            now = (exactly(j) + exactly(d)) @ now + exactly(s)
        found.append(abs(now - exactly(products[block]) @ exactly(start)))
    return np.array(found)


def bound_on(one: LinearFlow, start: Array) -> Array:
    """(B, P) what is to be no smaller than what is left over."""
    _, later = products_to_end(one.jacobians)
    share, constant, _, _ = leftovers(one.jacobians, one.off, later, one.defects)
    bound: Array = exactly(share) * Fraction(abs(start).max()) + exactly(constant)
    return bound


FLOWS = {
    "roundings alone": lambda seed: flow(drawn(4, 8, 3, seed), seed, off=0.0, defect=0.0),
    "derivatives off": lambda seed: flow(drawn(4, 8, 3, seed), seed, off=2.0**-20, defect=0.0),
    "defects": lambda seed: flow(drawn(4, 8, 3, seed), seed, off=0.0, defect=2.0**-20),
    "everything": lambda seed: flow(drawn(4, 8, 3, seed), seed, off=2.0**-10, defect=2.0**-12),
    "turning": lambda seed: flow(turning(4, 8, 3, 2.0, seed), seed),
    "all in line": lambda seed: in_line(drawn(2, 8, 3, seed), 2.0**-6, 2.0**-12),
    "one step": lambda seed: flow(drawn(4, 1, 3, seed), seed),
    "one number": lambda seed: flow(drawn(4, 8, 1, seed), seed),
    "growing": lambda seed: flow(3 * drawn(2, 8, 2, seed), seed),
    "shrinking": lambda seed: flow(drawn(2, 8, 2, seed) / 9, seed),
}
STARTS = [np.array([1.0, -1.0, 1.0]), np.ones(3), np.array([0.0, 2.0**-60, 1.0]), np.zeros(3)]


@pytest.mark.parametrize("start", range(len(STARTS)))
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", FLOWS)
def test_what_is_left_over_is_bounded(name: str, seed: int, start: int) -> None:
    one = FLOWS[name](seed)
    at = STARTS[start][: one.size]
    assert (left_over(one, at) <= bound_on(one, at)).all()


@pytest.mark.parametrize("name", FLOWS)
def test_no_error_on_the_way_is_larger_than_told(name: str) -> None:
    one = FLOWS[name](1)
    start = STARTS[0][: one.size]
    _, later = products_to_end(one.jacobians)
    _, _, growth, added = leftovers(one.jacobians, one.off, later, one.defects)
    for block in range(len(one.jacobians)):
        alone = LinearFlow(*(v[block : block + 1] for v in (
            one.jacobians, one.wrong, one.made, one.off, one.defects
        )))  # fmt: skip
        largest = sizes(alone.errors(start)).max()
        assert largest <= growth[block] * abs(start).max() + added[block]


@pytest.mark.parametrize(("off", "defect"), [(2.0**-20, 0.0), (0.0, 2.0**-20)])
def test_a_bound_of_half_the_size_is_noticed(off: float, defect: float) -> None:
    one, start = in_line(np.full((1, 1, 2, 2), 0.5), off, defect), np.ones(2)
    left, bound = left_over(one, start), bound_on(one, start)
    assert (left <= bound).all()
    assert (left > bound / 2).all()


def test_steps_that_stand_still_change_nothing() -> None:
    """A shorter block is filled up with steps that neither move nor add anything."""
    short = flow(drawn(1, 4, 3))
    filled = np.concatenate([short.jacobians, np.tile(np.eye(3), (1, 3, 1, 1))], axis=1)
    off = np.concatenate([short.off, np.zeros((1, 3, 3, 3))], axis=1)
    defects = np.concatenate([short.defects, np.zeros((1, 3, 3))], axis=1)
    assert products_to_end(filled)[0].tolist() == products_to_end(short.jacobians)[0].tolist()
    bounds = leftovers(filled, off, products_to_end(filled)[1], defects)
    plain = leftovers(
        short.jacobians, short.off, products_to_end(short.jacobians)[1], short.defects
    )
    for more, less in zip(bounds, plain, strict=True):
        assert (more >= less).all()
        assert (more <= 1.1 * less).all()


@pytest.mark.parametrize(
    ("first", "stop", "ends"),
    [
        (0, 0, []),
        (3, 3, []),
        (0, 1, [1]),
        (0, BLOCK, [BLOCK]),
        (0, BLOCK + 1, [BLOCK, BLOCK + 1]),
        (10, 10 + 3 * BLOCK, [10 + BLOCK, 10 + 2 * BLOCK, 10 + 3 * BLOCK]),
    ],
)
def test_blocks_are_as_few_as_they_can_be(first: int, stop: int, ends: list[int]) -> None:
    assert block_ends(first, stop) == ends
