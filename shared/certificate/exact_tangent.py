"""The derivative of a gradient along directions in which the parameters move: products H v.

Differentiating the two passes of backpropagation once more along a direction gives the product of
the loss's second derivatives with it, at the price of two more passes and without the matrix.
Generic in its arithmetic, like the step itself.

Source: B. A. Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6 (1994),
147-160.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from shared.certificate import exact
from shared.certificate.arithmetic import Arithmetic
from shared.certificate.exact_step import Step, exactly, functions
from shared.network import Network


def gradient_tangents(
    arithmetic: Arithmetic,
    network: Network,
    params: Sequence[Any],
    step: Step,
    directions: Sequence[Any],
) -> tuple[Any, ...]:
    """Return how the gradients of a step change along each direction.

    Shapes: directions as params, with an axis of their own in front: (d, ..., n_l, n_{l-1});
    results likewise. Leading axes of 1 are shared.
    """
    names, count = functions(network), len(step.layers)
    slopes, moved = _forward(arithmetic, names, params, step, directions)
    found: list[Any] = []
    above = None if network.from_logits else _output_slope(network, moved[-1])
    for layer in range(count, 0, -1):
        here = step.layers[layer - 1]
        if above is None:
            delta = moved[-1] / _divisor(network, here.delta)
        else:
            bent = here.above * exact.bend(names[layer - 1], here.true, here.slope)
            delta = above * here.slope + bent * slopes[layer - 1]
        found.append(exact.bias_gradient(delta))
        found.append(_weights(arithmetic, step, layer, delta, moved))
        if layer > 1:
            W, dW = params[2 * layer - 2], directions[2 * layer - 2]
            above = _times(arithmetic, delta, W) + _times(arithmetic, here.delta, dW)
    return tuple(reversed(found))


def _forward(
    arithmetic: Arithmetic,
    names: Sequence[str],
    params: Sequence[Any],
    step: Step,
    directions: Sequence[Any],
) -> tuple[list[Any], list[Any]]:
    """Return how each z_l and each a_l change."""
    zs: list[Any] = []
    moved: list[Any] = []
    for layer, (name, here) in enumerate(zip(names, step.layers, strict=True), start=1):
        dW, db = directions[2 * layer - 2 : 2 * layer]
        dz = _times(arithmetic, step.below(layer), np.swapaxes(dW, -1, -2)) + db[..., None, :]
        if layer > 1:
            W = params[2 * layer - 2]
            dz = dz + _times(arithmetic, moved[-1], np.swapaxes(W, -1, -2))
        zs.append(dz)
        s = here.true.value
        if name == "softmax":
            moved.append(s * (dz - (s * dz).sum(axis=-1, keepdims=True)))
        elif here.slope is None:
            moved.append(s * here.true.rest * dz)
        else:
            moved.append(here.slope * dz)
    return zs, moved


def _weights(
    arithmetic: Arithmetic, step: Step, layer: int, delta: Any, moved: Sequence[Any]
) -> Any:
    """Return how ∂L/∂W_l = δ_lᵀ a_{l-1} changes."""
    found = _times(arithmetic, np.swapaxes(delta, -1, -2), step.below(layer))
    if layer > 1:
        own = np.swapaxes(step.layers[layer - 1].delta, -1, -2)
        found = found + _times(arithmetic, own, moved[layer - 2])
    return found


def _output_slope(network: Network, moved: Any) -> Any:
    """Return how ∂L/∂a_L of a squared loss changes: it is linear in a_L."""
    return exact.output_slope(network, moved, np.zeros(moved.shape[-2:]))


def _divisor(network: Network, delta: Any) -> int:
    m, n = delta.shape[-2:]
    return int(m * n if network.loss == "binary_cross_entropy" else m)


def _times(arithmetic: Arithmetic, a: Any, b: Any) -> Any:
    return arithmetic.matmul(a, b, exactly(a.shape[-2], b))
