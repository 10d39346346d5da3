"""Every order in which an operation of a framework may have rounded, as NumPy would do it.

No framework promises one. `probing` makes an operation again in each of these, and keeps those
that give its bits; where there is none here, the operation is not made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from shared.backend import Array
from shared.certificate.fused import fused
from shared.explain.reading import Operation, Value
from shared.explain.sum_orders import SUMS, Compute, aligned, sum_orders
from shared.explain.trees import Tree

Own: TypeAlias = Callable[[str, Array], Array]
"""A backend's own exp, tanh, ...: `Elementary.elementary`."""


@dataclass(frozen=True, slots=True)
class Order:
    """One way to round an operation.

    name
        In words.
    formula
        With {0}, {1}, ... for the inputs; of sums one of a1, w1, a2, w2, ... and b; "" where it
        would be long. A 0 that a sum is begun with is told by the name alone.
    compute
        Makes the operation from its inputs, all of which may have the same axes in front.
    tree
        Of a sum what is added to what; None of all else, and of a sum whose entries differ in it.
    is_flushing
        Whether it takes subnormal numbers as 0, and gives none.
    """

    name: str
    formula: str
    compute: Compute
    tree: Tree | None = None
    is_flushing: bool = False


ROUNDED_ONCE: dict[str, tuple[int, str, Callable[..., Any]]] = {
    "add": (2, "{0} + {1}", np.add),
    "sub": (2, "{0} - {1}", np.subtract),
    "mul": (2, "{0}·{1}", np.multiply),
    "div": (2, "{0} / {1}", np.divide),
    "max": (2, "max({0}, {1})", np.maximum),
    "gt": (2, "{0} > {1}", np.greater),
    "eq": (2, "{0} = {1}", np.equal),
    "ne": (2, "{0} ≠ {1}", np.not_equal),
    "select": (3, "{2} where {0}, else {1}", lambda c, a, b: np.where(c, b, a)),
    "neg": (1, "-{0}", np.negative),
    "square": (1, "{0}·{0}", np.square),
    "reciprocal": (1, "1 / {0}", lambda a: 1 / a),
    "same": (1, "{0}", np.asarray),
    "abs": (1, "|{0}|", np.abs),
    "ones": (1, "1", np.ones_like),
    "relu": (1, "max({0}, 0)", lambda a: np.maximum(a, a.dtype.type(0))),
    "threshold_backward": (
        2, "{0} where {1} > 0, else 0", lambda g, a: np.where(a <= 0, g.dtype.type(0), g),
    ),
}  # fmt: skip
"""By what is done: how many inputs it takes, the formula, and NumPy's function."""

SLOPES: dict[str, tuple[tuple[str, str, Callable[..., Any]], ...]] = {
    "sigmoid_backward": (
        ("times 1 - a, then times a", "({0}·(1 - {1}))·{1}", lambda g, a: g * (1 - a) * a),
        ("times (1 - a)·a", "{0}·((1 - {1})·{1})", lambda g, a: g * ((1 - a) * a)),
        ("times a, then times 1 - a", "({0}·{1})·(1 - {1})", lambda g, a: g * a * (1 - a)),
    ),
    "tanh_backward": (
        ("times 1 - a², a² rounded", "{0}·(1 - {1}·{1})", lambda g, a: g * (1 - a * a)),
        (
            "times 1 - a², rounded once", "{0}·fma(-{1}, {1}, 1)",
            lambda g, a: g * fused(-a, a, 1.0, a.dtype.name),
        ),
        (
            "times 1 - a, then times 1 + a", "({0}·(1 - {1}))·(1 + {1})",
            lambda g, a: g * (1 - a) * (1 + a),
        ),
    ),
}  # fmt: skip
"""A gradient times the slope of a function, told from the function's result a."""

FUNCTIONS: dict[str, tuple[str, str, Callable[[Callable[[Array], Array], Array], Array]]] = {
    "exp": ("exp", "exp({0})", lambda exp, z: exp(z)),
    "log": ("log", "ln({0})", lambda log, z: log(z)),
    "log1p": ("log1p", "ln(1 + {0})", lambda log1p, z: log1p(z)),
    "tanh": ("tanh", "tanh({0})", lambda tanh, z: tanh(z)),
    "sigmoid": ("exp", "1 / (1 + exp(-{0}))", lambda exp, z: 1 / (1 + exp(-z))),
}
"""By what is done: the function that it is made of, the formula, and how it is made."""


def orders_of(
    operation: Operation, values: Sequence[Value], elementary: Own | None = None
) -> tuple[Order, ...]:
    """Return the orders in which an operation may have rounded; none if it is not made again.

    `elementary` gives a backend's own functions, which are tried beside NumPy's.
    """
    if len(operation.outputs) != 1:
        return ()
    inputs = [values[i] for i in operation.inputs]
    shape = values[operation.outputs[0]].array.shape
    if operation.does in SUMS:
        arrays = [one.array for one in inputs]
        found = sum_orders(operation.does, operation.axes, arrays, shape)
        return tuple(Order(*one) for one in found)
    if operation.does == "row_max":
        return (Order("rounded once", "max of {0}", _largest(operation.axes, inputs[0], shape)),)
    return tuple(Order(*one) for one in _number_by_number(operation.does, inputs, elementary))


def flushing(order: Order) -> Order:
    """Return the order of a program for which subnormal numbers are 0."""

    def compute(arrays: Sequence[Array]) -> Array:
        return _flushed(order.compute([_flushed(array) for array in arrays]))

    name = f"{order.name}, subnormals taken as 0"
    return replace(order, name=name, compute=compute, is_flushing=True)


def _flushed(array: Array) -> Array:
    if array.dtype.kind != "f":
        return array
    return np.where(abs(array) < np.finfo(array.dtype).tiny, np.copysign(0, array), array).astype(
        array.dtype
    )


def in_their_dtype(arrays: Sequence[Array], inputs: Sequence[Value]) -> list[Array]:
    """Return an operation's inputs, the numbers in the program in the dtype of what is computed.

    A 2 in a program takes the dtype of the array beside it; an array of one 2 would not.
    """
    dtypes = [one.array.dtype for one in inputs if not one.is_constant]
    return [
        array.astype(dtypes[0]) if dtypes and one.is_constant and one.array.ndim == 0 else array
        for array, one in zip(arrays, inputs, strict=True)
    ]


def _number_by_number(
    does: str, inputs: Sequence[Value], elementary: Own | None
) -> Iterator[tuple[str, str, Compute]]:
    """Yield name, formula and function of each order of an operation that adds nothing up."""
    if does in ROUNDED_ONCE:
        count, formula, function = ROUNDED_ONCE[does]
        # What comes after the operands says which operation it is: the 2 of a², a threshold of 0.
        if len(inputs) >= count and all(one.is_constant for one in inputs[count:]):
            yield "rounded once", formula, _elementwise(function, inputs, count)
        if does == "div":
            # A program may take the reciprocal of what it divides many numbers by.
            reciprocal = _elementwise(lambda a, b: a * (1 / b), inputs, count)
            yield "times the reciprocal, rounded", "{0}·(1 / {1})", reciprocal
    elif does in SLOPES and len(inputs) == 2:
        for name, formula, function in SLOPES[does]:
            yield name, formula, _elementwise(function, inputs, 2)
    elif does in FUNCTIONS and len(inputs) == 1:
        called, formula, made = FUNCTIONS[does]
        functions = {"NumPy's": getattr(np, called)}
        if elementary is not None:
            functions["its own"] = _own(elementary, called)
        for whose, function in functions.items():
            yield f"{whose} {called}", formula, _elementwise(_with(made, function), inputs, 1)


def _largest(axes: Sequence[int], value: Value, shape: tuple[int, ...]) -> Compute:
    rank = value.array.ndim

    def compute(arrays: Sequence[Array]) -> Array:
        leading = arrays[0].shape[: arrays[0].ndim - rank]
        return np.asarray(arrays[0].max(axis=tuple(axes))).reshape(leading + shape)

    return compute


def _own(elementary: Own, called: str) -> Callable[[Array], Array]:
    return lambda z: elementary(called, z.ravel()).reshape(z.shape)


def _with(made: Callable[..., Array], function: Callable[[Array], Array]) -> Callable[..., Array]:
    return lambda z: made(function, z)


def _elementwise(function: Callable[..., Any], inputs: Sequence[Value], count: int) -> Compute:
    """Return the function of the first inputs, for arrays with more axes in front, too."""
    ranks = [one.array.ndim for one in inputs[:count]]

    def compute(arrays: Sequence[Array]) -> Array:
        given = in_their_dtype(arrays, inputs)[:count]
        pairs = zip(given, ranks, strict=True)
        return np.asarray(function(*(aligned(a, rank, max(ranks)) for a, rank in pairs)))

    return compute
