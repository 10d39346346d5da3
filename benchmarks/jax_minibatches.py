"""The minibatch loop of the JAX tutorials: one step is compiled, and Python calls it per batch.

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


def predict(layers: Layers, x: jax.Array) -> jax.Array:
    for W, b in layers[:-1]:
        x = jax.nn.sigmoid(x @ W.T + b)
    W, b = layers[-1]
    return x @ W.T + b


def cross_entropy(layers: Layers, x: jax.Array, y: jax.Array) -> jax.Array:
    return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(predict(layers, x)), axis=-1))


@jax.jit
def step(
    layers: Layers, x: jax.Array, y: jax.Array, learning_rate: float
) -> tuple[Layers, jax.Array]:
    loss, grads = jax.value_and_grad(cross_entropy)(layers, x, y)
    return jax.tree.map(lambda w, g: w - learning_rate * g, layers, grads), loss


def train(params: Params, x: Array, y: Array, batches: Array, learning_rate: float) -> Params:
    """Train from `params`, a step for each row of indices; return the last parameters."""
    with jax.enable_x64(True):
        tensors = [jnp.array(w) for w in params]
        layers: Layers = list(zip(tensors[0::2], tensors[1::2], strict=True))
        for batch in batches:
            # NumPy chooses the samples: JAX, outside a compiled program, takes longer to.
            layers, _loss = step(layers, x[batch], y[batch], learning_rate)
    return tuple(np.asarray(w) for layer in layers for w in layer)
