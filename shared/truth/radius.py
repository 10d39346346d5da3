"""How far the exact trajectory is, at most, from the one that was computed: the certificate.

The error e is held in a parallelepiped, the points Q r' with |r'| <= r, whose axes Q turn with the
flow: each block maps it to a slanted one, and new axes are put along the longest of its sides. In
a box that keeps its axes errors in different directions would seem to feed each other, and after
some hundred blocks nothing would be left of the digits.

Source: R. J. Lohner, Enclosing the solutions of ordinary initial and boundary value problems, in
Computer Arithmetic, Teubner (1987), 255-286; N. S. Nedialkov, K. R. Jackson and G. F. Corliss,
Validated solutions of initial value problems for ordinary differential equations, Applied
Mathematics and Computation 105 (1999), 21-68, section 5.
"""

from __future__ import annotations

import numpy as np

from shared.backend import Array
from shared.truth.blocks import WIDER, Block
from shared.truth.enclosure import U


class Parallelepiped:
    """What holds the error, from exactly zero at the start on."""

    def __init__(self, size: int) -> None:
        self._axes, self._sides = np.eye(size), np.zeros(size)

    @property
    def hull(self) -> Array:
        """(P,) the most that the error of each number can be."""
        hull: Array = abs(self._axes) @ self._sides * WIDER
        return hull

    def through(self, block: Block) -> float:
        """Follow the error through a block; return the most that it was inside."""
        at_start = float(self.hull.max(initial=0.0))
        inside = (block.growth * at_start + block.added) * WIDER
        size, sides = len(self._sides), self._sides
        image = block.product @ self._axes
        # What is added, and what the product of the two matrices was rounded by.
        rounded = (size + 1) * U * (abs(block.product) @ abs(self._axes))
        extra = block.share * at_start + block.constant + rounded @ sides
        axes = _axes_along(image, sides)
        back = axes.T @ image
        back_off = (size + 1) * U * (abs(axes.T) @ abs(image))
        turned = (abs(back) + back_off) @ sides + abs(axes.T) @ extra
        # The inverse of nearly orthogonal axes is their transpose, but for how far QᵀQ is from I.
        skew = abs(axes.T @ axes - np.eye(size)) + (size + 1) * U * (abs(axes.T) @ abs(axes))
        lost = float(skew.sum(axis=1).max()) * WIDER
        new = turned + lost / (1 - lost) * turned.max(initial=0.0) if lost < 1 else np.inf * turned
        self._axes, self._sides = axes, new * WIDER * WIDER
        return inside


def _axes_along(image: Array, sides: Array) -> Array:
    """Return orthogonal axes, the first along the longest side of the image."""
    edges = image * (sides / max(sides.max(initial=0.0), 1e-300))
    if not np.isfinite(edges).all():
        return np.eye(len(sides))
    order = np.argsort(-np.linalg.norm(edges, axis=0), kind="stable")
    axes: Array = np.linalg.qr(edges[:, order])[0]
    return axes
