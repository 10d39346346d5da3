"""What each step of a backend misses the exact step by, and where the backend stood at the marks.

A step's residual is what it made of its own parameters less what exact arithmetic makes of them:
all that its roundings did, and nothing else. It is taken while the run goes by, since the exact
trajectory is followed afterwards and nobody keeps recordings.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from shared.backend import Array, Params, Recording
from shared.certificate.arithmetic import DoubleDoubles
from shared.certificate.double_double import DoubleDouble
from shared.certificate.exact_step import step
from shared.problems import Problem
from shared.truth.rows import in_rows

ROOM_BYTES = 2**26
"""Residuals of one backend take no more; a longer run is followed as far as that goes. Nine
parameters have room for 932,067 steps."""

TOGETHER = 4096
"""Numbers of samples that are looked at together: in pairs of floats a step takes much room."""


def mark_steps(steps: int) -> tuple[int, ...]:
    """Return 1, 10, 100, ... up to the last step, and the last step itself."""
    powers = (10**k for k in range(len(str(steps))))
    return tuple(sorted({*(power for power in powers if power <= steps), steps})) if steps else ()


def most_steps(problem: Problem) -> int:
    """Return how many steps can be followed."""
    return ROOM_BYTES // (8 * problem.network.param_count)


class ResidualTaker:
    """Collects the residuals of one backend, chunk by chunk.

    swallowed_steps, swallowed_ulps
        (P,) in how many steps each weight should have moved by half an ULP at most, and stood
        still; and the sum of these moves, in ULPs.
    elapsed_s
        Seconds that it took so far.
    """

    def __init__(self, name: str, problem: Problem, dtype: str) -> None:
        size = problem.network.param_count
        self.name = name
        self.swallowed_steps, self.swallowed_ulps = np.zeros(size, np.int64), np.zeros(size)
        self.elapsed_s = 0.0
        self._network, self._limit = problem.network, most_steps(problem)
        self._rate = problem.optimizer_in(dtype).learning_rate
        data = problem.dataset(dtype)
        self._x, self._y = data.x.astype(np.float64), data.y.astype(np.float64)
        self._parts: list[Array] = []
        self._stood: dict[int, Array] = {}
        self._made = 0

    def add(self, recording: Recording) -> None:
        """Look at the steps of a recording that holds all of them."""
        started = time.perf_counter()
        count = min(len(recording.steps), self._limit - self._made)
        if count > 0:
            for part in self._cut(recording, count):
                missed = self._residuals(recording, part)
                self._parts.append(missed)
                self._count_swallowed(recording, part, missed)
            self._made += count
            self._keep_marks(recording, count)
        self.elapsed_s += time.perf_counter() - started

    def residuals(self) -> Array:
        """Return what was missed by each step so far, (steps, P)."""
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)]
        return self._parts[0]

    def weights_after(self, step: int) -> Array:
        """Return where the backend stood after a mark of its steps, (P,) in the run's dtype."""
        return self._stood[step]

    def _keep_marks(self, recording: Recording, count: int) -> None:
        numbers = recording.steps[:count]
        marks = mark_steps(int(numbers[-1]))
        self._stood = {number: w for number, w in self._stood.items() if number in marks}
        for row in np.flatnonzero(np.isin(numbers, marks)).tolist():
            stood = np.concatenate([w[row].ravel() for w in recording.after])
            self._stood[int(numbers[row])] = stood

    def _count_swallowed(self, recording: Recording, part: slice, missed: Array) -> None:
        before, after = (
            in_rows(_part(recording.before, part)),
            in_rows(_part(recording.after, part)),
        )
        with np.errstate(all="ignore"):
            # A weight that stands still misses its whole move.
            moves = -missed / np.spacing(abs(before))
            swallowed = (before == after) & (missed != 0) & (abs(moves) <= 0.5)
            self.swallowed_steps += swallowed.sum(axis=0)
            self.swallowed_ulps += np.where(swallowed, moves, 0.0).sum(axis=0)

    def _cut(self, recording: Recording, count: int) -> Iterator[slice]:
        together = max(1, TOGETHER // recording.batches.shape[-1])
        for start in range(0, count, together):
            yield slice(start, min(start + together, count))

    def _residuals(self, recording: Recording, part: slice) -> Array:
        before, after = (
            tuple(w.astype(np.float64, copy=False) for w in _part(params, part))
            for params in (recording.before, recording.after)
        )
        chosen = recording.batches[part]
        arithmetic = DoubleDoubles()
        x, y = arithmetic.lift(self._x[chosen]), arithmetic.lift(self._y[chosen])
        with np.errstate(all="ignore"):
            made = step(arithmetic, self._network, [*map(arithmetic.lift, before)], x, y)
            missed = [
                (DoubleDouble.of(new) - old) + self._rate * slope
                for new, old, slope in zip(after, before, made.grads, strict=True)
            ]
        return in_rows([m.astype(np.float64) for m in missed])


def _part(params: Params, part: slice) -> Params:
    return tuple(w[part] for w in params)
