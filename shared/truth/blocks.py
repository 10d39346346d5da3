"""Steps in blocks: signed products of their derivatives, and what is left over by rounding.

A block has BLOCK steps at most; many are formed side by side. Within one, P_t is the product of
the derivatives of all steps after t, up to the block's end, and P_end = I. Whatever P_t are in
floating point, the sum

    e_end = P_0 e_0 + Σ_t [(P_t J_t - P_{t-1}) e_{t-1} + P_t s_t]

holds exactly for errors e_t = J_t e_{t-1} + s_t, since it telescopes: what rounding did to the
products stands in the bracket, and needs a bound on e_{t-1} that may be crude.

Shapes: B blocks, K steps in each, P numbers; steps that a shorter block lacks stand still.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shared.backend import Array
from shared.truth.enclosure import U

BLOCK = 64
"""Longer blocks lose less between them. But the bound inside of one, the product of the steps'
norms, is crude: where it grows too large for what rounding leaves over, less is certified."""

WIDER = 1 + 1e-9
"""Room for the roundings made in adding up bounds: sums of no more than a million terms."""


@dataclass(frozen=True, slots=True)
class Block:
    """What the steps of a block do together to an error e, whose largest part is |e|.

    product
        P_0 (P, P): e becomes P_0 e + g.
    share, constant
        (P,) |g| <= share |e| + constant.
    growth, added
        At no step inside is the error larger than growth |e| + added.
    """

    start: int
    stop: int
    product: Array
    share: Array
    constant: Array
    growth: float
    added: float


def block_ends(first: int, stop: int) -> list[int]:
    """Cut steps into the fewest blocks."""
    return [*range(first + BLOCK, stop, BLOCK), stop] if stop > first else []


def products_to_end(jacobians: Array) -> tuple[Array, Array]:
    """Return P_0 (B, P, P) and P_1, ..., P_K (B, K, P, P), from J (B, K, P, P)."""
    count, length, size, _ = jacobians.shape
    later = np.empty_like(jacobians)
    now = np.broadcast_to(np.eye(size), (count, size, size))
    for k in range(length - 1, -1, -1):
        later[:, k] = now
        now = now @ jacobians[:, k]
    return now, later


def products_from_start(jacobians: Array) -> Array:
    """Return J_1, J_2 J_1, J_3 J_2 J_1, ... (B, K, P, P), from J (B, K, P, P)."""
    products = np.array(jacobians)
    for k in range(1, jacobians.shape[1]):
        products[:, k] = jacobians[:, k] @ products[:, k - 1]
    return products


def leftovers(
    jacobians: Array, off: Array, later: Array, defects: Array
) -> tuple[Array, Array, Array, Array]:
    """Return share (B, P), constant (B, P), growth (B,) and added (B,) of blocks.

    off
        (B, K, P, P) the most by which a J may be wrong, anywhere between the two trajectories.
    defects
        (B, K, P) the most that each step adds.
    """
    count, length, size, _ = jacobians.shape
    # (P_t J_t - P_{t-1}) e: the true derivative is within `off` of J, the product rounds.
    wrong = (off + (size + 1) * U * abs(jacobians)).sum(axis=-1)
    norms = (abs(jacobians) + off).sum(axis=-1).max(axis=-1) * WIDER
    worst = defects.max(axis=-1)
    grown, added = np.empty((count, length + 1)), np.empty((count, length + 1))
    grown[:, 0], added[:, 0] = 1.0, 0.0
    for k in range(length):
        grown[:, k + 1] = norms[:, k] * grown[:, k] * WIDER
        added[:, k + 1] = (norms[:, k] * added[:, k] + worst[:, k]) * WIDER
    size_of = abs(later)
    share = (size_of @ (wrong * grown[:, :-1, None])[..., None])[..., 0].sum(axis=1)
    rest = wrong * added[:, :-1, None] + defects
    constant = (size_of @ rest[..., None])[..., 0].sum(axis=1)
    # Where products are too small for a float they lose K P^2 2^-1075 of an error at most. It is
    # far below 1, and every constant holds at least one defect, which is never below 1e-320.
    return share * WIDER, constant * WIDER, grown.max(axis=1), added.max(axis=1)
