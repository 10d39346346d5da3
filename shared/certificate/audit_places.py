"""What the auditor asks for, and what it is told: places of tensors, by their values' form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from shared.backend import Array
from shared.certificate.audit_choice import FAILURES
from shared.certificate.decision import Judged
from shared.certificate.pieces import Places, places_of

NUMBERS = ("exact", "error", "bound", "verdict")

Key: TypeAlias = tuple[str, str]
"""A tensor, and the name of the form that explains its values."""


class Asked:
    """Places of tensors, each in the form that explained it, gathered in the order of asking."""

    def __init__(self) -> None:
        self._parts: dict[Key, list[Places]] = {}

    def add(self, key: Key, places: Places) -> tuple[int, int]:
        """Ask for places; return where they will stand among the key's."""
        parts = self._parts.setdefault(key, [])
        start = sum(len(part[0]) for part in parts)
        parts.append(places)
        return start, start + len(places[0])

    def by_form(self) -> dict[str, tuple[Array, dict[str, Places]]]:
        """Return for each form the rows asked about, and the places of tensors, by these rows."""
        joined: dict[str, dict[str, Places]] = {}
        for (tensor, form), parts in self._parts.items():
            places = tuple(np.concatenate(axis) for axis in zip(*parts, strict=True))
            if len(places[0]):
                joined.setdefault(form, {})[tensor] = places
        found = {}
        for form, tensors in joined.items():
            rows = np.unique(np.concatenate([places[0] for places in tensors.values()]))
            only = {
                tensor: (np.searchsorted(rows, places[0]), *places[1:])
                for tensor, places in tensors.items()
            }
            found[form] = (rows, only)
        return found


def places_at(piece: Judged, flat: Array, count: int) -> Places:
    """Return where values of a piece stand in the block; flat are ascending indices."""
    chosen = np.zeros(piece.value.size, dtype=bool)
    chosen[flat] = True
    return places_of(piece, chosen.reshape(piece.value.shape), count)


def in_order(pieces: Sequence[Judged], places: Places, rows: Array) -> Judged:
    """Join what the pieces of a tensor hold of some places, in their order; rows are the block's.

    The pieces' own rows, and those of the places, count these rows.
    """
    shape = tuple(int(axis.max()) + 1 for axis in places)
    # A place may be asked for twice, and each is told once.
    keys, each = np.unique(np.ravel_multi_index(places, shape), return_inverse=True)
    told = {name: np.empty(len(keys)) for name in ("value", *NUMBERS)}
    for piece in pieces:
        everything = places_of(piece, np.ones(piece.value.shape, dtype=bool), len(rows))
        inside = np.all([axis < n for axis, n in zip(everything, shape, strict=True)], axis=0)
        own = np.ravel_multi_index(tuple(axis[inside] for axis in everything), shape)
        at = np.searchsorted(keys, own)
        asked = (at < len(keys)) & (keys[np.minimum(at, len(keys) - 1)] == own)
        for name, array in told.items():
            array[at[asked]] = getattr(piece, name).ravel()[inside][asked]
    return Judged(
        pieces[0].stage, pieces[0].tensor, told["value"][each], told["exact"][each],
        told["error"][each], told["bound"][each], told["verdict"][each].astype(np.uint8),
        places=(rows[places[0]], *places[1:]),
    )  # fmt: skip


def next_failed(failed: Array, done: Array) -> Array:
    """Return failed values that are not audited yet, until enough of the first ones are."""
    missing = FAILURES - int(np.count_nonzero(failed & done))
    return np.flatnonzero(failed & ~done)[: max(0, missing)]
