"""The bounds: known where they can be counted by hand, and each of their terms needed."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from shared.backend import Array
from shared.certificate import bounds, loss_bounds
from shared.certificate.arithmetic import LongDouble
from shared.certificate.backward import judge_backward
from shared.certificate.profile import Profile, tight
from shared.certificate.rounding import Rounding
from shared.certificate.stages import Evaluated, Reference
from shared.network import Network

TIGHT = tight("float64")
U, OMEGA = 2.0**-53, 2.0**-1022
DOUBLE = Rounding.of("float64")
ROUNDINGS = {"W1": 9, "b1": 8, "W2": 5, "b2": 4}
"""2(o - y) rounds once, o(1 - o) twice, their product once: 4. Times h: 5. Times w5, with h(1 - h)
rounding twice and the product once: 8. Times x: 9."""


def drawn(seed: int, *sizes: int, m: int = 1) -> tuple[list[Array], list[Array], Array]:
    """Weights, activations a_0, ..., a_L and targets of a net."""
    random = np.random.RandomState(seed)
    weights = [random.normal(size=(b, a)) for a, b in itertools.pairwise(sizes)]
    activations = [random.normal(size=(m, sizes[0]))]
    activations += [random.uniform(0.05, 0.95, size=(m, n)) for n in sizes[1:]]
    return weights, activations, random.uniform(size=(m, sizes[-1]))


def gradients_and_bounds(
    weights: list[Array], activations: list[Array], y: Array, rounding: Rounding = DOUBLE
) -> tuple[list[Array], list[Array]]:
    """Exact gradients W1, b1, ..., and their bounds less the billionth they are widened by."""
    network = Network(tuple(a.shape[-1] for a in activations))
    params = tuple(v for W in weights for v in (W[None], np.zeros((1, len(W)))))
    seen = Evaluated(
        network, params, tuple(a[None] for a in activations), None, y[None], np.zeros(1)
    )
    judged = {
        one.tensor: one
        for one in judge_backward(Reference(LongDouble(), rounding, TIGHT), seen, params)
    }
    found = [judged[name] for name in network.param_names]
    return [one.exact[0] for one in found], [one.bound[0] / (1 + 1e-9) for one in found]


@pytest.mark.parametrize("seed", range(5))
def test_on_one_sample_of_2_2_1_the_roundings_can_be_counted(seed: int) -> None:
    no_underflow = Rounding(U, 0.0)
    grads, limits = gradients_and_bounds(*drawn(seed, 2, 2, 1), rounding=no_underflow)
    for k, g, bound in zip(ROUNDINGS.values(), grads, limits, strict=True):
        ratio = bound / (U * abs(g))
        # Products of roundings are below k² u; computing the bound itself rounds a few times.
        assert (abs(ratio - k) <= 1e-12).all(), ratio


@pytest.mark.parametrize("seed", range(5))
def test_the_underflow_terms_are_a_few_of_the_smallest_normal(seed: int) -> None:
    weights, activations, y = drawn(seed, 2, 2, 1)
    tiny = [a * (1.0 if i else 0.0) for i, a in enumerate(activations)]
    _, limits = gradients_and_bounds(weights, tiny, y)
    _, without = gradients_and_bounds(weights, tiny, y, Rounding(U, 0.0))
    assert (without[0] == 0).all()
    assert (limits[0] >= 4 * OMEGA).all()
    assert (limits[0] <= 1000 * OMEGA * max(1.0, float(abs(weights[1]).max()))).all()


@pytest.mark.parametrize("seed", range(3))
def test_gradients_that_underflow_are_explained_by_those_terms_only(seed: int) -> None:
    weights, activations, y = drawn(seed, 2, 2, 1)
    tiny = [activations[0], activations[1] * 1e-300, activations[2]]
    weights = [weights[0], weights[1] * 1e-10]
    # Subnormal on the way, as where a program flushes them: the whole gradient becomes zero.
    grads, limits = gradients_and_bounds(weights, tiny, y)
    _, without = gradients_and_bounds(weights, tiny, y, Rounding(U, 0.0))
    assert (abs(grads[0]) < OMEGA).all()
    assert (abs(grads[0]) <= limits[0]).all()
    assert (abs(grads[0])[grads[0] != 0] > without[0][grads[0] != 0]).all()


@pytest.mark.parametrize(
    ("m", "outputs", "count"),
    [(1, 1, 0), (16, 1, 0), (7, 1, 2), (1, 3, 2), (7, 3, 4), (8, 2, 0), (10, 10, 4), (4, 6, 2)],
)
def test_roundings_by_a_divisor(m: int, outputs: int, count: int) -> None:
    assert bounds.divisor_roundings(m, outputs) == count


def test_a_divisor_may_become_a_rounded_reciprocal() -> None:
    """Two roundings instead of one: beyond what the division alone explains."""
    worst = 0.0
    for d in (3, 5, 6, 7, 10):
        for numerator in np.random.RandomState(1).uniform(1, 2, 2000).tolist():
            got = Fraction(numerator * (1 / d))
            right = Fraction(numerator) / d
            worst = max(worst, float(abs(got - right) / right))
    assert U < worst <= 2 * U * (1 + 1e-9)


@pytest.mark.parametrize(
    ("dtype", "u", "omega"), [("float64", U, OMEGA), ("float32", 2.0**-24, 2.0**-126)]
)
def test_the_constants_of_a_format(dtype: str, u: float, omega: float) -> None:
    rounding = Rounding.of(dtype)
    assert (rounding.u, rounding.omega) == (u, omega)
    for k in (0, 1, 9, 1000):
        assert Fraction(rounding.gamma(k)) == pytest.approx(
            Fraction(k) * Fraction(u) / (1 - k * Fraction(u)), rel=1e-12
        )


def test_widening_makes_a_bound_larger_by_a_billionth() -> None:
    wide = bounds.widened(np.array([1.0, 0.0]))
    assert wide[0] == 1 + 1e-9
    assert wide[1] == 0


def sigmoid_bound(s: float, c: float, z_error: float, profile: Profile = TIGHT) -> float:
    return float(profile.sigmoid_error(DOUBLE, np.array(s), np.array(c), np.array(z_error)))


def test_the_tight_profile_counts_two_roundings_and_the_exponential() -> None:
    assert (TIGHT.name, TIGHT.c0, TIGHT.c1) == ("tight", 2.0, 4.0)
    assert sigmoid_bound(0.5, 0.5, 0.0) / U == pytest.approx(0.5 * (2 + 4 * 0.5), rel=1e-5)
    # Near one the exponential no longer counts: 2 u remain of 6 u.
    assert sigmoid_bound(1.0, 1e-20, 0.0) / U == pytest.approx(2.0, rel=1e-5)
    assert sigmoid_bound(1e-20, 1.0, 0.0) / (U * 1e-20) == pytest.approx(6.0, rel=1e-5)


def test_an_error_before_the_sigmoid_reaches_it_by_its_slope() -> None:
    s = 1 / (1 + math.exp(-1.5))
    for z_error in (1e-12, 1e-6, 0.1, 3.0):
        bound = sigmoid_bound(s, 1 - s, z_error)
        moved = max(abs(1 / (1 + math.exp(-1.5 - side * z_error)) - s) for side in (1.0, -1.0))
        assert bound >= moved
        if z_error <= 1e-6:
            assert bound == pytest.approx(s * (1 - s) * z_error, rel=1e-2)


def test_a_hopeless_error_before_the_sigmoid_gives_no_more_than_the_whole_range() -> None:
    assert 1 <= sigmoid_bound(0.5, 0.5, 1e6) <= 1 + 10 * U
    assert 1 <= sigmoid_bound(0.0, 1.0, 1e6) <= 1 + 10 * U


def test_the_sum_before_a_unit_errs_as_a_sum_in_any_order_can() -> None:
    """A term meets up to n + 1 roundings, each a factor 1 + u."""
    n = 3
    a, W, b = np.ones((1, n)), np.ones((1, n)), np.zeros(1)
    bound = float(bounds.affine(DOUBLE, a, W, b)[0, 0])
    assert bound / (U * n) == pytest.approx(n + 1, rel=1e-12)
    assert float(bounds.affine(DOUBLE, a, W, -5 * np.ones(1))[0, 0]) / (U * 8) == pytest.approx(4)
    tiny = float(bounds.affine(DOUBLE, 0 * a, W, b)[0, 0])
    assert tiny == (n + 1) * OMEGA
    assert float(bounds.affine(DOUBLE, a * [1e5, 0, 0], 0 * W, b)[0, 0]) == 4 * OMEGA * 1e5


@pytest.mark.parametrize(("m", "outputs", "k"), [(1, 1, 3), (16, 1, 18), (7, 2, 18), (7, 3, 27)])
def test_the_loss_counts_every_square_and_every_sum(m: int, outputs: int, k: int) -> None:
    one, none = (
        float(loss_bounds.squared_loss(DOUBLE, Network((2, outputs)), np.array(value), m, outputs))
        for value in (1.0, 0.0)
    )
    assert one / U == pytest.approx(k, rel=1e-12)
    assert none == (m * outputs + 2) * OMEGA


@pytest.mark.parametrize("sizes", [(2, 2, 1), (4, 6, 3), (3, 4, 4, 2)])
@pytest.mark.parametrize("m", [1, 6])
def test_every_operation_rounded_the_same_way_stays_within_the_bounds(
    sizes: tuple[int, ...], m: int
) -> None:
    """The worst program there is: each operation errs by all of u, in one direction."""
    weights, activations, y = drawn(3, *sizes, m=m)
    positive = [abs(w) for w in weights], [abs(a) for a in activations], 0 * y
    grads, limits = gradients_and_bounds(*positive)
    worst = adversarial(*positive)
    for g, bad, bound in zip(grads, worst, limits, strict=True):
        error = np.vectorize(lambda b, v: float(abs(b - Fraction(v))))(bad, g)
        assert (error <= bound * (1 + 1e-9) + 2 * U * abs(g)).all()
        if m == 1 and sizes == (2, 2, 1):
            # Nothing is left over: with one rounding less in the bound, this would be found.
            assert (error > bound * 0.999 - 1.001 * U * abs(g)).all()


def adversarial(weights: list[Array], activations: list[Array], y: Array) -> list[Array]:
    """Gradients at positive values where every single operation comes out larger by u."""
    up = 1 + Fraction(1, 2**53)
    lift = np.vectorize(Fraction, otypes=[object])
    o, count = lift(activations[-1]), activations[-1].size
    halved = count & (count - 1) == 0
    slope = 2 * (o - lift(y)) * up / count * (1 if halved else up)
    grads: list[Array] = []
    for layer in range(len(weights), 0, -1):
        a, below = lift(activations[layer]), lift(activations[layer - 1])
        delta = slope * (a * (1 - a) * up * up) * up
        grads.append(summed([delta[i] for i in range(len(delta))], up))
        grads.append(summed([np.outer(d, b) * up for d, b in zip(delta, below, strict=True)], up))
        W = lift(weights[layer - 1])
        slope = summed([np.outer(delta[:, j], W[j]) * up for j in range(len(W))], up)
    return grads[::-1]


def summed(terms: list[Array], up: Fraction) -> Array:
    total = terms[0]
    for term in terms[1:]:
        total = (total + term) * up
    return total
