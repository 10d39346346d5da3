"""The derivative of training steps by the parameters, with a bound on what it may be off.

Shapes: P numbers in W1, b1, W2, ..., in the network's element order; s steps.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from shared.backend import Array
from shared.certificate.exact_step import step
from shared.certificate.exact_tangent import gradient_tangents
from shared.network import Network
from shared.truth.enclosure import GROWN, TINY, Enclosure, Enclosures, U


def step_jacobians(
    network: Network, rate: float, points: Array, radius: Array, x: Array, y: Array
) -> tuple[Array, Array]:
    """Return J = I - η ∂²L, and a bound on |J(w) - J| for every w within radius of its point.

    So the bound holds the second derivative of the step, over the whole box, as well as every
    rounding in J.

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
    error = rate * np.moveaxis(off, 0, -1) + U * (abs(moved) + abs(jacobian))
    return jacobian, error * GROWN + TINY


def in_tensors(network: Network, numbers: Any) -> Sequence[Any]:
    """Cut numbers (..., P) in element order into W1 (..., n_1, n_0), b1 (..., n_1), W2, ..."""
    lead = numbers.shape[:-1]
    return [numbers[..., part].reshape(*lead, *shape) for part, shape in _places(network)]


@lru_cache(maxsize=8)
def _places(network: Network) -> tuple[tuple[slice, tuple[int, ...]], ...]:
    """Return where each tensor's numbers stand, and its shape."""
    sizes = [math.prod(shape) for shape in network.param_shapes]
    ends = itertools.accumulate(sizes)
    return tuple(
        (slice(end - size, end), shape)
        for end, size, shape in zip(ends, sizes, network.param_shapes, strict=True)
    )


def _middle(a: Enclosure) -> Array:
    return a.middle


def _radius(a: Enclosure) -> Array:
    return a.radius
