"""Which orders an operation has: made again in each, on its own inputs and on random ones.

One step shows few numbers, and several orders may give them; random inputs, pushed through the
very operation, tell apart what can be told apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from shared.backend import Array
from shared.explain.bits import equal_bits
from shared.explain.orders import ROUNDED_ONCE, Order, Own, flushing, in_their_dtype, orders_of
from shared.explain.reading import Operation, Value
from shared.explain.sum_orders import SUMS

PROBES = 64
"""How many random inputs an operation is given."""

SIGNS = 8
"""How many inputs of zeros alone: every sign for each of up to three inputs. What a sum is begun
with does not show elsewhere."""


@dataclass(frozen=True, slots=True)
class Found:
    """The orders that reproduce an operation, bit by bit; several if they cannot be told apart.

    tried
        How many there are.
    probes
        On how many random inputs, beside the step's own. Of these none is used once no order is
        left; of sums, inputs of zeros are used besides.
    is_near
        Of a sigmoid that no order gives: whether it is 1/(1 + e) all the same, on all of them, with
        an e that is at most one float from NumPy's exp(-z) or the backend's own.
    """

    orders: tuple[Order, ...]
    tried: int
    probes: int
    is_near: bool = False


def found_orders(
    operation: Operation, values: Sequence[Value], elementary: Own | None = None
) -> Found:
    """Return the orders that give an operation's bits on the step's inputs and on random ones.

    A kernel may round what fills its vectors in one order, and what is left over in another: if no
    order gives all entries, one is sought that gives each entry in an order of its own.
    """
    orders = orders_of(operation, values, elementary)
    found = _found(operation, values, orders)
    if not found.orders and _has_subnormals(operation, values):
        found = _found(operation, values, tuple(map(flushing, orders)))
    if not found.orders and operation.does == "sigmoid":
        return replace(found, is_near=_is_near(operation, values, elementary))
    return found


def _found(operation: Operation, values: Sequence[Value], orders: tuple[Order, ...]) -> Found:
    inputs = [values[i] for i in operation.inputs]
    own = in_their_dtype([one.array for one in inputs], inputs)
    with np.errstate(all="ignore"):
        result = values[operation.outputs[0]].array if orders else np.empty(0)
        # By order, of each entry: whether it is as the step has it.
        fitting = [(order, equal_bits(order.compute(own), result)) for order in orders]
        if not orders or not np.any([fit for _, fit in fitting], axis=0).all():
            return Found((), len(orders), 0)
        if len(orders) == 1 and operation.does in ROUNDED_ONCE:
            # IEEE-754 leaves one result: there is nothing to tell apart.
            return Found(orders, 1, 0)
        probes = list(_probes(operation, values))
        results = np.stack([operation.again(probe)[0] for probe in probes])
        stacked = [np.stack(arrays) for arrays in zip(*probes, strict=True)]
        left = [
            order for order, fit in fitting
            if fit.all() and equal_bits(order.compute(stacked), results).all()
        ]  # fmt: skip
        if not left and operation.does in SUMS:
            left = _by_entry([one for one in fitting if one[1].any()], stacked, results)
        return Found(tuple(left), len(orders), PROBES)


def _has_subnormals(operation: Operation, values: Sequence[Value]) -> bool:
    """Whether a program for which they are 0 would have noticed."""
    inputs = [values[i] for i in operation.inputs]
    own = in_their_dtype([one.array for one in inputs], inputs)
    with np.errstate(all="ignore"):
        made = [order.compute(own) for order in orders_of(operation, values)[:1]]
    numbers = [array for array in (*own, *made) if array.dtype.kind == "f"]
    return any(
        ((array != 0) & (abs(array) < np.finfo(array.dtype).tiny)).any() for array in numbers
    )


def _is_near(operation: Operation, values: Sequence[Value], elementary: Own | None) -> bool:
    """Whether 1/(1 + e) is always the result, for an e that is exp(-z) or a float beside it.

    On the step's own z and on random ones: another formula than this one does not get far. exp is
    NumPy's or the backend's own, which need not be the one that its sigmoid is made of.
    """
    tried = [[values[i].array for i in operation.inputs], *_probes(operation, values)]
    with np.errstate(all="ignore"):
        return all(_beside(z, operation.again([z])[0], elementary) for (z,) in tried)


def _beside(z: Array, a: Array, elementary: Own | None) -> bool:
    exps = [np.exp(-z)]
    if elementary is not None:
        exps.append(elementary("exp", -z.ravel()).reshape(z.shape))
    near = [
        one for e in exps
        for one in (e, *(np.nextafter(e, e.dtype.type(end)) for end in (0, np.inf)))
    ]  # fmt: skip
    return bool(np.logical_or.reduce([equal_bits(1 / (1 + one), a) for one in near]).all())


def _by_entry(
    orders: Sequence[tuple[Order, Array]], inputs: Sequence[Array], results: Array
) -> list[Order]:
    """Return the order that is put together of those that give each entry, if all are given."""
    by_entry: Array = np.full(results.shape[1:], -1)
    for i, (order, fit) in enumerate(orders):
        gives = fit & equal_bits(order.compute(inputs), results).all(axis=0)
        by_entry[gives & (by_entry < 0)] = i
    if not by_entry.size or (by_entry < 0).any():
        return []
    parts = [(orders[i][0], by_entry == i) for i in np.unique(by_entry)]

    def compute(inputs: Sequence[Array]) -> Array:
        found = parts[0][0].compute(inputs)
        for order, entries in parts[1:]:
            found = np.where(entries, order.compute(inputs), found)
        return np.asarray(found)

    said = [f"{entries.sum()} of {entries.size} entries: {order.name}" for order, entries in parts]
    return [Order("; ".join(said), "", compute)]


def _probes(operation: Operation, values: Sequence[Value]) -> Iterator[list[Array]]:
    """Yield inputs for an operation, random ones first; a value that is taken twice is one."""
    draw = np.random.RandomState(0)
    inputs = [values[i] for i in operation.inputs]
    drawn = sorted({one.index for one in inputs if not one.is_constant})
    zeros = SIGNS if operation.does in SUMS else 0
    for probe in range(PROBES + zeros):
        fresh = {one.index: one.array for one in inputs}
        for place, index in enumerate(drawn):
            array = values[index].array
            numbers = draw.normal(size=array.shape)
            if probe >= PROBES:
                numbers = np.full(array.shape, -0.0 if probe >> place & 1 else 0.0)
            fresh[index] = _lying_like(array, numbers)
        yield in_their_dtype([fresh[one.index] for one in inputs], inputs)


def _lying_like(array: Array, numbers: Array) -> Array:
    """Return numbers in an array's dtype, and as it lies in memory: that decides how some round."""
    if array.dtype.kind != "f":
        # Not a number to be drawn: a choice, or a count.
        return array
    # Turned round to run forward in memory, each axis as far from the next as it was.
    reach = sum((n - 1) * abs(step) for n, step in zip(array.shape, array.strides, strict=True))
    memory = np.zeros(reach + array.itemsize, np.uint8)
    begin = sum((n - 1) * max(-step, 0) for n, step in zip(array.shape, array.strides, strict=True))
    made: Array = np.ndarray(array.shape, array.dtype, memory.data, begin, array.strides)
    made[...] = numbers
    return made
