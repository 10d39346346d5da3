"""The orders in which programs add up, with their names: one term after the other, in several
sums at a time, in halves; products rounded, or fused into their sum.

Up to four numbers are added in every order there is; of more, these are the ones that loops,
vectors of a processor and libraries lead to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import permutations

from shared.explain.sum_shapes import added, chain, folded, halved, joined, spread
from shared.explain.trees import (
    Bias,
    InDouble,
    Term,
    Tree,
    begun_with_zero,
    every_tree,
    plus,
    relabelled,
)

LONGEST = 64
"""Sums of more terms are not made again."""

EVERY = 4
"""Up to so many numbers, a bias among them, are added in every order."""

LANES = (2, 4, 8, 16)
"""How many sums a loop may carry at a time."""

MIXED = "in an order that has no name"
THEN = ", then the bias"
BEGUN = ", begun with the bias"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to add up, and its name."""

    name: str
    tree: Tree


@cache
def ways_to_add(
    n: int, are_products: bool, has_bias: bool = False, are_single: bool = False
) -> tuple[Way, ...]:
    """Return the ways to add n terms and a bias, those that are simple first; each once.

    `are_single` says that they are float32, which float64 can carry on the way.
    """
    names: dict[Tree, str] = {}
    for way in _named(n, are_products, has_bias):
        names.setdefault(way.tree, way.name)
    if are_single and n > 2:
        what = "products rounded, then added" if are_products else "added"
        wide = InDouble(chain(range(n), False))
        name = f"{what} in float64, from the first to the last{THEN if has_bias else ''}"
        names.setdefault(plus(wide, Bias()) if has_bias else wide, name)
    leaves: list[Tree] = [Term(i) for i in range(n)]
    if n <= EVERY and has_bias:
        for tree in every_tree(leaves, are_products):
            names.setdefault(plus(tree, Bias()), f"{MIXED}{THEN}")
    if n + has_bias <= EVERY:
        for tree in every_tree(leaves + [Bias()] * has_bias, are_products):
            names.setdefault(tree, MIXED)
    return _with_zeros(names)


@cache
def ways_to_add_grid(rows: int, columns: int) -> tuple[Way, ...]:
    """Return the ways to add a grid's numbers, which are counted row by row."""
    n = rows * columns
    down = [column + row * columns for column in range(columns) for row in range(rows)]
    names: dict[Tree, str] = {}
    for size, order, line in ((columns, range(n), "row"), (rows, down, "column")):
        lines = [chain(order[i : i + size], False) for i in range(0, n, size)]
        names.setdefault(added(lines), f"each {line} by itself, then the {line}s")
    for way in _named(n, False, False):
        names.setdefault(way.tree, f"{way.name}, row by row")
    for way in _named(n, False, False):
        names.setdefault(relabelled(way.tree, down), f"{way.name}, column by column")
    return _with_zeros(names)


def _with_zeros(names: dict[Tree, str]) -> tuple[Way, ...]:
    """Return the ways, and each with a 0 that its sum begins with."""
    ways = [Way(name, tree) for tree, name in names.items()]
    return (*ways, *(Way(_zero_told(way.name), begun_with_zero(way.tree)) for way in ways))


def _zero_told(name: str) -> str:
    if name.endswith(BEGUN):
        return f"{name.removesuffix(BEGUN)}, begun with 0 and the bias"
    end = THEN if name.endswith(THEN) else ""
    return f"{name.removesuffix(THEN)}, begun with 0{end}"


def _named(n: int, are_products: bool, has_bias: bool) -> Iterator[Way]:
    """Yield what has a name: sums, then the bias; and sums that are begun with it."""
    styles = {False: "products rounded, then added" if n > 1 else "the product rounded"}
    if not are_products:
        styles = {False: "added" if n > 1 else "rounded once"}
    elif n > 1 or has_bias:
        styles[True] = "products fused into the sum" if n > 1 else "the product fused"
    elif not has_bias:
        styles = {False: "rounded once"}
    for fuses, style in styles.items():
        for way in _sums(n, fuses, None):
            tree = plus(way.tree, Bias()) if has_bias else way.tree
            yield Way(f"{style}{way.name}{THEN if has_bias else ''}", tree)
    for fuses, style in styles.items() if has_bias else ():
        for way in _sums(n, fuses, Bias()):
            yield Way(f"{style}{way.name}{BEGUN}", way.tree)


def _sums(n: int, fuses: bool, start: Tree | None) -> Iterator[Way]:
    yield from _one_by_one(n, fuses, start)
    for lanes in LANES:
        if n > 2 and lanes < 2 * n:
            yield from _interleaved(n, lanes, fuses, start)
    if start is None and n > 2:
        yield from _first_apart(n, fuses)
        yield from _in_blocks(n, fuses)
        yield from _in_halves(n, fuses)


def _one_by_one(n: int, fuses: bool, start: Tree | None) -> Iterator[Way]:
    """Yield chains: from either end, and, if they are short, in every order."""
    forward = tuple(range(n))
    if n == 1:
        yield Way("", chain(forward, fuses, start))
        return
    yield Way(", from the first to the last", chain(forward, fuses, start))
    yield Way(", from the last to the first", chain(forward[::-1], fuses, start))
    for order in permutations(forward) if n <= EVERY else ():
        said = ", ".join(str(i + 1) for i in order)
        yield Way(f", in the order {said}", chain(order, fuses, start))


def _interleaved(n: int, lanes: int, fuses: bool, start: Tree | None) -> Iterator[Way]:
    """Yield sums of every k-th term, added up; what fills no row of k comes last or goes along."""
    for join, total in joined(range(n), lanes, fuses, start):
        yield Way(f", in {lanes} sums by turns, those added {join}", total)
    rest = range(n - n % lanes, n)
    if len(rest) in (0, n):
        return
    for join, total in joined(range(rest[0]), lanes, fuses, start):
        name = f", in {lanes} sums by turns, those added {join}, the rest last"
        yield Way(name, chain(rest, fuses, total))
        if len(rest) > 1:
            yield Way(f"{name}, as a sum", plus(total, chain(rest, fuses)))
            yield Way(f"{name}, as a sum from its end", plus(total, chain(rest[::-1], fuses)))
    first, *others = spread(range(rest[0]), lanes, fuses, start)
    name = f", in {lanes} sums by turns, those added in turn, the rest in the first sum"
    yield Way(name, added([chain(rest, fuses, first), *others]))
    if first and len(rest) > 1:
        yield Way(f"{name}, as a sum", added([plus(first, chain(rest, fuses)), *others]))


def _first_apart(n: int, fuses: bool) -> Iterator[Way]:
    """Yield sums that go by turns from the second term on: a loop that walks up to where vectors
    may be read."""
    for lanes in LANES:
        if lanes < 2 * n:
            said = f", from the second on in {lanes} sums by turns, those added"
            for join, total in joined(range(1, n), lanes, fuses, Term(0)):
                yield Way(f"{said} {join}, the first in the first sum", total)
            for join, total in joined(range(1, n), lanes, fuses, None):
                yield Way(f"{said} {join}, and the first to them", plus(Term(0), total))


def _in_blocks(n: int, fuses: bool) -> Iterator[Way]:
    """Yield sums of k terms at a time, each folded, and added one after the other."""
    for size in LANES[1:]:
        if n > size:
            blocks = [range(begin, min(begin + size, n)) for begin in range(0, n, size)]
            sums = [folded(spread(block, size, fuses, None)) for block in blocks]
            yield Way(f", in blocks of {size}, each added half on half", added(sums))


def _in_halves(n: int, fuses: bool) -> Iterator[Way]:
    """Yield sums of two halves that are sums of two halves themselves."""
    for longer, said in ((0, ""), (1, ", the longer one first")) if n % 2 else ((0, ""),):
        if not fuses:
            yield Way(f", in halves{said}", halved(range(n), longer, None))
            continue
        for side, which in ((-1, "second"), (0, "first")):
            name = f", in halves{said}, the {which} of a pair fused"
            yield Way(name, halved(range(n), longer, side))
