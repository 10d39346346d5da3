"""Some blocks of steps side by side: what each step does to a change, and adds of its own.

Shapes: B blocks of at most K steps, P numbers. What a shorter block lacks are steps that change
nothing and add nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from shared.backend import Array, Dataset
from shared.problems import Problem
from shared.seeding import batch_runs
from shared.truth.blocks import BLOCK, block_ends
from shared.truth.enclosure import TINY
from shared.truth.jacobian import step_jacobians
from shared.truth.path import PathPart
from shared.truth.tube import step_bounds

GROUP_BYTES = 2**23
"""What the derivatives of a group may take, in bytes; some ten arrays of the size are in use."""

GROUP_BLOCKS = 64

REACH = 2.0**-80
"""The derivatives' bounds hold within this share of the largest weight around the trajectory."""


@dataclass(frozen=True, slots=True)
class Group:
    """Blocks (start, stop), counted in steps made, and what their steps do.

    jacobians, off
        (B, K, P, P) the derivatives, and the most that they may be wrong by.
    defects
        (B, K, P) the most by which the computed trajectory misses an exact step.
    rounded
        (B, K, P) the most that a certified program's roundings may do in a step.
    """

    blocks: tuple[tuple[int, int], ...]
    jacobians: Array
    off: Array
    defects: Array
    rounded: Array

    def placed(self, rows: Array) -> Array:
        """Put rows (s, P), one for each step, where the steps stand: (B, K, P), with zeros."""
        return _placed(self.blocks, rows)


def grouped(problem: Problem, marks: Sequence[int]) -> list[tuple[tuple[int, int], ...]]:
    """Cut a run into groups of blocks; blocks end at every mark."""
    blocks: list[tuple[int, int]] = []
    for first, last in itertools.pairwise([0, *marks]):
        blocks += itertools.pairwise([first, *block_ends(first, last)])
    size = 8 * BLOCK * problem.network.param_count**2
    together = max(1, min(GROUP_BLOCKS, GROUP_BYTES // size))
    return [tuple(blocks[i : i + together]) for i in range(0, len(blocks), together)]


def group_of(
    problem: Problem,
    seed: int,
    dtype: str,
    data: Dataset,
    part: PathPart,
    blocks: tuple[tuple[int, int], ...],
) -> Group:
    """Differentiate the steps of a part of the trajectory, which the blocks make up.

    data
        In float64.
    """
    count, size = part.defects.shape
    points, radius = part.points[:-1], reach(part.points[:-1])
    rate = problem.optimizer_in(dtype).learning_rate
    jacobians, off = np.empty((count, size, size)), np.empty((count, size, size))
    rounded = np.empty((count, size))
    for rows, batches in _alike(problem, seed, part.first, count):
        samples = data.x[batches], data.y[batches]
        jacobians[rows], off[rows] = step_jacobians(
            problem.network, rate, points[rows], radius[rows], *samples
        )
        rounded[rows] = step_bounds(problem, dtype, points[rows], *samples)
    placed = _placed(blocks, jacobians)
    for row, (start, stop) in enumerate(blocks):
        placed[row, stop - start :] = np.eye(size)
    return Group(
        blocks, placed, _placed(blocks, off), _placed(blocks, part.defects),
        _placed(blocks, rounded),
    )  # fmt: skip


def _alike(problem: Problem, seed: int, first: int, count: int) -> Iterator[tuple[Array, Array]]:
    """Yield rows (k,) of steps with batches (k, m) of one size, as many as fit."""
    by_size: dict[int, list[tuple[Array, Array]]] = {}
    for start, batches in batch_runs(problem, seed, first, first + count):
        rows = np.arange(start - first, start - first + len(batches))
        by_size.setdefault(batches.shape[1], []).append((rows, batches))
    network = problem.network
    for m, runs in by_size.items():
        rows, batches = (np.concatenate(column) for column in zip(*runs, strict=True))
        size = 8 * network.param_count * max(network.param_count, m * max(network.sizes))
        together = max(1, GROUP_BYTES // size)
        for i in range(0, len(rows), together):
            yield rows[i : i + together], batches[i : i + together]


def reach(points: Array) -> Array:
    """Return (s, P) how far around rounded points (s, P) the derivatives' bounds hold.

    The rounding of the points themselves comes on top of the error that is allowed for.
    """
    largest = abs(points).max(axis=-1, keepdims=True)
    radius: Array = REACH * largest + 2.0**-52 * abs(points) + TINY
    return radius


def _placed(blocks: Sequence[tuple[int, int]], rows: Array) -> Array:
    first = blocks[0][0]
    placed = np.zeros((len(blocks), BLOCK, *rows.shape[1:]))
    for row, (start, stop) in enumerate(blocks):
        placed[row, : stop - start] = rows[start - first : stop - first]
    return placed
