"""What is carried along the exact trajectory to first order, by the derivatives of its steps.

A change of the start, every rounding that is allowed, and every residual that a backend really
made: what becomes of them is told, and proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shared.backend import Array
from shared.truth.sensitivity import SensitivityMeter
from shared.truth.tube import Tube


class Carried:
    """Follows a run block by block; the caller sees to it that nothing warns.

    sensitivity
        Of the start.
    predicted
        For each backend (P,), what its residuals have added up to.
    widths
        (step, the tube's width as a multiple of the largest weight), where it was measured.
    chaotic_since
        The first of these steps at which the width was more than 1, if any.
    """

    def __init__(self, size: int, blocks: int, backends: int) -> None:
        self.sensitivity, self._tube = SensitivityMeter(size), Tube(size, blocks)
        self.predicted = [np.zeros(size) for _ in range(backends)]
        self._residuals: list[list[Array]] = [[] for _ in range(backends)]
        self._products: list[Array] = []
        self._ends: list[int] = []
        self.widths: list[tuple[int, float]] = []
        self.chaotic_since: int | None = None

    @property
    def is_due(self) -> bool:
        """Whether the tube is to be measured."""
        return self._tube.is_due

    @property
    def largest_growth(self) -> tuple[float, tuple[int, int]]:
        """Return log10 of the most that any change has grown, and between which steps."""
        tube, start = self._tube, self.sensitivity
        if tube.growth_log10 > start.peak_log10:
            return tube.growth_log10, (tube.growth_from, tube.growth_to)
        return start.peak_log10, (0, start.peak_step)

    def go_on(
        self, start: int, products: Array, rounded: Array, residuals: Sequence[Array]
    ) -> None:
        """Go on by a block of k steps.

        products
            (k, P, P) of its first 1, ..., k steps' derivatives.
        rounded
            (P,) what its roundings come to by its end, in size.
        residuals
            (k, P) for each backend: what they have become by its end.
        """
        whole = products[-1]
        self.sensitivity.add(products, start)
        self._tube.add(whole, rounded)
        self._products.append(whole)
        self._ends.append(start + len(products))
        for backend, rows in enumerate(residuals):
            self.predicted[backend] = whole @ self.predicted[backend] + rows.sum(axis=0)
            self._residuals[backend].append(rows)

    def tube(self, largest: float) -> Array:
        """Measure the tube, beside the largest weight; return (P,) its width."""
        step = self._ends[-1]
        tube = self._tube.width(step)
        width = float(tube.max() / largest)
        self.widths.append((step, width))
        if self.chaotic_since is None and width > 1:
            self.chaotic_since = step
        return tube

    def along(self, backend: int, direction: Array, step: int) -> Array:
        """Return (step,) how far each residual has carried along a direction (P,) by that step."""
        found = []
        for rows, product, end in zip(
            reversed(self._residuals[backend]), reversed(self._products), reversed(self._ends),
            strict=True,
        ):  # fmt: skip
            if end <= step:
                found.append(rows @ direction)
                direction = direction @ product
        return np.concatenate(found[::-1])
