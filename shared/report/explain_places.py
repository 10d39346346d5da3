"""Where each quantity of a step stands in its picture: the same place, whoever computes it.

Forward runs from left to right, the slopes stand below it, backward runs from right to left below
them, each gradient under what it is the gradient of; those of the parameters come lowest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

Position: TypeAlias = tuple[int, int]
"""x and y in points, y upwards."""

COLUMN, ROW = 190, 100

_LAYER: Mapping[str, tuple[str, int]] = {
    "W": ("p", 1),
    "b": ("z", 1),
    "p": ("p", 0),
    "z": ("z", 0),
    "-z": ("s", 1),
    "e^-z": ("s", 2),
    "1+e^-z": ("a", 1),
    "a": ("a", 0),
    "1-a": ("a", -1),
    "a²": ("t", -1),
    "f'": ("s", -1),
    "dL/da": ("a", -2),
    "dL/da (1-a)": ("t", -3),
    "dL/da (1-a) a": ("s", -3),
    "dL/dz": ("z", -2),
    "dL/db": ("z", -3),
    "dL/dW": ("p", -3),
}
"""Of what every layer has, less the layer's number: the column within the layer, and the row."""

_ENDS: Mapping[str, tuple[str, int]] = {
    "x": ("x", 0),
    "y": ("e", 1),
    "e": ("e", 0),
    "2e": ("e", -1),
    "e²": ("e²", 0),
    "dL/de²": ("e²", -2),
    "Σₖe²": ("Σₖe²", 0),
    "Σe²": ("Σe²", 0),
    "Σe²/m": ("Σe²/m", 0),
    "dL/d(Σe²/m)": ("Σe²/m", -2),
    "L": ("L", 0),
    "dL/dL": ("L", -2),
}
"""Of what stands before the layers and after them."""

_WITHIN = "pzsta"
_AFTER = ("e", "e²", "Σₖe²", "Σe²", "Σe²/m", "L")
_LAST = 10**6
"""More than there are layers."""
_LOWEST = -3

_NUMBER = re.compile(r"(?<=[Wbpzaf'])\d+")


def places(roles: Iterable[str]) -> dict[str, Position]:
    """Return the position of every quantity; columns in which nothing stands are closed up."""
    cells = {role: _cell(role) for role in roles}
    columns = sorted({column for column, _ in cells.values()})
    return {
        role: (columns.index(column) * COLUMN, row * ROW) for role, (column, row) in cells.items()
    }


def corners(taken: Iterable[Position]) -> tuple[Position, Position]:
    """Return two points around what stands somewhere, below left and above right of all."""
    across, up = zip(*taken, strict=True)
    return (
        (min(across) - COLUMN // 2, min(up) - ROW // 2),
        (max(across) + COLUMN // 2, max(up) + ROW // 2),
    )


def below_all(taken: Mapping[str, Position], x: int) -> Position:
    """Return the first free position at x or right of it, in the row below all quantities."""
    y = (_LOWEST - 1) * ROW
    while (x, y) in taken.values():
        x += COLUMN
    return x, y


def _cell(role: str) -> tuple[tuple[int, int], int]:
    """Return the column, as layer and place within it, and the row."""
    if role in _ENDS:
        column, row = _ENDS[role]
        return ((0, 0) if column == "x" else (_LAST, _AFTER.index(column))), row
    found = _NUMBER.search(role)
    assert found is not None, f"{role} has no place of its own, and is of no layer"
    column, row = _LAYER[_NUMBER.sub("", role)]
    return (int(found[0]), _WITHIN.index(column)), row
