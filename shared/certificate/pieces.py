"""Judged tensors come in pieces: some of the steps each, or some places of a tensor.

Shapes: a block holds `count` steps. A piece's `rows` say which of them it is about; the first
index of its arrays, or of its places, counts these rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from shared.backend import Array
from shared.certificate.decision import Judged, Verdict

Places: TypeAlias = tuple[Array, ...]
"""k indices into a tensor (s, *R, ...): an array (k,) for each axis, the step's first."""

_ARRAYS = ("value", "exact", "error", "bound", "verdict")


def rows_of(piece: Judged, count: int) -> Array:
    """Return the steps of the block that a piece is about (r,)."""
    rows: Array = np.arange(count)[piece.rows]
    return rows


def places_of(piece: Judged, chosen: Array, count: int) -> Places:
    """Return where chosen values stand in the block's tensor; chosen is shaped like the values."""
    index = np.nonzero(chosen)
    if piece.places is not None:
        index = tuple(axis[index[0]] for axis in piece.places)
    return (rows_of(piece, count)[index[0]], *index[1:])


def failed_rows(pieces: Iterable[Judged], count: int) -> Array:
    """Say for each step of a block whether a piece holds a value of it that failed (count,)."""
    failed = np.zeros(count, dtype=bool)
    for piece in pieces:
        if piece.any_failed:
            failed[places_of(piece, piece.failed, count)[0]] = True
    return failed


def different_rows(pieces: Iterable[Judged], count: int) -> Array:
    """Say for each step of a block whether a piece holds a value of it that is different."""
    different = np.zeros(count, dtype=bool)
    for piece in pieces:
        if piece.any_failed:
            wrong = piece.verdict == Verdict.DIFFERENT
            different[places_of(piece, wrong, count)[0]] = True
    return different


def without(piece: Judged, dropped: Array, count: int) -> Judged:
    """Return the piece without some steps; dropped is (count,)."""
    rows = rows_of(piece, count)
    inside = ~dropped[rows]
    if inside.all():
        return piece
    if piece.places is None:
        arrays = {name: getattr(piece, name)[inside] for name in _ARRAYS}
        return replace(piece, rows=rows[inside], **arrays)
    chosen = inside[piece.places[0]]
    number = np.cumsum(inside) - 1
    kept = tuple(axis[chosen] for axis in piece.places)
    in_a_row = (piece.settled + piece.value.size) // len(rows)
    return replace(
        piece,
        rows=rows[inside],
        places=(number[kept[0]], *kept[1:]),
        settled=int(inside.sum()) * in_a_row - int(chosen.sum()) if piece.settled else 0,
        **{name: getattr(piece, name)[chosen] for name in _ARRAYS},
    )


def exchanged(
    pieces: Sequence[Judged], others: Iterable[Judged], rows: Array, taken: Array, count: int
) -> list[Judged]:
    """Return the pieces, for some of the steps others in their place; tensors keep their order.

    rows
        (r,) the steps of the block that the others are about: their own rows count these.
    taken
        (r,) for which of them the others are taken.
    """
    dropped = np.zeros(count, dtype=bool)
    dropped[rows[taken]] = True
    by_tensor: dict[str, list[Judged]] = {}
    for piece in pieces:
        by_tensor.setdefault(piece.tensor, []).append(without(piece, dropped, count))
    for other in others:
        kept = without(other, ~taken, len(rows))
        moved = replace(kept, rows=rows[rows_of(kept, len(rows))])
        by_tensor.setdefault(other.tensor, []).append(moved)
    found = (piece for group in by_tensor.values() for piece in group)
    return [piece for piece in found if piece.value.size or piece.settled]


def within(only: Mapping[str, Places] | None, rows: Array) -> dict[str, Places] | None:
    """Return the places of each tensor that stand in some steps, counted among these."""
    if only is None:
        return None
    found = {}
    for tensor, places in only.items():
        inside = np.isin(places[0], rows)
        kept = tuple(axis[inside] for axis in places)
        found[tensor] = (np.searchsorted(rows, kept[0]), *kept[1:])
    return found
