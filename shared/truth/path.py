"""The exact trajectory, step by step, to hundreds of bits.

Each step is computed in ball arithmetic from exact numbers, and its midpoints, again exact, are
where the next one starts. So the balls stay as small as one step makes them, and their radii are
what the computed trajectory misses an exact step by: its *defects*. How far the defects of all
steps add up to is radius.py's to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb

from shared.backend import Array
from shared.certificate.ball import Balls, precision
from shared.certificate.exact_step import mean_loss, step
from shared.problems import Problem
from shared.seeding import batch_runs, starting_params
from shared.truth.rows import in_tensors

DIGITS = 40


@dataclass(frozen=True, slots=True)
class PathPart:
    """A part of the trajectory: the state after `first` steps, and after each of s more.

    points
        (s + 1, P) the weights, rounded to float64.
    exact
        (s + 1, P) the same as balls of radius zero.
    defects
        (s, P) bounds on how far each point is from an exact step made from the one before.
    """

    first: int
    points: Array
    exact: Any
    defects: Array


class Path:
    """Walks the trajectory of a problem from one seed, at so many bits.

    start, exact_start
        (P,) the weights that it starts from, as the floats that they are, and as balls.
    """

    def __init__(self, problem: Problem, seed: int, dtype: str, bits: int) -> None:
        self._problem, self._seed, self._bits = problem, seed, bits
        self._arithmetic = Balls()
        data = problem.dataset(dtype)
        with precision(bits):
            self._x, self._y = map(self._arithmetic.lift, (data.x, data.y))
            self._rate = arb(problem.optimizer_in(dtype).learning_rate)
            start = [w.ravel() for w in starting_params(problem, seed, dtype)]
            self.start: Array = np.concatenate(start).astype(np.float64)
            self.exact_start = self._now = self._arithmetic.lift(self.start)
        self._made = 0

    def walk(self, stop: int) -> PathPart:
        """Make the steps up to `stop`, counted from the start."""
        first, made = self._made, [self._now]
        balls = []
        with precision(self._bits):
            for _, batches in batch_runs(self._problem, self._seed, first, stop):
                for batch in batches:
                    balls.append(self._step(self._now, batch))
                    self._now = _midpoints(balls[-1])
                    made.append(self._now)
            exact = np.stack(made)
            # Below the smallest float a radius would be taken for zero.
            defects = np.array(_radii(np.stack(balls)), dtype=np.float64) * (1 + 1e-9) + 1e-320
            points = np.array(_nearest(exact), dtype=np.float64)
        self._made = stop
        return PathPart(first, points, exact, defects)

    def loss(self, weights: Any) -> tuple[float, Array]:
        """Return the mean loss over all samples at exact weights (P,), and the outputs (N, n_L)."""
        with precision(self._bits):
            params = in_tensors(self._problem.network, weights)
            loss, output = mean_loss(
                self._arithmetic, self._problem.network, params, self._x, self._y
            )
            return float(loss), np.array(_nearest(output), dtype=np.float64)

    def differences(self, stood: Array, weights: Any) -> Array:
        """Return floats (P,) less exact weights (P,), rounded once."""
        with precision(self._bits):
            away = self._arithmetic.lift(stood.astype(np.float64)) - weights
            return np.array(_nearest(away), dtype=np.float64)

    def digits(self, weights: Any, radius: Array) -> tuple[str, ...]:
        """Return weights (P,) that may be off by so much (P,), in all digits that are sure.

        There are DIGITS of them at most.
        """
        with precision(self._bits):
            balls = [w + arb(0, float(r)) for w, r in zip(weights, radius, strict=True)]
            return tuple(ball.str(DIGITS, radius=False) for ball in balls)

    def _step(self, weights: Any, batch: Array) -> Any:
        network = self._problem.network
        params = in_tensors(network, weights)
        made = step(self._arithmetic, network, params, self._x[batch], self._y[batch])
        return weights - self._rate * np.concatenate([g.ravel() for g in made.grads])


_midpoints = np.frompyfunc(arb.mid, 1, 1)
_radii = np.frompyfunc(lambda ball: float(ball.rad()), 1, 1)
_nearest = np.frompyfunc(float, 1, 1)
