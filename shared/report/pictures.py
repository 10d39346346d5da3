"""Pictures of characters, readable without colour: a pixel is two characters wide, so that it is
about as wide as high, and the more ink the darker. Wide pictures are shrunk, never cut off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from shared.backend import Array

SHADES = " ░▒▓█"
GAP = 2


def picture(pixels: Array, width: int) -> list[str]:
    """Draw pixels (rows, columns), from the lowest value to the highest, in so many characters.

    A picture that is wider is shrunk by a whole number, squares of pixels becoming their mean.
    """
    pixels = _shrunk(pixels, math.ceil(pixels.shape[1] / max(1, width // 2)))
    low, high = float(pixels.min()), float(pixels.max())
    share = (pixels - low) / ((high - low) or 1.0)
    shades = np.rint(share * (len(SHADES) - 1)).astype(int)
    return ["".join(SHADES[shade] * 2 for shade in row) for row in shades.tolist()]


def side_by_side(blocks: Sequence[Sequence[str]], width: int) -> list[str]:
    """Set blocks of lines beside each other, as many as fit, and the others below them."""
    rows: list[str] = []
    waiting = list(blocks)
    while waiting:
        taken = _how_many_fit(waiting, width)
        rows += ([""] if rows else []) + _beside(waiting[:taken])
        waiting = waiting[taken:]
    return rows


def _shrunk(pixels: Array, factor: int) -> Array:
    """Average squares of pixels; those that jut out are filled up with the last row and column."""
    if factor == 1:
        return pixels
    filled = np.pad(pixels, [(0, -size % factor) for size in pixels.shape], mode="edge")
    rows, columns = (size // factor for size in filled.shape)
    means: Array = filled.reshape(rows, factor, columns, factor).mean(axis=(1, 3))
    return means


def _how_many_fit(blocks: Sequence[Sequence[str]], width: int) -> int:
    ends = np.cumsum([max(map(len, block)) + GAP for block in blocks]) - GAP
    return max(1, int((ends <= width).sum()))


def _beside(blocks: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, block)) for block in blocks]
    height = max(map(len, blocks))
    columns = [
        [line.ljust(width) for line in [*block, *[""] * (height - len(block))]]
        for block, width in zip(blocks, widths, strict=True)
    ]
    return [(" " * GAP).join(cells).rstrip() for cells in zip(*columns, strict=True)]
