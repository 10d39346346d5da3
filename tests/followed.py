"""Runs whose exact trajectory is followed: honest ones, and copies with one step tampered with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from shared.backend import OptimizerState
from shared.named_problems import problem
from shared.network import Network
from shared.problems import Problem
from shared.registry import find, load
from shared.training import Trainee
from shared.truth.findings import Truth
from shared.truth.flow import Flow
from shared.truth.follow import follow
from shared.truth.residuals import ResidualTaker
from tests.certified_runs import Run, joined, put
from tests.kinds import Kind


def people(name: str = "people16", epochs: int = 25) -> Problem:
    return problem(name).changed(epochs=epochs)


def of_kind(kind: Kind, **changes: object) -> Problem:
    """Eleven samples, for a network of any kind; batches of four, the last of three."""
    data = kind.data("float64")
    small = replace(
        problem("people16").changed(epochs=30, learning_rate=0.2),
        network=kind.network,
        classes=(),
        people=(),
        x=data.x,
        y=data.y,
        batch_size=4,
        order="shuffled",
    )
    return replace(small, **changes)  # type: ignore[arg-type]


def wide() -> Problem:
    """A network with too many parameters to be followed exactly: 67."""
    return of_kind(Kind("tanh", "softmax", "categorical_cross_entropy", (3, 11, 2)), epochs=5)


def diverging(rate: float = 3.0, epochs: int = 100) -> Problem:
    """A straight line through two points, at a rate that overshoots more in every step."""
    return replace(
        problem("people16").changed(epochs=epochs, learning_rate=rate),
        network=Network((1, 1), output="identity"),
        classes=(), people=(), x=np.array([[1.0], [2.0]]), y=np.array([[1.0], [3.0]]),
    )  # fmt: skip


def taken(run: Run, name: str = "numpy") -> ResidualTaker:
    """Show every chunk to what collects residuals."""
    taker = ResidualTaker(name, run.problem, run.dtype)
    for chunk in run.chunks:
        taker.add(chunk)
    return taker


def followed(
    *runs: Run,
    names: Sequence[str] = ("numpy", "other", "third"),
    progress: Callable[[int], None] = lambda _: None,
) -> Truth:
    """Follow the exact trajectory beside some runs of the same problem and seed."""
    first = runs[0]
    assert isinstance(first.seeds, int)
    takers = [taken(run, name) for run, name in zip(runs, names, strict=False)]
    steps = first.problem.step_count
    return follow(first.problem, first.seeds, first.dtype, takers, steps, progress)


def walked(one: Problem, seed: int) -> Flow:
    """Walk along the exact trajectory, without any backend."""
    flow = Flow(one, seed, "float64", 512, [], one.step_count)
    flow.walk(lambda _: None)
    return flow


def nudged(run: Run, step: int, ulps: int, tensor: int = 0) -> Run:
    """Move one weight after a step, and train on honestly from there."""
    honest = joined(run.chunks) if len(run.chunks) > 1 else run.whole
    backend = Trainee(load(find("numpy")), run.problem, run.dtype).backend
    data, batches = run.problem.dataset(run.dtype), honest.batches
    first = backend.train(run.start, OptimizerState(), data, batches[:step])
    moved = tuple(np.array(w) for w in first.final[0])
    moved[tensor].flat[0] += ulps * np.spacing(abs(moved[tensor].flat[0]))
    place = (step - 1, *(0,) * moved[tensor].ndim)
    first = put(first, "after", tensor, place, moved[tensor].flat[0])
    second = backend.train(moved, OptimizerState(step), data, batches[step:])
    return run.with_chunks(first, second)
