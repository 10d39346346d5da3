"""The step to be explained: a worked one, or one that a run comes to."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from shared.backend import Recording
from shared.errors import UsageError
from shared.explain.bits import same_bits
from shared.explain.moment import Moment, moment_of, worked_moment
from shared.named_problems import problem
from shared.optimizer import Optimizer
from shared.problems import Problem
from shared.seeding import batch_runs, starting_params, starting_state
from shared.worked import NETWORK, worked_steps
from tests.batches import small_problem, steps_of
from tests.classifiers import pictures
from tests.explained_runs import FRAMEWORKS, loaded

PEOPLE = problem("people4").changed(epochs=3)
SHUFFLED = pictures()
RAGGED = small_problem(7, 3, 4)
RAGGED_SHUFFLED = small_problem(7, 3, 4, "shuffled")
CARRYING = replace(PEOPLE, name="carrying", optimizer=Optimizer(0.05, "adam"))
PROBLEMS = {
    "file order": PEOPLE,
    "shuffled": SHUFFLED,
    "ragged": RAGGED,
    "ragged, shuffled": RAGGED_SHUFFLED,
    "with momenta": CARRYING,
    "ragged, with momenta": replace(RAGGED, optimizer=Optimizer(0.05, "adam")),
}
DTYPES = ("float64", "float32")
SEED = 5

in_each_dtype = pytest.mark.parametrize("dtype", DTYPES)
of_each_problem = pytest.mark.parametrize("named", PROBLEMS)


def at(one: Problem, number: int, dtype: str = "float64", guide: str = "numpy") -> Moment:
    return moment_of(one, SEED, number, dtype, loaded(guide))


@cache
def recorded(named: str, dtype: str, guide: str = "numpy") -> tuple[Recording, ...]:
    """A whole run, every step of it, in pieces of one batch size."""
    one = PROBLEMS[named]
    backend = loaded(guide).create(one.network, one.optimizer_in(dtype), dtype)
    params = starting_params(one, SEED, dtype)
    state, found = starting_state(one, params), []
    for _, batches in batch_runs(one, SEED, 0, one.step_count):
        found.append(backend.train(params, state, one.dataset(dtype), batches, every=1))
        params, state = found[-1].final
    return tuple(found)


@of_each_problem
@in_each_dtype
@pytest.mark.parametrize("number", [1, 2, 3, 4, 7, 12])
def test_a_step_begins_where_a_run_has_come_to(named: str, number: int, dtype: str) -> None:
    found = at(PROBLEMS[named], number, dtype)
    (run,) = (one for one in recorded(named, dtype) if number in one.steps)
    row = list(run.steps).index(number)
    for w, tensor in zip(found.params, run.before, strict=True):
        assert same_bits(w, tensor[row])
        assert w.dtype == dtype


@of_each_problem
@pytest.mark.parametrize("number", [1, 3, 4, 9, 12])
def test_a_step_sees_the_samples_of_the_run(named: str, number: int) -> None:
    one, found = PROBLEMS[named], at(PROBLEMS[named], number)
    (_, batch), *_ = steps_of(one, number - 1, number, SEED)
    assert list(found.samples) == batch
    assert found.x.tolist() == one.x[batch].tolist()
    assert found.y.tolist() == one.y[batch].tolist()


def test_the_last_batch_of_an_epoch_may_be_smaller() -> None:
    assert [len(at(RAGGED, number).x) for number in (1, 2, 3, 4)] == [3, 3, 1, 3]


def test_a_step_after_another_begins_elsewhere() -> None:
    """Else bits that are always equal would show nothing."""
    assert not same_bits(at(PEOPLE, 2).params[0], at(PEOPLE, 3).params[0])
    assert at(SHUFFLED, 1).samples != at(SHUFFLED, 4).samples


def test_digits_are_seen_in_the_order_of_the_seed() -> None:
    digits = problem("digits")
    found = at(digits, 2)
    (_, batch), *_ = steps_of(digits, 1, 2, SEED)
    assert list(found.samples) == batch
    assert batch != list(range(digits.batch_size, 2 * digits.batch_size))
    assert found.x.shape == (digits.batch_size, digits.network.sizes[0])


@in_each_dtype
def test_the_first_step_is_the_start_of_the_seed(dtype: str) -> None:
    found = at(PEOPLE, 1, dtype)
    for w, start in zip(found.params, starting_params(PEOPLE, SEED, dtype), strict=True):
        assert same_bits(w, start)
    assert found.title == f"step 1 of people4, seed {SEED}"
    assert found.story == "The first step: every framework begins at the same parameters."


@pytest.mark.parametrize("guide", FRAMEWORKS)
def test_the_guide_makes_the_steps_before(guide: str) -> None:
    found = at(PEOPLE, 7, guide=guide)
    (run,) = recorded("file order", "float64", guide)
    assert all(same_bits(w, tensor[6]) for w, tensor in zip(found.params, run.before, strict=True))
    assert found.story == f"Every framework takes it from where {guide} had come after 6 steps."


@in_each_dtype
def test_the_optimizer_and_the_data_are_in_the_dtype_of_the_run(dtype: str) -> None:
    found = at(PEOPLE, 2, dtype)
    assert found.optimizer == PEOPLE.optimizer_in(dtype)
    assert found.dtype == found.x.dtype == found.y.dtype == dtype
    assert found.network == PEOPLE.network


@pytest.mark.parametrize("number", [0, -1, 13, 10**9])
def test_a_step_that_the_run_does_not_have_is_refused(number: int) -> None:
    with pytest.raises(UsageError) as caught:
        at(PEOPLE, number)
    assert str(caught.value) == (
        f"step {number} is not one of the 12 steps of people4; expected 1 to 12."
    )


def test_the_last_step_is_one_of_the_run() -> None:
    assert at(PEOPLE, PEOPLE.step_count).samples == (3,)


@in_each_dtype
@pytest.mark.parametrize("name", ["symmetric", "asymmetric"])
def test_a_worked_step_has_the_numbers_of_the_worked_steps(name: str, dtype: str) -> None:
    found = worked_moment(name, dtype)
    (step,) = (one for one in worked_steps() if one.name == name)
    for ours, theirs in zip(
        (*found.params, found.x, found.y), (*step.params, step.x, step.y), strict=True
    ):
        assert same_bits(ours, theirs.astype(dtype))
    assert (found.network, found.dtype, found.samples) == (NETWORK, dtype, ())
    assert found.title == f"the {name} worked step"
    assert found.story == step.story


@in_each_dtype
def test_a_worked_step_is_made_with_the_optimizer_of_the_four_people(dtype: str) -> None:
    assert worked_moment("symmetric", dtype).optimizer == problem("people4").optimizer_in(dtype)


def test_the_two_worked_steps_are_two() -> None:
    first, second = (worked_moment(name, "float64") for name in ("symmetric", "asymmetric"))
    assert not np.array_equal(first.params[0], second.params[0])


@pytest.mark.parametrize(
    ("name", "meant"),
    [("symetric", " Did you mean 'symmetric'?"), ("assymmetric", " Did you mean 'asymmetric'?"),
     ("xyz", "")],
)  # fmt: skip
def test_a_misspelt_worked_step_is_refused_with_what_was_meant(name: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        worked_moment(name, "float64")
    assert str(caught.value) == (
        f"there is no worked step {name!r}; expected one of symmetric, asymmetric.{meant}"
    )
