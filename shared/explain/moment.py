"""The step that is to be explained: a worked one, or one of a training run.

A step of a run is reached by making those before it, with the backend that is read first; every
backend then takes it from the same state.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.backend import Array, Params
from shared.errors import UsageError, nearest
from shared.named_problems import problem
from shared.network import Network
from shared.optimizer import Optimizer
from shared.problems import Problem
from shared.registry import Loaded
from shared.seeding import batch_runs, starting_params, starting_state
from shared.worked import NETWORK, worked_steps


@dataclass(frozen=True, slots=True)
class Moment:
    """A step: what it begins with, in the dtype of the run.

    title, story
        Which step it is, in a phrase, and what is to be said of it.
    samples
        The samples' numbers in the data; none of a worked step.

    Shapes: x (m, n_0), y (m, n_L).
    """

    title: str
    story: str
    network: Network
    optimizer: Optimizer
    dtype: str
    params: Params
    x: Array
    y: Array
    samples: tuple[int, ...] = ()


def worked_moment(name: str, dtype: str) -> Moment:
    """Return a worked step. Raises UsageError if there is none of that name."""
    steps = {step.name: step for step in worked_steps()}
    if name not in steps:
        raise UsageError(
            f"there is no worked step {name!r}; expected one of {', '.join(steps)}."
            f"{nearest(name, steps)}"
        )
    step = steps[name]
    # The text that the steps come from trains four people.
    optimizer = problem("people4").optimizer_in(dtype)
    params = tuple(w.astype(dtype) for w in step.params)
    x, y = step.x.astype(dtype), step.y.astype(dtype)
    return Moment(f"the {name} worked step", step.story, NETWORK, optimizer, dtype, params, x, y)


def moment_of(one: Problem, seed: int, number: int, dtype: str, guide: Loaded) -> Moment:
    """Return a step of a run, counted from 1; the guide makes those before it.

    Raises
    ------
    UsageError
        The run has no such step.
    """
    if not 1 <= number <= one.step_count:
        raise UsageError(
            f"step {number} is not one of the {one.step_count} steps of {one.name}; expected 1 to "
            f"{one.step_count}."
        )
    optimizer, data = one.optimizer_in(dtype), one.dataset(dtype)
    params = starting_params(one, seed, dtype)
    state = starting_state(one, params)
    if number > 1:
        backend = guide.create(one.network, optimizer, dtype)
        for _, batches in batch_runs(one, seed, 0, number - 1):
            params, state = backend.train(params, state, data, batches, 0).final
    (_, batches), *_ = batch_runs(one, seed, number - 1, number)
    chosen = batches[0]
    return Moment(
        f"step {number:,} of {one.name}, seed {seed}",
        _story(number, guide),
        one.network, optimizer, dtype, params, data.x[chosen], data.y[chosen],
        tuple(int(i) for i in chosen),
    )  # fmt: skip


def _story(number: int, guide: Loaded) -> str:
    if number == 1:
        return "The first step: every framework begins at the same parameters."
    steps = "1 step" if number == 2 else f"{number - 1:,} steps"
    return f"Every framework takes it from where {guide.name} had come after {steps}."
