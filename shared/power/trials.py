"""Which faults are tried, in which backends, from which seeds: the plan of the study of power."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from shared.faults.fault import LAST, AtBorder, ChosenFault, Fault, Injection, InSource
from shared.faults.named import FAULTS, fault_named, trials
from shared.named_problems import problem
from shared.problems import Problem

CALM, CHAOTIC = (4, 13, 7, 1), (29,)
"""Seeds of the sixteen people: of the first any two correct programs stay together."""

DTYPES = ("float64", "float32")
BACKENDS = ("numpy", "torch", "jax")
SOURCE, BORDER = "source", "border"


@dataclass(frozen=True, slots=True)
class Slice:
    """A problem, how long it is trained, and the seeds that it is trained from.

    grows
        Whether more epochs are made where a fault begins later than the last of these.
    """

    problem: str
    epochs: int
    seeds: tuple[int, ...]
    grows: bool = False

    def of(self, start: int) -> Problem | None:
        """Return the problem, long enough for a fault of that start; None if it cannot be."""
        one = _problem(self.problem, self.epochs)
        if start <= one.step_count:
            return one
        epochs = math.ceil((start + 1) / one.steps_per_epoch)
        return _problem(self.problem, epochs) if self.grows else None


@cache
def _problem(name: str, epochs: int) -> Problem:
    return problem(name).changed(epochs, None)


PEOPLE = Slice("people16", 200, (*CALM, *CHAOTIC), grows=True)
DIGITS = Slice("digits", 1, CALM[:1])
QUICK = Slice("people16", 50, (CALM[0], *CHAOTIC))


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault in one backend, to be run from every seed of a slice.

    start
        LAST if it begins with the last step.
    way
        SOURCE or BORDER.
    """

    slice: Slice
    fault: str
    size: float | None
    start: int
    backend: str
    way: str
    dtype: str

    def problem(self) -> Problem:
        """Return the problem that it is run on."""
        one = self.slice.of(self.start)
        assert one is not None  # only such trials are planned
        return one

    def chosen(self) -> ChosenFault:
        """Return the fault with its size and the step that it begins with."""
        start = self.problem().step_count if self.start == LAST else self.start
        return ChosenFault(fault_named(self.fault), self.size, start)

    def injection(self) -> Injection:
        """Return how it is brought in."""
        fault = fault_named(self.fault)
        ways: list[Injection | None] = [*fault.in_source, fault.at_border]
        kind = InSource if self.way == SOURCE else AtBorder
        (found,) = (
            way
            for way in ways
            if isinstance(way, kind) and (isinstance(way, AtBorder) or way.backend == self.backend)
        )
        return found


def planned(
    faults: Sequence[Fault] = FAULTS, backends: Sequence[str] = BACKENDS
) -> tuple[Trial, ...]:
    """Return every trial: sizes and starts on the people, the first of them on the digits."""
    plan: list[Trial] = []
    turn = 0
    for fault in faults:
        ways = [(way.backend, SOURCE) for way in fault.in_source if way.backend in backends]
        free = [one for one in backends if (one, SOURCE) not in ways]
        if fault.at_border and free:
            # At the border all backends are alike: they take turns.
            ways.append((free[turn % len(free)], BORDER))
            turn += 1
        for number, (size, start) in enumerate(trials(fault)):
            plan += _both_dtypes(PEOPLE, fault, size, start, ways)
            if number == 0:
                plan += _both_dtypes(DIGITS, fault, size, start, ways)
    return tuple(plan)


def planned_quickly(faults: Sequence[Fault] = FAULTS) -> tuple[Trial, ...]:
    """Return few trials: in NumPy alone, two seeds, short runs."""
    plan: list[Trial] = []
    for fault in faults:
        own = any(way.backend == BACKENDS[0] for way in fault.in_source)
        ways = [(BACKENDS[0], SOURCE if own else BORDER)]
        if own or fault.at_border:
            for size, start in trials(fault):
                plan += _both_dtypes(QUICK, fault, size, start, ways)
    return tuple(plan)


def _both_dtypes(
    on: Slice, fault: Fault, size: float | None, start: int, ways: Sequence[tuple[str, str]]
) -> Iterator[Trial]:
    if on.of(start) is None:
        return
    for backend, way in ways:
        for dtype in DTYPES:
            yield Trial(on, fault.name, size, start, backend, way, dtype)
