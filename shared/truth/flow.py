"""One walk along the exact trajectory at a given precision, with all that is carried along it.

Group by group: the trajectory itself and the certificate of its radius; and, to first order, what
becomes of a change at the start, of every rounding that is allowed, and of every residual that a
backend really made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.backend import Array
from shared.interrupts import interrupts_deferred
from shared.problems import Problem
from shared.seeding import starting_params
from shared.truth.blocks import Block, leftovers, products_from_start, products_to_end
from shared.truth.group import REACH, Group, group_of, grouped
from shared.truth.path import Path, PathPart
from shared.truth.radius import Parallelepiped
from shared.truth.residuals import mark_steps
from shared.truth.sensitivity import SensitivityMeter
from shared.truth.tube import Tube

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
    """Walks along the exact trajectory of a problem from one seed.

    residuals
        For each backend (steps, P).

    Found so far:

    certified
        Up to which step the trajectory is known.
    radius, radius_ulps
        The most that it may be off at any of these steps, and in ULPs of the number it belongs to.
    passed
        What was found at each mark.
    widths
        (step, the tube's width as a multiple of the largest weight) at the end of each span.
    chaotic_since
        The first step at which the width was found to be more than 1, if any.
    """

    def __init__(
        self, problem: Problem, seed: int, dtype: str, bits: int, residuals: Sequence[Array]
    ) -> None:
        size = problem.network.param_count
        self._problem, self._seed, self._dtype = problem, seed, dtype
        self.path = Path(problem, seed, dtype, bits)
        self._residuals, self.bits = residuals, bits
        self._error, self._tube = Parallelepiped(size), Tube(size)
        self._predicted = [np.zeros(size) for _ in residuals]
        self._carried: list[list[Array]] = [[] for _ in residuals]
        self._products: list[tuple[int, int, Array]] = []
        self.sensitivity = SensitivityMeter(size)
        self.passed: list[Passed] = []
        start = [w.ravel().astype(np.float64) for w in starting_params(problem, seed, dtype)]
        self._points = [np.concatenate(start)[None]]
        self.certified = 0
        self.radius = self.radius_ulps = 0.0
        self.widths: list[tuple[int, float]] = []
        self.chaotic_since: int | None = None

    def walk(self, steps: int, progress: Callable[[int], None]) -> None:
        """Go on to the end, or to where the radius has become too large.

        An interrupt comes between two groups.
        """
        marks = mark_steps(steps)
        groups = grouped(self._problem, marks)
        self._tube = Tube(self._problem.network.param_count, sum(map(len, groups)))
        for blocks in groups:
            # What overflows is told by what comes of it: the radius is no longer sure.
            with interrupts_deferred(), np.errstate(all="ignore"):
                self._walk_group(blocks, frozenset(marks))
                progress(self.certified)
            if self.certified < blocks[-1][1]:
                return

    @property
    def trajectory(self) -> Array:
        """Return (certified + 1, P) where it went, rounded to float64."""
        return np.concatenate(self._points)

    def contributions(self) -> list[Array]:
        """Return for each backend (steps, P) what each residual has become by the last mark."""
        last = self.passed[-1].step
        since = np.eye(self._problem.network.param_count)
        found: list[list[Array]] = [[] for _ in self._residuals]
        with np.errstate(all="ignore"):
            for i in range(len(self._products) - 1, -1, -1):
                _, stop, product = self._products[i]
                if stop > last:
                    continue
                for backend, carried in enumerate(self._carried):
                    found[backend].append(carried[i] @ since.T)
                since = since @ product
        return [np.concatenate(parts[::-1]) for parts in found]

    def _walk_group(self, blocks: tuple[tuple[int, int], ...], marks: frozenset[int]) -> None:
        part = self.path.walk(blocks[-1][1])
        group = group_of(self._problem, self._seed, self._dtype, part, blocks)
        products, later = products_to_end(group.jacobians)
        so_far = products_from_start(group.jacobians)
        left = leftovers(group.jacobians, group.off, later, group.defects)
        rounded = (abs(later) @ group.rounded[..., None])[..., 0].sum(axis=1)
        carried = [self._carried_on(group, later, r) for r in self._residuals]
        ulps, largest = _ulps(part.points, self._dtype), abs(part.points).max(axis=-1)
        for row, (start, stop) in enumerate(blocks):
            block = Block(start, stop, products[row], *(v[row] for v in left))
            inside = self._error.through(block)
            rows = slice(start - part.first, stop - part.first + 1)
            # Written so that NaN is not sure.
            sure = inside <= REACH * largest[rows].min()
            if not (sure and inside <= ULP_SHARE * ulps[rows].min()):
                return
            self.radius = max(self.radius, float(inside))
            self.radius_ulps = max(self.radius_ulps, float(inside / ulps[rows].min()))
            self.sensitivity.add(so_far[row, : stop - start], start)
            self._go_on(block, rounded[row], [c[row, : stop - start] for c in carried])
            self._points.append(part.points[rows][1:])
            self.certified = stop
            if stop in marks or self._tube.is_due:
                self._look(part, stop, stop in marks)

    def _carried_on(self, group: Group, later: Array, residuals: Array) -> Array:
        """Return (B, K, P) what each residual becomes until its block ends."""
        (start, _), (_, stop) = group.blocks[0], group.blocks[-1]
        carried: Array = (later @ group.placed(residuals[start:stop])[..., None])[..., 0]
        return carried

    def _go_on(self, block: Block, rounded: Array, carried: Sequence[Array]) -> None:
        self._tube.add(block.product, rounded)
        self._products.append((block.start, block.stop, block.product))
        for backend, rows in enumerate(carried):
            before = block.product @ self._predicted[backend]
            self._predicted[backend] = before + rows.sum(axis=0)
            self._carried[backend].append(rows)

    def _look(self, part: PathPart, step: int, is_mark: bool) -> None:
        """Measure the tube, and keep what there is at a mark."""
        tube, at = self._tube.width(), step - part.first
        width = float(tube.max() / abs(part.points[at]).max())
        self.widths.append((step, width))
        if self.chaotic_since is None and width > 1:
            self.chaotic_since = step
        if is_mark:
            self.passed.append(Passed(
                step, part.exact[at], part.points[at], self._error.hull, tube,
                self.sensitivity.log10, tuple(p.copy() for p in self._predicted),
            ))  # fmt: skip


def _ulps(points: Array, dtype: str) -> Array:
    """Return (s,) the smallest ULP of any weight at each point (s, P)."""
    size = abs(points)
    size = np.maximum(size, NEAR_ZERO * size.max(axis=-1, keepdims=True))
    # A float32's ULP, taken of the float64 itself, so that nothing is rounded to zero.
    ulps = np.spacing(size) * (2.0**29 if dtype == "float32" else 1.0)
    smallest: Array = ulps.min(axis=-1)
    return smallest
