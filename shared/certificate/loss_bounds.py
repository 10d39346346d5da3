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
    """Bounds from the recorded logits: of the output, of the loss, of ∂L/∂z_L.

    slope_of_any_form
        The same for forms that lose small slopes, as (1 - y) - σ(-z) where z is far below 0. A
        value that only this explains is undecided.
    """

    output: Array
    loss: Array
    slope: Array
    slope_of_any_form: Array


def cross_entropy(
    rounding: Rounding, profile: Profile, network: Network, at: Logits
) -> CrossEntropy:
    """Bound a cross-entropy and what belongs to it."""
    bound = _binary if network.loss == "binary_cross_entropy" else _categorical
    return bound(rounding, profile, at, _mean_roundings(network, *at.y.shape[-2:]))


def _binary(rounding: Rounding, profile: Profile, at: Logits, divisions: int) -> CrossEntropy:
    """Any stable form: from λ = ln(1 + e^-|z|), or by way of ln σ(z) and ln σ(-z).

    Some forms add |z| to λ and take it away again. The slope may be σ(z) - y, a difference of two
    rounded parts, e^(z - ln(1 + e^z)) for σ(z), or such a power for each part of the loss.
    """
    u, omega, z, y = rounding.u, rounding.omega, at.z, at.y
    m, n = y.shape[-2:]
    size, soft = abs(z), (y != 0) & (y != 1)
    lam = np.log1p(np.exp(-size))
    lam_error = (profile.c1 + profile.log + 1) * lam
    terms = np.maximum(z, 0) - z * y + lam
    # |z| is a float: rounded to nearest, |z| + λ is no further from itself than |z| is.
    joined = np.minimum(u * (size + lam), lam)
    each = u * (lam_error + 4 * soft * (size + lam) + 3 * abs(terms)) + 2 * joined
    loss = each.sum(axis=(-2, -1)) / (m * n)
    loss = loss + rounding.gamma(m * n + divisions) * at.loss + (m * n + 2) * omega
    sigmoid = profile.sigmoid_error(rounding, at.s, at.c, np.zeros(1))
    # z - ln(1 + e^z) is -λ above zero, and z - λ below.
    power = u * (lam + lam_error + profile.c1 + 2)
    above, below = _stretched(power + joined), _stretched(power + u * size)
    s_error = np.minimum(at.s * np.where(z > 0, above, below), 1.0)
    c_error = np.minimum(at.c * np.where(z > 0, below, above), 1.0)
    parts = (1 - y) * at.s + y * at.c
    slope = np.maximum(s_error, (1 - y) * s_error + y * c_error)
    slope = np.maximum(sigmoid, slope)
    slope = slope + u * ((4 + divisions + 3 * soft) * parts + divisions * (at.s + y))
    any_form = np.maximum(slope, c_error + u * (4 + 2 * divisions + soft))
    slope, any_form = (v / (m * n) + 3 * omega for v in (slope, any_form))
    return CrossEntropy(sigmoid, loss, slope, any_form)


def _stretched(exponent: Array) -> Array:
    """Return e^exponent - 1; where nothing is left of a share, no more than e^700."""
    stretched: Array = np.expm1(np.minimum(exponent, 700.0))
    return stretched


def _categorical(rounding: Rounding, profile: Profile, at: Logits, divisions: int) -> CrossEntropy:
    """Any stable form: e^d/Σe^d with d = z - max z, or e^(d - ln Σe^d), or e^(z - logsumexp z).

    The loss may be Σ y (logsumexp z - z), logsumexp z - Σ y z, or -Σ y ln s, the slope what follows
    from any of these.
    """
    u, omega, s, y = rounding.u, rounding.omega, at.s, at.y
    m, n = y.shape[-2:]
    highest = at.z.max(axis=-1, keepdims=True)
    d = at.z - highest
    log_sum = np.log(np.exp(d).sum(axis=-1, keepdims=True))
    log_share = abs(d - log_sum)
    f = abs(d) + profile.c1 * (d != 0)
    mean_f = (s * f).sum(axis=-1, keepdims=True)
    second_order = 1 + 4 * u * np.maximum(n, f)
    quotient = u * (f + mean_f + n + 1) * second_order
    logarithm = abs(d) + mean_f + n - 1 + profile.log * log_sum + log_share
    logarithm = u * (logarithm + 2 * abs(highest + log_sum)) * second_order
    power = np.maximum(quotient, logarithm + profile.c1 * u)
    # An exponent that is off by more leaves nothing of a share.
    output = np.where(power < 50, s * np.expm1(np.minimum(power, 50.0)), 1.0) + 4 * omega
    of_quotient = np.expm1(np.minimum(quotient, 50.0)) + profile.log * u * log_share
    soft = ((y != 0) & (y != 1)).any(axis=-1, keepdims=True)
    each = y * np.maximum(logarithm, of_quotient) + n * u * soft * y * abs(at.z)
    # Where y is 0 so is the term, and adding it rounds nothing.
    k = u * (np.count_nonzero(y, axis=(-2, -1)) + 2 + divisions)
    loss = each.sum(axis=(-2, -1)) / m + k / (1 - k) * at.loss + (m * n + 2) * omega
    slope = (n * soft + 3 + divisions) * s + (2 + divisions) * abs(s - y) + (3 + divisions) * y
    slope = (output + u * slope) / m + 4 * omega
    return CrossEntropy(output, loss, slope, slope)
