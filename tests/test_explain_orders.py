"""Which order a sum has: made again in NumPy, in every order, until its bits come out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from shared.backend import Array
from shared.explain.probing import PROBES
from shared.explain.sums import ways_to_add
from shared.explain.trees import Term, every_tree
from tests.explained_operations import Kernel, chain, drawn, found, names

FUSED = "products fused into the sum"
ROUNDED = "products rounded, then added"


# Orders that are known are found, and they alone.


@pytest.mark.parametrize("n", [2, 3, 4, 5])
@pytest.mark.parametrize("step", [1, -1], ids=["forward", "backward"])
@pytest.mark.parametrize("fuses", [True, False], ids=["fused", "rounded"])
def test_the_order_of_a_matrix_product(n: int, step: int, fuses: bool, dtype: str) -> None:
    one = found("matmul", chain(range(n)[::step], fuses, ""), *drawn(dtype, (2, n), (n, 3)),
                axes=(-1, -2))  # fmt: skip
    backward = step < 0 and (fuses or n > 2)  # x + y is y + x
    way = "from the last to the first" if backward else "from the first to the last"
    assert names(one) == [f"{FUSED if fuses else ROUNDED}, {way}"]
    assert one.probes == PROBES


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("fuses", [True, False], ids=["fused", "rounded"])
@pytest.mark.parametrize(
    ("begin", "said"), [("then", ", then the bias"), ("bias", ", begun with the bias")]
)
def test_where_a_bias_is_added(n: int, fuses: bool, begin: str, said: str, dtype: str) -> None:
    one = found("affine", chain(range(n), fuses, begin), *drawn(dtype, (3,), (2, n), (n, 3)),
                axes=(-1, -2))  # fmt: skip
    if n > 1:
        expected = f"{FUSED if fuses else ROUNDED}, from the first to the last{said}"
    else:  # with no sum to fuse it into, a product is rounded; and b + p is p + b
        is_fused = fuses and begin == "bias"
        expected = f"the product {'fused' if is_fused else 'rounded'}"
        expected += said if is_fused else ", then the bias"
    assert names(one) == [expected]


@pytest.mark.parametrize("axes", list(itertools.product((-1, -2), repeat=2)))
def test_factors_that_are_summed_over_either_axis(axes: tuple[int, int], dtype: str) -> None:
    a, w = drawn(dtype, (2, 3), (3, 4))
    left, right = (a.T if axes[0] == -2 else a), (w.T if axes[1] == -1 else w)
    kernel = chain(range(3), True, "")

    def turned(left: Array, right: Array) -> Array:
        return kernel(left.T if axes[0] == -2 else left, right.T if axes[1] == -1 else right)

    one = found("matmul", turned, left, right, axes=axes)
    assert names(one) == [f"{FUSED}, from the first to the last"]


def test_a_single_product_is_rounded_once(dtype: str) -> None:
    one = found("matmul", np.multiply, *drawn(dtype, (2, 1), (1, 3)), axes=(-1, -2))
    assert (names(one), one.tried) == (["rounded once"], 2)


def test_a_sum_that_is_begun_with_zero(dtype: str) -> None:
    """Of products that are -0 all, it is +0."""
    kernel = chain((0, 1), True, "")
    one = found("matmul", lambda a, w: 0 + kernel(a, w), *drawn(dtype, (1, 2), (2, 3)),
                axes=(-1, -2))  # fmt: skip
    assert names(one) == [f"{FUSED}, from the first to the last, begun with 0"]


def test_entries_in_orders_of_their_own(dtype: str) -> None:
    """A kernel's vectors may leave columns over, which another loop makes."""
    vector, rest = chain((1, 0), True, ""), chain((0, 1), False, "")

    def kernel(a: Array, w: Array) -> Array:
        return np.concatenate((vector(a, w)[..., :2], rest(a, w)[..., 2:]), axis=-1)

    one = found("matmul", kernel, *drawn(dtype, (1, 2), (2, 3)), axes=(-1, -2))
    parts = names(one)[0].split("; ")
    assert parts == [
        f"1 of 3 entries: {ROUNDED}, from the first to the last",
        f"2 of 3 entries: {FUSED}, from the last to the first",
    ]


def test_a_sum_in_several_sums(dtype: str) -> None:
    def kernel(a: Array) -> Array:
        one, other = ((a[..., i] + a[..., i + 4]) + a[..., i + 8] for i in (0, 1))
        third, fourth = (a[..., i] + a[..., i + 4] for i in (2, 3))
        return np.asarray((one + third) + (other + fourth) + 0)

    one = found("sum", kernel, *drawn(dtype, (3, 10)), axes=(-1,))
    assert names(one) == ["added, in 4 sums by turns, those added half on half, begun with 0"]


def test_a_sum_of_float32_that_float64_carried() -> None:
    def kernel(a: Array, w: Array) -> Array:
        products = (a * w.T).astype(np.float64)
        return np.asarray(sum(products[0], start=np.float64(0))).astype(np.float32).reshape(1, 1)

    one = found("matmul", kernel, *drawn("float32", (1, 5), (5, 1)), axes=(-1, -2))
    assert names(one) == [f"{ROUNDED} in float64, from the first to the last, begun with 0"]


@pytest.mark.parametrize("axes", [(-2,), (-1,), (-1, -2)])
@pytest.mark.parametrize("keeps", [True, False])
def test_sums_over_some_axes(axes: tuple[int, ...], keeps: bool, dtype: str) -> None:
    one = found("sum", lambda a: np.sum(a, axes, keepdims=keeps), *drawn(dtype, (3, 2)), axes=axes)
    assert len(one.orders) == 1


def test_rows_are_told_from_columns(dtype: str) -> None:
    (a,) = drawn(dtype, (3, 2))
    by_rows = found("sum", lambda a: a.sum(1).sum(), a, axes=(-2, -1))
    by_columns = found("sum", lambda a: a.sum(0).sum(), a, axes=(-2, -1))
    assert names(by_rows) == ["each row by itself, then the rows, begun with 0"]
    assert names(by_columns) == ["each column by itself, then the columns, begun with 0"]


@pytest.mark.parametrize(
    ("said", "kernel"),
    [
        ("divided by 3", lambda a: (a[0] + a[1] + a[2]) / a.dtype.type(3)),
        ("times 1/3 rounded", lambda a: (a[0] + a[1] + a[2]) * (1 / a.dtype.type(3))),
    ],
)
def test_how_a_mean_divides(said: str, kernel: Kernel, dtype: str) -> None:
    one = found("mean", kernel, *drawn(dtype, (3,)), axes=(-1,))
    assert names(one) == [f"added, from the first to the last, {said}"]


@pytest.mark.parametrize(("n", "count"), [(1, 1), (2, 3), (3, 18), (4, 171)])
def test_every_order_of_few_products_is_tried_once(n: int, count: int) -> None:
    trees = list(every_tree([Term(i) for i in range(n)], are_products=True))
    assert len(trees) == len(set(trees)) == count
    assert {way.tree for way in ways_to_add(n, True)} >= set(trees)


# A kernel that is none of them is not found.


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_a_product_that_is_one_float_off(n: int, dtype: str) -> None:
    kernel = chain(range(n), True, "")
    wrong = found("matmul", lambda a, w: np.nextafter(kernel(a, w), a.dtype.type(9)),
                  *drawn(dtype, (4, n), (n, 4)), axes=(-1, -2))  # fmt: skip
    assert (names(wrong), wrong.probes) == ([], 0)
    assert wrong.tried > 0


def test_a_kernel_that_is_one_float_off_in_one_entry(dtype: str) -> None:
    def kernel(a: Array, w: Array) -> Array:
        product = chain((0, 1), True, "")(a, w)
        product[..., -1] = np.nextafter(product[..., -1], a.dtype.type(9))
        return product

    assert names(found("matmul", kernel, *drawn(dtype, (1, 2), (2, 3)), axes=(-1, -2))) == []


def test_a_kernel_that_is_off_on_other_inputs_only(dtype: str) -> None:
    """The step's own numbers are not enough: probes are what tells."""
    own, right = drawn(dtype, (4, 2), (2, 4))

    def kernel(a: Array, w: Array) -> Array:
        product = chain((0, 1), False, "")(a, w)
        return product if np.array_equal(a, own) else np.nextafter(product, a.dtype.type(9))

    wrong = found("matmul", kernel, own, right, axes=(-1, -2))
    assert (names(wrong), wrong.probes) == ([], PROBES)


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_a_float32_product_made_in_float64(n: int) -> None:
    def kernel(a: Array, w: Array) -> Array:
        return (a.astype(np.float64) @ w.astype(np.float64)).astype(np.float32)

    assert names(found("matmul", kernel, *drawn("float32", (4, n), (n, 4)), axes=(-1, -2))) == []


def test_a_result_of_another_dtype() -> None:
    one = found("add", lambda a, b: (a + b).astype(np.float64), *drawn("float32", (3,), (3,)))
    assert names(one) == []


def test_negative_zero_is_not_zero(dtype: str) -> None:
    zero = np.zeros(3, dtype)
    assert names(found("neg", lambda a: a * 0, zero)) == []


def test_what_is_nan_is_nan(dtype: str) -> None:
    a, b = np.full(2, np.nan, dtype), np.ones(2, dtype)
    assert names(found("add", np.add, a, b)) == ["rounded once"]
