"""Every float that a sum of products may become, by brute force: any two of its parts at a time.

A bag of terms is reduced two by two in every order, where shared.certificate.ways halves it; every
result is rounded from its exact value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any, TypeAlias

import numpy as np

from shared.certificate.ways import Product, Sum
from tests.exact_rounding import rounded

Bag: TypeAlias = tuple[Any, ...]
"""Terms or factors; those that have been computed are floats."""


@dataclass(frozen=True)
class EveryRounding:
    """In one dtype. What is not above the smallest normal number may be taken for zero."""

    dtype: str

    def values(self, formula: Any) -> set[float]:
        """Return what a formula of finite numbers may be; none of it may overflow."""
        if isinstance(formula, Sum):
            return self._sums(formula.terms)
        if isinstance(formula, Product):
            return {v for a, b in self._last_factors(formula) for v in self._rounded(a, b, 0.0)}
        return self._flushed(float(formula))

    def _sums(self, bag: Bag) -> set[float]:
        if len(bag) == 1:
            return self.values(bag[0])
        return {
            value
            for one, other, rest in _pairs(bag)
            for total in self._added(one, other)
            for value in (self._sums((*rest, total)) if rest else {total})
        }

    def _added(self, one: Any, other: Any) -> set[float]:
        found = {
            v for a in self.values(one) for b in self.values(other) for v in self._rounded(1, a, b)
        }
        for product, term in ((one, other), (other, one)):
            if isinstance(product, Product):
                for a, b in self._last_factors(product):
                    found |= {v for c in self.values(term) for v in self._rounded(a, b, c)}
        return found

    def _last_factors(self, product: Product) -> set[tuple[float, float]]:
        """Return the pairs that the last multiplication may have to do with."""

        def reduced(bag: Bag) -> Iterator[tuple[float, float]]:
            if len(bag) == 2:
                yield from ((a, b) for a in self.values(bag[0]) for b in self.values(bag[1]))
                return
            for one, other, rest in _pairs(bag):
                for a in self.values(one):
                    for b in self.values(other):
                        for value in self._rounded(a, b, 0.0):
                            yield from reduced((*rest, value))

        return set(reduced(product.factors))

    def _rounded(self, a: float, b: float, c: float) -> set[float]:
        """Return a b + c rounded once, or that flushed."""
        return self._flushed(rounded(Fraction(a) * Fraction(b) + Fraction(c), self.dtype))

    def _flushed(self, value: float) -> set[float]:
        smallest = float(np.finfo(self.dtype).smallest_normal)
        return {value, 0.0} if abs(value) <= smallest else {value}


def _pairs(bag: Bag) -> Iterator[tuple[Any, Any, Bag]]:
    """Yield any two of a bag, and the rest."""
    for i, j in combinations(range(len(bag)), 2):
        yield bag[i], bag[j], tuple(v for k, v in enumerate(bag) if k not in (i, j))
