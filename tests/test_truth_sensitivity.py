"""By how much a run magnifies a small change of its start."""

from __future__ import annotations

import math
from typing import Any

import flint
import numpy as np
import pytest
from flint import arb

from shared.backend import Array
from shared.certificate.ball import Balls
from shared.certificate.exact_step import step
from shared.certificate.exact_tangent import gradient_tangents
from shared.problems import Problem
from shared.seeding import batch_runs
from shared.truth.path import Path
from shared.truth.rows import in_tensors
from shared.truth.sensitivity import SensitivityMeter
from tests.followed import of_kind, people, walked
from tests.kinds import COVERING

BALLS = Balls()


def exact_product(one: Problem, seed: int, steps: int) -> Array:
    """The product of all steps' derivatives along the exact path, in 400 bits."""
    part = Path(one, seed, "float64", 512).walk(steps)
    data, size = one.dataset("float64"), one.network.param_count
    with flint.ctx.workprec(400):
        rate, now = arb(one.optimizer.learning_rate), BALLS.lift(np.eye(size))
        rows = [batch for _, batches in batch_runs(one, seed, 0, steps) for batch in batches]
        for here, batch in zip(part.exact, rows, strict=False):
            params = in_tensors(one.network, here)
            made = step(
                BALLS, one.network, params, *map(BALLS.lift, (data.x[batch], data.y[batch]))
            )
            # What has been carried so far, each column a direction: H times it.
            columns: Any = in_tensors(one.network, now.T)
            bent = gradient_tangents(BALLS, one.network, params, made, columns)
            moved = np.concatenate([b.reshape(size, -1) for b in bent], axis=-1)
            now = now - rate * moved.T
        return np.array([[float(v) for v in row] for row in now])


@pytest.mark.parametrize("name", ["people16", "people16-centered"])
@pytest.mark.parametrize("seed", [4, 42])
def test_sensitivity_is_the_largest_singular_value(name: str, seed: int) -> None:
    one = people(name, 13)
    told = walked(one, seed).carried.sensitivity.log10
    true = float(np.linalg.svd(exact_product(one, seed, one.step_count))[1][0])
    assert abs(10**told / true - 1) < 1e-6


@pytest.mark.parametrize("kind", COVERING, ids=str)
def test_so_it_is_for_networks_of_any_kind(kind: Any) -> None:
    one = of_kind(kind)
    told = walked(one, 5).carried.sensitivity.log10
    true = float(np.linalg.svd(exact_product(one, 5, one.step_count))[1][0])
    assert abs(10**told / true - 1) < 1e-6


def test_a_product_of_one_step_less_is_noticed() -> None:
    one = people(epochs=13)
    told = walked(one, 4).carried.sensitivity.log10
    true = float(np.linalg.svd(exact_product(one, 4, one.step_count - 1))[1][0])
    assert abs(10**told / true - 1) > 1e-6


def metered(*products: Array) -> SensitivityMeter:
    meter = SensitivityMeter(len(products[0]))
    for step_number, product in enumerate(products, start=1):
        meter.add(product[None], step_number - 1)
    return meter


@pytest.mark.parametrize("factor", [1e100, 1e-100, 1e300, 1e-300])
def test_logarithms_survive_products_beyond_any_float(factor: float) -> None:
    meter = metered(*[factor * np.eye(2)] * 50)
    assert abs(meter.log10 - 50 * math.log10(factor)) < 1e-9


def test_growth_in_one_direction_and_then_in_another_is_not_added_up() -> None:
    """1e200 forwards and back, twenty times over: as it began."""
    there, back = np.diag([1e200, 1e-200]), np.diag([1e-200, 1e200])
    meter = metered(*[there, back] * 20)
    assert abs(meter.log10) < 1e-9
    assert abs(meter.peak_log10 - 200) < 1e-9
    assert meter.peak_step == 1


def test_the_order_of_the_products_counts() -> None:
    turn, stretch = np.array([[0.0, -1.0], [1.0, 0.0]]), np.diag([10.0, 0.1])
    assert abs(metered(stretch, stretch).log10 - 2) < 1e-12
    assert abs(metered(stretch, turn, stretch).log10) < 1e-12


def test_a_calm_run_has_its_peak_at_the_start() -> None:
    meter = metered(0.5 * np.eye(3), 0.25 * np.eye(3))
    assert (meter.peak_log10, meter.peak_step) == (0.0, 0)
    assert abs(meter.log10 - math.log10(0.125)) < 1e-12


def test_what_has_vanished_stays_so() -> None:
    meter = metered(np.zeros((2, 2)), np.eye(2))
    assert meter.log10 == -math.inf


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_what_has_overflowed_stays_so(value: float) -> None:
    assert metered(np.full((2, 2), value)).log10 == math.inf
    assert not metered(np.full((2, 2), value), np.eye(2)).log10 < math.inf
