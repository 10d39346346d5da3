"""How a few random directions grow along one backend's path: products of the derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest

from shared.backend import Array
from shared.named_problems import problem
from shared.problems import Problem
from shared.truth.estimate import DIRECTIONS, Estimate, GrowthTaker
from shared.truth.follower import Follower
from shared.truth.jacobian import step_jacobians
from shared.truth.residuals import mark_steps
from tests.certified_runs import Run, put, trained
from tests.followed import diverging, of_kind, people, walked, wide
from tests.kinds import COVERING, Kind


def estimated(run: Run, seed: int = 42) -> Estimate:
    taker = GrowthTaker("numpy", run.problem, seed, run.dtype)
    for chunk in run.chunks:
        taker.add(chunk)
    return taker.finish()


def first_directions(one: Problem, seed: int) -> Array:
    """(P, d) unit directions, drawn as they are said to be."""
    random = np.random.RandomState([seed, 0, 1])
    drawn = [random.normal(size=(DIRECTIONS, *s)) for s in one.network.param_shapes]
    flat = np.concatenate([d.reshape(DIRECTIONS, -1) for d in drawn], axis=-1).T
    unit: Array = flat / np.linalg.norm(flat, axis=0)
    return unit


def grown(run: Run, seed: int, steps: int) -> Array:
    """(d,) lengths of the directions after so many steps, by whole Jacobians."""
    data, now, made = run.problem.dataset(run.dtype), first_directions(run.problem, seed), 0
    for chunk in run.chunks:
        rows = min(len(chunk.steps), steps - made)
        if rows <= 0:
            break
        points = np.concatenate([w[:rows].reshape(rows, -1) for w in chunk.before], axis=-1)
        x, y = (v[chunk.batches[:rows]] for v in (data.x, data.y))
        rate = run.problem.optimizer.learning_rate
        jacobians, _ = step_jacobians(
            run.problem.network, rate, points, np.zeros(points.shape), x, y
        )
        for jacobian in jacobians:
            now = jacobian @ now
        made += rows
    lengths: Array = np.linalg.norm(now, axis=0)
    return lengths


SMALL: dict[str, Callable[[], Run]] = {
    "people16": partial(trained, people(epochs=13)),
    **{str(kind): partial(trained, of_kind(kind)) for kind in COVERING},
}


@pytest.mark.parametrize("name", SMALL)
def test_growth_is_that_of_the_products_of_jacobians(name: str) -> None:
    run = SMALL[name]()
    told = estimated(run)
    assert [step for step, _ in told.marks] == list(mark_steps(run.problem.step_count))
    for step, log10 in told.marks:
        true = math.sqrt(np.mean(grown(run, 42, step) ** 2))
        assert abs(10**log10 / true - 1) < 1e-10


def test_the_most_that_any_direction_grew_is_told() -> None:
    run = SMALL["people16"]()
    largest = max(grown(run, 42, step).max() for step in range(1, 209))
    assert abs(10 ** estimated(run).largest_log10 / max(largest, 1.0) - 1) < 1e-10


def test_the_peak_is_the_largest_that_was_seen() -> None:
    told = estimated(trained(people(epochs=40), 4), 4)
    assert told.peak_log10 >= max(log10 for _, log10 in told.marks)
    assert told.largest_log10 >= told.peak_log10 > 0
    assert 0 < told.peak_step <= 640


@pytest.mark.parametrize("seed", [4, 29, 42])
def test_no_estimate_exceeds_the_sensitivity(seed: int) -> None:
    """After the same steps, and along the exact path, from which a rounded one is off by a hair."""
    one = people(epochs=40)
    told, flow = estimated(trained(one, seed), seed), walked(one, seed)
    exact = {mark.step: mark.sensitivity_log10 for mark in flow.passed}
    assert all(log10 <= exact[step] + 1e-9 for step, log10 in told.marks)


@pytest.mark.parametrize("seed", [4, 29, 42])
def test_what_grows_at_most_is_no_less_than_what_a_direction_has_grown(seed: int) -> None:
    """A sensitivity is told as a maximum over the run, and so is a growth."""
    one = people(epochs=40)
    told, flow = estimated(trained(one, seed), seed), walked(one, seed)
    assert told.largest_log10 <= flow.carried.sensitivity.peak_log10 + 1e-9


def test_directions_are_those_of_the_seed() -> None:
    run = SMALL["people16"]()
    assert estimated(run, 1).marks != estimated(run, 2).marks
    again = estimated(run, 1)
    assert again.elapsed_s > 0
    assert replace(again, elapsed_s=0.0) == replace(estimated(run, 1), elapsed_s=0.0)


def test_directions_are_no_order_of_samples() -> None:
    """RandomState([seed, epoch]) draws those; these are another stream."""
    drawn = first_directions(people(), 42)
    others = [np.random.RandomState([42, epoch]).normal(size=4) for epoch in range(3)]
    assert all(not np.isin(drawn, other).any() for other in others)


def standing(rate: float, steps: int) -> Run:
    """A made-up recording: the same state before every step, so that each magnifies alike."""
    run = trained(diverging(rate, epochs=steps // 2), 1)
    chunk = run.whole
    before = tuple(np.repeat(w[:1], steps, axis=0) for w in chunk.before)
    return run.with_chunks(replace(chunk, before=before))


def test_growth_far_beyond_any_float_is_told() -> None:
    """A factor of some 17 in each of 400 steps."""
    told = estimated(standing(3.0, 400), 1)
    assert 400 < told.peak_log10 < told.largest_log10 < 600
    assert (told.peak_step, told.marks[-1][1]) == (400, told.peak_log10)


@pytest.mark.filterwarnings("error")
def test_growth_that_overflows_between_two_looks_is_not_called_small() -> None:
    """A factor of 3e5 in each step: more than 1e270 in fifty, whose square no float holds."""
    told = estimated(standing(1e5, 60), 1)
    assert told.largest_log10 > 200
    assert told.peak_log10 > 200


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_path_that_is_no_number_is_told_as_far_as_it_was_one(value: float) -> None:
    run = SMALL["people16"]()
    wrong = run.with_chunks(put(run.whole, "before", 0, (120, 0, 0), value))
    told, honest = estimated(wrong), estimated(run)
    assert told.marks[:3] == honest.marks[:3]
    # A weight that is infinite saturates a sigmoid, and derivatives go on.
    assert math.isnan(told.marks[3][1]) == math.isnan(value)
    assert told.largest_log10 >= max(log10 for _, log10 in honest.marks[:3])


@pytest.fixture(scope="module")
def digits() -> Run:
    return trained(problem("digits").changed(epochs=1), 42)


def test_digits_are_estimated_in_reasonable_time(digits: Run) -> None:
    told = estimated(digits)
    assert told.directions == DIRECTIONS
    assert told.marks[-1][0] == digits.problem.step_count
    assert 0 <= told.peak_log10 <= told.largest_log10 < 3


def test_a_follower_of_a_large_network_estimates_along_the_first_backend() -> None:
    run = trained(wide(), 7)
    follower = Follower(["a", "b"], run.problem, 7, "float64")
    broken = run.with_chunks(*(put(c, "before", 0, (0, 0, 0), np.nan) for c in run.chunks))
    for chunk, other in zip(run.chunks, broken.chunks, strict=True):
        follower.add([chunk, other])
    told = follower.finish(run.problem.step_count, lambda _: None)
    assert isinstance(told, Estimate)
    assert told.backend == "a"
    assert told.marks == estimated(run, 7).marks
    assert np.isfinite([log10 for _, log10 in told.marks]).all()


@cache
def tied() -> Run:
    return trained(of_kind(Kind("relu", "softmax", "categorical_cross_entropy")), dtype="float32")


def test_a_path_in_float32_is_carried_in_float64() -> None:
    for _, log10 in estimated(tied()).marks:
        assert math.isfinite(log10)
