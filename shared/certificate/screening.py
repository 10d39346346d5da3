"""A cheaper way to be sure: wide gradients held to their bounds in plain float64.

A gradient of a wide layer has thousands of numbers, and its exact value costs a product in wider
arithmetic. But to know that a number lies within its bound one need not know the exact value: it
is enough that it lies so near to an estimate that even the estimate's own error leaves room. What
cannot be settled like that is computed exactly; nothing is decided on an estimate alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.backend import Array
from shared.certificate.bounds import Slope, top
from shared.certificate.products import SHORT
from shared.certificate.stages import Reference

WIDE = 1024
"""Gradients with as many numbers are screened."""

IN_FULL_ONE_IN = 32
"""So many steps are computed exactly in full all the same, for the figures of the report."""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """The numbers that an estimate could not settle: where they are, and what is exact there.

    places
        k indices into the gradient (s, *R, n_l, n_{l-1}).
    exact, bound
        (k,) reference numbers, and floats.
    """

    places: tuple[Array, ...]
    exact: Any
    bound: Array


def is_wide(value: Array, samples: int) -> bool:
    """Whether a gradient (s, *R, n_l, n_{l-1}) of a batch of so many samples is to be screened."""
    return value[:1].size >= WIDE and samples > SHORT


def unsettled(reference: Reference, delta: Slope, a_below: Array, value: Array) -> Unsettled:
    """Compare ∂L/∂W = δᵀ a with an estimate, and compute exactly what that does not settle.

    The estimate is two sums, each of half the samples: a sum of m products may err by γ_m, two of
    half the length by half of it. What remains of the bound is the room for the number itself.
    """
    m, rounding = a_below.shape[-2], reference.rounding
    half, gamma = (m + 1) // 2, rounding.gamma
    near = np.swapaxes(reference.arithmetic.lower(delta.exact), -1, -2)
    away = value - near[..., :half] @ a_below[..., :half, :]
    away -= near[..., half:] @ a_below[..., half:, :]
    # Half the sum, δ rounded to float64, and two subtractions are what the estimate may be off.
    spare = max(gamma(m) - gamma(half + 4), 0.0)
    room = delta.error * (1 + gamma(m)) + spare * delta.size
    enough = np.swapaxes(room, -1, -2) @ abs(a_below)
    enough += delta.roundings * m * rounding.omega * delta.reach * top(a_below)
    settled = (abs(away) <= enough * (1 - 1e-9)) & (enough < np.inf)
    places = np.unravel_index(np.flatnonzero(~settled), settled.shape)
    return Unsettled(places, *at_places(reference, delta, a_below, places))


def at_places(
    reference: Reference, delta: Slope, a_below: Array, places: tuple[Array, ...]
) -> tuple[Any, Array]:
    """Return some numbers of ∂L/∂W = δᵀ a, exact, and their bounds.

    Shapes: places index (s, *R, n_l, n_{l-1}) and are (k,), as both results are.
    """
    m, rounding = a_below.shape[-2], reference.rounding
    *lead, row, column = places
    inputs = _lines(a_below, lead, column)
    exact = (_lines(delta.exact, lead, row) * inputs).sum(axis=-1)
    spread = delta.error + rounding.gamma(m) * (delta.size + delta.error)
    underflow = (delta.roundings + m) * m * rounding.omega * delta.reach * top(a_below)
    bound = (_lines(spread, lead, row) * abs(inputs)).sum(axis=-1) + underflow[(*lead, 0, 0)]
    return exact, bound


def _lines(v: Any, lead: list[Array], unit: Array) -> Any:
    """Return what one unit holds of every sample: (k, m) out of (s, *R, m, n)."""
    return np.swapaxes(v, -1, -2)[(*lead, unit)]
