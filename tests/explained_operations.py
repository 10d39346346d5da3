"""Operations made of NumPy functions, as a reader of a framework would hand them over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from shared.backend import Array
from shared.certificate.fused import fused
from shared.explain.probing import Found, found_orders
from shared.explain.reading import Operation, Value

Kernel = Callable[..., Array]


def operation(
    does: str,
    kernel: Kernel,
    arrays: Sequence[Array],
    axes: tuple[int, ...] = (),
    constants: Sequence[Array] = (),
) -> tuple[Operation, list[Value]]:
    """Return an operation that a function of NumPy arrays computes, and the values it is about."""
    given = [*arrays, *constants]
    values = [Value(i, f"v{i}", a, i >= len(arrays)) for i, a in enumerate(given)]
    inputs = tuple(range(len(given)))

    def again(inputs: Sequence[Array]) -> tuple[Array, ...]:
        return (np.asarray(kernel(*inputs)),)

    values.append(Value(len(given), "out", again(given)[0]))
    return Operation(0, does, does, False, inputs, (len(given),), "", "", again, axes), values


def found(does: str, kernel: Kernel, *arrays: Array, **more: Any) -> Found:
    return found_orders(*operation(does, kernel, arrays, **more))


def names(found: Found) -> list[str]:
    return [order.name for order in found.orders]


def drawn(dtype: str, *shapes: tuple[int, ...]) -> list[Array]:
    draw = np.random.RandomState(7)
    return [draw.normal(size=shape).astype(dtype) for shape in shapes]


def chain(indices: Sequence[int], fuses: bool, begin: str) -> Kernel:
    """Return the kernel of a matrix product with or without a bias, one product after the other."""

    def kernel(*inputs: Array) -> Array:
        *bias, a, w = inputs
        a, w = a[..., :, None, :], np.swapaxes(w, -1, -2)[..., None, :, :]
        total = bias[0] if begin == "bias" else None
        for i in indices:
            total = (
                a[..., i] * w[..., i] if total is None
                else fused(a[..., i], w[..., i], total, a.dtype.name) if fuses
                else total + a[..., i] * w[..., i]
            )  # fmt: skip
        assert total is not None
        return np.asarray(total + bias[0] if begin == "then" else total)

    return kernel
