"""The exact step is exact: its gradients are the derivatives of the loss in sixty digits."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from decimal import Decimal, localcontext

import numpy as np
import pytest

from shared.backend import Array
from shared.certificate import end_to_end, exact
from shared.certificate.arithmetic import LongDouble
from shared.certificate.profile import tight
from shared.certificate.rounding import Rounding
from shared.certificate.stages import Evaluated, Reference
from shared.network import Network
from tests.kinds import HIDDEN, OUTPUT_AND_LOSS

TIGHT = tight("float64")
REFERENCE = Reference(LongDouble(), Rounding.of("float64"), TIGHT)
SIZES, SAMPLES, DIGITS = (2, 3, 2, 2), 3, 60
STEP = Decimal(10) ** -20
CERTAIN = 4 * REFERENCE.sharpness
"""By so small a share of its bound an exact value may be off: what `decide` takes it to be."""


def drawn(network: Network) -> tuple[tuple[Array, ...], Array, Array]:
    """Parameters, inputs, and targets that the loss can have: with a row of soft ones."""
    random = np.random.RandomState(3)
    params = tuple(random.normal(size=shape) for shape in network.param_shapes)
    y = np.array([[1.0, 0.0], [0.25, 0.75], [0.0, 1.0]])
    return params, random.normal(size=(SAMPLES, SIZES[0])), y


def seen(network: Network, params: tuple[Array, ...], x: Array, y: Array) -> Evaluated:
    """What is read end to end: parameters and samples, no recorded activation."""
    one = tuple(w[None] for w in params)
    empty = np.zeros((1, SAMPLES, SIZES[-1]))
    logits = empty if network.from_logits else None
    return Evaluated(network, one, (x[None],), logits, y[None], np.zeros(1))


def function(name: str, z: list[Decimal]) -> list[Decimal]:
    one = Decimal(1)
    match name:
        case "sigmoid":
            return [one / (1 + (-v).exp()) for v in z]
        case "tanh":
            return [1 - 2 / (1 + (2 * v).exp()) for v in z]
        case "relu":
            return [max(v, 0 * one) for v in z]
        case "softmax":
            total = sum((v.exp() for v in z), 0 * one)
            return [v.exp() / total for v in z]
    return z


def loss(network: Network, params: Sequence[Decimal], x: Array, y: Array) -> Decimal:
    """The loss as shared/network.py states it, of the numbers of all parameters in a row."""
    numbers, total = list(params), Decimal(0)
    layers = []
    for n_in, n_out in itertools.pairwise(network.sizes):
        W = [[numbers.pop(0) for _ in range(n_in)] for _ in range(n_out)]
        layers.append((W, [numbers.pop(0) for _ in range(n_out)]))
    for inputs, targets in zip(x.tolist(), y.tolist(), strict=True):
        a = [Decimal(v) for v in inputs]
        for i, (W, b) in enumerate(layers, start=1):
            z = [
                sum((w * v for w, v in zip(row, a, strict=True)), c)
                for row, c in zip(W, b, strict=True)
            ]
            a = function(network.output if i == len(layers) else network.activation, z)
        for o, t in zip(a, map(Decimal, targets), strict=True):
            match network.loss:
                case "binary_cross_entropy":
                    total -= t * o.ln() + (1 - t) * (1 - o).ln()
                case "categorical_cross_entropy":
                    total -= t * o.ln()
                case _:
                    total += (o - t) ** 2
    m, n = y.shape
    divisors = {"quadratic_cost": 2 * m, "categorical_cross_entropy": m}
    return total / Decimal(divisors.get(network.loss, m * n))


def flat(params: Sequence[Array]) -> list[Decimal]:
    return [Decimal(v) for w in params for v in w.ravel().tolist()]


def derivatives(network: Network, params: Sequence[Array], x: Array, y: Array) -> list[Decimal]:
    """Central differences: their error is near 10^-40 in sixty digits."""
    at = flat(params)
    found = []
    for i, w in enumerate(at):
        up, down = ([*at[:i], w + h, *at[i + 1 :]] for h in (STEP, -STEP))
        found.append((loss(network, up, x, y) - loss(network, down, x, y)) / (2 * STEP))
    return found


def decimal(v: np.longdouble) -> Decimal:
    high = float(v)
    return Decimal(high) + Decimal(float(v - np.longdouble(high)))


@pytest.mark.parametrize(("output", "loss_name"), OUTPUT_AND_LOSS)
@pytest.mark.parametrize("hidden", HIDDEN)
def test_the_exact_gradient_is_the_derivative_of_the_loss(
    hidden: str, output: str, loss_name: str
) -> None:
    network = Network(SIZES, hidden, output, loss_name)
    params, x, y = drawn(network)
    found = {g.tensor: g for g in end_to_end.backward(REFERENCE, seen(network, params, x, y))}
    with localcontext() as context:
        context.prec = DIGITS
        right = derivatives(network, params, x, y)
        for name in network.param_names:
            one = found[name]
            value = np.asarray(REFERENCE.arithmetic.lower(one.exact)).ravel()
            for i, bound in enumerate(one.error.ravel().tolist()):
                true = right.pop(0)
                # What is lowered to a float is off by half a unit in its last place besides.
                spare = Decimal(CERTAIN * bound) + Decimal(2) ** -53 * abs(true)
                assert abs(Decimal(float(value[i])) - true) <= spare
    assert not right


@pytest.mark.parametrize(("output", "loss_name"), OUTPUT_AND_LOSS)
def test_the_exact_loss_is_the_loss(output: str, loss_name: str) -> None:
    network = Network(SIZES, "tanh", output, loss_name)
    params, x, y = drawn(network)
    last = end_to_end.forward(REFERENCE, seen(network, params, x, y))[-1]
    lift = REFERENCE.arithmetic.lift
    value = exact.loss(REFERENCE.arithmetic, network, last.true.value, last.z, lift(y)[None])
    with localcontext() as context:
        context.prec = DIGITS
        true = loss(network, flat(params), x, y)
        assert abs(decimal(value[0]) - true) <= abs(true) * Decimal(2) ** -58


TIED = [[0.0, 0.0, 0.0], [5.0, 5.0, -1.0], [700.0, -700.0, 700.0], [-1000.0, -1000.0, -1000.0]]


@pytest.mark.parametrize("z", TIED)
def test_logarithm_and_rest_of_a_softmax_hold_where_the_largest_logits_are_tied(
    z: list[float],
) -> None:
    wide = np.array([z], np.longdouble)
    highest = Decimal(max(z))
    with localcontext() as context:
        context.prec = DIGITS
        powers = [(Decimal(v) - highest).exp() for v in z]
        total = sum(powers, Decimal(0))
        found = decimal(exact.log_sum(REFERENCE.arithmetic, wide)[0, 0])
        assert abs(found - total.ln()) <= total.ln() * Decimal(2) ** -62
        rest = exact.softmax(REFERENCE.arithmetic, wide).rest[0]
        for power, one in zip(powers, rest, strict=True):
            assert abs(decimal(one) - (total - power) / total) <= Decimal(2) ** -62


@pytest.mark.parametrize("lead", [30.0, 300.0, 5000.0])
def test_what_a_sure_softmax_lacks_to_1_has_all_its_digits(lead: float) -> None:
    z = np.array([[lead, 1.0, 0.0]], np.longdouble)
    rest = exact.softmax(REFERENCE.arithmetic, z).rest[0, 0]
    with localcontext() as context:
        context.prec = DIGITS
        powers = [(Decimal(v) - Decimal(lead)).exp() for v in (1, 0)]
        others = sum(powers, Decimal(0))
        true = others / (1 + others)
        # As a product of long doubles: those reach below the smallest Decimal of a float.
        scale = np.exp(np.longdouble(lead))
        assert abs(decimal(rest * scale) / (true * Decimal(lead).exp()) - 1) <= Decimal(2) ** -55


def test_the_logit_slope_of_a_sure_right_answer_does_not_cancel() -> None:
    network = Network((2, 2), "sigmoid", "softmax", "categorical_cross_entropy")
    z = np.array([[[60.0, 0.0]]], np.longdouble)
    true = exact.softmax(REFERENCE.arithmetic, z)
    slope = exact.logit_slope(network, true, np.array([[[1.0, 0.0]]], np.longdouble))
    expected = 1 / (1 + np.exp(np.longdouble(60)))
    assert abs(slope[0, 0] + [expected, -expected]).max() <= 2.0**-60 * expected
