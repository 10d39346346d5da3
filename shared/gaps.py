"""How far apart two loss curves are, and whether one can see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.backend import Array

VISIBLE_GAP = 0.01
"""Curves have parted where they differ by more than this share of the loss: a gap one can see."""


@dataclass(frozen=True, slots=True)
class NamedCurve:
    """Whose curve it is, and its losses (k,) after so many finished epochs (k,)."""

    name: str
    epochs: Array
    loss: Array


@dataclass(frozen=True, slots=True)
class CurveGap:
    """Where two loss curves are furthest apart.

    largest
        Infinite where one of the two is NaN or infinite and the other is not.
    parted_epoch
        The first mark at which the two differ visibly (VISIBLE_GAP), or None.
    """

    left: str
    right: str
    largest: float
    epoch: int
    parted_epoch: int | None


def curve_gap(a: NamedCurve, b: NamedCurve) -> CurveGap:
    """Compare two curves taken at the same marks, as far as both go."""
    count = min(len(a.epochs), len(b.epochs))
    epochs, left, right = a.epochs[:count], a.loss[:count], b.loss[:count]
    with np.errstate(invalid="ignore"):
        distance = np.abs(left - right)
    distance[np.isnan(distance)] = 0.0
    distance[np.isfinite(left) != np.isfinite(right)] = np.inf
    apart = visible(left, right)
    furthest = int(distance.argmax())
    return CurveGap(
        a.name,
        b.name,
        float(distance[furthest]),
        int(epochs[furthest]),
        int(epochs[apart.argmax()]) if apart.any() else None,
    )


def visible(left: Any, right: Any) -> Any:
    """Say elementwise whether two losses differ by more than VISIBLE_GAP of the larger one.

    A NaN or infinity differs visibly from every number, and not from its like.
    """
    with np.errstate(invalid="ignore"):
        apart = np.abs(left - right) > VISIBLE_GAP * np.maximum(np.abs(left), np.abs(right))
    return apart | (np.isfinite(left) != np.isfinite(right))
