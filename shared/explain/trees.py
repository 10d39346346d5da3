"""Trees of sums: which terms are added to which, and where a product is fused into its sum.

A tree says in full how a sum of numbers, or of products, is rounded, a bias added to it or not.
`sums` makes those that programs are known to use, and gives them names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from shared.backend import Array
from shared.certificate.fused import fused


@dataclass(frozen=True, slots=True)
class Term:
    """A number of the sum, or a product, rounded."""

    index: int


@dataclass(frozen=True, slots=True)
class Bias:
    """What is added to the whole sum."""


@dataclass(frozen=True, slots=True)
class Zero:
    """The 0 that a sum is begun with: a sum of negative zeros shows it."""


@dataclass(frozen=True, slots=True)
class Plus:
    """A sum, rounded; made by `plus`."""

    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Fused:
    """A product and the rest of a sum, rounded once."""

    index: int
    rest: Tree


@dataclass(frozen=True, slots=True)
class InDouble:
    """A sum of float32, their products rounded, that is carried in float64 and rounded at last."""

    terms: Tree


Tree: TypeAlias = Term | Bias | Zero | Plus | Fused | InDouble


@dataclass(frozen=True, slots=True)
class Terms:
    """What is summed over the last axis: a alone, or a times w; and what is added to the sum.

    Shapes: a and w (..., n) broadcast; bias broadcasts with (...).
    """

    a: Array
    w: Array | None = None
    bias: Array | None = None


def plus(left: Tree, right: Tree) -> Tree:
    """Return the sum of two trees with different leaves: the same one in either order."""
    return Plus(left, right) if _first(left) <= _first(right) else Plus(right, left)


def _first(tree: Tree) -> float:
    """Return a tree's lowest index. A bias stands behind all terms, a zero before them."""
    match tree:
        case Term(index):
            return index
        case Plus(left, right):
            return min(_first(left), _first(right))
        case Fused(index, rest):
            return min(index, _first(rest))
        case InDouble(terms):
            return _first(terms)
    return np.inf if isinstance(tree, Bias) else -1


def begun_with_zero(tree: Tree) -> Tree:
    """Return the tree with a 0 in its sum, which changes nothing but the sign of a zero."""
    match tree:
        case Plus(terms, Bias()):
            return plus(plus(Zero(), terms), Bias())
    return plus(Zero(), tree)


def every_tree(leaves: Sequence[Tree], are_products: bool) -> Iterator[Tree]:
    """Yield every tree of these leaves, each once, every product in it rounded or fused."""
    if len(leaves) == 1:
        yield leaves[0]
        return
    for some, others in _halves(leaves):
        for left in every_tree(some, are_products):
            for right in every_tree(others, are_products):
                yield plus(left, right)
                if are_products:
                    yield from joined_by_fusing(left, right)


def joined_by_fusing(left: Tree, right: Tree) -> Iterator[Tree]:
    """Yield the sums of two trees in which one of them, a product, is fused."""
    if isinstance(left, Term):
        yield Fused(left.index, right)
    if isinstance(right, Term):
        yield Fused(right.index, left)


def _halves(leaves: Sequence[Tree]) -> Iterator[tuple[list[Tree], list[Tree]]]:
    """Yield every division in two, each once: the first leaf is in the first part."""
    others = range(1, len(leaves))
    for chosen in range(2 ** len(others) - 1):
        taken = {0} | {i for i in others if chosen >> (i - 1) & 1}
        yield (
            [leaf for i, leaf in enumerate(leaves) if i in taken],
            [leaf for i, leaf in enumerate(leaves) if i not in taken],
        )


def relabelled(tree: Tree, order: Sequence[int]) -> Tree:
    """Return the tree with the term order[i] where term i stood."""
    match tree:
        case Term(index):
            return Term(order[index])
        case Plus(left, right):
            return plus(relabelled(left, order), relabelled(right, order))
        case Fused(index, rest):
            return Fused(order[index], relabelled(rest, order))
    return tree


def summed(tree: Tree, terms: Terms) -> Array:
    """Return what the tree makes of numbers.

    Shapes: (...) of the terms.
    """
    found: Array
    match tree:
        case Term(i):
            found = terms.a[..., i] if terms.w is None else terms.a[..., i] * terms.w[..., i]
        case Plus(left, right):
            found = summed(left, terms) + summed(right, terms)
        case Fused(i, rest):
            assert terms.w is not None
            dtype = terms.a.dtype.name
            found = fused(terms.a[..., i], terms.w[..., i], summed(rest, terms), dtype)
        case Bias():
            assert terms.bias is not None
            found = terms.bias
        case InDouble(within):
            numbers = terms.a if terms.w is None else terms.a * terms.w
            found = summed(within, Terms(numbers.astype(np.float64))).astype(terms.a.dtype)
        case Zero():
            found = np.zeros((), terms.a.dtype)
    return found


def additions(tree: Tree) -> object:
    """Return which sums a tree adds to which, whether or not their products are fused into them.

    A 0 that it is begun with adds nothing.
    """
    match tree:
        case Term(index):
            return index
        case Bias():
            return "bias"
        case Plus(Zero(), rest) | Plus(rest, Zero()):
            return additions(rest)
        case Plus(left, right):
            return frozenset({additions(left), additions(right)})
        case Fused(index, Zero()):
            return index
        case Fused(index, rest):
            return frozenset({index, additions(rest)})
        case InDouble(terms):
            return "float64", additions(terms)
    return None


def has_bias(tree: Tree) -> bool:
    """Whether a bias is added to the sum."""
    match tree:
        case Bias():
            return True
        case Plus(left, right):
            return has_bias(left) or has_bias(right)
        case Fused(_, rest):
            return has_bias(rest)
    return False


def written(tree: Tree, are_products: bool) -> str:
    """Return the tree as a formula of a1, w1, a2, ... and b, without the 0 it is begun with.

    Examples
    --------
    >>> written(plus(Bias(), Fused(0, Term(1))), True)
    'fma(a1, w1, a2·w2) + b'
    """
    match tree:
        case Term(i):
            return f"a{i + 1}·w{i + 1}" if are_products else f"a{i + 1}"
        case Plus(Zero(), rest):
            return written(rest, are_products)
        case Plus(left, right):
            return f"{_part(left, are_products)} + {_part(right, are_products)}"
        case Fused(i, rest):
            return f"fma(a{i + 1}, w{i + 1}, {written(rest, are_products)})"
        case InDouble(terms):
            return f"float64({written(terms, are_products)})"
    return "b"


def _part(tree: Tree, are_products: bool) -> str:
    match tree:
        case Plus(Zero(), rest):
            return _part(rest, are_products)
        case Plus():
            return f"({written(tree, are_products)})"
    return written(tree, are_products)
