"""The exact step as one piece: the stages of exact.py put together, from parameters to gradients.

The certificate cuts a step at what a backend recorded. What follows a trajectory has no recording
to cut at, and needs the step whole, and its derivative: exact_tangent.py.

Shapes: params (..., n_l, n_{l-1}) and (..., n_l), x (..., m, n_0), y (..., m, n_L).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from shared.backend import Array
from shared.certificate import exact
from shared.certificate.arithmetic import Arithmetic
from shared.certificate.exact import Activated
from shared.network import Network


@dataclass(frozen=True, slots=True)
class Layer:
    """What a layer computes on its way forward and back.

    true
        a = f(z).
    slope, above
        f'(z) and ∂L/∂a; None of an output whose loss is computed from its logits.
    delta
        ∂L/∂z.
    """

    true: Activated
    slope: Any
    above: Any
    delta: Any


@dataclass(frozen=True, slots=True)
class Step:
    """x, the layers 1, ..., L, and ∂L/∂W1, ∂L/∂b1, ∂L/∂W2, ..."""

    x: Any
    layers: tuple[Layer, ...]
    grads: tuple[Any, ...]

    def below(self, layer: int) -> Any:
        """Return a_{l-1}."""
        return self.layers[layer - 2].true.value if layer > 1 else self.x


def functions(network: Network) -> tuple[str, ...]:
    """Return the names of f_1, ..., f_L."""
    return (network.activation,) * (len(network.sizes) - 2) + (network.output,)


def forward(
    arithmetic: Arithmetic, network: Network, params: Sequence[Any], x: Any
) -> Iterator[tuple[Any, Activated]]:
    """Yield z_l and a_l = f(z_l) of each layer."""
    a = x
    for name, W, b in zip(functions(network), params[0::2], params[1::2], strict=True):
        z = exact.affine(arithmetic, a, W, b, exactly(a.shape[-2], np.swapaxes(W, -1, -2)))
        true = exact.activation(arithmetic, name, z)
        yield z, true
        a = true.value


def mean_loss(
    arithmetic: Arithmetic, network: Network, params: Sequence[Any], x: Any, y: Any
) -> tuple[Any, Any]:
    """Return the loss (...) over samples, and the outputs (..., m, n_L) it is computed from."""
    *_, (z, true) = forward(arithmetic, network, params, x)
    return exact.loss(arithmetic, network, true.value, z, y), true.value


def step(arithmetic: Arithmetic, network: Network, params: Sequence[Any], x: Any, y: Any) -> Step:
    """Differentiate the loss of a batch. All numbers are the arithmetic's own."""
    names = functions(network)
    passed = list(forward(arithmetic, network, params, x))
    layers: list[Layer] = []
    grads: list[Any] = []
    above: Any = None
    for layer in range(len(passed), 0, -1):
        z, true = passed[layer - 1]
        if layer == len(passed) and network.from_logits:
            slope, delta = None, exact.logit_slope(network, true, y)
        else:
            if layer == len(passed):
                above = exact.output_slope(network, true.value, y)
            slope = exact.slope_at(arithmetic, names[layer - 1], z, true)
            delta = above * slope
        layers.append(Layer(true, slope, above, delta))
        under = passed[layer - 2][1].value if layer > 1 else x
        grads.append(exact.bias_gradient(delta))
        grads.append(
            arithmetic.matmul(np.swapaxes(delta, -1, -2), under, exactly(delta.shape[-1], under))
        )
        if layer > 1:
            W = params[2 * layer - 2]
            above = exact.below(arithmetic, delta, W, exactly(delta.shape[-2], W))
    return Step(x, tuple(reversed(layers)), tuple(reversed(grads)))


def exactly(rows: int, right: Any) -> Array:
    """Allow a product of matrices with so many rows no error beyond the arithmetic's own."""
    return _zeros((*right.shape[:-2], rows, right.shape[-1]))


@lru_cache(maxsize=64)
def _zeros(shape: tuple[int, ...]) -> Array:
    zeros = np.zeros(shape)
    zeros.flags.writeable = False
    return zeros
