"""Numbers of about 104 bits in pairs of floats, for machines whose longdouble is no wider.

A number is the unevaluated sum of two float64, high + low, where high is the sum rounded. The
exact step in exact.py is written for any arrays, and these are arrays that it takes. What NumPy is
asked for beyond the two tables at the end raises TypeError, so that no digits are lost unnoticed.
But as in float64 itself nothing is kept below 2^-1074: a number below 2^-970 has fewer bits.

>>> third = 1 / DoubleDouble.of(3.0)
>>> float(third.high), float(third.low)
(0.3333333333333333, 1.850371707708594e-17)

Source: T. J. Dekker, A floating-point technique for extending the available precision, Numerische
Mathematik 18 (1971), 224-242; D. E. Knuth, The Art of Computer Programming 2, section 4.2.2;
Y. Hida, X. S. Li and D. H. Bailey, Algorithms for quad-double precision floating point arithmetic,
ARITH-15 (2001), 155-162.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.lib.mixins import NDArrayOperatorsMixin

from shared.backend import Array

_LEADING = np.int64(-(2**27))
"""All bits of a float but its last 27. A product of two leading parts is exact then."""


@dataclass(frozen=True, slots=True, eq=False)
class DoubleDouble(NDArrayOperatorsMixin):
    """An array of numbers high + low, |low| at most half a unit in the last place of high.

    Everything here relies on that; `DoubleDouble(*two_sum(a, b))` is such a number for any floats.

    Shapes: high and low alike. Infinity and NaN are float64's, in high; low is 0 there.
    """

    high: Array
    low: Array

    @classmethod
    def of(cls, a: object) -> DoubleDouble:
        """Return a copy of floats, or of whole numbers up to 2^53, as they are.

        Raises
        ------
        TypeError
            a holds other numbers.
        """
        return _in_both(np.copy, _lifted(a))

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.high.shape
        return shape

    @property
    def ndim(self) -> int:
        return self.high.ndim

    @property
    def size(self) -> int:
        return self.high.size

    def __len__(self) -> int:
        return len(self.high)

    def __getitem__(self, index: Any) -> DoubleDouble:
        return DoubleDouble(self.high[index], self.low[index])

    def __setitem__(self, index: Any, value: object) -> None:
        lifted = _lifted(value)
        self.high[index], self.low[index] = lifted.high, lifted.low

    def __bool__(self) -> bool:
        raise TypeError("a DoubleDouble is not true or false; compare it with a number.")

    def reshape(self, *shape: Any) -> DoubleDouble:
        """Return the same numbers in another shape."""
        return DoubleDouble(self.high.reshape(*shape), self.low.reshape(*shape))

    def astype(self, dtype: object, copy: bool = True) -> Array:  # noqa: ARG002 (never a view)
        """Round to float64.

        Raises
        ------
        TypeError
            Another type is wanted.
        """
        if dtype is not np.float64:
            raise TypeError(f"a DoubleDouble rounds to np.float64, not to {dtype!r}.")
        rounded: Array = self.high + self.low
        return rounded

    def sum(
        self, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False
    ) -> DoubleDouble:
        """Add by halves: few operations on long arrays, and few roundings of each term."""
        axes = normalize_axis_tuple(range(self.ndim) if axis is None else axis, self.ndim)
        rows = self._rows(axes)
        while len(rows) > 1:
            half = len(rows) // 2
            pairs, odd = rows[:half] + rows[half : 2 * half], rows[2 * half :]
            rows = _concatenate([pairs, odd]) if len(odd) else pairs
        kept = [1 if i in axes else n for i, n in enumerate(self.shape)]
        rest = kept if keepdims else [n for i, n in enumerate(self.shape) if i not in axes]
        return rows.reshape(rest) if len(rows) else DoubleDouble.of(np.zeros(rest))

    def _rows(self, axes: Sequence[int]) -> DoubleDouble:
        """Return a copy with everything that is to be added along one leading axis."""
        count = math.prod(self.shape[i] for i in axes)
        rest = [n for i, n in enumerate(self.shape) if i not in axes]
        parts = (np.moveaxis(v, axes, range(len(axes))) for v in (self.high, self.low))
        return DoubleDouble(*(np.array(v).reshape(count, *rest) for v in parts))

    def max(
        self, axis: int | tuple[int, ...] | None = None, *, keepdims: bool = False
    ) -> DoubleDouble:
        """Return the largest: of those with the largest high, the one with the largest low."""
        top = self.high.max(axis=axis, keepdims=True)
        low = np.where(self.high == top, self.low, -np.inf).max(axis=axis, keepdims=keepdims)
        high = self.high.max(axis=axis, keepdims=keepdims)
        return DoubleDouble(high, np.where(np.isnan(high), 0.0, low))

    def argmax(self, axis: int | None = None) -> Array:
        """Return where the first of the largest is, or the first NaN."""
        largest = (self == self.max(axis=axis, keepdims=True)) | np.isnan(self.high)
        return np.asarray(largest.argmax(axis=axis))

    def __array__(self, *_: object, **__: object) -> Array:
        # Without this NumPy would take it for a sequence, and make an array of objects.
        raise TypeError("a DoubleDouble does not become an array unasked; use astype(np.float64).")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        operands = [_operand(v) for v in inputs]
        known = ufunc in _UFUNCS and method == "__call__" and not kwargs
        if not known or any(v is None for v in operands):
            return NotImplemented
        with np.errstate(all="ignore"):
            return _UFUNCS[ufunc](*operands)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        known = all(issubclass(t, (DoubleDouble, np.ndarray)) for t in types)
        return _FUNCTIONS[func](*args, **kwargs) if func in _FUNCTIONS and known else NotImplemented


@dataclass(frozen=True, slots=True, eq=False)
class _Floats:
    """An operand without a low part, which spares half of the work."""

    high: Array


_Operand: TypeAlias = DoubleDouble | _Floats


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """Return a + b in float64 and what its rounding lost, exactly.

    Source: Knuth, theorem B of section 4.2.2.
    """
    total = a + b
    of_b = total - a
    error = b - of_b
    error += a - (total - of_b)
    return total, error


def two_product(a: Array, b: Array) -> tuple[Array, Array]:
    """Return a b in float64 and what its rounding lost, to 2^-104 of the product.

    Bits are cut off, not rounded off as in Dekker's own splitting: no part is larger than the
    number, so none overflows where the product does not. The price is one bit of the last product.

    Source: Dekker, section 5.
    """
    product = a * b
    a_lead, b_lead = _leading(a), _leading(b)
    a_rest, b_rest = a - a_lead, b - b_lead
    error = a_lead * b_lead
    error -= product
    error += a_lead * b_rest
    error += a_rest * b_lead
    error += a_rest * b_rest
    return product, error


def _leading(a: Array) -> Array:
    leading: Array = (np.asarray(a).view(np.int64) & _LEADING).view(np.float64)
    return leading


def _operand(a: object) -> _Operand | None:
    """Return what float64 holds without rounding; None if it does not hold a."""
    if isinstance(a, DoubleDouble):
        return a
    array = np.asarray(a)
    match array.dtype.kind:
        case "b":
            fits = True
        case "i" | "u":
            fits = array.min(initial=0) >= -(2**53) and array.max(initial=0) <= 2**53
        case "f":
            fits = np.finfo(array.dtype).nmant <= np.finfo(np.float64).nmant
        case _:
            fits = False
    return _Floats(array.astype(np.float64, copy=False)) if fits else None


def _lifted(a: object) -> DoubleDouble:
    operand = _operand(a)
    if operand is None:
        raise TypeError(f"expected numbers that float64 holds without rounding, got {a!r}.")
    return _in_pairs(operand)


def _in_pairs(a: _Operand) -> DoubleDouble:
    return a if isinstance(a, DoubleDouble) else DoubleDouble(a.high, np.zeros_like(a.high))


def _joined(high: Array, low: Array, plain: Array) -> DoubleDouble:
    """Return high + low, |high| >= |low|, as one number; where it is not finite, plain stands.

    plain is what float64 alone would give. Errors of operations on infinities are NaN.
    """
    total = high + low
    error = low - (total - high)
    finite = np.isfinite(error)
    if not finite.all():
        total, error = np.where(finite, total, plain), np.where(finite, error, 0.0)
    return DoubleDouble(total, error)


def _add(a: _Operand, b: _Operand) -> DoubleDouble:
    """Return a + b: accurate relative to the sum, however much cancels.

    Source: Hida, Li and Bailey, section 3.2, the addition that satisfies IEEE's error bound.
    """
    if isinstance(a, _Floats):
        a, b = b, a
    plain, error = two_sum(a.high, b.high)
    a_low = _in_pairs(a).low
    if isinstance(b, _Floats):
        return _joined(plain, error + a_low, plain)
    low, rest = two_sum(a_low, b.low)
    error += low
    high = plain + error
    return _joined(high, error - (high - plain) + rest, plain)


def _negative(a: _Operand) -> DoubleDouble:
    pair = _in_pairs(a)
    return DoubleDouble(-pair.high, -pair.low)


def _subtract(a: _Operand, b: _Operand) -> DoubleDouble:
    return _add(a, _Floats(-b.high) if isinstance(b, _Floats) else _negative(b))


def _multiply(a: _Operand, b: _Operand) -> DoubleDouble:
    if isinstance(a, _Floats):
        a, b = b, a
    plain, error = two_product(a.high, b.high)
    error += _in_pairs(a).low * b.high
    if isinstance(b, DoubleDouble):
        error += a.high * b.low
    return _joined(plain, error, plain)


def _divide(a: _Operand, b: _Operand) -> DoubleDouble:
    """Return a / b by long division: three quotients, each of what the last one left."""
    rest, divisor = _in_pairs(a), _in_pairs(b)
    plain = rest.high / divisor.high
    rest = _subtract(rest, _multiply(divisor, _Floats(plain)))
    second = rest.high / divisor.high
    rest = _subtract(rest, _multiply(divisor, _Floats(second)))
    high = plain + second
    return _joined(high, second - (high - plain) + rest.high / divisor.high, plain)


def _absolute(a: _Operand) -> DoubleDouble:
    return where(a.high < 0, _negative(a), _in_pairs(a))


def _maximum(a: _Operand, b: _Operand) -> DoubleDouble:
    a, b = _in_pairs(a), _in_pairs(b)
    return where((a > b) | np.isnan(a.high), a, b)


def _compared(relation: Callable[..., Array], a: _Operand, b: _Operand) -> Array:
    a, b = _in_pairs(a), _in_pairs(b)
    return np.where(a.high == b.high, relation(a.low, b.low), relation(a.high, b.high))


def where(condition: Array, a: object, b: object) -> DoubleDouble:
    """Return a where the condition holds, else b."""
    a, b = _lifted(a), _lifted(b)
    return DoubleDouble(np.where(condition, a.high, b.high), np.where(condition, a.low, b.low))


def _in_both(
    function: Callable[..., Array], a: DoubleDouble, *args: Any, **kw: Any
) -> DoubleDouble:
    return DoubleDouble(function(a.high, *args, **kw), function(a.low, *args, **kw))


def _zeros_like(a: DoubleDouble) -> DoubleDouble:
    return DoubleDouble(np.zeros_like(a.high), np.zeros_like(a.low))


def _concatenate(arrays: Sequence[object], axis: int = 0) -> DoubleDouble:
    pairs = [_lifted(a) for a in arrays]
    parts = ([a.high for a in pairs], [a.low for a in pairs])
    return DoubleDouble(*(np.concatenate(part, axis=axis) for part in parts))


def _cumsum(a: object, axis: int, *, out: DoubleDouble | None = None) -> DoubleDouble:
    """Add to each number the one before it, then the two before that, the four: few operations."""
    sums = _in_both(np.swapaxes, DoubleDouble.of(a), axis, -1)
    before = 1
    while before < sums.shape[-1]:
        sums[..., before:] = sums[..., before:] + sums[..., :-before]
        before *= 2
    sums = _in_both(np.swapaxes, sums, axis, -1)
    if out is None:
        return sums
    out[...] = sums
    return out


_RELATIONS = (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal)

_UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.divide: _divide,
    np.negative: _negative,
    np.absolute: _absolute,
    np.maximum: _maximum,
    **{relation: partial(_compared, relation) for relation in _RELATIONS},
}
"""The ufuncs of these numbers, of operands in float64 or in pairs."""

_FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.where: where,
    np.cumsum: _cumsum,
    np.concatenate: _concatenate,
    np.zeros_like: _zeros_like,
    **{f: partial(_in_both, f) for f in (np.swapaxes, np.broadcast_to, np.copy)},
    np.sum: DoubleDouble.sum,
    np.max: DoubleDouble.max,
    np.argmax: DoubleDouble.argmax,
}
"""NumPy's other functions for these numbers; arguments that do not stand here are refused."""
