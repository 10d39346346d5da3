"""The shapes that sums of many terms have: chains, several of them side by side, halves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce

from shared.explain.trees import Fused, Term, Tree, joined_by_fusing, plus


def chain(indices: Sequence[int], fuses: bool, start: Tree | None = None) -> Tree:
    """Return the sum that begins with `start`, or with the first term, and takes in the others."""
    tree = start
    for i in indices:
        longer = tree and (Fused(i, tree) if fuses else plus(tree, Term(i)))
        tree = longer or Term(i)
    assert tree is not None, "there is something to add"
    return tree


def added(sums: Sequence[Tree | None]) -> Tree:
    """Return the sum of trees, one after the other."""
    return _total([reduce(_both, sums)])


def neighbours(sums: Sequence[Tree | None]) -> Tree:
    """Return (s1 + s2) + (s3 + s4), and so on."""
    while len(sums) > 1:
        sums = list(map(_both, sums[::2], sums[1::2]))
    return _total(sums)


def folded(sums: Sequence[Tree | None]) -> Tree:
    """Return (s1 + s3) + (s2 + s4): a vector's upper half on its lower one."""
    while len(sums) > 1:
        half = len(sums) // 2
        sums = list(map(_both, sums[:half], sums[half:]))
    return _total(sums)


def joined(
    indices: Sequence[int], lanes: int, fuses: bool, start: Tree | None
) -> Iterator[tuple[str, Tree]]:
    """Yield the ways to add up sums of every k-th term, in words and as trees."""
    sums = spread(indices, lanes, fuses, start)
    yield "in turn", added(sums)
    if lanes > 2:
        yield "neighbours first", neighbours(sums)
        yield "half on half", folded(sums)


def spread(
    indices: Sequence[int], lanes: int, fuses: bool, start: Tree | None
) -> list[Tree | None]:
    """Return the sums of every k-th term, the first begun with `start`; None where no term is."""
    parts = [(indices[lane::lanes], None if lane else start) for lane in range(lanes)]
    return [chain(part, fuses, one) if part or one else None for part, one in parts]


def halved(indices: Sequence[int], longer: int, side: int | None) -> Tree:
    """Return the sum of two halves, each halved again; of two terms one may be fused.

    `longer` is 1 if the first half is the longer one; `side` is 0 if the first of a pair is
    fused, and -1 if the second is.
    """
    if len(indices) == 1:
        return Term(indices[0])
    middle = (len(indices) + longer) // 2
    left, right = (halved(part, longer, side) for part in (indices[:middle], indices[middle:]))
    fusing = list(joined_by_fusing(left, right))
    return plus(left, right) if side is None or not fusing else fusing[side]


def _both(left: Tree | None, right: Tree | None) -> Tree | None:
    """Return the sum of two trees, of which one may be none."""
    if left is None or right is None:
        return left or right
    return plus(left, right)


def _total(sums: Sequence[Tree | None]) -> Tree:
    (total,) = sums
    assert total is not None, "there is something to add"
    return total
