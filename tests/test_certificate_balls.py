"""Balls hold the exact number, whatever is computed with them; a distance is never too small."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.certificate import exact
from shared.certificate.ball import Balls, precision
from shared.certificate.decision import Verdict
from shared.certificate.judge import reference_for
from shared.certificate.stages import Reference
from tests.recordings import repeatably

BALLS = Balls()
BITS = [10, 53, 128]
every_precision = pytest.mark.parametrize("bits", BITS)
FINITE = (
    st.floats(-1e300, 1e300) | st.floats(-2, 2) | st.sampled_from([5e-324, 0.0, -0.0, 2.0**-70])
)
ROW = st.lists(FINITE, min_size=4, max_size=4)


def fraction(number: flint.arb) -> Fraction:
    """The exact number at which a ball without a radius stands."""
    mantissa, exponent = number.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def require_inside(ball: Any, wanted: Fraction) -> None:
    ball = ball if isinstance(ball, flint.arb) else flint.arb(ball)
    assert abs(wanted - fraction(ball.mid())) <= fraction(ball.rad())


CALCULATED: dict[str, Callable[[Any, Any], Any]] = {
    "sum": lambda a, b: (a + b).sum(axis=-1),
    "difference": lambda a, b: a - b,
    "product": lambda a, b: (a * b).sum(axis=-1),
    "mixed": lambda a, b: (2 * a - b * (1 - a)).sum(),
    "size": lambda a, b: abs(a - b) * a,
}


@every_precision
@pytest.mark.parametrize("name", CALCULATED)
@repeatably
@given(a=ROW, b=ROW)
def test_a_ball_holds_the_exact_number(
    name: str, bits: int, a: list[float], b: list[float]
) -> None:
    calculated = CALCULATED[name]
    with precision(bits):
        found = np.ravel(calculated(BALLS.lift(np.array(a)), BALLS.lift(np.array(b))))
    exactly = [np.array([Fraction(v) for v in row], dtype=object) for row in (a, b)]
    wanted = np.ravel(calculated(*exactly))
    for ball, number in zip(found, wanted, strict=True):
        require_inside(ball, number)


@every_precision
@repeatably
@given(a=ROW, b=ROW)
def test_a_product_of_matrices_holds_the_exact_one(
    bits: int, a: list[float], b: list[float]
) -> None:
    left, right = np.array(a).reshape(2, 2), np.array(b).reshape(2, 2)
    with precision(bits):
        found = BALLS.matmul(left, BALLS.lift(right), np.ones((2, 2)))
        again = BALLS.product(BALLS.lift(left), right, np.ones((2, 2)))
    for i, j in np.ndindex(2, 2):
        wanted = sum(Fraction(left[i, k]) * Fraction(right[k, j]) for k in range(2))
        require_inside(found[i, j], Fraction(wanted))
        require_inside(again[i, j], Fraction(wanted))


@every_precision
@repeatably
@given(a=FINITE, b=FINITE, value=FINITE)
def test_a_distance_is_no_less_than_the_true_one(
    bits: int, a: float, b: float, value: float
) -> None:
    """But for its last rounding to float64, for which every bound has room."""
    with precision(bits):
        (ball,) = BALLS.lift(np.array([a])) - np.array([b])
        told = float(BALLS.distance(np.array([value]), np.array([ball], dtype=object))[0])
        radius = float(np.asarray(BALLS.radius(np.array([ball], dtype=object)))[0])
    true = abs(Fraction(value) - (Fraction(a) - Fraction(b)))
    if np.isfinite(told):
        assert Fraction(told) * (1 + Fraction(2) ** -53) >= true
        # The distance, twice the radius of the number, and what rounding it up takes.
        room = 3 * Fraction(radius) + true * Fraction(2) ** (2 - bits)
        assert Fraction(told) <= (true + room) * (1 + Fraction(2) ** -20)


@every_precision
@pytest.mark.parametrize("function", ["exp", "log1p", "tanh"])
def test_a_function_holds_its_value_to_any_precision(function: str, bits: int) -> None:
    a = np.array([0.0, 5e-324, 1e-20, 0.3, 1.0, 40.0, 700.0])
    with precision(bits):
        found = getattr(BALLS, function)(BALLS.lift(a))
    with precision(600):
        sharp = getattr(BALLS, function)(BALLS.lift(a))
        assert all(ball.contains(one) for ball, one in zip(found, sharp, strict=True))


@every_precision
def test_floats_are_lifted_as_they_are(bits: int) -> None:
    a = np.array([0.1, 5e-324, -1e308, 1 / 3])
    with precision(bits):
        lifted = BALLS.lift(a)
        assert BALLS.lower(lifted).tobytes() == a.tobytes()
        assert not np.asarray(BALLS.radius(lifted)).any()


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_is_no_number_is_infinitely_far_or_no_distance(value: float) -> None:
    with precision(128):
        (told,) = BALLS.distance(np.array([value]), BALLS.lift(np.array([1.0])))
    assert not np.isfinite(told)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 1.0])
@pytest.mark.parametrize("true", [np.inf, np.nan])
def test_nothing_is_explained_where_the_exact_value_is_no_number(value: float, true: float) -> None:
    host = reference_for("float64")
    reference = Reference(BALLS, host.rounding, host.profile)
    with precision(128):
        number = BALLS.lift(np.array([true]))
        judged = reference.judged("forward", "a1", np.array([value]), number, np.array([1.0]))
    assert judged.verdict.tolist() == [Verdict.DIFFERENT]


@pytest.mark.parametrize("a", [[np.inf, 1.0], [np.nan, 1.0], [np.inf, -np.inf]])
def test_sums_with_what_is_no_number_are_none(a: list[float]) -> None:
    with precision(128):
        total = BALLS.lift(np.array(a)).sum()
        assert not np.isfinite(float(total))


def test_the_precision_is_put_back() -> None:
    before = flint.ctx.prec
    with precision(999):
        assert flint.ctx.prec == 999
    assert flint.ctx.prec == before


FUNCTIONS = ("sigmoid", "tanh", "softmax", "relu", "identity")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_activation_holds_its_value(name: str) -> None:
    z = np.array([[0.3, -2.0, 700.0, -700.0, 0.0, 1e-300]])
    with precision(40):
        rough = exact.activation(BALLS, name, BALLS.lift(z))
    with precision(3000):
        sharp = exact.activation(BALLS, name, BALLS.lift(z))
        for part in ("value", "rest"):
            if getattr(sharp, part) is None:
                continue
            for ball, one in zip(
                getattr(rough, part).ravel(), getattr(sharp, part).ravel(), strict=True
            ):
                assert flint.arb(ball).contains(flint.arb(one))


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("relu", 1), ("relu", -1), ("sigmoid", 1), ("sigmoid", -1), ("tanh", 1), ("identity", -1),
    ],
)  # fmt: skip
def test_an_activation_of_what_may_lie_on_either_side_of_zero_holds_both(
    name: str, side: int
) -> None:
    """1 + 2^-60 - 1, with 20 bits: some number around 0."""
    tiny = side * 2.0**-60
    with precision(20):
        z = BALLS.lift(np.array([[1.0]])) + BALLS.lift(np.array([[tiny]])) - 1.0
        found = exact.activation(BALLS, name, z).value[0, 0]
    with precision(300):
        true = BALLS.lift(np.array([[tiny]]))
        wanted = exact.activation(BALLS, name, true).value[0, 0]
        assert flint.arb(found).contains(flint.arb(wanted))
