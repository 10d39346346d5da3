"""Every float that a formula may become: any order of sums, any association, fused or not, flushed.

A formula is a tree of sums and products over recorded numbers. What a program makes of it depends
on choices that nobody promised; here they are all made, one after the other, and a recorded value
that none of them gives is no rounding of the formula. Update rules are decided so, bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any, Protocol

import numpy as np

from shared.certificate.fused import fused
from shared.certificate.rounding import Rounding
from shared.certificate.update_audit import nearest


@dataclass(frozen=True, slots=True)
class Sum:
    """Terms to be added in any order; a term is a number, a Product or another Sum."""

    terms: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """Factors to be multiplied in any order."""

    factors: tuple[Any, ...]


class Floats(Protocol):
    """How numbers are rounded: arrays of a dtype, or single ones, exactly.

    Every result may be several: where it is subnormal, itself and the zero it may be flushed to.
    """

    def multiplied(self, a: Any, b: Any) -> Iterator[Any]:
        """Yield what a b may round to."""

    def added(self, a: Any, b: Any) -> Iterator[Any]:
        """Yield what a + b may round to."""

    def fused(self, a: Any, b: Any, c: Any) -> Iterator[Any]:
        """Yield what a b + c may round to, rounded once."""

    def read(self, a: Any) -> Iterator[Any]:
        """Yield what a recorded number may be read as."""


def total(*terms: Any) -> Sum:
    return Sum(terms)


def times(*factors: Any) -> Product:
    return Product(factors)


def ways(floats: Floats, formula: Any) -> Iterator[Any]:
    """Yield the values that a formula may have, those without fusing first where that is simple."""
    if isinstance(formula, (Sum, Product)) and len(parts := _parts(formula)) == 1:
        yield from ways(floats, parts[0])
    elif isinstance(formula, Sum):
        for some, others in _halves(formula.terms):
            left, right = _part(Sum, some), _part(Sum, others)
            for a in ways(floats, left):
                for b in ways(floats, right):
                    yield from floats.added(a, b)
            for product, other in ((left, right), (right, left)):
                if isinstance(product, Product):
                    for factors in _factors(floats, product):
                        for c in ways(floats, other):
                            yield from floats.fused(*factors, c)
    elif isinstance(formula, Product):
        for a, b in _factors(floats, formula):
            yield from floats.multiplied(a, b)
    else:
        yield from floats.read(formula)


def _parts(formula: Sum | Product) -> tuple[Any, ...]:
    return formula.terms if isinstance(formula, Sum) else formula.factors


def exact(formula: Any) -> Any:
    """Return what a formula over numbers of any arithmetic gives in it."""
    if isinstance(formula, Sum):
        first, *others = map(exact, formula.terms)
        return sum(others, first)
    if isinstance(formula, Product):
        result = exact(formula.factors[0])
        for factor in formula.factors[1:]:
            result = result * exact(factor)
        return result
    return formula


def magnitude(formula: Any) -> Any:
    """Return what a formula gives with every number in it made positive."""
    if isinstance(formula, Sum):
        return exact(Sum(tuple(map(magnitude, formula.terms))))
    if isinstance(formula, Product):
        return exact(Product(tuple(map(magnitude, formula.factors))))
    return abs(formula)


def _factors(floats: Floats, product: Product) -> Iterator[tuple[Any, Any]]:
    """Yield the pairs whose product is the whole one's last multiplication."""
    for some, others in _halves(product.factors):
        for a in ways(floats, _part(Product, some)):
            for b in ways(floats, _part(Product, others)):
                yield a, b


def _part(kind: type[Sum] | type[Product], parts: Sequence[Any]) -> Any:
    return parts[0] if len(parts) == 1 else kind(tuple(parts))


def _halves(parts: Sequence[Any]) -> Iterator[tuple[list[Any], list[Any]]]:
    """Yield every division in two, each once; first the last part against those before it.

    A part that stands twice is one in both places: g (g c) is g (c g).
    """
    indices, seen = range(len(parts)), set()
    for size in range(1, len(parts)):
        for chosen in combinations(reversed(indices), size):
            if 0 in chosen:
                continue
            others = [parts[i] for i in indices if i not in chosen]
            some = [parts[i] for i in indices if i in chosen]
            key = tuple(tuple(sorted(map(id, half))) for half in (others, some))
            if key not in seen:
                seen.add(key)
                yield others, some


class ArrayFloats:
    """Arrays of one dtype, rounded by NumPy; all of one shape, or single numbers of the dtype.

    flushing
        Whether subnormals may be flushed: where none is, that is the same, and takes longer.
    """

    def __init__(self, rounding: Rounding, flushing: bool = True) -> None:
        self._omega, self._dtype, self._flushing = rounding.omega, rounding.dtype, flushing

    def multiplied(self, a: Any, b: Any) -> Iterator[Any]:
        return self.read(a * b)

    def added(self, a: Any, b: Any) -> Iterator[Any]:
        return self.read(a + b)

    def fused(self, a: Any, b: Any, c: Any) -> Iterator[Any]:
        return self.read(fused(a, b, c, self._dtype))

    def read(self, a: Any) -> Iterator[Any]:
        yield a
        if not self._flushing:
            return
        # What was a little less before it was rounded to the smallest normal number counts too.
        tiny = (abs(a) <= self._omega) & (a != 0)
        if np.any(tiny):
            yield np.where(tiny, a * 0, a)


class SingleFloats:
    """One number at a time, in fractions: what audits the arrays."""

    def __init__(self, rounding: Rounding) -> None:
        self._omega, self._dtype = rounding.omega, rounding.dtype

    def multiplied(self, a: Any, b: Any) -> Iterator[Any]:
        return self._rounded(a, b, 0.0)

    def added(self, a: Any, b: Any) -> Iterator[Any]:
        return self._rounded(a, 1.0, b)

    def fused(self, a: Any, b: Any, c: Any) -> Iterator[Any]:
        return self._rounded(a, b, c)

    def read(self, a: Any) -> Iterator[Any]:
        yield float(a)
        if 0 < abs(a) <= self._omega:
            yield 0.0

    def _rounded(self, a: float, b: float, c: float) -> Iterator[float]:
        if np.isfinite((a, b, c)).all():
            return self.read(nearest(Fraction(a) * Fraction(b) + Fraction(c), self._dtype))
        return self.read(float(np.float64(a) * np.float64(b) + np.float64(c)))
