"""Trajectories side by side: how far apart the backends are, and since when. Judged is nothing.

For each pair of backends and each number (every weight, every gradient, the loss of the step) the
distance in ULPs is followed through all steps: the largest and its step, and the first step at
which the bits differ. Chunks are looked at as they pass; no trajectory is kept.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from shared.backend import Array, Params, Recording
from shared.problems import Problem
from shared.ulp import INCOMPARABLE, bits_differ, place_distance, places


@dataclass(frozen=True, slots=True)
class Largest:
    """The largest distance of one number between two backends, and the step where it was seen."""

    ulps: int
    step: int


@dataclass(frozen=True, slots=True)
class PairDrift:
    """Two backends, side by side.

    first
        Per kind ("weights", "gradients", "loss") the first step at which any bit differs, or None.
    largest
        Per kind, one Largest for each number: weights and gradients in the network's element
        order, the loss alone.
    final
        The distance of each weight in ULPs after the last step.
    marks
        Per mark (finished epochs): the largest distance of any weight, in ULPs, and the largest
        absolute difference.
    """

    left: str
    right: str
    first: dict[str, int | None]
    largest: dict[str, tuple[Largest, ...]]
    final: tuple[int, ...]
    marks: tuple[tuple[int, int, float], ...]


KINDS = ("weights", "gradients", "loss")


class DriftMeter:
    """Follows every pair of backends through the chunks of a run."""

    def __init__(self, names: Sequence[str], problem: Problem) -> None:
        self._pairs = [
            _PairMeter(left, right, problem) for left, right in itertools.combinations(names, 2)
        ]
        self._indices = list(itertools.combinations(range(len(names)), 2))
        self.first_not_finite: dict[str, int | None] = dict.fromkeys(names)

    def add(self, recordings: Sequence[Recording]) -> None:
        """Look at one chunk, recorded by every backend for the same steps."""
        steps = recordings[0].steps
        if any(not np.array_equal(recording.steps, steps) for recording in recordings):
            raise ValueError("expected recordings of the same steps, side by side; got others")
        if not len(steps):
            return
        tables = [_tables(recording) for recording in recordings]
        # Where each float stands is worked out once for each backend, not for each pair.
        compared = KINDS if self._pairs else ()
        stands = [{kind: places(table[kind]) for kind in compared} for table in tables]
        for (left, right), meter in zip(self._indices, self._pairs, strict=True):
            meter.add(steps, (tables[left], stands[left]), (tables[right], stands[right]))
        for name, table in zip(self.first_not_finite, tables, strict=True):
            if self.first_not_finite[name] is None:
                bad = ~np.concatenate([np.isfinite(t) for t in table.values()], axis=1).all(axis=1)
                if bad.any():
                    self.first_not_finite[name] = int(steps[bad.argmax()])

    def finish(self) -> tuple[PairDrift, ...]:
        """Return what was seen."""
        return tuple(meter.finish() for meter in self._pairs)


Stood: TypeAlias = tuple[dict[str, Array], dict[str, Array]]
"""By kind, the numbers of one backend, and where they stand on the line of floats."""


class _PairMeter:
    def __init__(self, left: str, right: str, problem: Problem) -> None:
        self.left, self.right = left, right
        counts = {"weights": problem.network.param_count, "loss": 1}
        counts["gradients"] = counts["weights"]
        self._ulps = {kind: np.zeros(counts[kind], np.uint64) for kind in KINDS}
        self._when = {kind: np.zeros(counts[kind], np.int64) for kind in KINDS}
        self._first: dict[str, int | None] = dict.fromkeys(KINDS)
        self._final = np.zeros(counts["weights"], np.uint64)
        self._mark_steps = {e * problem.steps_per_epoch: e for e in mark_epochs(problem.epochs)}
        self._marks: list[tuple[int, int, float]] = []

    def add(self, steps: Array, left: Stood, right: Stood) -> None:
        for kind in KINDS:
            a, b = left[0][kind], right[0][kind]
            distance = place_distance(left[1][kind], right[1][kind])
            distance[np.isnan(a) | np.isnan(b)] = INCOMPARABLE
            row = distance.argmax(axis=0)
            largest = distance[row, np.arange(a.shape[1])]
            grown = largest > self._ulps[kind]
            self._ulps[kind] = np.where(grown, largest, self._ulps[kind])
            self._when[kind] = np.where(grown, steps[row], self._when[kind])
            if self._first[kind] is None:
                different = bits_differ(a, b).any(axis=1)
                if different.any():
                    self._first[kind] = int(steps[different.argmax()])
            if kind == "weights":
                self._final = distance[-1]
                for row in np.flatnonzero(np.isin(steps, list(self._mark_steps))).tolist():
                    with np.errstate(over="ignore", invalid="ignore"):
                        gap = float(np.abs(a[row] - b[row]).max())
                    epoch = self._mark_steps[int(steps[row])]
                    self._marks.append((epoch, int(distance[row].max()), gap))

    def finish(self) -> PairDrift:
        largest = {
            kind: tuple(
                Largest(ulps, step)
                for ulps, step in zip(
                    self._ulps[kind].tolist(), self._when[kind].tolist(), strict=True
                )
            )
            for kind in KINDS
        }
        return PairDrift(
            self.left, self.right, self._first, largest, tuple(self._final.tolist()),
            tuple(self._marks),
        )  # fmt: skip


def mark_epochs(epochs: int) -> tuple[int, ...]:
    """Return 1, 10, 100, ... up to the last epoch, and the last epoch itself."""
    powers = [10**k for k in range(len(str(epochs))) if 10**k <= epochs]
    return tuple(sorted({*powers, epochs}))


def _tables(recording: Recording) -> dict[str, Array]:
    loss = np.asarray(recording.evaluation.loss)
    return {
        "weights": _rows(recording.after),
        "gradients": _rows(recording.grads),
        "loss": loss.reshape(len(loss), 1),
    }


def _rows(params: Params) -> Array:
    return np.concatenate([w.reshape(len(w), -1) for w in params], axis=1)
