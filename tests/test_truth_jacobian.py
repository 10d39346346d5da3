"""The derivative of a step, anywhere in a box around its point, is within its bound."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import flint
import numpy as np
import pytest
from flint import arb

from shared.backend import Array
from shared.certificate.ball import Balls
from shared.certificate.exact_step import step
from shared.certificate.exact_tangent import gradient_tangents
from shared.truth.jacobian import step_jacobians
from shared.truth.rows import in_tensors
from tests.kinds import KINDS, Kind

BITS = 400
RATE = 0.3
STEPS, SAMPLES = 2, 3
BALLS = Balls()
SMALL = [Kind(kind.activation, kind.output, kind.loss, (3, 2, 2)) for kind in KINDS]
every_kind = pytest.mark.parametrize("kind", SMALL, ids=str)


@dataclass(frozen=True)
class Case:
    """A network at two points (s, P), with samples of their own."""

    kind: Kind
    points: Array
    x: Array
    y: Array

    @classmethod
    def of(cls, kind: Kind) -> Case:
        params, data = kind.params("float64", STEPS), kind.data("float64")
        x, y = (v[: STEPS * SAMPLES].reshape(STEPS, SAMPLES, -1) for v in (data.x, data.y))
        flat = [w.reshape(STEPS, -1) for w in params]
        return cls(kind, np.concatenate(flat, axis=-1), x, y)

    def bounded(self, radius: float) -> tuple[Array, Array]:
        """Derivatives and bounds for boxes of one size."""
        box = np.full(self.points.shape, radius)
        return step_jacobians(self.kind.network, RATE, self.points, box, self.x, self.y)


def exact_jacobians(case: Case, weights: Any) -> Any:
    """I - η ∂²L (s, P, P) at exact weights (s, P), column by column."""
    network, size = case.kind.network, case.points.shape[-1]
    params = in_tensors(network, weights)
    directions = in_tensors(network, BALLS.lift(np.eye(size)[:, None, :]))
    x, y = map(BALLS.lift, (case.x, case.y))
    made = step(BALLS, network, params, x, y)
    bent = gradient_tangents(BALLS, network, params, made, directions)
    columns = np.concatenate([v.reshape(size, STEPS, -1) for v in bent], axis=-1)
    return BALLS.lift(np.eye(size)) - arb(RATE) * np.moveaxis(columns, 0, -1)


@cache
def exact_at(kind: Kind, radius: float, draw: int) -> Any:
    """The same at a point of the box: its middle, two corners drawn, and one anywhere."""
    case, random = Case.of(kind), np.random.RandomState(draw)
    at = random.uniform(-1, 1, case.points.shape)
    at = {0: 0 * at, 3: at}.get(draw, np.sign(at))
    with flint.ctx.workprec(BITS):
        return exact_jacobians(case, BALLS.lift(case.points) + BALLS.lift(at) * arb(radius))


def worst(jacobian: Array, bound: Array, true: Any) -> float:
    """The largest error over its bound."""
    with flint.ctx.workprec(BITS):
        errors = abs(BALLS.lift(jacobian) - true) / BALLS.lift(bound)
        return max(float(one.abs_upper()) for one in errors.ravel())


@pytest.mark.parametrize("draw", range(4))
@pytest.mark.parametrize("radius", [0.0, 2.0**-80, 2.0**-40, 1e-6, 1e-3])
@every_kind
def test_a_bound_holds_anywhere_in_the_box(kind: Kind, radius: float, draw: int) -> None:
    jacobian, bound = Case.of(kind).bounded(radius)
    assert worst(jacobian, bound, exact_at(kind, radius, draw)) <= 1


@every_kind
def test_a_bound_without_a_box_is_no_more_than_roundings_make(kind: Kind) -> None:
    jacobian, bound = Case.of(kind).bounded(0.0)
    assert worst(jacobian, bound, exact_at(kind, 0.0, 0)) > 1 / 16
    assert bound.max() < 2.0**-53 * 2**10


@every_kind
def test_a_bound_on_a_box_grows_as_the_box_does(kind: Kind) -> None:
    """Where the derivative bends: of a relu with an identity above it, it hardly does."""
    case = Case.of(kind)
    small, large = case.bounded(1e-6)[1].max(), case.bounded(1e-3)[1].max()
    assert small < 1e-6 * 2**8
    assert 1e2 < large / small < 1e4


@pytest.mark.parametrize("radius", [0.0, 2.0**-80, 1e-3])
@every_kind
def test_one_element_moved_by_three_bounds_is_noticed(kind: Kind, radius: float) -> None:
    jacobian, bound = Case.of(kind).bounded(radius)
    jacobian[1, 2, 0] += 3 * bound[1, 2, 0]
    assert worst(jacobian, bound, exact_at(kind, radius, 0)) > 1.9


def test_a_bound_for_the_middle_alone_is_noticed_in_a_corner() -> None:
    kind = SMALL[0]
    jacobian, bound = Case.of(kind).bounded(0.0)
    assert worst(jacobian, bound, exact_at(kind, 1e-3, 1)) > 1e6


def test_a_relu_that_may_be_at_its_kink_has_either_slope() -> None:
    """With W = 0.5 and b = -0.5 at x = 1, z is 0 exactly; around it both slopes occur."""
    kind = Kind("relu", "identity", "quadratic_cost", (1, 1, 1))
    case = Case(kind, np.array([[0.5, -0.5, 2.0, 0.0]]), np.array([[[1.0]]]), np.array([[[3.0]]]))
    jacobian, bound = case.bounded(1e-3)
    # Above the kink the second derivative by w5 is a², and by b1 it is w5².
    off = np.eye(4)[1, 1] - RATE * 2.0**2
    assert bound[0, 1, 1] >= max(abs(jacobian[0, 1, 1] - v) for v in (1.0, off))


def test_rows_are_what_changes_and_columns_what_it_changes_by() -> None:
    """With one weight fixed at zero input, row and column of it are those of the unit matrix."""
    kind = Kind("sigmoid", "sigmoid", "quadratic_cost", (2, 1))
    case = Case(kind, np.array([[0.3, -0.2, 0.1]]), np.array([[[0.0, 2.0]]]), np.array([[[1.0]]]))
    jacobian, _ = case.bounded(0.0)
    assert jacobian[0, 0].tolist() == [1.0, 0.0, 0.0]
    assert jacobian[0, :, 0].tolist() == [1.0, 0.0, 0.0]
    assert jacobian[0, 1, 2] == jacobian[0, 2, 1] != 0


@pytest.mark.parametrize("lead", [(), (4,), (2, 3)])
def test_numbers_are_cut_into_tensors_in_element_order(lead: tuple[int, ...]) -> None:
    network = Kind(sizes=(3, 4, 2)).network
    numbers = np.arange(26.0) + np.zeros((*lead, 1))
    tensors = in_tensors(network, numbers)
    assert [t.shape for t in tensors] == [(*lead, *shape) for shape in network.param_shapes]
    joined = np.concatenate([t.reshape(*lead, -1) for t in tensors], axis=-1)
    assert joined.tolist() == numbers.tolist()
