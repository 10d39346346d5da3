"""The update at the end of a step: rounded twice, or fused, as a backend's own update shows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, OptimizerState, Params
from shared.certificate.fused import fused
from shared.explain.bits import differing, same_bits
from shared.explain.differences import Difference, Why
from shared.explain.moved import FUSED, TWICE, Moved, differences_after, learning_rate, moved
from shared.network import Network
from shared.optimizer import Optimizer
from tests.explained_runs import FRAMEWORKS, backend

NETWORK = Network((2, 2, 1))
OPTIMIZER = Optimizer(0.05)
DTYPES = ("float64", "float32")
Rule = Callable[[Array, Array, Array], Array]

of_each = pytest.mark.parametrize("name", FRAMEWORKS)


def twice(w: Array, g: Array, rate: Array) -> Array:
    return np.asarray(w - rate * g)


def once(w: Array, g: Array, rate: Array) -> Array:
    return fused(-rate, g, w, w.dtype.name)


def off(w: Array, g: Array, rate: Array) -> Array:
    """η too large by its last bit."""
    return np.asarray(w - rate * g * (1 + np.finfo(w.dtype).eps))


def reversed_sign(w: Array, g: Array, rate: Array) -> Array:
    return np.asarray(w + rate * g)


class Fake(NumpyBackprop):
    """A backend whose update follows a rule of one's own."""

    def __init__(self, rule: Rule, rate: Array) -> None:
        super().__init__(NETWORK, OPTIMIZER, rate.dtype.name)
        self.rule, self.rate = rule, rate

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        pairs = zip(params, grads, strict=True)
        return tuple(self.rule(w, g, self.rate) for w, g in pairs), OptimizerState(state.step + 1)


def drawn(seed: int, dtype: str) -> Params:
    """Parameters (0) or gradients (1)."""
    draw = np.random.RandomState(seed)
    # A step is to be of the size of what it moves.
    scale = 20 if seed else 1
    return tuple((scale * draw.normal(size=shape)).astype(dtype) for shape in NETWORK.param_shapes)


def rate_in(dtype: str) -> Array:
    return learning_rate(OPTIMIZER.rounded(dtype), np.dtype(dtype))


def by(rule: Rule, dtype: str, grads: Params | None = None) -> Moved:
    rate = rate_in(dtype)
    return moved(Fake(rule, rate), rule.__name__, drawn(0, dtype), grads or drawn(1, dtype), rate)


def made(way: str, dtype: str) -> Params:
    rule = {TWICE: twice, FUSED: once}[way]
    pairs = zip(drawn(0, dtype), drawn(1, dtype), strict=True)
    return tuple(rule(w, g, rate_in(dtype)) for w, g in pairs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("rule", "way"), [(twice, TWICE), (once, FUSED), (off, ""), (reversed_sign, "")]
)
def test_a_way_is_found_by_its_bits_and_no_other(rule: Rule, way: str, dtype: str) -> None:
    assert by(rule, dtype).way == way


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_rounds_twice(dtype: str) -> None:
    one = backend("numpy", NETWORK, dtype)
    assert moved(one, "numpy", drawn(0, dtype), drawn(1, dtype), rate_in(dtype)).way == TWICE


@pytest.mark.parametrize("dtype", DTYPES)
@of_each
def test_every_framework_has_a_way_that_gives_its_parameters(name: str, dtype: str) -> None:
    """Which it is may depend on the processor."""
    one = backend(name, NETWORK, dtype)
    found = moved(one, name, drawn(0, dtype), drawn(1, dtype), rate_in(dtype))
    own, _ = one.update(drawn(0, dtype), drawn(1, dtype), OptimizerState())
    assert found.way in (TWICE, FUSED)
    for after, expected, asked in zip(found.after, made(found.way, dtype), own, strict=True):
        assert same_bits(after, expected)
        assert same_bits(after, asked)


def test_the_step_alone_does_not_decide() -> None:
    """Of gradients of zero both ways give the parameters; random ones tell them apart."""
    zeros = tuple(np.zeros(shape) for shape in NETWORK.param_shapes)
    assert by(twice, "float64", zeros).way == TWICE
    assert by(once, "float64", zeros).way == FUSED


@pytest.mark.parametrize("rule", [twice, once])
def test_where_a_product_by_the_rate_is_exact_the_ways_are_one(rule: Rule) -> None:
    half = np.asarray(0.5)
    found = moved(Fake(rule, half), "fake", drawn(0, "float64"), drawn(1, "float64"), half)
    assert found.way == TWICE


def test_a_backend_right_on_random_numbers_and_wrong_in_the_step_has_no_way() -> None:
    def rule(w: Array, g: Array, rate: Array) -> Array:
        is_the_step = same_bits(g, drawn(1, "float64")[NETWORK.param_shapes.index(g.shape)])
        return off(w, g, rate) if is_the_step else twice(w, g, rate)

    assert by(rule, "float64").way == ""


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_rate_is_in_the_dtype_of_the_parameters(dtype: str) -> None:
    rate = learning_rate(OPTIMIZER, np.dtype(dtype))
    assert rate.dtype == dtype
    assert rate == np.dtype(dtype).type(0.05)


def after(
    reference: Rule, other: Rule, grads: Params | None = None, dtype: str = "float64"
) -> dict[str, Difference]:
    """The differences, where the other backend has these gradients; the reference has its own."""
    own = grads or drawn(1, dtype)
    found = differences_after(
        drawn(0, dtype), NETWORK.param_names, by(reference, dtype), by(other, dtype, own), own,
        rate_in(dtype),
    )  # fmt: skip
    return {one.role: one for one in found}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("reference", "other"), [(twice, once), (once, twice)])
def test_of_equal_gradients_what_differs_is_born_in_the_update(
    reference: Rule, other: Rule, dtype: str
) -> None:
    found = after(reference, other, dtype=dtype)
    ours, theirs = by(reference, dtype).after, by(other, dtype).after
    expected = {
        f"new {name}": differing(a, b)
        for name, a, b in zip(NETWORK.param_names, ours, theirs, strict=True)
    }
    assert any(one.any() for one in expected.values()), "numbers that tell the ways apart"
    assert set(found) == {name for name, one in expected.items() if one.any()}
    for name, one in found.items():
        assert one.here.tolist() == one.born.tolist() == expected[name].tolist()
        assert not one.inherited.any()
        assert one.why is Why.FUSED
        assert f"bits come from {FUSED if other is once else TWICE};" in one.evidence


def nudged() -> Params:
    """The gradients, one of them larger by an eighth."""
    W1, *others = drawn(1, "float64")
    larger = W1.copy()
    larger[0, 1] *= 1.125
    return larger, *others


@pytest.mark.parametrize("rule", [twice, once])
def test_of_other_gradients_in_one_way_what_differs_is_inherited(rule: Rule) -> None:
    found = after(rule, rule, nudged())
    assert set(found) == {"new W1"}
    one = found["new W1"]
    assert one.here.tolist() == one.inherited.tolist() == [[False, True], [False, False]]
    assert not one.born.any()
    assert (one.why, one.evidence) == (None, "")


def test_what_is_inherited_and_what_is_born_are_told_apart() -> None:
    one = after(twice, once, nudged())["new W1"]
    w, g, rate = drawn(0, "float64")[0], nudged()[0], rate_in("float64")
    assert one.born.tolist() == differing(twice(w, g, rate), once(w, g, rate)).tolist()
    assert one.inherited.tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize(("reference", "other"), [(twice, off), (off, twice)])
def test_an_update_in_neither_way_is_unexplained(reference: Rule, other: Rule) -> None:
    found = after(reference, other)
    assert found
    assert {(one.why, one.evidence) for one in found.values()} == {
        (Why.UNEXPLAINED, "neither w - (η·g) nor fma(-η, g, w) gives the bits of off")
    }


def test_of_the_same_update_nothing_differs() -> None:
    assert after(twice, twice) == {}
