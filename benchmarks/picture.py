"""Draw docs/curves.svg: the loss curves of a calm and of a chaotic seed, and their differences.

Run as `python -m benchmarks.picture docs/curves.svg`; it trains two full runs first.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shared.backend import Array
from shared.comparison import Comparison, compare
from shared.problems import problem
from shared.registry import load, sources

SEEDS = ((42, "seed 42, calm"), (37, "seed 37, chaotic"))
COLOURS = ("#0072B2", "#D55E00", "#009E73")
DASHES = ("", "7 5", "2 4")
PANEL, HEIGHT, LEFT, TOP, GAP = 380, 150, 62, 40, 70
SMALLEST = 1e-17
STYLE = """text{font:12px system-ui,sans-serif;fill:#222}.t{font-weight:600;font-size:14px}
.g{stroke:#888;stroke-opacity:.35}path{fill:none;stroke-width:2;stroke-linejoin:round}
.b{fill:#fff}@media(prefers-color-scheme:dark){text{fill:#ddd}.b{fill:#161616}}"""


def main(path: Path) -> None:
    """Train, draw, write."""
    loaded = [load(source) for source in sources()]
    parts = []
    for column, (seed, title) in enumerate(SEEDS):
        x = LEFT + column * (PANEL + GAP)
        told = compare(problem("people16"), seed, loaded)
        parts += _losses(told, x, TOP, f"{title}: loss")
        parts += _differences(told, x, TOP + HEIGHT + 50)
    width, height = LEFT + 2 * PANEL + GAP + 20, TOP + 2 * HEIGHT + 50 + 45
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
        "<title>Loss curves of NumPy, torch and JAX, and their differences, for two seeds</title>"
        f'<style>{STYLE}</style><rect class="b" width="{width}" height="{height}" rx="8"/>'
        + "".join(parts)
        + "</svg>\n",
        "utf-8",
    )


def _losses(told: Comparison, x: float, y: float, title: str) -> list[str]:
    epochs, high = told.backends[0].curve.epochs, 0.5
    parts = [f'<text class="t" x="{x}" y="{y - 14}">{title}</text>']
    parts += _grid(x, y, [(v / high, f"{v:.1f}") for v in (0, 0.1, 0.2, 0.3, 0.4, 0.5)])
    for result, colour, dash in zip(told.backends, COLOURS, DASHES, strict=False):
        parts.append(_path(epochs, result.curve.loss / high, x, y, colour, dash))
    for i, result in enumerate(told.backends):
        parts += _key(x + PANEL - 90, y + 14 + 18 * i, result.name, i)
    return parts


def _differences(told: Comparison, x: float, y: float) -> list[str]:
    epochs, span = told.backends[0].curve.epochs, -np.log10(SMALLEST)
    powers = range(0, -17, -4)
    parts = _grid(x, y, [((p + span) / span, f"1e{p}" if p else "1") for p in powers])
    for i, (a, b) in enumerate(itertools.combinations(told.backends, 2)):
        gap = np.maximum(np.abs(a.curve.loss - b.curve.loss), SMALLEST)
        parts.append(_path(epochs, (np.log10(gap) + span) / span, x, y, COLOURS[i], DASHES[i]))
        parts += _key(x + PANEL - 118, y + HEIGHT / 2 + 18 * i, f"{a.name}-{b.name}", i)
    parts.append(f'<text x="{x}" y="{y - 12}">their differences (the lowest line is 0)</text>')
    parts.append(f'<text x="{x}" y="{y + HEIGHT + 18}">0</text>')
    end = f"epoch {epochs[-1]:,}"
    parts.append(f'<text x="{x + PANEL}" y="{y + HEIGHT + 18}" text-anchor="end">{end}</text>')
    return parts


def _grid(x: float, y: float, ticks: Sequence[tuple[float, str]]) -> list[str]:
    parts = []
    for share, label in ticks:
        at = y + HEIGHT * (1 - share)
        parts.append(f'<line class="g" x1="{x}" x2="{x + PANEL}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text x="{x - 8}" y="{at + 4:.1f}" text-anchor="end">{label}</text>')
    return parts


def _path(epochs: Array, share: Array, x: float, y: float, colour: str, dash: str) -> str:
    across = x + PANEL * epochs / epochs[-1]
    down = y + HEIGHT * (1 - share)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, down, strict=True))
    return f'<path d="M{points}" stroke="{colour}" stroke-dasharray="{dash}"/>'


def _key(x: float, y: float, name: str, i: int) -> list[str]:
    line = f'<path d="M{x},{y - 4} h28" stroke="{COLOURS[i]}" stroke-dasharray="{DASHES[i]}"/>'
    return [line, f'<text x="{x + 34}" y="{y}">{name}</text>']


if __name__ == "__main__":
    main(Path(sys.argv[1]))
