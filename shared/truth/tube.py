"""How far rounding may carry a program from the exact trajectory, to first order.

A step's roundings are bounded as the certificate bounds them, from end to end; the derivatives of
all later steps carry them on, each with its sign, and only then sizes are added up. Products over
the whole past are needed for that, not from block to block: sizes taken in between would grow
without end on the calmest seed.
"""

from __future__ import annotations

import math

import numpy as np

from shared.backend import Array, Params
from shared.certificate import end_to_end
from shared.certificate.arithmetic import Double
from shared.certificate.profile import tight
from shared.certificate.rounding import Rounding
from shared.certificate.stages import Evaluated, Reference
from shared.problems import Problem
from shared.truth.rows import in_rows, in_tensors

SPAN = 2
"""As many blocks are taken together, or more: see `span_of`."""

MOST_SPANS, MOST_NUMBERS = 2000, 2**21
"""The work grows with the square of the number of spans, and with the size of their products."""


def step_bounds(problem: Problem, dtype: str, points: Array, x: Array, y: Array) -> Array:
    """Bound what rounding can do to the weights in one step from each point, as declared.

    That is, in a program whose functions are as exact as the tight profile says, in its forms.

    Shapes: points (s, P), x (s, m, n_0), y (s, m, n_L); result (s, P).
    """
    rounding = Rounding.of(dtype)
    reference = Reference(Double(), rounding, tight(dtype))
    params: Params = tuple(in_tensors(problem.network, points))
    seen = Evaluated(problem.network, params, (x,), None, y, np.zeros(len(points)))
    with np.errstate(all="ignore"):
        found = {one.tensor: one for one in end_to_end.backward(reference, seen)}
    gradients = [found[name] for name in problem.network.param_names]
    slope, error = in_rows([abs(g.exact) for g in gradients]), in_rows([g.error for g in gradients])
    rate = problem.optimizer_in(dtype).learning_rate
    with np.errstate(all="ignore"):
        moved = rate * (slope + error)
        # Two roundings, of the product and of the difference.
        bound: Array = rate * error + rounding.u * (2 * moved + abs(points)) + 3 * rounding.omega
    return bound


def span_of(blocks: int, size: int) -> int:
    """Return how many blocks of a run to take together, with so many parameters.

    Inside a span sizes are added up from block to block, so a longer one makes the tube wider.
    """
    return max(SPAN, math.ceil(blocks / min(MOST_SPANS, max(1, MOST_NUMBERS // size**2))))


class Tube:
    """Adds up, over all earlier spans, what their roundings may have become by now.

    blocks
        How many will come; of many, more are taken together.

    growth_log10, growth_from, growth_to
        The decimal logarithm of how much a small change has grown at most from the end of one span
        to that of another, and between which: a change that is made on the way may grow more than
        any that was made at the start. It is exact where one direction outgrows all others, and too
        small by a factor of the root of P at worst.
    """

    def __init__(self, size: int, blocks: int) -> None:
        self._length = span_of(blocks, size)
        self._since, self._made = np.eye(size)[None], np.zeros((1, size))
        self._span, self._in_span, self._blocks = np.eye(size), np.zeros(size), 0
        self._ends = [0]
        self.growth_log10, self.growth_from, self.growth_to = 0.0, 0, 0

    def add(self, product: Array, made: Array) -> None:
        """Go on by a block: the product of its derivatives, and what its roundings come to."""
        with np.errstate(all="ignore"):
            self._span = product @ self._span
            self._in_span = abs(product) @ self._in_span + made
        self._blocks += 1

    @property
    def is_due(self) -> bool:
        """Whether a span is full."""
        return self._blocks >= self._length

    def width(self, step: int) -> Array:
        """Close the span, which ends there; return (P,) how far off each number may be."""
        if self._blocks:
            size = len(self._span)
            with np.errstate(all="ignore"):
                since = self._span @ self._since
                self._measure(since, step)
            self._since = np.concatenate([since, np.eye(size)[None]])
            self._ends.append(step)
            self._made = np.concatenate([self._made, self._in_span[None]])
            self._span, self._in_span, self._blocks = np.eye(size), np.zeros(size), 0
        with np.errstate(all="ignore"):
            width: Array = (abs(self._since) @ self._made[..., None])[..., 0].sum(axis=0)
        # What has overflowed is wider than anything, and infinity less itself is no number.
        return np.where(np.isnan(width), np.inf, width)

    def _measure(self, since: Array, step: int) -> None:
        """Look at the one of the products (n, P, P) that has the largest sum of squares.

        No other has a singular value above the root of that sum. Where one direction has outgrown
        all others, that is the product's own largest one, so none is larger; at worst, where all
        directions grow alike, one may be, by a factor of the root of P.
        """
        squares = (since * since).sum(axis=(-2, -1))
        i = int(np.where(np.isnan(squares), np.inf, squares).argmax())
        growth = np.inf
        if np.isfinite(squares[i]):
            growth = float(np.linalg.norm(since[i], 2))
        if growth > 0 and math.log10(growth) > self.growth_log10:
            self.growth_log10 = math.log10(growth)
            self.growth_from, self.growth_to = self._ends[i], step
