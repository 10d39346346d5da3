"""Blocks judged from end to end: an exact walk beside a backend that began at the same state.

The walk starts at the recorded state before a block and makes the block's steps in wider
arithmetic. Rounding explains the state recorded after it if no number lies further from the walk's
end than the roundings of all steps may have carried it. Many blocks are walked side by side, since
they begin where they are known to begin; only the steps of one follow each other. judge.py asks.

Two things rest on measurement and not on proof: see INSIDE.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from shared.backend import Array
from shared.certificate.decision import Verdict
from shared.certificate.exact_step import step
from shared.certificate.judge import reference_for
from shared.problems import Problem
from shared.sparse.alike import BatchTable
from shared.sparse.blocks import Block
from shared.sparse.hull import SPAN, Hull
from shared.truth.follow import can_follow
from shared.truth.jacobian import step_jacobians
from shared.truth.rows import in_rows, in_tensors
from shared.truth.tube import step_bounds

MOST_STEPS = 1024
"""Longer blocks are few, and walked one after the other nothing is side by side."""

INSIDE = 1 + 2.0**-5
"""What a step's roundings may do is bounded at the walk, while the backend stands somewhere in the
box around it. That changes the bound by a multiple of the box's size; benchmarks/sparse.py measures
by how much at most. In a block's first step both stand at the same point. The walk's own roundings
are the other thing: they are bounded as the backend's are, in another unit."""

CHUNK_BYTES = 2**25
"""What the derivatives of the blocks walked side by side may take."""

Unbounded = Literal["optimizer", "size", "length"]
"""Why no block of a run can be judged as a whole."""


def why_unbounded(problem: Problem, every: int) -> Unbounded | None:
    """Say why blocks of so many steps have no bound, or None where they have one.

    optimizer
        It is another than plain gradient descent, whose derivative is known.
    size
        There are too many parameters, or too many samples and steps, for all derivatives.
    length
        The blocks are too long.
    """
    if not problem.optimizer.is_plain:
        return "optimizer"
    if not can_follow(problem):
        return "size"
    return "length" if min(every, problem.step_count) > MOST_STEPS else None


def blocks_together(problem: Problem, every: int) -> int:
    """Return how many blocks may be walked side by side."""
    size, widest = problem.network.param_count, max(problem.network.sizes)
    products = 2 * SPAN + 4 * every // SPAN + 16
    numbers = size * size * products + size * problem.largest_batch * widest * 16
    return max(1, CHUNK_BYTES // (8 * numbers))


@dataclass(frozen=True, slots=True)
class JudgedBlocks:
    """What became of B blocks.

    verdict
        (B,) EXPLAINED, DIFFERENT, or VACUOUS where the bound of a number is no smaller than the
        number itself, so that it says nothing.
    worst
        (B,) the largest error over its bound.
    resolution, of_move
        (B,) the medians over a block's numbers of (bound + error) / |value|, and of the same over
        how far the block has moved the number: a fault changes them by less.
    """

    verdict: Array
    worst: Array
    resolution: Array
    of_move: Array


class BlockBounds:
    """Judges blocks of a problem whose steps can be differentiated."""

    def __init__(self, problem: Problem, seed: int, dtype: str) -> None:
        self._problem, self._seed, self._dtype = problem, seed, dtype
        self._reference = reference_for(dtype)
        self._rate = problem.optimizer_in(dtype).learning_rate
        data = problem.dataset(dtype)
        self._x, self._y = data.x.astype(np.float64), data.y.astype(np.float64)

    def judge(self, blocks: Sequence[Block]) -> JudgedBlocks:
        """Judge blocks of one run that follow each other and have equally many steps."""
        starts, ends = (
            in_rows([np.stack(column) for column in zip(*states, strict=True)])
            .astype(np.float64)
            for states in ([b.start[0] for b in blocks], [b.end[0] for b in blocks])
        )  # fmt: skip
        numbers = np.array([block.first for block in blocks])
        with np.errstate(all="ignore"):
            walked, bound = self._walk(starts, numbers, blocks[0].steps)
            exact = zip(in_tensors(self._problem.network, ends), walked, strict=True)
            error = in_rows([self._reference.arithmetic.distance(w, e) for w, e in exact])
            return _judged(starts, ends, error, bound, self._reference.sharpness)

    def _walk(self, starts: Array, numbers: Array, steps: int) -> tuple[list[Any], Array]:
        """Return where exact steps end, as reference numbers, and how far a program's may."""
        network, arithmetic = self._problem.network, self._reference.arithmetic
        count, size = starts.shape
        table = BatchTable(self._problem, self._seed, numbers[0] - 1, numbers[-1] + steps - 1)
        walked = [arithmetic.lift(w) for w in in_tensors(network, starts)]
        hull = Hull(count, size)
        jacobian, off = np.empty((count, size, size)), np.empty((count, size, size))
        made = np.empty((count, size))
        for passed in range(steps):
            points = in_rows([arithmetic.lower(w) for w in walked])
            # The points are rounded to float64; the box around them holds the walk, too.
            box = hull.now + 2.0**-52 * abs(points)
            for rows, batches in table.alike(numbers + passed):
                x, y = self._x[batches], self._y[batches]
                jacobian[rows], off[rows] = step_jacobians(
                    network, self._rate, points[rows], box[rows], x, y
                )
                made[rows] = step_bounds(self._problem, self._dtype, points[rows], x, y)
                self._move(walked, rows, x, y)
            hull.add(jacobian, off, made * INSIDE if passed else made)
        return walked, hull.close()

    def _move(self, walked: list[Any], rows: Array, x: Array, y: Array) -> None:
        """Make an exact step of some walks, in place."""
        arithmetic = self._reference.arithmetic
        before = [w[rows] for w in walked]
        done = step(
            arithmetic, self._problem.network, before, arithmetic.lift(x), arithmetic.lift(y)
        )
        for w, old, slope in zip(walked, before, done.grads, strict=True):
            w[rows] = old - self._rate * slope


def _judged(
    starts: Array, ends: Array, error: Array, bound: Array, sharpness: float
) -> JudgedBlocks:
    verdict = np.full(len(ends), Verdict.EXPLAINED, dtype=np.int8)
    # A number that stands where it should is right, however wide its bound.
    says_nothing = ~(bound < abs(ends)) & ~(error == 0)
    verdict[says_nothing.any(axis=-1)] = Verdict.VACUOUS
    # Written so that NaN fails.
    beyond = ~(error <= bound * (1 + 4 * sharpness)) | ~np.isfinite(ends)
    verdict[beyond.any(axis=-1)] = Verdict.DIFFERENT
    ratio = np.where((error == 0) & (bound == 0), 0.0, error / bound)
    reach = bound + error
    return JudgedBlocks(
        verdict,
        np.where(np.isnan(ratio), np.inf, ratio).max(axis=-1),
        np.median(reach / abs(ends), axis=-1),
        np.median(reach / abs(ends - starts), axis=-1),
    )
