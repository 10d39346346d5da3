"""What an optimizer makes of one number, in fractions, and how far rounding may lead from it.

Written from the formulas in shared/optimizer.py and nothing else. Roots and powers are cut after
400 bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np

from shared.optimizer import Optimizer

PARAMETER = ""


@dataclass(frozen=True)
class Exact:
    """An exact value, and the most that a program may be off."""

    value: Fraction
    error: Fraction


@dataclass(frozen=True)
class Format:
    """A float format: the most that one rounding moves, relatively, and where it does more.

    Anything below omega, the smallest normal number, may be taken for zero.
    """

    dtype: str

    @property
    def u(self) -> Fraction:
        return Fraction(float(np.finfo(self.dtype).eps)) / 2

    @property
    def omega(self) -> Fraction:
        return Fraction(float(np.finfo(self.dtype).smallest_normal))

    def near(self, value: float) -> Fraction:
        """A constant as the run has it: rounded once."""
        return Fraction(float(np.dtype(self.dtype).type(value)))


def root(value: Fraction) -> Fraction:
    """The square root, to about 400 bits."""
    if value == 0:
        return value
    bits = 800 - (value.numerator.bit_length() - value.denominator.bit_length())
    shift = bits // 2
    scaled = value * Fraction(4) ** shift
    return Fraction(math.isqrt(scaled.numerator // scaled.denominator)) / Fraction(2) ** shift


def exact_update(
    one: Optimizer, dtype: str, w: Fraction, g: Fraction, before: Mapping[str, Fraction],
    after: Mapping[str, Fraction], step: int,
) -> dict[str, Exact]:  # fmt: skip
    """Return what each slot and the PARAMETER become.

    before, after
        The slots on both sides of the step, as a program has them: a parameter is computed from
        those after it.
    """
    form, push = Format(dtype), _slope(one, dtype, w, g)
    found: dict[str, Exact] = {}
    if "velocity" in before:
        found["velocity"] = _velocity(one, form, push, before["velocity"])
    if "m" in before:
        found["m"] = _mean(one, form, push, before["m"])
    if "v" in before:
        found["v"] = _mean_square(one, form, push, before["v"])
    found[PARAMETER] = _parameter(one, form, w, push, after, step)
    return found


def _slope(one: Optimizer, dtype: str, w: Fraction, g: Fraction) -> Exact:
    """g + λ w: a product and a sum, or both in one; g, w and the product may be flushed."""
    form = Format(dtype)
    if not one.coupled_decay:
        return Exact(g, form.omega)
    drawn = form.near(one.coupled_decay) * w
    return Exact(g + drawn, 2 * form.u * (abs(g) + abs(drawn)) + 4 * form.omega)


def _velocity(one: Optimizer, form: Format, push: Exact, v: Fraction) -> Exact:
    """μ v + g or μ v + η g: two products and a sum."""
    mu = form.near(one.momentum)
    eta = form.near(one.learning_rate) if one.rate_place == "inside" else Fraction(1)
    kept, added = mu * v, eta * push.value
    error = 3 * form.u * (abs(kept) + abs(added)) + eta * push.error + 4 * form.omega
    return Exact(kept + added, error)


def _mean(one: Optimizer, form: Format, push: Exact, m: Fraction) -> Exact:
    """β1 m + (1 - β1) g, or an interpolation, where β1 and 1 - β1 are rounded apart.

    Programs that interpolate use only one of the two, so they differ by a rounding of it. Then a
    difference, a product and a sum.
    """
    beta, rest = form.near(one.beta1), form.near(1 - one.beta1)
    size = abs(m) + abs(push.value)
    return Exact(beta * m + rest * push.value, 6 * form.u * size + 2 * push.error + 5 * form.omega)


def _mean_square(one: Optimizer, form: Format, push: Exact, v: Fraction) -> Exact:
    """β2 v + (1 - β2) g²: three products and a sum."""
    beta, rest, g = form.near(one.beta2), form.near(1 - one.beta2), push.value
    terms = beta * abs(v) + rest * g**2
    spread = rest * (2 * abs(g) + push.error) * push.error
    return Exact(beta * v + rest * g**2, 4 * form.u * terms + spread + 5 * form.omega)


def _parameter(
    one: Optimizer, form: Format, w: Fraction, push: Exact, after: Mapping[str, Fraction],
    step: int,
) -> Exact:  # fmt: skip
    """w, less the step, less ηλw; each rounds, and so do their sums."""
    if one.name in ("sgd", "momentum"):
        moved = _straight_step(one, form, push, after)
    else:
        moved = _divided_step(one, form, push, after, step)
    shrunk = form.near(one.learning_rate) * form.near(one.decoupled_decay) * w
    value = w - moved.value - shrunk
    error = form.u * abs(value) + moved.error + 3 * form.omega
    if shrunk:
        # ηλ is a product, or 1 - ηλ is a difference, and is multiplied; then there are two sums.
        error += form.u * (3 * abs(w) + 5 * abs(shrunk) + 2 * abs(moved.value))
    return Exact(value, error + 2 * form.u * error)


def _straight_step(
    one: Optimizer, form: Format, push: Exact, after: Mapping[str, Fraction]
) -> Exact:
    """η g, η v, η (g + μ v), v or η g + μ v: two products and a sum at most, once more for η."""
    eta, g = form.near(one.learning_rate), push.value
    if one.name == "sgd":
        parts = [eta * g]
    else:
        v = after["velocity"]
        scale = Fraction(1) if one.rate_place == "inside" else eta
        parts = [eta * g, scale * form.near(one.momentum) * v] if one.nesterov else [scale * v]
    uses_g = one.name == "sgd" or one.nesterov
    error = 4 * form.u * sum(map(abs, parts)) + (eta * push.error if uses_g else 0)
    return Exact(sum(parts, Fraction(0)), error + 3 * form.omega)


def _divided_step(
    one: Optimizer, form: Format, push: Exact, after: Mapping[str, Fraction], step: int
) -> Exact:
    """η m̂ / D or η g / D.

    ε, and each of the two corrections, is rounded; then at most five products and divisions, two
    roots and a sum. The error of a correction counts in full for m̂, and by half for D.
    """
    eta, epsilon = form.near(one.learning_rate), Fraction(one.epsilon)
    (first, doubt1), (second, doubt2) = (_share(one, form, key, step) for key in ("beta1", "beta2"))
    v = after["v"]
    if one.epsilon_place == "inside":
        divisor = root(v / second + epsilon)
    elif one.epsilon_place == "outside":
        divisor = root(v / second) + epsilon
    else:
        divisor = (root(v) + epsilon) / root(second)
    numerator = push.value if one.name == "rmsprop" else after["m"]
    value = eta * numerator / first / divisor
    error = abs(value) * (12 * form.u + doubt1 + doubt2 / 2)
    if one.name == "rmsprop":
        error += eta * push.error / divisor
    # What is flushed on the way is divided by what follows; a flushed v leaves ε alone.
    error += form.omega * (2 * eta / first + 2) / divisor
    if v <= form.omega:
        error += abs(value) * root(form.omega / second) / divisor
    return Exact(value, error)


def _share(one: Optimizer, form: Format, key: str, step: int) -> tuple[Fraction, Fraction]:
    """Return 1 - β^t, and by how much it may be off, relatively.

    β^t is made of t products, or of a power that is as good; the difference then is less certain
    by as much as it is smaller than β^t; and it is rounded to the dtype.
    """
    if one.name == "rmsprop" or one.bias_correction == "none":
        return Fraction(1), Fraction(0)
    beta, unit = Fraction(getattr(one, key)), Fraction(2) ** -53
    if one.bias_correction == "dtype":
        beta, unit = form.near(getattr(one, key)), form.u
    return _corrected(beta, unit, form.u, step)


@cache
def _corrected(beta: Fraction, unit: Fraction, u: Fraction, step: int) -> tuple[Fraction, Fraction]:
    power = _cut(beta**step)
    return 1 - power, _cut(unit * ((step + 4) * power / (1 - power) + 1) + u)


def _cut(value: Fraction) -> Fraction:
    """The same to 400 bits behind the point: exact enough, and short."""
    return Fraction(math.floor(value * 2**400), 2**400)
