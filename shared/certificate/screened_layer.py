"""Wide layers held to their bounds in plain float64, as screening.py does it for gradients.

The estimate of z is two float64 sums, each over half of the inputs, so it may be off by half of
what a program's z may be off; the function of it is computed where it does not cancel. What that
does not settle is computed exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.backend import Array
from shared.certificate import bounds
from shared.certificate.stages import Reference

WIDE, INPUTS = 96, 24
"""Layers with as many activations in a step, and as many inputs, are screened."""

SCREENED = ("sigmoid", "relu", "identity")

SMALL = 2.0**-34
"""By a smaller error of z a bound that depends on it changes by less than a billionth."""


@dataclass(frozen=True, slots=True)
class UnsettledLayer:
    """The activations, or logits, that an estimate could not settle.

    places
        k indices into a_l (s, *R, m, n_l); z is exact, a reference number; it and z_error are (k,).
    """

    places: tuple[Array, ...]
    z: Any
    z_error: Array


def is_wide_layer(name: str, value: Array, inputs: int) -> bool:
    """Whether an activation tensor (s, *R, m, n_l) is to be screened."""
    return name in SCREENED and value[:1].size >= WIDE and inputs >= INPUTS


def unsettled_layer(
    reference: Reference, name: str, a: Array, W: Array, b: Array, value: Array
) -> UnsettledLayer:
    """Compare f(a Wᵀ + b) with an estimate, and compute exactly the z that it does not settle."""
    n = a.shape[-1]
    half, transposed = (n + 1) // 2, np.swapaxes(W, -1, -2)
    z = a[..., :half] @ transposed[..., :half, :]
    z += a[..., half:] @ transposed[..., half:, :]
    z += b[..., None, :]
    z_error = bounds.affine(reference.rounding, a, W, b)
    # Half the products and their sum, the other half's, the bias: of n + 1 roundings, half + 2.
    own = z_error * ((half + 3) / (n + 1))
    if name == "sigmoid":
        settled = _sigmoid_settles(reference, z, value, own, z_error)
    else:
        estimate = np.maximum(z, 0) if name == "relu" else z
        settled = abs(value - estimate) + own <= z_error * (1 - 1e-9)
        settled &= z_error < np.inf
        if name == "relu":
            settled &= abs(z) > own  # whether z is 0, where there is no slope, is to be known
    places = np.unravel_index(np.flatnonzero(~settled), settled.shape)
    return UnsettledLayer(places, z_at_places(reference, a, W, b, places), z_error[places])


def z_at_places(
    reference: Reference, a: Array, W: Array, b: Array, places: tuple[Array, ...]
) -> Any:
    """Return some numbers of z = a Wᵀ + b, exact.

    Shapes: places index (s, *R, m, n_l) and are (k,), as the result is.
    """
    *lead, row, column = places
    a = np.broadcast_to(a, (*b.shape[:-1], *a.shape[-2:]))
    terms = reference.arithmetic.lift(a[(*lead, row)]) * W[(*lead, column)]
    return terms.sum(axis=-1) + b[(*lead, column)]


def _sigmoid_settles(
    reference: Reference, z: Array, value: Array, own: Array, z_error: Array
) -> Array:
    """Say where σ(z) is near enough to a value.

    σ(-|z|) = e/(1 + e) keeps its relative accuracy. Above zero the value is compared as 1 - value,
    a subtraction that rounds nothing away, so the estimate errs relative to the small part only.
    """
    rounding, profile = reference.rounding, reference.profile
    e = np.exp(-abs(z))
    near = 1 / (1 + e)
    far = e * near
    positive = z >= 0
    s, c = np.where(positive, near, far), np.where(positive, far, near)
    bound = profile.sigmoid_error(rounding, s, c, z_error)  # at the estimate, and so at z
    away = abs(np.where(positive, value - 1 + far, value - far))
    # The exponential, two operations and the subtraction; and z's own error, by the slope.
    estimate = rounding.u * far * (profile.c1 + 4) + near * far * own * (1 + 2 * own)
    settled: Array = away + estimate + rounding.omega <= bound * (1 - 1e-9)
    return settled & (own < SMALL)
