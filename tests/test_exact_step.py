"""The exact step as one piece, in every arithmetic: the derivative of a plain loss in balls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import flint
import numpy as np
import pytest
from flint import arb

from shared.backend import Array
from shared.certificate.arithmetic import Arithmetic, Double, DoubleDoubles
from shared.certificate.ball import Balls
from shared.certificate.exact_step import Step, mean_loss, step
from shared.network import Network
from tests.kinds import KINDS, Kind
from tests.plain_loss import DIFFERENCE, gradient, loss

BITS = 700
SIZES = (3, 4, 3, 2)
SAMPLES = 3
LOST = 12
"""Bits that a step of such a size may lose to its roundings, and to sums that cancel."""

DEEP = [Kind(kind.activation, kind.output, kind.loss, SIZES) for kind in KINDS]
every_kind = pytest.mark.parametrize("kind", DEEP, ids=str)
every_arithmetic = pytest.mark.parametrize(
    ("arithmetic", "allowed"),
    [(Balls(), DIFFERENCE), (DoubleDoubles(), -100.0 + LOST), (Double(), -53.0 + LOST)],
    ids=["balls", "pairs", "float64"],
)


@dataclass(frozen=True)
class Case:
    """Samples and weights of a kind, with its loss and gradients to DIFFERENCE bits."""

    network: Network
    x: Array
    y: Array
    params: tuple[Array, ...]
    loss: arb
    gradient: Array

    def lifted(self, arithmetic: Arithmetic) -> tuple[list[Any], Any, Any]:
        return [arithmetic.lift(w) for w in self.params], *map(arithmetic.lift, (self.x, self.y))

    def stepped(self, arithmetic: Arithmetic) -> Step:
        params, x, y = self.lifted(arithmetic)
        return step(arithmetic, self.network, params, x, y)


@cache
def case(kind: Kind) -> Case:
    params, data = kind.params("float64"), kind.data("float64")
    x, y = data.x[:SAMPLES], data.y[:SAMPLES]
    weights = [arb(v) for w in params for v in w.ravel().tolist()]
    with flint.ctx.workprec(BITS):
        return Case(
            kind.network, x, y, params,
            loss(kind.network, weights, x, y), gradient(kind.network, weights, x, y),
        )  # fmt: skip


@pytest.fixture(autouse=True)
def precise() -> Iterator[None]:
    with flint.ctx.workprec(BITS):
        yield


def worst(arithmetic: Arithmetic, found: Any, true: Array) -> float:
    """log2 of the largest error, relative to the largest of all."""
    flat = np.concatenate([_balls(arithmetic, one).ravel() for one in found])
    error = max(one.abs_upper() for one in flat - true)
    share = error / max(abs(one) for one in true)
    return -np.inf if share == 0 else float(share.log() / arb(2).log())


def _balls(arithmetic: Arithmetic, a: Any) -> Array:
    lift = Balls().lift
    if isinstance(arithmetic, DoubleDoubles):
        pair: Array = lift(a.high) + lift(a.low)
        return pair
    lifted: Array = lift(np.asarray(a))
    return lifted


@every_arithmetic
@every_kind
def test_gradients_are_the_derivatives_of_the_loss(
    kind: Kind, arithmetic: Arithmetic, allowed: float
) -> None:
    one = case(kind)
    assert worst(arithmetic, one.stepped(arithmetic).grads, one.gradient) <= allowed


@every_arithmetic
@every_kind
def test_the_mean_loss_is_that_of_the_formulas(
    kind: Kind, arithmetic: Arithmetic, allowed: float
) -> None:
    one = case(kind)
    params, x, y = one.lifted(arithmetic)
    found, output = mean_loss(arithmetic, one.network, params, x, y)
    assert output.shape == y.shape
    of_one = found[None] if isinstance(arithmetic, DoubleDoubles) else np.array([found])
    assert worst(arithmetic, [of_one], np.array([one.loss], dtype=object)) <= allowed


@pytest.mark.parametrize("element", range(5))
def test_a_wrong_gradient_is_noticed(element: int) -> None:
    one = case(DEEP[7])
    grads = [np.array(g) for g in one.stepped(Double()).grads]
    grads[element].flat[0] *= 1 + 2.0**-30
    assert worst(Double(), grads, one.gradient) > -53.0 + LOST


def test_a_wrong_loss_is_noticed() -> None:
    one = case(DEEP[0])
    params, x, y = one.lifted(Double())
    found, _ = mean_loss(Double(), one.network, params, x, 1 - y)
    assert worst(Double(), [np.array([found])], np.array([one.loss], dtype=object)) > -10


@every_kind
def test_steps_side_by_side_are_steps_one_by_one(kind: Kind) -> None:
    """In pairs, where the order of no sum depends on what stands beside it."""
    one, pairs = case(kind), DoubleDoubles()
    other = tuple(w * 0.5 for w in one.params)
    both = [pairs.lift(np.stack(two)) for two in zip(one.params, other, strict=True)]
    x, y = (pairs.lift(np.stack([a, a[::-1]])) for a in (one.x, one.y))
    together = step(pairs, one.network, both, x, y)
    alone = [pairs.lift(w) for w in other]
    second = step(pairs, one.network, alone, *map(pairs.lift, (one.x[::-1], one.y[::-1])))
    for row, of_all, grads in ((0, together, one.stepped(pairs)), (1, together, second)):
        for a, b in zip(of_all.grads, grads.grads, strict=True):
            assert (a.high[row].tobytes(), a.low[row].tobytes()) == (
                b.high.tobytes(), b.low.tobytes(),
            )  # fmt: skip


@pytest.mark.parametrize(
    "arithmetic", [Balls(), DoubleDoubles(), Double()], ids=["balls", "pairs", "float64"]
)
def test_the_slope_of_a_relu_is_zero_at_zero(arithmetic: Arithmetic) -> None:
    network = Network((1, 3, 1), "relu", "identity")
    weights = (np.array([[0.0], [1.0], [-1.0]]), np.zeros(3), np.ones((1, 3)), np.zeros(1))
    x = np.ones((2, 1))
    params = [arithmetic.lift(w) for w in weights]
    made = step(arithmetic, network, params, *map(arithmetic.lift, (x, 0 * x)))
    assert arithmetic.lower(made.grads[1]).tolist() == [0.0, 2.0, 0.0]


@pytest.mark.parametrize("z", [40.0, 700.0, 2000.0])
def test_a_saturated_sigmoid_keeps_a_slope(z: float) -> None:
    """1 - σ(z) would be zero in float64; e^-z is not, until it underflows."""
    network = Network((1, 1))
    params = [np.array([[z]]), np.zeros(1)]
    made = step(Double(), network, params, np.ones((1, 1)), np.zeros((1, 1)))
    with flint.ctx.workprec(BITS):
        true = 2 * (arb(-z).exp()) / (1 + arb(-z).exp()) ** 3
        assert abs(arb(float(made.grads[1][0])) - true) <= true * arb(2) ** (LOST - 53) + 5e-324
