"""Activation functions and cross-entropies in 60-digit decimals, with counted roundings.

Every result is a pair: the exact value, and a bound on a program's error in units of u, the unit
roundoff. An exponential, a logarithm or a hyperbolic tangent of a library is taken to be within
FUNCTION u of itself; where an argument was rounded before, its error is counted too.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, getcontext
from typing import TypeAlias

getcontext().prec = 60
FUNCTION = 4
Bounded: TypeAlias = tuple[Decimal, Decimal]
Row: TypeAlias = Sequence[Decimal]


def activation(name: str, z: Row, z_error: Row, u: Decimal) -> list[Bounded]:
    """Return f(z) of one sample, for a z that a program knows within z_error, in units of u."""
    if name == "softmax":
        # Every z may be off, so every ratio of two powers by two such errors.
        moved = 2 * max(z_error)
        return [(p, c * p + p * moved * _room(moved, u)) for p, c in softmax(z)]
    function = {"sigmoid": _sigmoid, "tanh": _tanh, "relu": _relu, "identity": _identity}[name]
    return [function(value, error, u) for value, error in zip(z, z_error, strict=True)]


def softmax(z: Row) -> list[Bounded]:
    """Return the shares e^z_k / Σ e^z_j, and how many roundings a program's own are away.

    Directly: the difference d_k to the largest z rounds, |d_k| u in the power; the powers come
    with FUNCTION u; n in the sum, and the division. By the logarithm, as log_softmax goes: the
    same for the sum; its logarithm rounds relative to ln n at most, and is within FUNCTION u; the
    difference rounds relative to |d_k| + ln n; and the power comes again. Autograd sums what
    comes from above over the n outputs besides, and multiplies.
    """
    d = [value - max(z) for value in z]
    powers = [value.exp() for value in d]
    total, n = sum(powers, Decimal(0)), Decimal(len(z))
    shares = [power / total for power in powers]
    in_total = sum((p * abs(value) for p, value in zip(shares, d, strict=True)), FUNCTION + n)
    common = in_total + (FUNCTION + 1) * n.ln() + FUNCTION + n + 4
    return [(p, 2 * abs(value) + common) for p, value in zip(shares, d, strict=True)]


def logistic(z: Decimal) -> Bounded:
    """Return σ(z), and how many roundings a program's own is away, relative to it.

    As 1 / (1 + e^-z): a power, a sum, a quotient. As the derivative of ln(1 + e^z), which is
    e^(z - ln(1 + e^z)): the logarithm of at most |z| + ln 2 rounds twice at the size of itself,
    within 2 FUNCTION u of ln 2; so does the difference; and then comes the power. A product with
    the target, its complement, a product and a sum follow.
    """
    roundings = 2 * abs(z) + 2 * FUNCTION + 2 + FUNCTION + 4
    return 1 / (1 + (-z).exp()), roundings


def binary_cross_entropy(z: Decimal, y: Decimal) -> Bounded:
    """Return ln(1 + e^z) - z y.

    Every way to it adds and subtracts numbers no larger than |z| and ln(1 + e^|z|), each within
    2 FUNCTION u of itself, in 4 roundings at most.
    """
    value = max(z, Decimal(0)) + (1 + (-abs(z)).exp()).ln() - z * y
    return value, (2 * FUNCTION + 4) * (2 * abs(z) + 1)


def categorical_cross_entropy(z: Row, y: Row) -> Bounded:
    """Return Σ y (ln Σ_j e^z_j - z): as in `softmax`, then a product and n sums."""
    d = [value - max(z) for value in z]
    total = sum((value.exp() for value in d), Decimal(0))
    shares = [value.exp() / total for value in d]
    n = Decimal(len(z))
    in_total = sum((p * abs(value) for p, value in zip(shares, d, strict=True)), FUNCTION + n)
    value, error = Decimal(0), Decimal(0)
    for target, difference in zip(y, d, strict=True):
        size = total.ln() + abs(difference)
        value += target * (total.ln() - difference)
        error += target * (in_total + (FUNCTION + 3 + n) * size)
    return value, error


def _room(z_error: Decimal, u: Decimal) -> Decimal:
    """By how much a slope may grow over an interval of that length: e^(2 |Δz|) at most."""
    return (2 * z_error * u).exp()


def _sigmoid(z: Decimal, error: Decimal, u: Decimal) -> Bounded:
    s = 1 / (1 + (-z).exp())
    return s, s * (1 - s) * error * _room(error, u) + s * (2 + FUNCTION * (1 - s))


def _tanh(z: Decimal, error: Decimal, u: Decimal) -> Bounded:
    e = (-2 * abs(z)).exp()
    t = ((1 - e) / (1 + e)).copy_sign(z)
    return t, (1 - t * t) * error * _room(error, u) + FUNCTION * abs(t)


def _relu(z: Decimal, error: Decimal, u: Decimal) -> Bounded:
    del u
    return max(z, Decimal(0)), error


def _identity(z: Decimal, error: Decimal, u: Decimal) -> Bounded:
    del u
    return z, error
