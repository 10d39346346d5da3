"""Several curves in one plot of characters, made so that the place where they part is seen.

A cell that all curves pass is a dot, a cell that some pass shows whose they are. So equal curves
look like one line, and parted ones carry letters, with or without colour.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from shared.backend import Array

ALL, SEVERAL = "•", "+"

TINY = 0.001
"""Of a loss below, hardly a digit is left within four decimals."""


def plot(
    epochs: Array,
    curves: Sequence[Array],
    letters: Sequence[str],
    width: int = 72,
    height: int = 11,
) -> list[str]:
    """Draw curves (k,) over epochs (k,); values that are not finite are left out.

    Returns the lines: the plot with its axis of losses, then the axis of epochs.
    """
    finite = [np.isfinite(curve) for curve in curves]
    values = np.concatenate([curve[ok] for curve, ok in zip(curves, finite, strict=True)])
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    low = 0.0 if 0 <= low < high / 2 else low
    span = (high - low) or 1.0
    high = low + span
    last = max(1, int(epochs[-1]))
    cells: dict[tuple[int, int], set[int]] = {}
    for i, (curve, ok) in enumerate(zip(curves, finite, strict=True)):
        x, y = _line(epochs[ok], curve[ok], max(width, height))
        columns = np.minimum((x * width / last).astype(int), width - 1)
        rows = np.rint((y - low) / span * (height - 1)).astype(int)
        for column, row in zip(columns.tolist(), rows.tolist(), strict=True):
            cells.setdefault((height - 1 - row, column), set()).add(i)

    lines = []
    for row in range(height):
        loss = low if row == height - 1 else high - span * row / (height - 1)
        label = _label(loss) if row % 5 == 0 else " " * 8
        drawn = (_cell(cells.get((row, column)), letters) for column in range(width))
        lines.append(f"{label} │{''.join(drawn)}".rstrip())
    lines.append(" " * 9 + "└" + "─" * width)
    lines.append(" " * 10 + _axis(last, width))
    return lines


def letters_for(names: Sequence[str]) -> list[str]:
    """Give each name a letter of its own: the first of its letters that is free, or a digit."""
    taken: list[str] = []
    for name in names:
        free = [c for c in name.lower() + "123456789" if c.isalnum() and c not in taken]
        taken.append(free[0] if free else "?")
    return taken


def _label(loss: float) -> str:
    """Word a loss in eight characters, also where it exploded or is tiny."""
    text = f"{loss:8.4f}"
    return f"{loss:8.1e}" if len(text) > 8 or 0 < abs(loss) < TINY else text


def _line(epochs: Array, values: Array, points: int) -> tuple[Array, Array]:
    """Return the points of a curve, and so many between two of them that no gap is drawn."""
    if not len(epochs):
        return epochs, values
    marks, share = np.arange(len(epochs)), np.linspace(0, 1, points)
    places = np.concatenate([(marks[:-1, None] + share).ravel(), marks])
    return np.interp(places, marks, epochs), np.interp(places, marks, values)


def _cell(present: set[int] | None, letters: Sequence[str]) -> str:
    if not present:
        return " "
    if len(present) == len(letters):
        return ALL
    return letters[min(present)] if len(present) == 1 else SEVERAL


def _axis(last: int, width: int) -> str:
    half = f"{math.floor(last / 2):,}"
    end = f"epoch {last:,}"
    middle = width // 2 - len(half) // 2
    return f"{'0':<{middle}}{half}".ljust(width - len(end)) + end
