"""JAX's program of the gradient is read equation by equation, in its order and with its letters."""

from __future__ import annotations

import re
from typing import Any

import pytest

from shared.explain.bits import same_bits
from shared.registry import find
from tests.conftest import load_or_skip
from tests.explained_steps import (
    ASYMMETRIC,
    SYMMETRIC,
    Case,
    Explained,
    altered,
    backend,
    explained_by,
    framework,
)
from tests.kinds import Kind

FLAT = [SYMMETRIC, ASYMMETRIC, Case(Kind(), 3), Case(Kind(sizes=(64, 30, 10)), 3)]
"""Programs that call no others."""
RELU = Case(Kind("relu", "sigmoid", "quadratic_cost"), 3)
SOFTMAX = Case(Kind("sigmoid", "softmax", "categorical_cross_entropy"), 3)
LOGISTIC = Case(Kind("relu", "sigmoid", "binary_cross_entropy"), 3)


def jaxpr(case: Case = ASYMMETRIC, dtype: str = "float64") -> Explained:
    return explained_by("jax", case, dtype)


def traced(case: Case) -> Any:
    """Return the program as JAX itself gives it."""
    one: Any = backend(load_or_skip(find("jax")), case.network, "float64")
    params, x, y = case.step("float64")
    jax = framework("jax")

    def loss_and_gradient(params: Any, x: Any, y: Any) -> Any:
        return jax.value_and_grad(lambda w: one.loss(w, x, y), has_aux=True)(params)

    with jax.enable_x64(True):
        return jax.make_jaxpr(loss_and_gradient)(params, x, y)


def printed(program: Any) -> list[tuple[str, str]]:
    """Return the variable and the primitive of each equation, as JAX prints them."""
    return re.findall(r"^ +(\w+):\S+ = (\w+)", str(program), re.MULTILINE)


def marks(found: Explained) -> list[str]:
    return [one.mark for one in found.reading.operations]


@pytest.mark.parametrize("case", FLAT, ids=str)
def test_letters_and_order_are_those_that_jax_prints(case: Case) -> None:
    reading = jaxpr(case).reading
    read = [
        (reading.values[one.outputs[0]].name, one.name.partition("[")[0])
        for one in reading.operations
    ]
    assert read == printed(traced(case))


def test_the_letters_of_what_was_handed_in() -> None:
    found = jaxpr()
    roles = ("W1", "b1", "W2", "b2", "x", "y")
    assert [found.value(role).name for role in roles] == list("abcdef")


def test_an_equation_of_another_order_is_seen() -> None:
    program = traced(ASYMMETRIC)
    assert printed(program)[0] == ("g", "transpose")
    assert printed(program) != printed(traced(FLAT[2]))


@pytest.mark.parametrize("case", [*FLAT, RELU, SOFTMAX], ids=str)
def test_every_equation_has_the_mark_that_jax_gave_it(case: Case) -> None:
    stacks = [str(one.source_info.name_stack) for one in traced(case).jaxpr.eqns]
    assert set(stacks) == {"jvp()", "transpose(jvp())"}
    read = marks(jaxpr(case))
    if case in FLAT:
        assert read == stacks
    else:
        outermost = [mark.split()[0] for mark in read]
        assert set(outermost) == set(stacks)
        assert outermost == sorted(outermost)


@pytest.mark.parametrize("case", FLAT, ids=str)
def test_what_was_transposed_is_backward(case: Case) -> None:
    operations = jaxpr(case).reading.operations
    assert [one.is_backward for one in operations] == [
        one.mark == "transpose(jvp())" for one in operations
    ]


def test_how_an_equation_is_written() -> None:
    texts = [one.written for one in jaxpr().reading.operations]
    assert texts[4:7] == ["k = logistic j", "l = sub 1 k", "m = mul k l"]


@pytest.mark.parametrize("case", [SYMMETRIC, ASYMMETRIC, Case(Kind(), 3)], ids=str)
def test_slopes_are_formed_forward(case: Case) -> None:
    """What torch and the derivation by hand make of a when they go back, JAX keeps: f' itself."""
    slopes = dict(formed(jaxpr(case)))
    assert slopes == {"1-a1": False, "f'1": False, "1-a2": False, "f'2": False}
    by_hand = dict(formed(explained_by("numpy", case)))
    assert by_hand == dict.fromkeys(slopes, True)


def formed(found: Explained) -> list[tuple[str, bool]]:
    """Return the roles of slopes, and whether they were formed backward."""
    pairs = zip(found.reading.operations, found.alignment.placed, strict=True)
    return [
        (placed.role, one.is_backward)
        for one, placed in pairs
        if placed.role is not None and found.spine[placed.role].pass_ == "slope"
    ]


@pytest.mark.parametrize(
    ("case", "inner", "primitives"),
    [
        (RELU, "jvp() custom_jvp_call relu", ["max"]),
        (SOFTMAX, "jvp() log_softmax", ["reduce_max", "sub", "exp", "reduce_sum", "log"]),
        (SOFTMAX, "transpose(jvp()) log_softmax", ["neg", "reduce_sum", "div", "add_any"]),
        (LOGISTIC, "jvp() log_sigmoid softplus custom_jvp_call", ["exp", "log1p", "abs"]),
        (LOGISTIC, "transpose(jvp()) log_sigmoid softplus", ["mul"]),
    ],
)
def test_a_program_that_is_called_is_run_equation_by_equation(
    case: Case, inner: str, primitives: list[str]
) -> None:
    names = [one.name for one in jaxpr(case).reading.operations if one.mark == inner]
    assert set(primitives) <= set(names)


@pytest.mark.parametrize("case", [RELU, SOFTMAX, LOGISTIC], ids=str)
def test_no_call_is_left(case: Case) -> None:
    names = {one.name for one in jaxpr(case).reading.operations}
    assert not names & {"jit", "pjit", "custom_jvp_call"}


def test_what_nobody_asks_for_has_no_letter() -> None:
    reading = jaxpr(RELU).reading
    names = [reading.values[one.outputs[0]].name for one in reading.operations]
    assert names.count("_") == str(traced(RELU)).count("_:") == 1
    letters = [name for name in names if name != "_"]
    assert letters == sorted(set(letters), key=lambda name: (len(name), name))


def test_a_loop_stays_whole() -> None:
    """Its program runs as often as it likes, and is not what an equation computes."""
    jax = framework("jax")

    def looped(z: Any) -> Any:
        half = jax.lax.scan(lambda a, _: (a / 2, None), z, None, length=3)[0]
        return jax.nn.sigmoid(half)

    functions = {"sigmoid": looped}
    found = altered("jax", ASYMMETRIC, functions=functions)
    assert [one.name for one in found.reading.operations].count("scan") == 4
    unaligned = {found.reading.operations[i].name for i in found.alignment.unaligned}
    assert unaligned == {"scan"}
    sigmoid = found.made("logistic")[0]
    z, half = (found.reading.values[i].array for i in (*found.made("scan")[0].inputs[:1],
                                                       sigmoid.inputs[0]))  # fmt: skip
    assert same_bits(half, z / 8)


@pytest.mark.parametrize(("dtype", "wide"), [("float64", True), ("float32", False)])
def test_numbers_keep_their_dtype(dtype: str, wide: bool) -> None:
    reading = jaxpr(SYMMETRIC, dtype).reading
    assert {one.array.dtype.name for one in reading.values} == {dtype}
    assert framework("jax").config.jax_enable_x64 is False
    assert wide == (dtype == "float64")
