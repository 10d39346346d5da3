"""The exact value of any recorded number, from what was recorded before it: in fractions and in
60-digit decimals, apart from the certificate's own arithmetic. And the floats beside a bound."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from shared.backend import Array, Evaluation, Params, StepGradients
from shared.certificate.double_double import DoubleDouble
from shared.certificate.stages import Evaluated
from tests.exact_functions import activation, binary_cross_entropy, categorical_cross_entropy
from tests.gradient_check import SLOPES, Rules, derived

Place = tuple[int, ...]
EXACT = Decimal(0)


def exact_value(
    seen: Evaluated, deltas: Params | None, stage: str, tensor: str, place: Place
) -> Fraction:
    """The number of a tensor a_l, z_L, loss, δ_l, W_l or b_l; without deltas the last two are
    those that belong to the recorded activations."""
    axes = seen.loss.ndim
    at, inner = place[:axes], place[axes:]
    if stage == "loss":
        return exact_loss(seen, at)
    kind, layer = tensor[0], int(tensor[1:])
    if kind in "az":
        return exact_forward(seen, kind, layer, at, inner)
    if kind == "δ":
        return _delta(seen, deltas, layer, at, inner)
    return exact_gradient(seen, deltas, 2 * layer - 1 - (kind == "W"), at, inner)


def exact_forward(seen: Evaluated, kind: str, layer: int, at: Place, inner: Place) -> Fraction:
    """A number of z_l or of a_l; of a_L from the recorded logits where there are any."""
    sample, unit = inner
    z = [EXACT + value for value in _sums(seen, layer, at, sample)]
    if kind == "a" and layer == len(seen.functions) and seen.logits is not None:
        z = _decimals(seen.logits[at][sample])
    if kind == "z":
        return Fraction(z[unit])
    values = activation(seen.functions[layer - 1], z, [EXACT] * len(z), EXACT)
    return Fraction(values[unit][0])


def exact_loss(seen: Evaluated, at: Place) -> Fraction:
    m, n = map(int, seen.y.shape[-2:])
    name, y = seen.network.loss, seen.y[at]
    if seen.logits is None:
        pairs = zip(seen.activations[-1][at].ravel().tolist(), y.ravel().tolist(), strict=True)
        errors = [Fraction(o) - Fraction(t) for o, t in pairs]
        squares = sum((error * error for error in errors), Fraction(0))
        return squares / (m * n if name == "mean_squared_error" else 2 * m)
    rows = list(zip(map(_decimals, seen.logits[at]), map(_decimals, y), strict=True))
    if name == "categorical_cross_entropy":
        terms = [categorical_cross_entropy(*row)[0] for row in rows]
        return Fraction(sum(terms, EXACT)) / m
    terms = [binary_cross_entropy(*pair)[0] for row in rows for pair in zip(*row, strict=True)]
    return Fraction(sum(terms, EXACT)) / (m * n)


def exact_gradient(
    seen: Evaluated, deltas: Params | None, tensor: int, at: Place, inner: Place
) -> Fraction:
    """A number of ∂L/∂W or ∂L/∂b, from the recorded δ of the layer if there is one."""
    layer = tensor // 2 + 1
    if deltas is None:
        shape = seen.params[tensor][at].shape
        gradients = _derived(seen, at, 1).grads
        return Fraction(gradients[tensor][int(np.ravel_multi_index(inner, shape))])
    slopes = deltas[layer - 1][at][:, inner[0]].tolist()
    below = [1.0] * len(slopes)
    if tensor % 2 == 0:
        below = _of(seen.activations[layer - 1], seen)[at][:, inner[1]].tolist()
    terms = (Fraction(d) * Fraction(a) for d, a in zip(slopes, below, strict=True))
    return sum(terms, Fraction(0))


def _delta(seen: Evaluated, deltas: Params | None, layer: int, at: Place, inner: Place) -> Fraction:
    sample, unit = inner
    if layer == len(seen.functions):
        width = seen.y.shape[-1]
        return Fraction(_derived(seen, at, layer).deltas[-1][sample * width + unit])
    assert deltas is not None
    above, weights = deltas[layer][at][sample].tolist(), seen.params[2 * layer][at][:, unit]
    terms = zip(above, weights.tolist(), strict=True)
    slope = SLOPES[seen.functions[layer - 1]].exact
    total = sum((Fraction(d) * Fraction(w) for d, w in terms), Fraction(0))
    return total * slope(Fraction(float(seen.activations[layer][at][sample, unit])))


def _derived(seen: Evaluated, at: Place, first: int) -> Any:
    """Exact deltas and gradients of the layers from `first` on."""
    logits = None if seen.logits is None else seen.logits[at]
    activations = tuple(a[at] for a in seen.activations[first:])
    result = StepGradients(Evaluation(activations, logits, seen.loss[at]), ())
    params = tuple(w[at] for w in seen.params[2 * first - 2 :])
    x = _of(seen.activations[first - 1], seen)[at]
    exact, _ = derived(params, x, seen.y[at], result, Rules.of(seen.network))
    return exact


def _sums(seen: Evaluated, layer: int, at: Place, sample: int) -> list[Decimal]:
    W, b = seen.params[2 * layer - 2][at], seen.params[2 * layer - 1][at]
    below = _decimals(_of(seen.activations[layer - 1], seen)[at][sample])
    return [
        sum((v * a for v, a in zip(_decimals(w), below, strict=True)), bias)
        for w, bias in zip(W, _decimals(b), strict=True)
    ]


def _of(a: Array, seen: Evaluated) -> Array:
    """Give samples that all marks share the leading axes of the others."""
    return np.broadcast_to(a, (*seen.loss.shape, *a.shape[-2:]))


def _decimals(row: Array) -> list[Decimal]:
    return [Decimal(value) for value in row.tolist()]


def as_fraction(number: Any, place: Place) -> Fraction:
    """A number of the certificate's own wide arithmetic, all its bits."""
    if isinstance(number, DoubleDouble):
        return Fraction(float(number.high[place])) + Fraction(float(number.low[place]))
    return Fraction(*number[place].as_integer_ratio())


def beside(exact: Fraction, bound: float, side: int, dtype: str = "float64") -> tuple[float, float]:
    """The floats next to 0.99 of the bound, inside it, and next to 1.01 of it, outside."""
    kind = np.dtype(dtype).type
    near, far = (exact + side * Fraction(bound) * n / 100 for n in (99, 101))
    inside, outside = kind(float(near)), kind(float(far))
    while abs(Fraction(float(inside)) - exact) > Fraction(bound) * 99 / 100:
        inside = np.nextafter(inside, kind(float(exact)))
    while side * (Fraction(float(outside)) - far) < 0:
        outside = np.nextafter(outside, kind(side * math.inf))
    return float(inside), float(outside)
