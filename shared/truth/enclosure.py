"""Intervals of float64 numbers, in arrays: what is sure to hold a number, computed at full speed.

A number is known to lie within `radius` of `middle`. Every operation enlarges the radius by what
the operation can make of its operands', and by its own roundings, so that no error is assumed
away. Only what exact_step.py and exact_tangent.py ask for is there; the rest raises TypeError.

>>> third = 1 / Enclosure.of(np.array([3.0]))
>>> float(third.middle[0]), 0 < float(third.radius[0]) < 1e-16
(0.3333333333333333, True)

Source: S. M. Rump, Verification methods: rigorous results using floating-point arithmetic, Acta
Numerica 19 (2010), 287-449, section 9.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from shared.backend import Array
from shared.certificate import double_double_functions as functions
from shared.certificate.double_double import DoubleDouble

U = 2.0**-53
"""The largest relative error of one rounding."""

TINY = 2.0**-1060
"""More than what roundings below the smallest normal number can add up to in one operation."""

GROWN = 1 + 2.0**-48
"""Radii are computed with roundings of their own: fewer than 16 in a row."""


@dataclass(frozen=True, slots=True, eq=False)
class Enclosure(NDArrayOperatorsMixin):
    """An array of numbers, each within radius of middle. Shapes: both alike."""

    middle: Array
    radius: Array

    @classmethod
    def of(cls, a: Array, radius: Array | float = 0.0) -> Enclosure:
        """Return floats as they are, or with a radius around each."""
        middle = np.asarray(a, np.float64)
        return cls(middle, np.broadcast_to(radius, middle.shape))

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.middle.shape
        return shape

    def __getitem__(self, index: Any) -> Enclosure:
        return Enclosure(self.middle[index], self.radius[index])

    def __setitem__(self, index: Any, value: object) -> None:
        lifted = _lifted(value)
        self.middle[index], self.radius[index] = lifted.middle, lifted.radius

    def reshape(self, *shape: int) -> Enclosure:
        """Return the same numbers in another shape."""
        return Enclosure(self.middle.reshape(*shape), self.radius.reshape(*shape))

    def sum(self, axis: int | tuple[int, ...], *, keepdims: bool = False) -> Enclosure:
        """Add along axes, in any order."""
        middle = self.middle.sum(axis=axis, keepdims=keepdims)
        terms = self.middle.size // max(middle.size, 1)
        spread = abs(self.middle).sum(axis=axis, keepdims=keepdims)
        radius = self.radius.sum(axis=axis, keepdims=keepdims) + terms * U * spread
        return Enclosure(middle, radius * (GROWN + terms * U) + terms * TINY)

    def max(self, axis: int, *, keepdims: bool = False) -> Enclosure:
        """Return the largest along an axis."""
        upper = (self.middle + self.radius).max(axis=axis, keepdims=keepdims)
        lower = (self.middle - self.radius).max(axis=axis, keepdims=keepdims)
        return _between(lower, upper)

    def __array__(self, *_: object, **__: object) -> Array:
        raise TypeError("an Enclosure does not become an array unasked; take its middle.")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if ufunc not in _UFUNCS or method != "__call__" or kwargs:
            return NotImplemented
        with np.errstate(all="ignore"):
            return _UFUNCS[ufunc](*map(_lifted, inputs))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        known = all(issubclass(t, (Enclosure, np.ndarray)) for t in types)
        return _FUNCTIONS[func](*args, **kwargs) if func in _FUNCTIONS and known else NotImplemented


class Enclosures:
    """The arithmetic of enclosures, as exact_step.py asks for it."""

    name = "intervals of float64"
    unit_roundoff = 0.0
    is_cheap = True

    def lift(self, a: Array) -> Any:
        return Enclosure.of(a)

    def exp(self, a: Any) -> Any:
        """Return e^a, from the pairs of floats in which it is right to 2^-90: no library's."""
        middle, error = _through_pairs(functions.exp, a.middle)
        # |e^(m + r) - e^m| <= e^m r e^r
        with np.errstate(all="ignore"):
            # e^r <= 1 + 2r up to r = 1; wider intervals are of no use here.
            stretch = np.where(a.radius <= 1, 1 + 2 * a.radius, np.inf)
            radius = (middle + error + TINY) * a.radius * stretch * GROWN + error
        return Enclosure(middle, radius * GROWN + TINY)

    def tanh(self, a: Any) -> Any:
        """Return tanh a, likewise; its slope is 1 at most."""
        middle, error = _through_pairs(functions.tanh, a.middle)
        return Enclosure(middle, (a.radius + error) * GROWN + TINY)

    def log1p(self, _: Any) -> Any:
        raise TypeError("no gradient takes a logarithm; there is none of an Enclosure.")

    def positive(self, a: Any) -> Any:
        """Return max(0, a)."""
        lower, upper = a.middle - a.radius, a.middle + a.radius
        return _between(np.maximum(lower, 0), np.maximum(upper, 0))

    def sqrt(self, _: Any) -> Any:
        raise TypeError("no step of gradient descent takes a root; there is none of an Enclosure.")

    def by_sign(self, z: Any, upper: Any, lower: Any) -> Any:
        """Return upper where z >= 0, lower where it is less; where it may be either, their hull."""
        upper, lower = _lifted(upper), _lifted(lower)
        above = z.middle >= 0
        middle = np.where(above, upper.middle, lower.middle)
        radius = np.where(above, upper.radius, lower.radius)
        # Written so that NaN is unsure; a zero that is exact is not.
        unsure = ~(abs(z.middle) > z.radius) & ~((z.middle == 0) & (z.radius == 0))
        if unsure.any():
            bottom = np.minimum(upper.middle - upper.radius, lower.middle - lower.radius)
            top = np.maximum(upper.middle + upper.radius, lower.middle + lower.radius)
            hull = _between(bottom, top)
            middle = np.where(unsure, hull.middle, middle)
            radius = np.where(unsure, hull.radius, radius)
        return Enclosure(middle, radius)

    def matmul(self, a: Any, b: Any, _: Array) -> Any:
        """Return the product over the last two axes: a sum of few products, taken one by one."""
        a, b = _lifted(a), _lifted(b)
        return _product(a, b)

    product = matmul

    def lower(self, a: Any) -> Array:
        middle: Array = a.middle
        return middle

    def distance(self, value: Array, exact: Any) -> Array:
        return np.asarray(abs(value - exact.middle) + exact.radius)

    def radius(self, exact: Any) -> Array | float:
        radius: Array = exact.radius
        return radius


def _through_pairs(
    function: Callable[[DoubleDouble], DoubleDouble], a: Array
) -> tuple[Array, Array]:
    """Return a function of floats, rounded, and by how much it may be off."""
    value = function(DoubleDouble.of(a)).high
    return value, U * (1 + 2.0**-20) * abs(value)


def _lifted(a: Any) -> Enclosure:
    return a if isinstance(a, Enclosure) else Enclosure.of(a)


def _between(lower: Array, upper: Array) -> Enclosure:
    middle = 0.5 * lower + 0.5 * upper
    radius = np.maximum(upper - middle, middle - lower)
    return Enclosure(middle, radius * GROWN + 4 * U * abs(middle) + TINY)


def _add(a: Enclosure, b: Enclosure) -> Enclosure:
    middle = a.middle + b.middle
    radius = a.radius + b.radius
    radius = radius + U * abs(middle)
    return Enclosure(middle, radius * GROWN)


def _subtract(a: Enclosure, b: Enclosure) -> Enclosure:
    middle = a.middle - b.middle
    radius = a.radius + b.radius
    radius = radius + U * abs(middle)
    return Enclosure(middle, radius * GROWN)


def _multiply(a: Enclosure, b: Enclosure) -> Enclosure:
    middle = a.middle * b.middle
    radius = abs(a.middle) * b.radius + a.radius * (abs(b.middle) + b.radius)
    radius = radius + U * abs(middle)
    return Enclosure(middle, radius * GROWN + TINY)


def _divide(a: Enclosure, b: Enclosure) -> Enclosure:
    """Return a / b; where b may be zero, anything."""
    middle = a.middle / b.middle
    size = abs(b.middle) - b.radius * GROWN
    radius = (a.radius + (abs(middle) + TINY) * b.radius) / size + 2 * U * abs(middle)
    return Enclosure(middle, np.where(size > 0, radius * GROWN + TINY, np.inf))


def _product(a: Enclosure, b: Enclosure) -> Enclosure:
    """Return a @ b, term by term: the leading axes are long, the sums short."""
    n = b.shape[-2]
    middle: Any = 0.0
    radius: Any = 0.0
    for j in range(n):
        am, bm = a.middle[..., :, j, None], b.middle[..., None, j, :]
        ar, br = a.radius[..., :, j, None], b.radius[..., None, j, :]
        term = am * bm
        middle = middle + term
        size = abs(am)
        radius = radius + (size * br + ar * (abs(bm) + br)) + (n + 1) * U * abs(term)
    return Enclosure(middle, radius * (GROWN + 2 * n * U) + n * TINY)


def _negative(a: Enclosure) -> Enclosure:
    return Enclosure(-a.middle, a.radius)


def _absolute(a: Enclosure) -> Enclosure:
    lower = np.maximum(abs(a.middle) - a.radius, 0)
    wholly = lower > 0
    hull = _between(lower, abs(a.middle) + a.radius)
    return Enclosure(
        np.where(wholly, abs(a.middle), hull.middle), np.where(wholly, a.radius, hull.radius)
    )


def _where(condition: Array, a: Any, b: Any) -> Enclosure:
    a, b = _lifted(a), _lifted(b)
    return Enclosure(
        np.where(condition, a.middle, b.middle), np.where(condition, a.radius, b.radius)
    )


def _cumsum(a: Enclosure, axis: int, *, out: Enclosure | None = None) -> Enclosure:
    terms = a.shape[axis]
    middle = np.cumsum(a.middle, axis=axis)
    radius = np.cumsum(a.radius, axis=axis) + terms * U * np.cumsum(abs(a.middle), axis=axis)
    found = Enclosure(middle, radius * (GROWN + terms * U) + terms * TINY)
    if out is None:
        return found
    out[...] = found
    return out


def _in_both(function: Callable[..., Array], a: Enclosure, *args: Any, **kw: Any) -> Enclosure:
    return Enclosure(function(a.middle, *args, **kw), function(a.radius, *args, **kw))


_UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.divide: _divide,
    np.negative: _negative,
    np.absolute: _absolute,
}

_FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.swapaxes: partial(_in_both, np.swapaxes),
    np.zeros_like: partial(_in_both, np.zeros_like),
    np.where: _where,
    np.cumsum: _cumsum,
    np.sum: Enclosure.sum,
    np.max: Enclosure.max,
}
"""What else NumPy is asked for with enclosures; arguments that do not stand here are refused."""
