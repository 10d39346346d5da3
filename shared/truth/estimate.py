"""How sensitive a larger network's run is: an estimate, from a few random directions.

Where all derivatives would cost too much, products with a few directions tell how small changes
of the start grow, along the path of one backend. No exact trajectory is claimed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.backend import Array, Params, Recording
from shared.certificate.arithmetic import Double
from shared.certificate.exact_step import step
from shared.certificate.exact_tangent import gradient_tangents
from shared.problems import Problem
from shared.truth.residuals import mark_steps

DIRECTIONS = 4

_STREAM = 1
"""RandomState([seed, epoch]) draws orders of samples, of two numbers; directions take three."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """How random changes of the start have grown.

    backend
        Along whose path.
    marks
        (step, decimal logarithm of the growth): the root mean square over the directions.
    peak_log10, peak_step
        The largest, and after how many steps.
    largest_log10
        The most that any direction had grown: the sensitivity is no smaller.
    """

    backend: str
    directions: int
    marks: tuple[tuple[int, float], ...]
    peak_log10: float
    peak_step: int
    largest_log10: float
    elapsed_s: float


class GrowthTaker:
    """Carries the directions along one backend's run, chunk by chunk."""

    def __init__(self, name: str, problem: Problem, seed: int, dtype: str) -> None:
        self._name, self._network = name, problem.network
        self._marks_wanted = frozenset(mark_steps(problem.step_count))
        self._rate = problem.optimizer_in(dtype).learning_rate
        data = problem.dataset(dtype)
        self._x, self._y = data.x.astype(np.float64), data.y.astype(np.float64)
        random = np.random.RandomState([seed, 0, _STREAM])
        shapes = problem.network.param_shapes
        drawn = [random.normal(size=(DIRECTIONS, *shape)) for shape in shapes]
        length = _lengths(drawn)
        self._directions = tuple(_scaled(d, 1 / length) for d in drawn)
        self._log10 = np.zeros(DIRECTIONS)
        self._marks: list[tuple[int, float]] = []
        self._peak_log10, self._peak_step, self._largest_log10 = 0.0, 0, 0.0
        self._elapsed_s = 0.0

    def add(self, recording: Recording) -> None:
        """Go on by the steps of a recording that holds all of them."""
        started = time.perf_counter()
        for row, number in enumerate(recording.steps.tolist()):
            before = tuple(w[row].astype(np.float64, copy=False) for w in recording.before)
            self._go_on(before, recording.batches[row])
            grown = self._look(number)
            if number in self._marks_wanted:
                self._marks.append((number, grown))
        self._elapsed_s += time.perf_counter() - started

    def finish(self) -> Estimate:
        """Return what was seen."""
        return Estimate(
            self._name, DIRECTIONS, tuple(self._marks), self._peak_log10, self._peak_step,
            self._largest_log10, self._elapsed_s,
        )  # fmt: skip

    def _go_on(self, before: Params, batch: Array) -> None:
        arithmetic, network = Double(), self._network
        with np.errstate(all="ignore"):
            made = step(arithmetic, network, before, self._x[batch], self._y[batch])
            bent = gradient_tangents(arithmetic, network, before, made, self._directions)
            self._directions = tuple(
                d - self._rate * change for d, change in zip(self._directions, bent, strict=True)
            )

    def _look(self, number: int) -> float:
        """Take the growth into the logarithms, make directions short; return its mean's."""
        with np.errstate(all="ignore"):
            length = _lengths(self._directions)
            self._log10 = self._log10 + np.log10(length)
            shorter = np.where(length > 0, 1 / length, 1.0)
            self._directions = tuple(_scaled(d, shorter) for d in self._directions)
            top = float(self._log10.max())
            mean = top + 0.5 * float(np.log10(np.mean(100.0 ** (self._log10 - top))))
        self._largest_log10 = max(self._largest_log10, top)
        if mean > self._peak_log10:
            self._peak_log10, self._peak_step = mean, number
        return mean


def _lengths(directions: Sequence[Array]) -> Array:
    squares = sum((d * d).reshape(len(d), -1).sum(axis=-1) for d in directions)
    lengths: Array = np.sqrt(squares)
    return lengths


def _scaled(directions: Array, factor: Array) -> Array:
    scaled: Array = directions * factor.reshape(-1, *(1,) * (directions.ndim - 1))
    return scaled
