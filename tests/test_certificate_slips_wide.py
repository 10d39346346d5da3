"""One number off in a wide layer or its gradient: in steps that are screened, and in others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import shared.certificate.stages
from shared.certificate.sampling import sampling
from shared.certificate.screening import IN_FULL_ONE_IN
from shared.problems import Problem
from tests.certified_kinds import wide
from tests.certified_runs import Run, judgements, trained
from tests.certified_slips import (
    expected_of,
    require_found,
    require_not_as_declared,
    slipped,
    slips_beside,
    some_place,
)


def with_hidden(activation: str) -> Problem:
    return replace(wide(), network=replace(wide().network, activation=activation))


ONE, TWO = trained(wide(), 3), trained(wide(), (1, 2))
RUNS = {
    "one network": ONE,
    "two networks": TWO,
    "no deltas": ONE.without_deltas(),
}
LAYERS = {
    "sigmoid": trained(with_hidden("sigmoid"), 3),
    "relu": trained(with_hidden("relu"), (1, 2)),
}
"""Wide hidden layers of functions for which activations are screened as well."""

every_run = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
both_sides = pytest.mark.parametrize("side", [1, -1], ids=["above", "below"])
both_ways = pytest.mark.parametrize("in_full", [True, False], ids=["in full", "screened"])


def a_step(run: Run, in_full: bool) -> int:
    """A step in the middle that is computed in full whatever is cheaper, or one that is not."""
    chosen = replace(sampling(run.problem, run.seeds), one_in=IN_FULL_ONE_IN)
    steps = run.whole.steps[1:-1]
    return int(steps[chosen.chosen(steps) == in_full][0])


def slipped_runs(
    run: Run, in_full: bool, side: int, stage: str = "backward", tensor: str = "W1"
) -> tuple[Run, Run]:
    """A run with a number within its bound, and one with a number beyond all forms, which is
    found; beyond the declared bound alone it is found as well, or another form is named."""
    step = a_step(run, in_full)
    place = some_place(judgements(run)[stage, tensor], step, replica=int(run.seeds == (1, 2)))
    inside, aside, outside = slips_beside(run, stage, tensor, place, side)
    require_not_as_declared(slipped(run, aside), aside)
    beyond = slipped(run, outside)
    require_found(beyond, outside, expected_of(run, outside))
    return slipped(run, inside), beyond


@every_run
def test_most_of_a_wide_gradient_is_settled_by_an_estimate(run: Run) -> None:
    stages = {(stage.stage, stage.tensor): stage for stage in run.judged().stages}
    settled = stages["backward", "W1"].settled
    assert 0.5 * run.whole.grads[0].size < settled < run.whole.grads[0].size
    assert all(stage.settled == 0 for key, stage in stages.items() if key != ("backward", "W1"))


@every_run
@both_ways
@both_sides
def test_a_number_of_a_wide_gradient(run: Run, in_full: bool, side: int) -> None:
    within, _ = slipped_runs(run, in_full, side)
    assert within.judged().certified


@pytest.mark.parametrize("run", LAYERS.values(), ids=LAYERS)
@both_ways
@both_sides
def test_a_number_of_a_wide_layer(run: Run, in_full: bool, side: int) -> None:
    within, _ = slipped_runs(run, in_full, side, "forward", "a1")
    assert within.judged().certified


@pytest.mark.parametrize("run", LAYERS.values(), ids=LAYERS)
def test_most_of_a_wide_layer_is_settled_by_an_estimate(run: Run) -> None:
    activations = run.whole.evaluation.activations
    assert activations is not None
    (stage,) = (s for s in run.judged().stages if (s.stage, s.tensor) == ("forward", "a1"))
    assert 0.5 * activations[0].size < stage.settled < activations[0].size


@pytest.mark.parametrize("numbers", [1, 3000, 2**16])
@both_ways
def test_the_parts_that_a_tensor_is_judged_in_change_no_finding(
    numbers: int, in_full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    within, beyond = slipped_runs(ONE, in_full, side=1)
    whole = beyond.judged()
    monkeypatch.setattr(shared.certificate.stages, "PART_NUMBERS", numbers)
    assert within.judged().certified
    assert beyond.judged().findings == whole.findings


@pytest.mark.parametrize("numbers", [1, 2000, 2**17])
@both_ways
def test_the_blocks_that_steps_are_judged_in_change_no_finding(
    numbers: int, in_full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    within, beyond = slipped_runs(ONE, in_full, side=1)
    whole = beyond.judged()
    monkeypatch.setattr("shared.certificate.judge.BLOCK_NUMBERS", numbers)
    assert within.judged().certified
    assert beyond.judged().findings == whole.findings


@both_ways
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0], ids=str)
def test_a_number_of_a_wide_gradient_that_is_none(in_full: bool, value: float) -> None:
    step = a_step(ONE, in_full)
    place = some_place(judgements(ONE)["backward", "W1"], step, replica=0)
    grads = tuple(np.array(g) for g in ONE.whole.grads)
    grads[0][place] = value
    found = ONE.with_chunks(replace(ONE.whole, grads=grads)).judged().findings[0]
    assert (found.stage, found.tensor, found.step) == ("backward", "W1", step)
    assert found.element == place[1:]


@pytest.mark.parametrize("tensor", ["W1", "b1"])
def test_a_wide_parameter_one_float_aside(tensor: str) -> None:
    i = ONE.problem.network.param_names.index(tensor)
    place = (5, *(n // 2 for n in ONE.whole.after[i].shape[1:]))
    moved = float(np.nextafter(np.nextafter(ONE.whole.after[i][place], np.inf), np.inf))
    after = tuple(np.array(w) for w in ONE.whole.after)
    after[i][place] = moved
    update, carried = ONE.with_chunks(replace(ONE.whole, after=after)).judged().findings
    assert (update.stage, update.step, update.value) == ("update", 6, moved)
    assert (carried.stage, carried.step, carried.exact) == ("carried over", 7, moved)
