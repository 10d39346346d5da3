"""The frameworks' own kernels. Which order one has is its to choose; that it has one is not."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from shared.backend import Array
from tests.explained_operations import Kernel, drawn, found


def framework(name: str) -> Any:
    """Import a framework; without it skip, or, where all are required, fail."""
    if os.environ.get("ISOGRAD_REQUIRE_ALL_FRAMEWORKS"):
        return __import__(name)
    return pytest.importorskip(name)


SIZES = pytest.mark.parametrize(("n", "k"), [(1, 1), (2, 2), (2, 1), (3, 4), (4, 4)])
"""Of more than four terms not every order is tried, and a processor may have one of the others."""


def in_torch(torch: Any, function: Callable[..., Any]) -> Kernel:
    """Return a function of tensors as one of arrays that lie in memory as those do."""

    def kernel(*arrays: Array) -> Array:
        tensors = []
        for a in arrays:
            stride = [step // a.itemsize for step in a.strides]
            tensor = torch.empty_strided(a.shape, stride, dtype=getattr(torch, a.dtype.name))
            tensors.append(tensor.copy_(torch.from_numpy(a.copy())))
        found: Array = function(*tensors).numpy()
        return found

    return kernel


@SIZES
def test_the_order_of_numpy_itself(n: int, k: int, dtype: str) -> None:
    x, W = drawn(dtype, (1, n), (k, n))
    assert len(found("matmul", np.matmul, x, W.T, axes=(-1, -2)).orders) == 1


@SIZES
def test_the_order_of_torch_addmm(n: int, k: int, dtype: str) -> None:
    torch = framework("torch")
    b, x, W = drawn(dtype, (k,), (1, n), (k, n))
    one = found("affine", in_torch(torch, torch.addmm), b, x, W.T, axes=(-1, -2))
    assert len(one.orders) == 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (4, 4), (7, 5)])
def test_the_order_of_torch_sigmoid_backward(shape: tuple[int, int], dtype: str) -> None:
    torch = framework("torch")
    kernel = in_torch(torch, torch.ops.aten.sigmoid_backward)
    one = found("sigmoid_backward", kernel, *drawn(dtype, shape, shape))
    assert [order.formula for order in one.orders] == ["({0}·(1 - {1}))·{1}"]


@SIZES
@pytest.mark.parametrize("axis", [-1, -2])
def test_the_order_of_jax_dot_general(n: int, k: int, axis: int, dtype: str) -> None:
    jax = framework("jax")
    x, W = drawn(dtype, (1, n), (n, k) if axis == -2 else (k, n))

    def kernel(a: Array, w: Array) -> Array:
        with jax.enable_x64(dtype == "float64"):
            numbers = (((1,), (w.ndim + axis,)), ((), ()))
            return np.asarray(jax.lax.dot_general(a, w, numbers))

    assert len(found("matmul", kernel, x, W, axes=(-1, axis)).orders) == 1
