"""Known numbers: the textbook's neuron, its network, two worked steps, and whole runs.

Each backend's value is held to 60-digit arithmetic within a bound that counts roundings, and so
are the golden figures themselves; the arithmetic and the bounds stand in tests/exact_step.py.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.backend import Array, Params
from shared.evaluation import CurveTaker, outcome
from shared.named_problems import problem
from shared.network import Network
from shared.problems import Problem
from shared.registry import Loaded
from shared.seeding import from_textbook_order, initial_params
from shared.training import Trainee, lockstep
from shared.worked import WorkedStep, worked_steps
from tests import exact_step
from tests.conftest import Make
from tests.exact_step import NAMES, ROUNDINGS, U64, Trajectory, decimals

GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("golden_runs.json").read_text("utf-8"))
NETWORK = Network((2, 2, 1))
STEPS = {step.name: step for step in worked_steps()}
RUNS = [pytest.param(run, id=f"{run['problem']}-{run['seed']}") for run in GOLDEN["runs"]]


def textbook_order(params: Params) -> list[float]:
    """Flatten W1, b1, W2, b2 to w1, ..., w6, b1, b2, b3."""
    return [float(v) for w in (*params[0::2], *params[1::2]) for v in w.ravel()]


@pytest.fixture(params=list(STEPS.values()), ids=list(STEPS))
def step(request: pytest.FixtureRequest) -> WorkedStep:
    chosen: WorkedStep = request.param
    return chosen


@pytest.fixture
def exact(step: WorkedStep) -> tuple[tuple[Decimal, ...], tuple[Decimal, ...], Decimal]:
    p = decimals(textbook_order(step.params))
    return p, decimals(step.x[0].tolist()), Decimal(float(step.y[0, 0]))


def test_worked_steps_state_the_exact_values(
    step: WorkedStep, exact: tuple[tuple[Decimal, ...], tuple[Decimal, ...], Decimal]
) -> None:
    p, x, y = exact
    f, g = exact_step.forward(p, x, y), exact_step.gradient(p, x, y)
    found = {"h1": f.h[0], "h2": f.h[1], "o1": f.o, "loss": f.loss}
    found |= {f"dL/d{name}": value for name, value in g.items()}
    # A string that ends in a zero has dropped it: 40 digits, compared as numbers.
    rounded = {name: Decimal(f"{value:.40g}") for name, value in found.items()}
    assert rounded == {name: Decimal(text) for name, text in step.exact.items()}


def test_worked_gradients_are_within_k_roundings_of_the_exact_values(
    make: Make, step: WorkedStep
) -> None:
    grads = textbook_order(make().gradients(step.params, step.x, step.y).grads)
    for name, value in zip(NAMES, grads, strict=True):
        assert_within_roundings(value, step.exact[f"dL/d{name}"], ROUNDINGS[name])


def test_worked_gradients_are_within_the_counted_bound(
    make: Make,
    step: WorkedStep,
    exact: tuple[tuple[Decimal, ...], tuple[Decimal, ...], Decimal],
) -> None:
    bounds, truth = exact_step.gradient_bounds(*exact), exact_step.gradient(*exact)
    grads = textbook_order(make().gradients(step.params, step.x, step.y).grads)
    for name, value in zip(NAMES, grads, strict=True):
        assert abs(Decimal(value) - truth[name]) <= bounds[name]


def assert_within_roundings(value: float, exact: str, k: int) -> None:
    assert math.isfinite(value)
    assert abs(Decimal(value) - Decimal(exact)) <= k * U64 * abs(Decimal(exact))


@pytest.mark.parametrize("factor", [1 + 2.0**-49, 0.0214 / 0.02146953526581110728, float("nan")])
def test_a_gradient_that_is_off_is_noticed(factor: float) -> None:
    exact = STEPS["symmetric"].exact["dL/dw1"]
    with pytest.raises(AssertionError):
        assert_within_roundings(float(exact) * factor, exact, ROUNDINGS["w1"])


def test_the_neuron(make: Make) -> None:
    neuron = GOLDEN["neuron"]
    params = (np.array([neuron["weights"]], float), np.array([float(neuron["bias"])]))
    answer = make(sizes=(2, 1)).evaluate(params, np.array([neuron["x"]], float), np.zeros((1, 1)))
    assert answer.activations is not None
    exact, error = exact_step.unit(
        decimals(neuron["weights"]), decimals(neuron["x"]), Decimal(neuron["bias"])
    )
    assert f"{exact:.39g}" == f"{Decimal(neuron['output']):.39g}"
    assert abs(Decimal(float(answer.activations[-1][0, 0])) - exact) <= error


def test_the_feedforward_network(make: Make) -> None:
    p = [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    params = from_textbook_order(NETWORK, np.array(p))
    answer = make().evaluate(params, np.array([[2.0, 3.0]]), np.zeros((1, 1)))
    assert answer.activations is not None
    exact = exact_step.forward(decimals(p), decimals([2.0, 3.0]), Decimal(0))
    golden = GOLDEN["feedforward"]
    assert f"{exact.h[0]:.39g}" == f"{Decimal(golden['h1']):.39g}"
    assert f"{exact.o:.39g}" == f"{Decimal(golden['o1']):.39g}"
    assert abs(Decimal(float(answer.activations[0][0, 0])) - exact.h[0]) <= exact.h_error[0]
    assert abs(Decimal(float(answer.activations[1][0, 0])) - exact.o) <= exact.o_error


@cache
def exact_losses(name: str, seed: int) -> tuple[tuple[Decimal, Decimal], ...]:
    """Return the initial loss and the loss after the first epoch, each with its bound."""
    asked = problem(name)
    samples = [(decimals(x), Decimal(y[0])) for x, y in zip(asked.x, asked.y, strict=True)]
    start = decimals(textbook_order(initial_params(NETWORK, seed, "float64")))
    rate = Decimal(asked.optimizer.learning_rate)
    initial = Trajectory(start, tuple(Decimal(0) for _ in start))
    after = exact_step.descend(start, samples, rate)
    return exact_step.mean_loss(initial, samples), exact_step.mean_loss(after, samples)


@pytest.mark.parametrize("run", RUNS)
def test_golden_losses_are_within_the_bound(run: dict[str, Any]) -> None:
    golden = run["initial_loss"], run["loss_after_first_epoch"]
    for value, (exact, bound) in zip(
        golden, exact_losses(run["problem"], run["seed"]), strict=True
    ):
        assert abs(Decimal(value) - exact) <= bound


@pytest.mark.parametrize("run", RUNS)
def test_losses_are_within_the_bound(loaded: Loaded, run: dict[str, Any]) -> None:
    losses = first_losses(loaded, problem(run["problem"]), run["seed"])
    for value, (exact, bound) in zip(
        losses, exact_losses(run["problem"], run["seed"]), strict=True
    ):
        assert abs(Decimal(value) - exact) <= bound


def test_a_loss_of_another_learning_rate_is_noticed(loaded: Loaded) -> None:
    changed = problem("people16").changed(learning_rate=0.05 * (1 + 1e-9))
    _, after = first_losses(loaded, changed, 42)
    exact, bound = exact_losses("people16", 42)[1]
    assert abs(Decimal(after) - exact) > bound


def first_losses(loaded: Loaded, asked: Problem, seed: int) -> list[float]:
    """Return the curve's first two values: before training, and after one epoch."""
    trainee = Trainee(loaded, asked.changed(epochs=1), "float64")
    trainee.start(seed)
    taker = CurveTaker(trainee)
    for (recording,) in lockstep([trainee]):
        taker.add(recording)
    losses: list[float] = taker.finish().loss.tolist()
    return losses


@pytest.mark.parametrize("name", ["people16", "people4"])
def test_golden_runs_are_solved_or_stuck(loaded: Loaded, name: str) -> None:
    runs = [run for run in GOLDEN["runs"] if run["problem"] == name and not run["chaotic"]]
    correct = correct_at_the_end(loaded, problem(name), [run["seed"] for run in runs])
    solved = (correct == len(problem(name).x)).tolist()
    assert solved == [run["solved"] for run in runs]


def test_too_short_a_run_is_not_solved(loaded: Loaded) -> None:
    assert correct_at_the_end(loaded, problem("people16").changed(epochs=100), [4, 42]).max() < 16


def correct_at_the_end(loaded: Loaded, asked: Problem, seeds: list[int]) -> Array:
    """Train all seeds in one call per chunk, as replicas, and count right samples at the end."""
    trainee = Trainee(loaded, asked, "float64")
    trainee.start(seeds)
    for _ in lockstep([trainee], every=0):
        pass
    return np.array(
        [outcome(trainee, tuple(w[i] for w in trainee.params)).correct for i in range(len(seeds))]
    )
