"""Draw docs/chaos.svg: how far each backend is from the exact trajectory, for three seeds.

Run as `python -m benchmarks.chaos_picture docs/chaos.svg`; it trains three full runs first, and
follows the exact trajectory of each. Beside the distances, the tube: as far as rounding may carry.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from benchmarks.drawing import GAP, HEIGHT, LEFT, TOP, grid, key, page, path
from shared.backend import Array
from shared.named_problems import problem
from shared.registry import load, sources
from shared.training import lockstep, prepare
from shared.truth.flow import Flow
from shared.truth.follow import BITS

SEEDS = ((4, "seed 4, calm"), (29, "seed 29, chaotic"), (37, "seed 37, chaotic"))
PANEL = 250
LOWEST, HIGHEST = -17.0, 3.0
TUBE = 3
"""The colour of the tube, after those of three backends."""


def main(where: Path) -> None:
    """Train, follow, draw, write."""
    parts = []
    for column, (seed, title) in enumerate(SEEDS):
        parts += _panel(LEFT + column * (PANEL + GAP), TOP, seed, title)
    said = "largest distance of a weight from the exact trajectory; tube: as far as rounding may go"
    parts.append(f'<text x="{LEFT}" y="{TOP + HEIGHT + 70}">{said}</text>')
    width = LEFT + len(SEEDS) * PANEL + (len(SEEDS) - 1) * GAP + 20
    title = "Largest distance of a weight from the exact trajectory, by step, for three seeds"
    where.write_text(page(width, TOP + HEIGHT + 85, title, parts), "utf-8")


def _panel(x: float, y: float, seed: int, title: str) -> list[str]:
    people = problem("people16")
    flow = Flow(people, seed, "float64", BITS[0], [], people.step_count)
    flow.walk(lambda _: None)
    exact = flow.trajectory[1:]
    names, distances = _distances(seed, exact)
    steps = np.unique(np.geomspace(1, len(exact), 400).astype(int))
    across = np.log10(steps) / np.log10(len(exact))
    parts = [f'<text class="t" x="{x}" y="{y - 14}">{title}</text>']
    powers = range(0, int(LOWEST), -4)
    parts += grid(x, y, [(float(_up(p)), f"1e{p}" if p else "1") for p in powers], PANEL)
    spans, widths = (np.array(column) for column in zip(*flow.carried.widths, strict=True))
    tube = widths * abs(exact[spans - 1]).max(axis=1)
    parts.append(path(np.log10(spans) / np.log10(len(exact)), _log(tube), x, y, TUBE, PANEL))
    for i, name in enumerate((*names, "tube")):
        if name != "tube":
            parts.append(path(across, _log(distances[i][steps - 1]), x, y, i, PANEL))
        if seed == SEEDS[0][0]:
            parts += key(x + 90 * i, y + HEIGHT + 46, name, i)
    for power in range(3):
        at = x + PANEL * power / np.log10(len(exact))
        parts.append(f'<text x="{at:.0f}" y="{y + HEIGHT + 18}">{10**power:,}</text>')
    parts.append(
        f'<text x="{x + PANEL}" y="{y + HEIGHT + 18}" text-anchor="end">step {len(exact):,}</text>'
    )
    return parts


def _distances(seed: int, exact: Array) -> tuple[list[str], list[Array]]:
    """Return the backends' names, and for each (steps,) the largest difference of a weight."""
    trainees, _ = prepare([load(source) for source in sources()], problem("people16"), "float64")
    for trainee in trainees:
        trainee.start(seed)
    found: list[list[Array]] = [[] for _ in trainees]
    for recordings in lockstep(trainees):
        for parts, recording in zip(found, recordings, strict=True):
            rows = len(recording.steps)
            weights = np.concatenate([w.reshape(rows, -1) for w in recording.after], axis=-1)
            parts.append(abs(weights - exact[recording.steps - 1]).max(axis=-1))
    return [one.name for one in trainees], [np.concatenate(parts) for parts in found]


def _log(value: Array) -> Array:
    """Return where sizes stand on the axis; what is off it stands at its end."""
    with np.errstate(divide="ignore"):
        return _up(np.clip(np.log10(value), LOWEST, HIGHEST))


def _up(log10: Array | float) -> Array:
    return np.asarray((np.asarray(log10) - LOWEST) / (HIGHEST - LOWEST))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
