"""relu'(0): no slope is right there, so a program that takes another one is told apart by name.

Libraries take 0, 1/2 or 1. Here it is 0, and a gradient computed otherwise is not certified; but
where one of the other values explains everything in a step, its findings say so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from shared.backend import Array, Params
from shared.certificate import bounds, exact
from shared.certificate.backward import judge_backward
from shared.certificate.decision import Judged
from shared.certificate.pieces import failed_rows, rows_of
from shared.certificate.stages import Evaluated, Reference

OTHERS = {"1/2": 0.5, "1": 1.0}

LOOKED_AT = 20
"""As many failed steps of a block are tried; reports show no more findings."""


def told_apart(
    reference: Reference,
    seen: Evaluated,
    grads: Params,
    deltas: tuple[Array, ...] | None,
    judged: Sequence[Judged],
) -> list[Judged]:
    """Return the judged gradients, with notes where another relu'(0) explains a failed step."""
    if seen.network.activation != "relu" or not any(one.any_failed for one in judged):
        return list(judged)
    count = len(seen.y)
    failed = np.flatnonzero(failed_rows(judged, count)).tolist()
    notes = {}
    for row in failed[:LOOKED_AT]:
        at = slice(row, row + 1)
        some = deltas and tuple(d[at] for d in deltas)
        name = _explaining(reference, seen.part(at), tuple(g[at] for g in grads), some)
        if name:
            notes[row] = f"It is what relu'(0) = {name} gives: a convention; here it is 0."
    return [_noted(one, notes, rows_of(one, count)) for one in judged]


def _noted(piece: Judged, notes: Mapping[int, str], rows: Array) -> Judged:
    """Put the notes on rows, numbered as the piece numbers them, in the place of others there."""
    own: dict[int | tuple[int, ...], str] = {
        i: notes[row] for i, row in enumerate(rows.tolist()) if row in notes
    }
    others = {
        key: note
        for key, note in piece.notes.items()
        if (key if isinstance(key, int) else key[0]) not in own
    }
    return replace(piece, notes={**others, **own})


def _explaining(
    reference: Reference, seen: Evaluated, grads: Params, deltas: tuple[Array, ...] | None
) -> str | None:
    """Name the relu'(0) under which nothing in these steps fails."""
    zeros = [_at_zero(reference, seen, layer) for layer in range(1, len(seen.functions))]
    for name, slope in OTHERS.items():
        kinks = [slope * zero for zero in zeros]
        again = judge_backward(reference, seen, grads, deltas, kinks)
        if any(zero.any() for zero in zeros) and not any(one.any_failed for one in again):
            return name
    return None


def _at_zero(reference: Reference, seen: Evaluated, layer: int) -> Array:
    """Say where a hidden unit recorded 0 and its z may have been computed as exactly 0."""
    a, W, b = seen.activations[layer - 1], *seen.params[2 * layer - 2 : 2 * layer]
    z_error = bounds.affine(reference.rounding, a, W, b)
    lifted = reference.arithmetic.lift(b)
    z = reference.arithmetic.lower(exact.affine(reference.arithmetic, a, W, lifted, z_error))
    zero: Array = (seen.activations[layer] == 0) & (abs(z) <= z_error)
    return zero
