"""One walk along the exact trajectory at a given precision, with the certificate of its radius."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.backend import Array, Dataset
from shared.interrupts import interrupts_deferred
from shared.problems import Problem
from shared.truth.blocks import Block, leftovers, products_from_start, products_to_end
from shared.truth.carried import Carried
from shared.truth.group import REACH, Group, group_of, grouped
from shared.truth.path import Path, PathPart
from shared.truth.radius import Parallelepiped
from shared.truth.residuals import mark_steps

ULP_SHARE = 2.0**-20
"""The trajectory is certified while its radius is below this share of an ULP of every weight."""

NEAR_ZERO = 2.0**-100
"""A weight nearer to zero than this share of the largest is measured as if it were as large."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What was found at a mark.

    exact, weights
        (P,) as balls of radius zero, and rounded to float64.
    radius, tube
        (P,) how far each weight may be off, and how far rounding may carry it.
    predicted
        (P,) for each backend: what its residuals have added up to.
    """

    step: int
    exact: Any
    weights: Array
    radius: Array
    tube: Array
    sensitivity_log10: float
    predicted: tuple[Array, ...]


class Flow:
    """Walks along the exact trajectory of a problem from one seed, for so many steps at most.

    residuals
        For each backend (steps, P).

    Found so far:

    certified
        Up to which step the trajectory is known.
    radius, radius_ulps
        The most that it may be off at any of these steps, and in ULPs of the number it belongs to.
    passed
        What was found at each mark.
    carried
        What was carried along.
    """

    def __init__(
        self,
        problem: Problem,
        seed: int,
        dtype: str,
        bits: int,
        residuals: Sequence[Array],
        steps: int,
    ) -> None:
        size, data = problem.network.param_count, problem.dataset(dtype)
        self._problem, self._seed, self._dtype = problem, seed, dtype
        self._data = Dataset(data.x.astype(np.float64), data.y.astype(np.float64))
        self.path = Path(problem, seed, dtype, bits)
        self._residuals, self.bits = residuals, bits
        self._marks = frozenset(mark_steps(steps))
        self._groups = grouped(problem, sorted(self._marks))
        self._error = Parallelepiped(size)
        self.carried = Carried(size, sum(map(len, self._groups)), len(residuals))
        self.passed: list[Passed] = []
        self._points = [self.path.start[None]]
        self.certified = 0
        self.radius = self.radius_ulps = 0.0

    def walk(self, progress: Callable[[int], None]) -> None:
        """Go on to the end, or to where the radius has become too large.

        An interrupt comes between two groups.
        """
        for blocks in self._groups:
            # What overflows is told by what comes of it: the radius is no longer sure.
            with interrupts_deferred(), np.errstate(all="ignore"):
                self._walk_group(blocks)
                progress(self.certified)
            if self.certified < blocks[-1][1]:
                return

    @property
    def trajectory(self) -> Array:
        """Return (certified + 1, P) where it went, rounded to float64."""
        return np.concatenate(self._points)

    def _walk_group(self, blocks: tuple[tuple[int, int], ...]) -> None:
        part = self.path.walk(blocks[-1][1])
        group = group_of(self._problem, self._seed, self._dtype, self._data, part, blocks)
        products, later = products_to_end(group.jacobians)
        so_far = products_from_start(group.jacobians)
        left = leftovers(group.jacobians, group.off, later, group.defects)
        rounded = (abs(later) @ group.rounded[..., None])[..., 0].sum(axis=1)
        carried = [_carried_on(group, later, r) for r in self._residuals]
        for row, (start, stop) in enumerate(blocks):
            block = Block(start, stop, products[row], *(v[row] for v in left))
            if not self._is_sure(block, part):
                return
            self.certified, made = stop, stop - start
            residuals = [backend[row, :made] for backend in carried]
            self.carried.go_on(start, so_far[row, :made], rounded[row], residuals)
            self._look(part, stop)

    def _is_sure(self, block: Block, part: PathPart) -> bool:
        """Follow the error through a block; say whether it stays small enough, at every step."""
        inside = self._error.through(block)
        points = part.points[block.start - part.first : block.stop - part.first + 1]
        ulp, largest = float(_ulps(points, self._dtype).min()), abs(points).max(axis=-1).min()
        # Half of the reach, so that its own roundings are covered; and NaN is not sure.
        if not (inside <= REACH / 2 * largest and inside <= ULP_SHARE * ulp):
            return False
        self.radius = max(self.radius, inside)
        self.radius_ulps = max(self.radius_ulps, inside / ulp)
        self._points.append(points[1:])
        return True

    def _look(self, part: PathPart, step: int) -> None:
        """Measure the tube where it is due, and keep what there is at a mark."""
        if step not in self._marks and not self.carried.is_due:
            return
        at = step - part.first
        tube = self.carried.tube(float(abs(part.points[at]).max()))
        if step in self._marks:
            self.passed.append(Passed(
                step, part.exact[at], part.points[at],
                np.minimum(self._error.hull, self.radius), tube,
                self.carried.sensitivity.log10, tuple(p.copy() for p in self.carried.predicted),
            ))  # fmt: skip


def _carried_on(group: Group, later: Array, residuals: Array) -> Array:
    """Return (B, K, P) what each residual becomes until its block ends."""
    (start, _), (_, stop) = group.blocks[0], group.blocks[-1]
    carried: Array = (later @ group.placed(residuals[start:stop])[..., None])[..., 0]
    return carried


def _ulps(points: Array, dtype: str) -> Array:
    """Return (s,) the smallest ULP of any weight at each point (s, P)."""
    size = abs(points)
    size = np.maximum(size, NEAR_ZERO * size.max(axis=-1, keepdims=True))
    # A float32's ULP, taken of the float64 itself, so that nothing is rounded to zero.
    ulps = np.spacing(size) * (2.0**29 if dtype == "float32" else 1.0)
    smallest: Array = ulps.min(axis=-1)
    return smallest
