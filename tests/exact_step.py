"""The 2-2-1 step in 60-digit decimals, with bounds counted from the roundings on the way.

Independent of every backend: gradients come from the chain rule in exact-enough arithmetic, and
no tolerance is chosen. `u` is the unit roundoff; every count below names the operations it counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, getcontext

getcontext().prec = 60
U64 = Decimal(2) ** -53
SECOND_ORDER = 1 + Decimal(2) ** -20  # products of errors, far below this

NAMES = ("w1", "w2", "w3", "w4", "w5", "w6", "b1", "b2", "b3")
ROUNDINGS = dict(zip(NAMES, (9, 9, 9, 9, 5, 5, 8, 8, 4), strict=True))
"""Roundings between recorded activations and each gradient: 2(o-y) once, o(1-o) twice, their
product once: 4 for b3; times h: 5; times w5 once, h(1-h) twice, product once: 8; times x: 9."""

Numbers = Sequence[Decimal]


@dataclass(frozen=True)
class Forward:
    """Activations and loss of one sample, each with a bound on a float64 program's error."""

    h: tuple[Decimal, Decimal]
    o: Decimal
    loss: Decimal
    h_error: tuple[Decimal, Decimal]
    o_error: Decimal


def decimals(values: Sequence[float]) -> tuple[Decimal, ...]:
    """Turn binary64 numbers into decimals without rounding."""
    return tuple(Decimal(value) for value in values)


def forward(p: Numbers, x: Numbers, y: Decimal) -> Forward:
    """p is w1, ..., w6, b1, b2, b3."""
    w1, w2, w3, w4, w5, w6, b1, b2, b3 = p
    h1, e1 = unit((w1, w2), x, b1)
    h2, e2 = unit((w3, w4), x, b2)
    o, e_o = unit((w5, w6), (h1, h2), b3, (e1, e2))
    return Forward((h1, h2), o, (o - y) ** 2, (e1, e2), e_o)


def gradient(p: Numbers, x: Numbers, y: Decimal) -> dict[str, Decimal]:
    """Return dL/dp of L = (y - o)^2, by name."""
    f = forward(p, x, y)
    return gradient_at(p, x, y, f.h, f.o)


def gradient_at(
    p: Numbers, x: Numbers, y: Decimal, h: Sequence[Decimal], o: Decimal
) -> dict[str, Decimal]:
    """Return the gradient that belongs to given activations."""
    w5, w6 = p[4], p[5]
    d3 = 2 * (o - y) * o * (1 - o)
    d1 = d3 * w5 * h[0] * (1 - h[0])
    d2 = d3 * w6 * h[1] * (1 - h[1])
    values = (d1 * x[0], d1 * x[1], d2 * x[0], d2 * x[1], d3 * h[0], d3 * h[1], d1, d2, d3)
    return dict(zip(NAMES, values, strict=True))


def gradient_bounds(p: Numbers, x: Numbers, y: Decimal) -> dict[str, Decimal]:
    """Bound each gradient's error, end to end: ROUNDINGS, and the activations' own errors.

    To first order the latter enter by the logarithmic derivatives: of (o-y) o (1-o) by o, of
    h (1-h) by h, and of the factor h in dL/dw5 and dL/dw6.
    """
    f, g = forward(p, x, y), gradient(p, x, y)
    o_part = f.o_error * (1 / abs(f.o - y) + 1 / f.o + 1 / (1 - f.o))
    slope_parts = [e * (1 / h + 1 / (1 - h)) for h, e in zip(f.h, f.h_error, strict=True)]
    factor_parts = [e / h for h, e in zip(f.h, f.h_error, strict=True)]
    unit = {"w1": 0, "w2": 0, "b1": 0, "w3": 1, "w4": 1, "b2": 1, "w5": 0, "w6": 1}
    bounds = {}
    for name in NAMES:
        parts = o_part
        if name in ("w5", "w6"):
            parts += factor_parts[unit[name]]
        elif name != "b3":
            parts += slope_parts[unit[name]]
        bounds[name] = abs(g[name]) * (ROUNDINGS[name] * U64 + parts) * SECOND_ORDER
    return bounds


@dataclass(frozen=True)
class Trajectory:
    """Parameters after some steps, and bounds on a float64 program's error in each."""

    p: tuple[Decimal, ...]
    error: tuple[Decimal, ...]


def descend(
    start: Numbers, samples: Sequence[tuple[Numbers, Decimal]], learning_rate: Decimal
) -> Trajectory:
    """Make one step per sample; errors grow by |Jacobian of the step| and the step's roundings."""
    p, error = tuple(start), tuple(Decimal(0) for _ in start)
    for x, y in samples:
        after = _step(p, x, y, learning_rate)
        jacobian = _jacobian(p, x, y, learning_rate)
        bounds = gradient_bounds(p, x, y)
        g = gradient(p, x, y)
        # The product with the learning rate rounds, and so does the difference.
        made = [
            learning_rate * (bounds[n] + U64 * abs(g[n])) + U64 * abs(w)
            for n, w in zip(NAMES, after, strict=True)
        ]
        grown = [sum(abs(j) * e for j, e in zip(row, error, strict=True)) for row in jacobian]
        error = tuple((a + b) * SECOND_ORDER for a, b in zip(grown, made, strict=True))
        p = after
    return Trajectory(p, error)


def mean_loss(
    at: Trajectory, samples: Sequence[tuple[Numbers, Decimal]]
) -> tuple[Decimal, Decimal]:
    """Return the mean loss over the samples and a bound on a float64 program's error in it."""
    total, bound = Decimal(0), Decimal(0)
    for x, y in samples:
        f, g = forward(at.p, x, y), gradient(at.p, x, y)
        total += f.loss
        bound += 2 * abs(f.o - y) * f.o_error
        bound += sum(abs(g[n]) * e for n, e in zip(NAMES, at.error, strict=True))
    n = len(samples)
    # Difference, square, n - 1 additions and the division round: n + 3 at most, difference twice.
    return total / n, (bound / n + (n + 4) * U64 * total / n) * SECOND_ORDER


def unit(
    w: Numbers, a: Numbers, b: Decimal, a_error: Numbers = (Decimal(0), Decimal(0))
) -> tuple[Decimal, Decimal]:
    """Return s = sigmoid(w a + b) and its error: the sum's three roundings, and the sigmoid's.

    The sigmoid: 1/(1 + e^-z) rounds the addition and the division, one u each, relative to s,
    and e^-z comes with up to 4 u, which reach s multiplied by 1 - s.
    """
    size = sum((abs(u * v) for u, v in zip(w, a, strict=True)), abs(b))
    z = sum((u * v for u, v in zip(w, a, strict=True)), b)
    z_error = 3 * U64 * size + sum(abs(u) * e for u, e in zip(w, a_error, strict=True))
    s = 1 / (1 + (-z).exp())
    error = s * (1 - s) * z_error + U64 * s * (2 + 4 * (1 - s))
    return s, error * SECOND_ORDER


def _step(p: Numbers, x: Numbers, y: Decimal, learning_rate: Decimal) -> tuple[Decimal, ...]:
    g = gradient(p, x, y)
    return tuple(w - learning_rate * g[n] for n, w in zip(NAMES, p, strict=True))


def _jacobian(p: Numbers, x: Numbers, y: Decimal, learning_rate: Decimal) -> list[list[Decimal]]:
    """Differentiate the step by central differences, whose error is near 1e-40 in 60 digits."""
    h = Decimal(10) ** -20
    columns = []
    for i in range(len(p)):
        up = tuple(w + h if j == i else w for j, w in enumerate(p))
        down = tuple(w - h if j == i else w for j, w in enumerate(p))
        high, low = _step(up, x, y, learning_rate), _step(down, x, y, learning_rate)
        columns.append([(a - b) / (2 * h) for a, b in zip(high, low, strict=True)])
    return [list(row) for row in zip(*columns, strict=True)]
