"""The loop of the first JAX tutorials: one step is compiled, and Python calls it for each sample.

It stands for what somebody who comes to JAX from another framework would write. Nothing is
recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from shared.backend import Array, Params

Layers: TypeAlias = Sequence[tuple[jax.Array, jax.Array]]


def predict(params: Layers, x: jax.Array) -> jax.Array:
    for W, b in params:
        x = jax.nn.sigmoid(W @ x + b)
    return x


def mse_loss(params: Layers, x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.mean((predict(params, x) - y) ** 2)


@jax.jit
def step(
    params: Layers, x: jax.Array, y: jax.Array, learning_rate: float
) -> tuple[Layers, jax.Array]:
    loss, grads = jax.value_and_grad(mse_loss)(params, x, y)
    return jax.tree.map(lambda w, g: w - learning_rate * g, params, grads), loss


def train(params: Params, x: Array, y: Array, epochs: int, learning_rate: float) -> Params:
    """Train from `params`, sample by sample in file order; return the last parameters."""
    with jax.enable_x64(True):
        tensors = [jnp.array(w) for w in params]
        layers: Layers = list(zip(tensors[0::2], tensors[1::2], strict=True))
        # Cut into samples once: each time a JAX array is iterated over, it is cut anew.
        samples = list(zip(jnp.array(x), jnp.array(y), strict=True))
        for _ in range(epochs):
            for sample, target in samples:
                layers, _loss = step(layers, sample, target, learning_rate)
    return tuple(np.asarray(w) for layer in layers for w in layer)
