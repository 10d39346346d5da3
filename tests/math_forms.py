"""Every way in use to write a cross-entropy, each as (logits, targets) -> loss and its slope.

The mean of n outputs of m samples is taken, or of m samples; what differs is the form of the terms,
and so the rounding. Slopes are those that the framework derives, or the textbook's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import torch
from jax import nn
from torch.nn import functional

from shared.backend import Array

Form: TypeAlias = Callable[[Array, Array], tuple[Array, Array]]
"""Takes logits and targets (s, m, n); returns the loss (s,) and ∂L/∂z (s, m, n)."""


def of_jax(terms: Callable[[Any, Any], Any]) -> Form:
    both = jax.jit(jax.vmap(jax.value_and_grad(lambda z, y: jnp.mean(terms(z, y)))))

    def form(z: Array, y: Array) -> tuple[Array, Array]:
        with jax.enable_x64(True):
            loss, slope = both(z, y)
            return np.asarray(loss), np.asarray(slope)

    return form


def of_torch(terms: Callable[[Any, Any], Any]) -> Form:
    def form(z: Array, y: Array) -> tuple[Array, Array]:
        leaf = torch.from_numpy(z).requires_grad_()
        loss = terms(leaf, torch.from_numpy(y)).flatten(1).mean(dim=1)
        (slope,) = torch.autograd.grad(loss.sum(), leaf)
        return loss.detach().numpy(), slope.numpy()

    return form


def max_form(z: Array, y: Array) -> tuple[Array, Array]:
    """max(z, 0) - z y + ln(1 + e^-|z|), as NumPy's backend and TensorFlow have it."""
    terms = np.maximum(z, 0) - z * y + np.log1p(np.exp(-abs(z)))
    return terms.mean(axis=(-2, -1)), (1 / (1 + np.exp(-z)) - y) / z[0].size


def two_branches(z: Array, y: Array) -> tuple[Array, Array]:
    """σ from e^-|z| on both sides of zero; the mean one axis after the other, by reciprocals."""
    m, n = z.shape[-2:]
    e = np.exp(-abs(z))
    terms = (np.log1p(e) + np.maximum(z, 0)) - z * y
    s = np.where(z >= 0, 1 / (1 + e), e / (1 + e))
    return terms.sum(axis=-1).sum(axis=-1) * (1 / m) * (1 / n), (s - y) * (1 / m) * (1 / n)


BINARY: dict[str, Form] = {
    "max": max_form,
    "two branches": two_branches,
    "torch, with logits": of_torch(
        lambda z, y: functional.binary_cross_entropy_with_logits(z, y, reduction="none")
    ),
    "torch, logsigmoid twice": of_torch(
        lambda z, y: -y * functional.logsigmoid(z) - (1 - y) * functional.logsigmoid(-z)
    ),
    "torch, clamp": of_torch(
        lambda z, y: z.clamp(min=0) - z * y + torch.log1p(torch.exp(-z.abs()))
    ),
    "jax, log_sigmoid twice": of_jax(
        lambda z, y: -y * nn.log_sigmoid(z) - (1 - y) * nn.log_sigmoid(-z)
    ),
    "jax, max": of_jax(lambda z, y: jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-abs(z)))),
}

BINARY_BY_SOFTPLUS: dict[str, Form] = {
    "torch, logaddexp": of_torch(lambda z, y: torch.logaddexp(z, torch.zeros_like(z)) - z * y),
    "jax, softplus": of_jax(lambda z, y: nn.softplus(z) - z * y),
    "jax, logaddexp": of_jax(lambda z, y: jnp.logaddexp(0.0, z) - y * z),
}
"""Their slope is e^(z - ln(1 + e^z)) - y, or a difference of rounded quotients."""

BINARY_BY_COMPLEMENT: dict[str, Form] = {
    "torch, (1 - y) z - logsigmoid": of_torch(lambda z, y: (1 - y) * z - functional.logsigmoid(z)),
    "jax, (1 - y) z - log_sigmoid": of_jax(lambda z, y: (1 - y) * z - nn.log_sigmoid(z)),
}
"""Their slope is (1 - y) - σ(-z), of which nothing is left where y is 0 and z far below."""


def quotient(z: Array, y: Array) -> tuple[Array, Array]:
    """e^d / Σ e^d, and ln Σ e^d - d: as NumPy's backend."""
    m, d = z.shape[-2], z - z.max(axis=-1, keepdims=True)
    powers = np.exp(d)
    total = powers.sum(axis=-1, keepdims=True)
    return (y * (np.log(total) - d)).sum(axis=(-2, -1)) / m, (powers / total - y) / m


def log_sum_exp(z: Array, y: Array) -> tuple[Array, Array]:
    """e^(z - logsumexp z)."""
    m, highest = z.shape[-2], z.max(axis=-1, keepdims=True)
    whole = highest + np.log(np.exp(z - highest).sum(axis=-1, keepdims=True))
    return (y * (whole - z)).sum(axis=(-2, -1)) / m, np.exp(z - whole) / m - y / m


def reciprocal(z: Array, y: Array) -> tuple[Array, Array]:
    """e^d times a rounded reciprocal."""
    m, d = z.shape[-2], z - z.max(axis=-1, keepdims=True)
    powers = np.exp(d)
    total = powers.sum(axis=-1, keepdims=True)
    loss = (y * (np.log(total) - d)).sum(axis=-1).sum(axis=-1) * (1 / m)
    return loss, (powers * (1 / total) - y) * (1 / m)


CATEGORICAL: dict[str, Form] = {
    "quotient": quotient,
    "logsumexp": log_sum_exp,
    "reciprocal": reciprocal,
    "torch, log_softmax": of_torch(lambda z, y: -(y * torch.log_softmax(z, dim=-1)).sum(dim=-1)),
    "torch, cross_entropy": of_torch(
        lambda z, y: functional.cross_entropy(z.mT, y.mT, reduction="none")
    ),
    "torch, logsumexp": of_torch(
        lambda z, y: (y * (torch.logsumexp(z, dim=-1, keepdim=True) - z)).sum(dim=-1)
    ),
    "jax, log_softmax": of_jax(lambda z, y: -(y * nn.log_softmax(z, axis=-1)).sum(axis=-1)),
    "jax, logsumexp": of_jax(
        lambda z, y: (y * (nn.logsumexp(z, axis=-1, keepdims=True) - z)).sum(axis=-1)
    ),
}

CATEGORICAL_OF_SOFT_TARGETS: dict[str, Form] = {
    "jax, logsumexp z - Σ y z": of_jax(
        lambda z, y: nn.logsumexp(z, axis=-1) - (y * z).sum(axis=-1)
    ),
    "jax, log of softmax": of_jax(lambda z, y: -(y * jnp.log(nn.softmax(z, axis=-1))).sum(axis=-1)),
}
"""Sound where the targets are one-hot; on soft ones they round z itself, or y / s."""
