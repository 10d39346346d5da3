"""How far a right program's loss may be off, and its slope by the output or by the logits.

Like bounds.py, for the end of the network: each loss with its own functions and divisors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shared.backend import Array
from shared.certificate.bounds import divisor_roundings
from shared.certificate.profile import Profile
from shared.certificate.rounding import Rounding
from shared.network import Network


def squared_loss(rounding: Rounding, network: Network, value: Array, m: int, n: int) -> Array:
    """Bound a mean of squares at recorded outputs: differences, squares, sums, divisions."""
    k = m * n + 2 + _mean_roundings(network, m, n)
    bound: Array = rounding.gamma(k) * value + (m * n + 2) * rounding.omega
    return bound


def squared_slope_roundings(network: Network, m: int, n: int) -> int:
    """Count the roundings of ∂L/∂a_L: the difference, and the mean's divisions."""
    return 1 + _mean_roundings(network, m, n)


def _mean_roundings(network: Network, m: int, n: int) -> int:
    over_outputs = network.loss in ("mean_squared_error", "binary_cross_entropy")
    return divisor_roundings(m, n) if over_outputs else divisor_roundings(m)


@dataclass(frozen=True, slots=True)
class Logits:
    """Recorded logits and targets, and what is exact there: s the output, c = 1 - s, the loss."""

    z: Array
    y: Array
    s: Array
    c: Array
    loss: Array


@dataclass(frozen=True, slots=True)
class CrossEntropy:
    """Bounds from the recorded logits: of the output, of the loss, of ∂L/∂z_L."""

    output: Array
    loss: Array
    slope: Array


def cross_entropy(
    rounding: Rounding, profile: Profile, network: Network, at: Logits
) -> CrossEntropy:
    """Bound a cross-entropy and what belongs to it."""
    bound = _binary if network.loss == "binary_cross_entropy" else _categorical
    return bound(rounding, profile, at, _mean_roundings(network, *at.y.shape[-2:]))


def _binary(rounding: Rounding, profile: Profile, at: Logits, divisions: int) -> CrossEntropy:
    """Any stable form: from λ = ln(1 + e^-|z|), or by way of ln σ(z) and ln σ(-z).

    Some forms add |z| and take it away again, so errors are relative to it as well; the slope may
    be σ(z) - y, or an exponential of a logarithm for each of the two parts of the loss.
    """
    u, omega, z, y = rounding.u, rounding.omega, at.z, at.y
    m, n = y.shape[-2:]
    size, soft = abs(z), (y != 0) & (y != 1)
    lam = np.log1p(np.exp(-size))
    lam_error = (profile.c1 + profile.log + 1) * lam
    terms = np.maximum(z, 0) - z * y + lam
    each = u * (lam_error + 2 * size + 4 * soft * (size + lam) + 3 * abs(terms))
    loss = each.sum(axis=(-2, -1)) / (m * n)
    loss = loss + rounding.gamma(m * n + divisions) * at.loss + (m * n + 2) * omega
    sigmoid = profile.sigmoid_error(rounding, at.s, at.c, np.zeros(1))
    exponent = u * (2 * (size + lam) + lam_error + profile.c1 + 2)
    parts = (1 - y) * at.s + y * at.c
    slope = np.maximum(sigmoid, parts * np.expm1(exponent))
    slope = (slope + u * (4 + divisions + 3 * soft) * parts) / (m * n) + 3 * omega
    return CrossEntropy(sigmoid, loss, slope)


def _categorical(rounding: Rounding, profile: Profile, at: Logits, divisions: int) -> CrossEntropy:
    """Any stable form: e^d/Σe^d with d = z - max z, or e^(d - ln Σe^d), or e^(z - logsumexp z)."""
    u, omega, s, y = rounding.u, rounding.omega, at.s, at.y
    m, n = y.shape[-2:]
    highest = at.z.max(axis=-1, keepdims=True)
    d = at.z - highest
    log_sum = np.log(np.exp(d).sum(axis=-1, keepdims=True))
    log_share = abs(d - log_sum)
    f = abs(d) + profile.c1
    mean_f = (s * f).sum(axis=-1, keepdims=True)
    second_order = 1 + 4 * u * np.maximum(n, f)
    quotient = u * (at.c * f + mean_f - s * f + n + 1) * second_order
    logarithm = abs(d) + mean_f + n - 1 + profile.log * log_sum + log_share
    logarithm = u * (logarithm + 2 * abs(highest + log_sum)) * second_order
    output = s * np.expm1(np.maximum(quotient, logarithm + profile.c1 * u)) + 4 * omega
    of_quotient = np.expm1(quotient) + profile.log * u * log_share
    loss = (y * np.maximum(logarithm, of_quotient)).sum(axis=(-2, -1)) / m
    loss = loss + rounding.gamma(m * n + 2 + divisions) * at.loss + (m * n + 2) * omega
    one_hot = ((y == 0) | (y == 1)).all(axis=-1, keepdims=True)
    slope = (np.where(one_hot, 0, n) + 1 + divisions) * s + (1 + divisions) * abs(s - y)
    slope = (output + u * (slope + divisions * y)) / m + omega
    return CrossEntropy(output, loss, slope)
