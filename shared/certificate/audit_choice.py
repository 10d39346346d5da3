"""Which values the auditor looks at: those near a bound, those that failed, and some drawn ones."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from shared.backend import Array
from shared.certificate.decision import Judged, Verdict
from shared.certificate.pieces import Places, rows_of
from shared.certificate.sampling import Sampling
from shared.certificate.stages import Evaluated, Gradients
from shared.problems import Problem

NEAR = 0.01
"""A value is near its bound where its error is within this share of it."""

DRAWN = 32
"""Of a tensor in a drawn step, as many values are audited at most."""

FAILURES = 20
"""Failed values are audited until so many are confirmed; reports speak of no more."""

PRODUCTS, MOST_STEPS = 30_000, 16
"""The steps drawn may cost about as many products of balls, of each backend; and no more steps."""


@dataclass(frozen=True, slots=True)
class Block:
    """Steps that are judged together; got is None where they are marks of the curve.

    drawn
        The rows of the steps that are drawn to be audited, by the number of the step.
    """

    seen: Evaluated
    got: Gradients | None = None
    drawn: Mapping[int, int] = field(default_factory=dict)

    def shape_of(self, tensor: str) -> tuple[int, ...]:
        """Return the shape of a step's part of a screened tensor: an activation, z_L or ∂L/∂W."""
        layer = int(tensor[1:])
        if tensor[0] == "W":
            return self.seen.params[2 * layer - 2].shape[1:]
        return self.seen.activations[layer].shape[1:]


@dataclass(frozen=True, slots=True)
class Chosen:
    """Values of a piece to be audited: flat indices, ascending; and how many are so for what."""

    flat: Array
    near: int
    failed: int
    drawn: int


def drawn_steps(problem: Problem, sample: Sampling) -> Sampling:
    """Return which of the judged steps are drawn: one in so many of these, the first, the last."""
    sizes, m = problem.network.sizes, problem.largest_batch
    chain = m * sum(a * b for a, b in itertools.pairwise(sizes[1:]))
    cost = chain + (m + DRAWN) * sum(sizes)
    judged = -(-sample.step_count // sample.one_in)
    steps = max(1, min(MOST_STEPS, PRODUCTS // cost))
    return Sampling(max(1, judged // steps), sample.seed, judged)


def rows_drawn(steps: Array, sample: Sampling, drawn: Sampling) -> dict[int, int]:
    """Return which rows of ascending judged steps are drawn, by the number of the step."""
    chosen = drawn.chosen((steps - 1) // sample.one_in + 1)
    return {int(steps[row]): row for row in np.flatnonzero(chosen).tolist()}


def chosen_of(piece: Judged, block: Block, seed: int, failures: bool) -> Chosen:
    """Choose what to audit of a piece; what failed only where that is asked for."""
    high = np.flatnonzero(piece.error >= (1 - NEAR) * piece.bound)
    if not len(high) and not piece.any_failed and not block.drawn:
        return Chosen(high, 0, 0, 0)
    error, bound, verdict = (v.ravel() for v in (piece.error, piece.bound, piece.verdict))
    high = high[verdict[high] != Verdict.BIT_EQUAL]
    near = high[error[high] <= (1 + NEAR) * bound[high]]
    failed = np.flatnonzero(piece.failed)[:FAILURES] if failures else near[:0]
    failed = np.setdiff1d(failed, near)
    drawn = np.setdiff1d(_drawn(piece, block, seed), np.concatenate([near, failed]))
    flat = np.sort(np.concatenate([near, failed, drawn]))
    return Chosen(flat, len(near), len(failed), len(drawn))


def settled_places(pieces: Sequence[Judged], block: Block, seed: int) -> dict[str, Places]:
    """Draw places of the tensors that an estimate settled, so that it is watched as well."""
    found: dict[str, list[Places]] = {}
    for piece in pieces:
        if not piece.settled:
            continue
        rows, shape = rows_of(piece, len(block.seen.y)), block.shape_of(piece.tensor)
        for step, row in block.drawn.items():
            if row in rows:
                flat = _draw(seed, step, piece.tensor, int(np.prod(shape)))
                places = (np.full(len(flat), row), *np.unravel_index(flat, shape))
                found.setdefault(piece.tensor, []).append(places)
    joined = {
        tensor: tuple(np.concatenate(axis) for axis in zip(*parts, strict=True))
        for tensor, parts in found.items()
    }
    return {tensor: places for tensor, places in joined.items() if len(places[0])}


def _drawn(piece: Judged, block: Block, seed: int) -> Array:
    """Draw values of the drawn steps, as flat indices into a piece."""
    found = [np.zeros(0, dtype=np.int64)]
    rows = rows_of(piece, len(block.seen.y)) if block.drawn else found[0]
    width = piece.value[:1].size
    for step, row in block.drawn.items():
        if piece.places is None:
            own = np.flatnonzero(rows == row)
            found += [i * width + _draw(seed, step, piece.tensor, width) for i in own.tolist()]
        else:
            inside = np.flatnonzero(rows[piece.places[0]] == row)
            found.append(inside[_draw(seed, step, piece.tensor, len(inside))])
    return np.concatenate(found)


def _draw(seed: int, step: int, tensor: str, size: int) -> Array:
    """Draw positions below a size, the same for equal runs."""
    if size <= DRAWN:
        return np.arange(size)
    random = np.random.RandomState([seed, step, *tensor.encode()])
    drawn: Array = np.unique(random.randint(size, size=DRAWN))
    return drawn
