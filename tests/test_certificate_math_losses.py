"""The bounds of the cross-entropies hold every form in use, on hard inputs, and no wrong one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from shared.backend import Array
from shared.certificate import exact, loss_bounds
from shared.certificate.arithmetic import LongDouble
from shared.certificate.bounds import widened
from shared.certificate.loss_bounds import Logits
from shared.certificate.profile import tight
from shared.certificate.rounding import Rounding
from shared.network import Network
from tests.math_forms import (
    BINARY,
    BINARY_BY_COMPLEMENT,
    BINARY_BY_SOFTPLUS,
    CATEGORICAL,
    CATEGORICAL_OF_SOFT_TARGETS,
    Form,
)

TIGHT = tight("float64")
ARITHMETIC, DOUBLE, STEPS = LongDouble(), Rounding.of("float64"), 400
BATCHES = [(1, 1), (3, 1), (7, 5)]
ROWS = [(1, 2), (3, 3), (5, 40)]
KINKED = ("torch, clamp", "jax, max")
"""At z = 0 they derive another slope than 1/2 - y: a kink of their terms, no rounding."""
LOGITS = ("ordinary", "wide", "huge", "tiny", "zero")


@pytest.fixture(autouse=True)
def _overflows_are_meant() -> Iterator[None]:
    """1 / (1 + e^-z) passes infinity on its way to 0."""
    with np.errstate(over="ignore"):
        yield


@dataclass(frozen=True)
class Limits:
    """What is exact, and by how much a program may miss it."""

    loss: Any
    slope: Any
    loss_error: Array
    slope_error: Array
    any_error: Array

    def worst(self, loss: Array, slope: Array) -> tuple[float, float]:
        """The largest error over its bound, of the losses and of the slopes; NaN counts as inf."""
        ratios = abs(loss - self.loss) / self.loss_error, abs(slope - self.slope) / self.slope_error
        found = [float(np.where(np.isnan(ratio), math.inf, ratio).max()) for ratio in ratios]
        return found[0], found[1]


def limits(name: str, z: Array, y: Array) -> Limits:
    output = "sigmoid" if name.startswith("binary") else "softmax"
    network = Network((2, 2), "sigmoid", output, name)
    wide_z, wide_y = ARITHMETIC.lift(z), ARITHMETIC.lift(y)
    true = exact.activation(ARITHMETIC, output, wide_z)
    loss = exact.loss(ARITHMETIC, network, None, wide_z, wide_y)
    lowered = [ARITHMETIC.lower(v) for v in (true.value, true.rest, loss)]
    bound = loss_bounds.cross_entropy(DOUBLE, TIGHT, network, Logits(z, y, *lowered))
    slope = exact.logit_slope(network, true, wide_y)
    return Limits(
        loss, slope, widened(bound.loss), widened(bound.slope), widened(bound.slope_of_any_form)
    )


def drawn(kind: str, m: int, n: int) -> Array:
    random = np.random.RandomState(m * n)
    shape = (STEPS, m, n)
    return {
        "ordinary": 3 * random.normal(size=shape),
        "wide": random.uniform(-45, 45, shape),
        "huge": random.choice([-1000.0, -700.0, 0.0, 700.0, 1000.0], shape)
        + random.normal(size=shape),
        "tiny": 10 ** random.uniform(-300, -8, shape),
        "near": 100 * random.normal(size=(STEPS, m, 1)) + 15 * random.normal(size=shape),
        "zero": np.zeros(shape),
    }[kind]


def binary_targets(kind: str, shape: tuple[int, ...]) -> Array:
    random = np.random.RandomState(4)
    if kind == "hard":
        return random.randint(0, 2, shape).astype(float)
    near = 10 ** random.uniform(-17, 0, shape)
    return np.where(random.uniform(size=shape) < 0.5, near, 1 - near)


def rows_of_targets(kind: str, shape: tuple[int, ...]) -> Array:
    """One-hot rows, or rows that sum to 1 once their sum is rounded."""
    random = np.random.RandomState(5)
    n = shape[-1]
    hot = np.eye(n)[random.randint(n, size=shape[:-1])]
    if kind == "one-hot":
        return hot
    y = 0.9 * hot + 0.1 / n if kind == "smoothed" else random.dirichlet(np.ones(n), shape[:-1])
    flat = y.reshape(-1, n)
    for row in flat:
        row[row.argmax()] += 1 - math.fsum(row)
    return flat.reshape(shape)


def require_within(form: Form, name: str, z: Array, y: Array) -> None:
    of_loss, of_slope = limits(name, z, y).worst(*form(z, y))
    assert of_loss <= 1
    assert of_slope <= 1


@pytest.mark.parametrize(("m", "n"), BATCHES)
@pytest.mark.parametrize("targets", ["hard", "soft"])
@pytest.mark.parametrize("name", BINARY)
def test_a_form_of_the_binary_cross_entropy_is_within_its_bounds(
    name: str, targets: str, m: int, n: int
) -> None:
    for kind in LOGITS:
        z = drawn(kind, m, n)
        if name in KINKED and kind == "zero":
            continue
        require_within(BINARY[name], "binary_cross_entropy", z, binary_targets(targets, z.shape))


@pytest.mark.parametrize("name", BINARY_BY_SOFTPLUS)
def test_a_form_by_softplus_is_within_its_bounds(name: str) -> None:
    for kind, targets in itertools.product(LOGITS, ("hard", "soft")):
        z = drawn(kind, 10, 10)
        y = binary_targets(targets, z.shape)
        require_within(BINARY_BY_SOFTPLUS[name], "binary_cross_entropy", z, y)


@pytest.mark.parametrize("name", BINARY_BY_COMPLEMENT)
def test_a_slope_that_is_lost_is_within_the_bound_of_any_form_alone(name: str) -> None:
    outside = 0
    for kind in LOGITS:
        z = drawn(kind, 3, 1)
        y = binary_targets("hard", z.shape)
        found = limits("binary_cross_entropy", z, y)
        error = abs(BINARY_BY_COMPLEMENT[name](z, y)[1] - found.slope)
        assert (error <= found.any_error).all()
        outside += int((error > found.slope_error).sum())
    assert outside


@pytest.mark.parametrize("name", BINARY_BY_SOFTPLUS | BINARY_BY_COMPLEMENT)
def test_the_loss_alone_is_within_its_bound_in_every_form(name: str) -> None:
    form = (BINARY_BY_SOFTPLUS | BINARY_BY_COMPLEMENT)[name]
    for kind in LOGITS:
        z = drawn(kind, 3, 1)
        y = binary_targets("soft", z.shape)
        assert limits("binary_cross_entropy", z, y).worst(*form(z, y))[0] <= 1


@pytest.mark.parametrize(("m", "n"), ROWS)
@pytest.mark.parametrize("targets", ["one-hot", "smoothed", "drawn"])
@pytest.mark.parametrize("name", CATEGORICAL)
def test_a_form_of_the_categorical_cross_entropy_is_within_its_bounds(
    name: str, targets: str, m: int, n: int
) -> None:
    for kind in LOGITS:
        z = drawn(kind, m, n)
        y = rows_of_targets(targets, z.shape)
        require_within(CATEGORICAL[name], "categorical_cross_entropy", z, y)


@pytest.mark.parametrize("name", CATEGORICAL_OF_SOFT_TARGETS)
def test_a_form_for_one_hot_targets_is_within_its_bounds_there(name: str) -> None:
    for kind in ("ordinary", "wide", "tiny", "zero"):
        z = drawn(kind, 3, 3)
        y = rows_of_targets("one-hot", z.shape)
        require_within(CATEGORICAL_OF_SOFT_TARGETS[name], "categorical_cross_entropy", z, y)


@pytest.mark.parametrize("name", CATEGORICAL_OF_SOFT_TARGETS)
def test_a_form_for_one_hot_targets_is_within_its_bounds_on_soft_ones_too(name: str) -> None:
    z = drawn("near", 1, 10)
    for kind in ("smoothed", "drawn"):
        y = rows_of_targets(kind, z.shape)
        require_within(CATEGORICAL_OF_SOFT_TARGETS[name], "categorical_cross_entropy", z, y)


def test_logits_far_above_the_largest_exponential_leave_the_bounds_finite() -> None:
    z = np.array([[[700.0, -700.0, 1000.0], [-1000.0, -1000.0, -1000.0]]])
    found = limits("categorical_cross_entropy", z, np.eye(3)[None, :2])
    assert np.isfinite(found.slope_error).all()
    assert np.isfinite(found.loss_error).all()


def sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def in_float32(z: Array, y: Array) -> tuple[Array, Array]:
    loss, slope = BINARY["max"](z.astype(np.float32), y.astype(np.float32))
    return loss.astype(float), slope.astype(float)


def clipped(z: Array, y: Array) -> tuple[Array, Array]:
    return BINARY["max"](np.clip(z, -30, 30), y)


def with_an_epsilon(z: Array, y: Array) -> tuple[Array, Array]:
    s = sigmoid(z)
    terms = -y * np.log(s + 1e-12) - (1 - y) * np.log(1 - s + 1e-12)
    return terms.mean(axis=(-2, -1)), (s - y) / (1 + 1e-12) / z[0].size


def of_another_constant(z: Array, y: Array) -> tuple[Array, Array]:
    loss, slope = BINARY["max"](z, y)
    return loss * (1 + 1e-13), slope * (1 + 1e-13)


def without_log1p_of_small_powers(z: Array, y: Array) -> tuple[Array, Array]:
    loss, slope = BINARY["max"](z, y)
    return loss - np.log1p(np.exp(-abs(z))).mean(axis=(-2, -1)) * 1e-12, slope + 1e-15


@pytest.mark.parametrize(
    "wrong",
    [in_float32, clipped, with_an_epsilon, of_another_constant, without_log1p_of_small_powers],
)
def test_a_slightly_wrong_binary_cross_entropy_is_outside(wrong: Form) -> None:
    z = np.linspace(-35, 5, STEPS)[:, None, None]
    of_loss, of_slope = limits("binary_cross_entropy", z, np.zeros_like(z)).worst(
        *wrong(z, np.zeros_like(z))
    )
    assert of_loss > 1
    assert of_slope > 1


def without_the_shift(z: Array, y: Array) -> tuple[Array, Array]:
    powers = np.exp(z)
    total = powers.sum(axis=-1, keepdims=True)
    m = z.shape[-2]
    return (y * (np.log(total) - z)).sum(axis=(-2, -1)) / m, (powers / total - y) / m


def with_a_smoothed_share(z: Array, y: Array) -> tuple[Array, Array]:
    loss, slope = CATEGORICAL["quotient"](z, y)
    m = z.shape[-2]
    return loss * (1 + 1e-12), ((slope * m + y) * (1 - 1e-12) - y) / m


def clipped_shares(z: Array, y: Array) -> tuple[Array, Array]:
    s = np.clip(CATEGORICAL["quotient"](z, np.zeros_like(y))[1] * z.shape[-2], 1e-7, 1)
    m = z.shape[-2]
    return -(y * np.log(s)).sum(axis=(-2, -1)) / m, (s - y) / m


def shares_in_float32(z: Array, y: Array) -> tuple[Array, Array]:
    loss, slope = CATEGORICAL["quotient"](z.astype(np.float32), y.astype(np.float32))
    return loss.astype(float), slope.astype(float)


@pytest.mark.parametrize("wrong", [with_a_smoothed_share, clipped_shares, shares_in_float32])
def test_a_slightly_wrong_categorical_cross_entropy_is_outside(wrong: Form) -> None:
    z = drawn("wide", 1, 3)
    y = rows_of_targets("one-hot", z.shape)
    of_loss, of_slope = limits("categorical_cross_entropy", z, y).worst(*wrong(z, y))
    assert of_loss > 1
    assert of_slope > 1


def test_a_softmax_that_is_not_shifted_is_outside_on_large_logits() -> None:
    z = drawn("huge", 1, 3)
    y = rows_of_targets("one-hot", z.shape)
    with np.errstate(all="ignore"):
        wrong = without_the_shift(z, y)
        assert min(limits("categorical_cross_entropy", z, y).worst(*wrong)) > 1
