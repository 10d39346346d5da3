"""Which order an operation has that adds nothing up; and what operations are probed with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from shared.backend import Array
from shared.certificate.fused import fused
from shared.explain.orders import orders_of
from shared.explain.probing import Found, found_orders
from shared.explain.reading import LAYOUT, Operation, Value
from tests.explained_operations import Kernel, chain, drawn, found, names, operation


@pytest.mark.parametrize(
    ("does", "kernel", "count"),
    [
        ("add", lambda a, b: a + b, 2), ("sub", lambda a, b: a - b, 2),
        ("mul", lambda a, b: a * b, 2),
        ("max", np.maximum, 2), ("gt", lambda a, b: a > b, 2), ("neg", lambda a: -a, 1),
        ("square", lambda a: a * a, 1), ("same", lambda a: a.copy(), 1), ("abs", abs, 1),
        ("ones", np.ones_like, 1), ("relu", lambda a: np.where(a > 0, a, a.dtype.type(0)), 1),
        ("threshold_backward", lambda g, a: np.where(a > 0, g, g.dtype.type(0)), 2),
        ("eq", lambda a, b: a == b, 2), ("ne", lambda a, b: a != b, 2),
        ("reciprocal", lambda a: 1 / a, 1),
    ],
)  # fmt: skip
def test_what_is_rounded_once(does: str, kernel: Kernel, count: int, dtype: str) -> None:
    one = found(does, kernel, *drawn(dtype, (3, 2), (2,))[:count])
    assert (names(one), one.tried, one.probes) == (["rounded once"], 1, 0)


@pytest.mark.parametrize(
    ("does", "kernel", "count"),
    [
        ("square", lambda a, _: a * a, 1),
        ("threshold_backward", lambda g, a, _: np.where(a > 0, g, g.dtype.type(0)), 2),
    ],
)
def test_a_number_that_tells_which_operation_it_is(
    does: str, kernel: Kernel, count: int, dtype: str
) -> None:
    one = found(does, kernel, *drawn(dtype, (3,), (3,))[:count], constants=[np.array(2)])
    assert names(one) == ["rounded once"]


def test_a_number_in_the_program_stays_what_it_is(dtype: str) -> None:
    """It takes the dtype of what it is computed with, too."""
    seen = []

    def kernel(a: Array, b: Array) -> Array:
        seen.append(float(b))
        return a * b

    one = found("mul", lambda a, b: kernel(a, b.astype(dtype)), *drawn(dtype, (2,)),
                constants=[np.array(0.1)])  # fmt: skip
    assert names(one) == ["rounded once"]
    assert set(seen) == {float(np.array(0.1, dtype))}


@pytest.mark.parametrize(
    ("does", "kernel", "formula"),
    [
        ("sigmoid_backward", lambda g, a: (g * (1 - a)) * a, "({0}·(1 - {1}))·{1}"),
        ("sigmoid_backward", lambda g, a: g * ((1 - a) * a), "{0}·((1 - {1})·{1})"),
        ("sigmoid_backward", lambda g, a: (g * a) * (1 - a), "({0}·{1})·(1 - {1})"),
        ("tanh_backward", lambda g, a: g * (1 - a * a), "{0}·(1 - {1}·{1})"),
        ("tanh_backward", lambda g, a: g * fused(-a, a, 1, a.dtype.name),
         "{0}·fma(-{1}, {1}, 1)"),
        ("tanh_backward", lambda g, a: (g * (1 - a)) * (1 + a), "({0}·(1 - {1}))·(1 + {1})"),
    ],
)  # fmt: skip
def test_the_order_of_a_slope(does: str, kernel: Kernel, formula: str, dtype: str) -> None:
    one = found(does, kernel, *drawn(dtype, (3, 4), (3, 4)))
    assert [order.formula for order in one.orders] == [formula]


@pytest.mark.parametrize("does", ["exp", "tanh", "sigmoid"])
@pytest.mark.parametrize("whose", ["NumPy's", "its own"])
def test_whose_function_it_is(does: str, whose: str, dtype: str) -> None:
    called = "tanh" if does == "tanh" else "exp"

    def own(name: str, x: Array) -> Array:
        assert x.ndim == 1
        assert name == called
        return np.asarray(np.nextafter(getattr(np, name)(x), x.dtype.type(9)))

    def kernel(z: Array) -> Array:
        f = getattr(np, called) if whose == "NumPy's" else lambda x: own(called, x.ravel())
        z = z.ravel()
        return np.reshape(1 / (1 + f(-z)) if does == "sigmoid" else f(z), (2, 3))

    one = found_orders(*operation(does, kernel, drawn(dtype, (2, 3))), elementary=own)
    assert names(one) == [f"{whose} {called}"]


@pytest.mark.parametrize("does", [LAYOUT, "", "softmax"])
def test_what_is_not_made_again(does: str) -> None:
    one = found(does, np.negative, np.ones(3))
    assert one == Found((), 0, 0)


def test_a_sum_of_very_many_terms_is_not_made_again() -> None:
    assert orders_of(*operation("sum", np.sum, [np.ones(65)], axes=(-1,))) == ()


def test_the_largest_of_each_row_is_made_again(dtype: str) -> None:
    (a,) = drawn(dtype, (3, 4))
    one = found("row_max", lambda a: a.max(axis=-1), a, axes=(-1,))
    assert (names(one), one.orders[0].formula) == (["rounded once"], "max of {0}")


def test_what_is_chosen_is_made_again(dtype: str) -> None:
    a, b = drawn(dtype, (3,), (3,))
    one = found("select", lambda c, a, b: np.asarray(np.where(c, b, a)), a > 0, a, b)
    assert names(one) == ["rounded once"]


@pytest.mark.parametrize(
    ("kernel", "name"),
    [
        (lambda a, b: a / b, "rounded once"),
        (lambda a, b: a * (1 / b), "times the reciprocal, rounded"),
    ],
)
def test_a_division_by_a_number_may_take_its_reciprocal(
    kernel: Kernel, name: str, dtype: str
) -> None:
    (a,) = drawn(dtype, (30,))
    values = [Value(0, "a", a), Value(1, "3", np.asarray(3.0, dtype), True)]
    values.append(Value(2, "c", kernel(a, values[1].array)))
    one = Operation(0, "", "div", False, (0, 1), (2,), "", "", lambda given: (kernel(*given),))
    assert names(found_orders(one, values)) == [name]


# Probes.


def test_probes_lie_in_memory_as_the_inputs_do(dtype: str) -> None:
    lying = set()

    def kernel(a: Array, w: Array) -> Array:
        lying.add((a.strides, w.strides))
        return chain(range(3), False, "")(a, w)

    a, w = np.ones((2, 6), dtype)[:, ::-2], np.ones((4, 3), dtype).T
    found("matmul", kernel, a, w, axes=(-1, -2))
    assert lying == {(a.strides, w.strides)}


def test_a_value_that_is_taken_twice_is_one(dtype: str) -> None:
    seen = []

    def again(inputs: Sequence[Array]) -> tuple[Array, ...]:
        seen.append(np.array_equal(inputs[0], inputs[1]))
        return (inputs[0] * (1 - inputs[1]) * inputs[1],)

    (a,) = drawn(dtype, (3,))
    values = [Value(0, "a", a), Value(1, "b", a * (1 - a) * a)]
    twice = Operation(0, "", "sigmoid_backward", False, (0, 0), (1,), "", "", again)
    assert "times 1 - a, then times a" in names(found_orders(twice, values))
    assert set(seen) == {True}
