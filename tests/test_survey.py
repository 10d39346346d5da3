"""What a survey finds of each seed at its end, and the atlas that lays centred data beside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import shared.atlas
from shared.atlas import Atlas, atlas, steps_per_seed
from shared.backend import Array
from shared.evaluation import outcome
from shared.named_problems import centred, problem
from shared.network import Network
from shared.problems import Problem
from shared.saturation import count_saturated, saturated_units
from shared.survey import survey
from shared.surveyed import NOT_STUCK, TOLD_DIFFERENTLY, Survey
from shared.training import Trainee, lockstep
from tests.classifiers import NUMPY, OTHER, pictures

SHORT = problem("people16").changed(epochs=12)
SEEDS = (4, 0, 24, 3)


def activations(seed: int, activation: str) -> list[Array]:
    """Of five replicas, six samples and layers of 4, 3 and 1: some units at an end, some not."""
    random = np.random.RandomState(seed)
    flat = random.randint(2, size=(5, 1, 4)) * 200.0
    z = [random.normal(size=(5, 6, n)) for n in (4, 3, 1)]
    z[0] = z[0] * 0.1 + flat - 100.0 * random.randint(2, size=flat.shape)
    functions: dict[str, Callable[[Array], Array]] = {
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        "tanh": np.tanh,
        "relu": lambda z: np.maximum(z, 0),
    }
    return [functions[activation](one) for one in z]


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("replica", range(5))
def test_units_are_counted_in_each_replica(activation: str, replica: int) -> None:
    a = activations(1, activation)
    alone = saturated_units([one[replica] for one in a], activation)
    assert count_saturated(a, activation)[replica] == len(alone)
    assert len(set(count_saturated(a, activation).tolist())) > 1


def test_a_nan_is_at_no_end() -> None:
    a = [np.zeros((2, 3, 2)), np.zeros((2, 3, 1))]
    a[0][1, 2, 0] = np.nan
    assert count_saturated(a, "sigmoid").tolist() == [2, 1]


def test_without_hidden_layers_no_unit_is_saturated() -> None:
    assert count_saturated([np.zeros((2, 3, 1))], "sigmoid").tolist() == [0, 0]


@pytest.fixture(scope="module")
def trained() -> Survey:
    """Seed 4 is solved, 0 and 3 are stuck with two saturated units, 24 is, so far, with one."""
    return survey(problem("people16").changed(epochs=1000), SEEDS, [NUMPY])


@pytest.mark.parametrize("column", range(len(SEEDS)))
def test_a_seed_has_the_saturated_units_of_its_run_alone(trained: Survey, column: int) -> None:
    trainee = Trainee(NUMPY, trained.problem, "float64")
    trainee.start(SEEDS[column])
    *_, (last,) = lockstep([trainee], every=0)
    alone = outcome(trainee, last.final[0])
    assert trained.backends[0].saturated[column] == len(alone.saturated)
    assert trained.backends[0].finite[column]


def test_stuck_seeds_are_told_by_their_saturated_units(trained: Survey) -> None:
    assert trained.stuck_units.tolist() == [NOT_STUCK, 2, 1, 2]


def beside(one: Survey, **changed: Any) -> Survey:
    """Add a second backend that found something else."""
    (first,) = one.backends
    return replace(one, backends=(first, replace(first, name="other", **changed)))


def test_backends_that_count_other_units_are_not_hidden(trained: Survey) -> None:
    told = beside(trained, saturated=np.array([0, 2, 2, 1]))
    assert told.stuck_units.tolist() == [NOT_STUCK, 2, TOLD_DIFFERENTLY, TOLD_DIFFERENTLY]


def test_a_broken_seed_is_not_stuck(trained: Survey) -> None:
    told = beside(trained, finite=np.array([True, False, True, True]))
    assert told.broken.tolist() == [[False] * 4, [False, True, False, False]]
    assert told.stuck.tolist() == [[False, True, True, True], [False, False, True, True]]
    assert told.stuck_units.tolist() == [NOT_STUCK, NOT_STUCK, 1, 2]
    assert told.broken_on_any.tolist() == [False, True, False, False]


def test_a_solved_seed_is_not_broken(trained: Survey) -> None:
    assert not beside(trained, finite=np.array([False, True, True, True])).broken.any()


def test_every_seed_has_one_end(trained: Survey) -> None:
    told = beside(
        trained,
        correct=np.array([16, 16, 8, 8]),
        finite=np.array([True, True, True, False]),
    )
    stuck = told.stuck_units != NOT_STUCK
    ends = np.array([told.solved_by_all, stuck, told.told_apart, told.broken_on_any])
    assert ends.argmax(axis=0).tolist() == [0, 2, 1, 3]
    assert (ends.sum(axis=0) == 1).all()


def test_weights_that_overflow_are_broken() -> None:
    straight = replace(SHORT, network=Network((2, 2, 1), "relu", "identity"))
    told = survey(straight.changed(learning_rate=1e300), range(5), [NUMPY])
    gone = ~told.backends[0].finite
    assert gone.any()
    assert (told.broken[0] == gone).all()
    assert (told.stuck_units[gone] == NOT_STUCK).all()
    assert told.sensitivity.broken[gone].all()


def test_weights_next_to_the_largest_float_are_compared_by_their_own_ulps() -> None:
    """And no warning is given: they have grown by a factor of 1e308, their differences have not."""
    told = survey(SHORT.changed(learning_rate=1.7e308), range(30), [NUMPY]).sensitivity
    assert np.isfinite(told.growth[told.calm]).all()
    assert told.calm.sum() > 20


@pytest.mark.parametrize(("epochs", "rate"), [(None, None), (7, None), (None, 0.5), (9, 0.25)])
def test_a_sibling_is_trained_alike(epochs: int | None, rate: float | None) -> None:
    raw = problem("people16").changed(epochs, rate)
    found = centred(raw)
    assert found is not None
    assert found.name == "people16-centered"
    assert (found.epochs, found.optimizer) == (raw.epochs, raw.optimizer)
    assert np.array_equal(found.x, problem("people16-centered").x)
    assert not np.array_equal(found.x, raw.x)


@pytest.mark.parametrize("one", [problem("people4"), problem("people16-centered"), pictures()])
def test_others_have_no_sibling(one: Problem) -> None:
    assert centred(one) is None
    assert steps_per_seed(one) == one.step_count


def test_an_atlas_surveys_both() -> None:
    made: list[int] = []
    told = atlas(SHORT, SEEDS, [NUMPY], progress=made.append)
    sibling = problem("people16-centered").changed(epochs=12)
    assert told.sibling == sibling
    assert told.centred is not None
    losses = [one.backends[0].loss.tolist() for one in (told.survey, told.centred)]
    alone = [survey(one, SEEDS, [NUMPY]).backends[0].loss.tolist() for one in (SHORT, sibling)]
    assert losses == alone
    assert losses[0] != losses[1]
    assert made == sorted(made)
    assert made[-1] == len(SEEDS) * steps_per_seed(SHORT) == 4 * 2 * 12 * 16
    assert not told.interrupted


def test_an_atlas_without_a_sibling_is_a_survey() -> None:
    told = atlas(pictures(2), [1, 2], [NUMPY], dtype="float32")
    assert (told.sibling, told.centred, told.interrupted) == (None, None, False)


def stopping_at(limit: int) -> Callable[[int], None]:
    def progress(made: int) -> None:
        if made >= limit:
            raise KeyboardInterrupt

    return progress


def test_an_interrupt_in_the_problem_leaves_the_sibling_out() -> None:
    told = atlas(SHORT, SEEDS, [NUMPY], progress=stopping_at(1))
    assert told.survey.interrupted
    assert told.interrupted
    assert told.sibling is not None
    assert told.centred is None


def test_an_interrupt_in_the_sibling_leaves_the_problem_whole() -> None:
    whole = 4 * SHORT.step_count
    told = atlas(SHORT, SEEDS, [NUMPY], progress=stopping_at(whole + 1))
    assert not told.survey.interrupted
    assert told.survey.epochs == 12
    assert told.centred is not None
    assert told.centred.interrupted
    assert told.interrupted


def test_an_interrupt_before_the_sibling_leaves_the_problem_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stopped(one: Problem, *arguments: object, **named: object) -> Survey:
        if one.name.endswith("centered"):
            raise KeyboardInterrupt
        return survey(one, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(shared.atlas, "survey", stopped)
    told = atlas(SHORT, SEEDS, [NUMPY, OTHER])
    assert not told.survey.interrupted
    assert told.centred is None
    assert told.interrupted


def test_a_finished_atlas_of_one_survey_is_not_interrupted(trained: Survey) -> None:
    assert not Atlas(trained).interrupted
    assert Atlas(replace(trained, interrupted=True)).interrupted
