"""The orders of matrix products, sums and means: which numbers are added, and in what ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from shared.backend import Array
from shared.explain.sums import LONGEST, Way, ways_to_add, ways_to_add_grid
from shared.explain.trees import Terms, Tree, summed, written

Compute: TypeAlias = Callable[[Sequence[Array]], Array]
"""Makes an operation from its inputs."""

SUMS = ("matmul", "affine", "sum", "mean")
"""What adds up, in the words of `Operation.does`."""

SHORT = 3
"""Sums of more terms are not written as formulas."""


@dataclass(frozen=True, slots=True)
class _Added:
    """What an operation adds up: how many terms, in what ways, and how they lie in its inputs."""

    count: int
    ways: tuple[Way, ...]
    are_products: bool
    terms: Callable[[Sequence[Array]], Terms]


def sum_orders(
    does: str, axes: Sequence[int], arrays: Sequence[Array], shape: tuple[int, ...]
) -> Iterator[tuple[str, str, Compute, Tree]]:
    """Yield name, formula, function and tree of each order of an operation that adds up.

    Shapes: arrays those of the operation's inputs, shape that of its output.
    """
    product = does in ("matmul", "affine")
    added = _products(axes, arrays) if product else _numbers(axes, arrays)
    if added is None:
        return
    for way in added.ways:
        formula = written(way.tree, added.are_products) if added.count <= SHORT else ""
        if does == "mean" and " + " in formula:
            formula = f"({formula})"
        for end, template, finish in _ends(added.count) if does == "mean" else _NO_END:
            yield (
                way.name + end,
                formula and template.format(formula),
                _computed(way, added, finish, arrays[0].ndim, shape),
                way.tree,
            )


def aligned(array: Array, own: int, wanted: int) -> Array:
    """Return the array with new axes before its last `own` ones, so that other axes may lead.

    Shapes: (*leading, *own) to (*leading, 1, ..., 1, *own), `wanted` axes behind those that lead.
    """
    cut = array.ndim - own
    return array.reshape(array.shape[:cut] + (1,) * (wanted - own) + array.shape[cut:])


def _computed(
    way: Way, added: _Added, finish: Callable[[Array], Array], rank: int, shape: tuple[int, ...]
) -> Compute:
    def compute(arrays: Sequence[Array]) -> Array:
        leading = arrays[0].shape[: arrays[0].ndim - rank]
        return finish(np.asarray(summed(way.tree, added.terms(arrays)))).reshape(leading + shape)

    return compute


def _same(total: Array) -> Array:
    return total


_NO_END = (("", "{}", _same),)


def _ends(count: int) -> Iterator[tuple[str, str, Callable[[Array], Array]]]:
    """Yield how a sum becomes a mean; by a power of 2 one way is the other."""
    if count == 1:
        yield "", "{}", _same
        return
    yield f", divided by {count}", f"{{}} / {count}", lambda s: s / s.dtype.type(count)
    if count & (count - 1):
        said = f", times 1/{count} rounded"
        yield said, f"{{}}·(1 / {count})", lambda s: s * (s.dtype.type(1) / s.dtype.type(count))


def _numbers(axes: Sequence[int], arrays: Sequence[Array]) -> _Added | None:
    """Return the numbers that a sum adds up, counted row by row."""
    array, summed_over = arrays[0], tuple(sorted(axes))
    sizes = [array.shape[axis] for axis in summed_over]
    count = int(np.prod(sizes))
    if len(arrays) > 1 or not 1 <= count <= LONGEST:
        return None
    is_grid = len(sizes) == 2 and min(sizes) > 1
    ways = (
        ways_to_add_grid(*sizes)
        if is_grid
        else ways_to_add(count, False, are_single=array.dtype == np.float32)
    )
    last = tuple(range(-len(sizes), 0))

    def terms(inputs: Sequence[Array]) -> Terms:
        moved = np.moveaxis(inputs[0], summed_over, last)
        return Terms(moved.reshape(*moved.shape[: moved.ndim - len(sizes)], count))

    return _Added(count, ways, False, terms)


def _products(axes: Sequence[int], arrays: Sequence[Array]) -> _Added | None:
    """Return the products that a matrix product adds up, and the bias it adds to them."""
    *biases, left, right = arrays
    if len(biases) > 1 or len(axes) != 2 or left.ndim < 2 or left.ndim != right.ndim:
        return None
    count = left.shape[axes[0]]
    if right.shape[axes[1]] != count or not 1 <= count <= LONGEST:
        return None

    def terms(inputs: Sequence[Array]) -> Terms:
        A, B = (np.moveaxis(m, axis, -1) for m, axis in zip(inputs[-2:], axes, strict=True))
        bias = aligned(inputs[0], biases[0].ndim, left.ndim) if biases else None
        return Terms(A[..., :, None, :], B[..., None, :, :], bias)

    ways = ways_to_add(count, True, bool(biases), are_single=left.dtype == np.float32)
    return _Added(count, ways, True, terms)
