"""The study of power: every trial, every correct pair, every smallest size, on all processors.

Processes share nothing: each makes its own backends, and keeps the correct runs that it needs.
"""

from __future__ import annotations

import importlib
import itertools
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np

from shared.errors import BackendError
from shared.faults.fault import Expected, Fault
from shared.faults.named import FAULTS
from shared.power.rules import RULES
from shared.power.runs import Bench, available
from shared.power.scores import CorrectPair, CorrectRun, Power, Score, Smallest
from shared.power.smallest import smallest
from shared.power.trials import (
    DIGITS,
    DTYPES,
    PEOPLE,
    QUICK,
    Slice,
    Trial,
    planned,
    planned_quickly,
)


@dataclass(frozen=True, slots=True)
class Correct:
    """A slice of correct runs, to be held against each other."""

    slice: Slice
    seed: int
    dtype: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A fault whose smallest size is sought."""

    fault: str
    dtype: str


Task: TypeAlias = Trial | Correct | Limit
Result: TypeAlias = Score | CorrectRun | CorrectPair | Smallest


def study(
    quick: bool = False,
    faults: Sequence[Fault] = FAULTS,
    progress: Callable[[int], None] = lambda _: None,
    processes: int | None = None,
) -> Power:
    """Try every fault.

    progress
        Called with how many of `tasks` are done.
    processes
        As many work at once; as there are processors if not said.

    Ctrl-C ends it, with nothing to tell.
    """
    started = time.perf_counter()
    asked = tasks(quick, faults)
    results: list[list[Result]] = [[] for _ in asked]
    context = multiprocessing.get_context("spawn")
    count = min(processes or os.cpu_count() or 1, len(asked))
    with ProcessPoolExecutor(count, context, initializer=_settle) as pool:
        waiting = {pool.submit(_done, task): i for i, task in enumerate(asked)}
        try:
            for done, future in enumerate(as_completed(waiting), start=1):
                results[waiting[future]] = future.result()
                progress(done)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    flat = [one for some in results for one in some]
    return Power(
        tuple(one for one in flat if isinstance(one, Score)),
        tuple(one for one in flat if isinstance(one, CorrectRun)),
        tuple(one for one in flat if isinstance(one, CorrectPair)),
        tuple(one for one in flat if isinstance(one, Smallest)),
        quick, time.perf_counter() - started,
    )  # fmt: skip


def tasks(quick: bool, faults: Sequence[Fault] = FAULTS) -> tuple[Task, ...]:
    """Return everything that a study does."""
    slices = (QUICK,) if quick else (PEOPLE, DIGITS)
    plan: list[Task] = [
        Correct(one, seed, dtype)
        for one in slices
        for seed, dtype in itertools.product(one.seeds, DTYPES)
    ]
    plan += planned_quickly(faults) if quick else planned(faults, available())
    if not quick:
        scalable = [
            one
            for one in faults
            if one.sizes and one.smaller_is_less and one.expected is Expected.FLAGGED
        ]
        plan += [Limit(one.name, dtype) for one in scalable for dtype in DTYPES]
    return tuple(plan)


def _done(task: Task) -> list[Result]:
    if isinstance(task, Trial):
        try:
            return [*_bench().scores(task)]
        except BackendError as error:
            named = f"{task.fault} in {task.backend}, {task.dtype}, {task.slice.problem}"
            raise type(error)(f"{named}: {error}") from error
    if isinstance(task, Limit):
        return [smallest(_bench(), task.fault, task.dtype)]
    return [*_correct(task)]


def _correct(task: Correct) -> Iterator[CorrectRun | CorrectPair]:
    one = task.slice.of(1)
    assert one is not None
    runs = {name: _bench().correct(name, one, task.dtype, task.seed) for name in available()}
    for name, judged in runs.items():
        flagged = not judged.certificate.certified
        yield CorrectRun(name, one.name, task.dtype, task.seed, flagged)
    for left, right in itertools.combinations(runs, 2):
        with np.errstate(all="ignore"):
            said = {rule.name: rule.differs(runs[left].run, runs[right].run) for rule in RULES}
        yield CorrectPair(left, right, one.name, task.dtype, task.seed, said)


@cache
def _bench() -> Bench:
    """Return the process's own."""
    return Bench()


def _settle() -> None:
    """Leave the processors to the processes: torch counts them for itself."""
    with suppress(ImportError):
        importlib.import_module("torch").set_num_threads(1)
