"""Draw docs/curves.svg: the loss curves of a calm and of a chaotic seed, and their differences.

Run as `python -m benchmarks.picture docs/curves.svg`; it trains two full runs first.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np

from benchmarks.drawing import GAP, HEIGHT, LEFT, PANEL, TOP, grid, key, page, path
from shared.comparison import Comparison, compare
from shared.named_problems import problem
from shared.registry import load, sources

SEEDS = ((42, "seed 42, calm"), (37, "seed 37, chaotic"))
SMALLEST = 1e-17


def main(where: Path) -> None:
    """Train, draw, write."""
    loaded = [load(source) for source in sources()]
    parts = []
    for column, (seed, title) in enumerate(SEEDS):
        x = LEFT + column * (PANEL + GAP)
        told = compare(problem("people16"), seed, loaded)
        parts += _losses(told, x, TOP, f"{title}: loss")
        parts += _differences(told, x, TOP + HEIGHT + 50)
    width, height = LEFT + 2 * PANEL + GAP + 20, TOP + 2 * HEIGHT + 50 + 45
    title = "Loss curves of NumPy, torch and JAX, and their differences, for two seeds"
    where.write_text(page(width, height, title, parts), "utf-8")


def _losses(told: Comparison, x: float, y: float, title: str) -> list[str]:
    epochs, high = told.backends[0].curve.epochs, 0.5
    across = epochs / epochs[-1]
    parts = [f'<text class="t" x="{x}" y="{y - 14}">{title}</text>']
    parts += grid(x, y, [(v / high, f"{v:.1f}") for v in (0, 0.1, 0.2, 0.3, 0.4, 0.5)])
    for i, result in enumerate(told.backends):
        parts.append(path(across, result.curve.loss / high, x, y, i))
        parts += key(x + PANEL - 90, y + 14 + 18 * i, result.name, i)
    return parts


def _differences(told: Comparison, x: float, y: float) -> list[str]:
    epochs, span = told.backends[0].curve.epochs, -np.log10(SMALLEST)
    powers = range(0, -17, -4)
    parts = grid(x, y, [((p + span) / span, f"1e{p}" if p else "1") for p in powers])
    for i, (a, b) in enumerate(itertools.combinations(told.backends, 2)):
        gap = np.maximum(np.abs(a.curve.loss - b.curve.loss), SMALLEST)
        parts.append(path(epochs / epochs[-1], (np.log10(gap) + span) / span, x, y, i))
        parts += key(x + PANEL - 118, y + HEIGHT / 2 + 18 * i, f"{a.name}-{b.name}", i)
    parts.append(f'<text x="{x}" y="{y - 12}">their differences (the lowest line is 0)</text>')
    parts.append(f'<text x="{x}" y="{y + HEIGHT + 18}">0</text>')
    end = f"epoch {epochs[-1]:,}"
    parts.append(f'<text x="{x + PANEL}" y="{y + HEIGHT + 18}" text-anchor="end">{end}</text>')
    return parts


if __name__ == "__main__":
    main(Path(sys.argv[1]))
