"""The derivative of training steps by the parameters, with a bound on what it may be off.

Shapes: P numbers in W1, b1, W2, ..., in the network's element order; s steps.
"""

from __future__ import annotations

import numpy as np

from shared.backend import Array
from shared.certificate.exact_step import Step, step
from shared.certificate.exact_tangent import gradient_tangents
from shared.network import Network
from shared.truth.enclosure import GROWN, TINY, Enclosure, Enclosures, U
from shared.truth.rows import in_tensors


def step_jacobians(
    network: Network, rate: float, points: Array, radius: Array, x: Array, y: Array
) -> tuple[Array, Array]:
    """Return J = I - η ∂²L, and a bound on |J(w) - J| for every w within radius of its point.

    So the bound holds the second derivative of the step, over the whole box, as well as every
    rounding in J. Where a relu's z may be 0 in the box the step jumps, which no derivative bounds:
    there it is infinite.

    Shapes: points and radius (s, P), x (s, m, n_0), y (s, m, n_L); results (s, P, P), row i the
    derivatives of number i.
    """
    count, size = points.shape
    params = in_tensors(network, Enclosure(points, radius))
    directions = in_tensors(network, Enclosure.of(np.eye(size)[:, None, :]))
    arithmetic = Enclosures()
    made = step(arithmetic, network, params, Enclosure.of(x), y)
    bent = gradient_tangents(arithmetic, network, params, made, directions)
    second, off = (
        np.concatenate(
            [np.broadcast_to(part(v), (size, count, *v.shape[2:])).reshape(size, count, -1)
             for v in bent], axis=-1,
        )
        for part in (_middle, _radius)
    )  # fmt: skip
    moved = rate * np.moveaxis(second, 0, -1)
    jacobian = np.eye(size) - moved
    error = (rate * np.moveaxis(off, 0, -1) + U * (abs(moved) + abs(jacobian))) * GROWN + TINY
    if network.activation == "relu":
        error[_at_kink(made)] = np.inf
    return jacobian, error


def _at_kink(made: Step) -> Array:
    """Return (s,) the steps in which a hidden unit may have either slope, 0 or 1."""
    unsure = [(layer.slope.radius > 0.25).any(axis=(-2, -1)) for layer in made.layers[:-1]]
    kinks: Array = np.any(unsure, axis=0)
    return kinks


def _middle(a: Enclosure) -> Array:
    return a.middle


def _radius(a: Enclosure) -> Array:
    return a.radius
