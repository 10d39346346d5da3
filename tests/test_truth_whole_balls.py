"""The certified trajectory and one in whole balls, written apart, hold the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import flint
import numpy as np
import pytest
from flint import arb

from shared.backend import Array
from shared.named_problems import problem
from shared.truth.flow import Flow
from tests.whole_balls import apart, walk, widest


@dataclass(frozen=True)
class Mark:
    """The same weights twice: exact ones within a radius of their own, and balls."""

    step: int
    exact: Sequence[arb]
    radius: Array
    balls: Sequence[arb]


@dataclass(frozen=True)
class Walk:
    """A run, and to how many bits its balls are computed."""

    name: str
    seed: int
    epochs: int
    bits: int
    dtype: str = "float64"

    def __str__(self) -> str:
        return f"{self.name}-seed{self.seed}-{self.epochs}epochs-{self.dtype}"


SHORT = [
    Walk("people16", 42, 25, 512),
    Walk("people16", 42, 25, 512, "float32"),
    Walk("people16-centered", 42, 25, 512),
    Walk("people16-centered", 42, 25, 512, "float32"),
    Walk("people4", 7, 100, 512),
    Walk("people16", 29, 320, 3000),
]
"""The last is chaos by its end: drama that the radius has to survive."""

LONG = Walk("people16-centered", 42, 5000, 600)


@cache
def marks_of(run: Walk) -> tuple[Mark, ...]:
    one = problem(run.name).changed(epochs=run.epochs)
    flow = Flow(one, run.seed, run.dtype, 512, [], one.step_count)
    flow.walk(lambda _: None)
    assert flow.certified == one.step_count
    passed = {mark.step: mark for mark in flow.passed}
    naive = walk(one, run.seed, run.dtype, run.bits, one.step_count)
    return tuple(
        Mark(step, list(passed[step].exact), passed[step].radius, balls)
        for step, balls in enumerate(naive)
        if step in passed
    )


def disagreeing(run: Walk, marks: Sequence[Mark]) -> list[int]:
    with flint.ctx.workprec(run.bits + 1000):
        return [m.step for m in marks if apart(m.balls, m.exact, m.radius)]


@pytest.mark.parametrize("run", [*SHORT, LONG], ids=str)
def test_two_enclosures_of_a_trajectory_overlap_at_every_mark(run: Walk) -> None:
    marks = marks_of(run)
    assert marks[-1].step == problem(run.name).changed(epochs=run.epochs).step_count
    assert max(widest(m.balls) for m in marks) < 2.0**-80
    assert max(float(m.radius.max()) for m in marks) < 2.0**-80
    assert disagreeing(run, marks) == []


@pytest.mark.parametrize("element", range(9))
def test_a_weight_moved_by_a_tiny_bit_at_the_end_is_noticed(element: int) -> None:
    run = SHORT[0]
    *earlier, last = marks_of(run)
    moved: list[Any] = list(last.exact)
    with flint.ctx.workprec(600):
        moved[element] += arb(2) ** -60
    wrong = Mark(last.step, moved, last.radius, last.balls)
    assert disagreeing(run, [*earlier, wrong]) == [400]


def test_a_radius_that_is_far_too_small_is_noticed() -> None:
    """Were the defects forgotten, nothing but the sharper of two paths could be held."""
    run = SHORT[0]
    one = problem(run.name).changed(epochs=run.epochs)
    rough = Flow(one, run.seed, run.dtype, 200, [], one.step_count)
    rough.walk(lambda _: None)
    sharp = marks_of(run)
    held = [
        Mark(a.step, list(a.exact), a.radius, b.balls)
        for a, b in zip(rough.passed, sharp, strict=True)
    ]
    assert disagreeing(run, held) == []
    shrunk = [Mark(m.step, m.exact, m.radius * 2.0**-20, m.balls) for m in held]
    assert disagreeing(run, shrunk)[-1] == 400


def test_another_rounding_of_the_data_is_noticed() -> None:
    in_double, in_single = marks_of(SHORT[0]), marks_of(SHORT[1])
    mixed = [
        Mark(a.step, a.exact, a.radius, b.balls) for a, b in zip(in_double, in_single, strict=True)
    ]
    assert disagreeing(SHORT[0], mixed) == [m.step for m in in_double]


def test_the_radius_is_known_at_every_mark_and_never_zero() -> None:
    assert all(np.all(m.radius > 0) for m in marks_of(SHORT[0]))
