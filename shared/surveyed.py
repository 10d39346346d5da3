"""What became of many seeds, on one problem: solved or stuck, parted, calm or chaotic.

Where the targets are quantities no seed is solved and none is stuck: their last losses are told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shared.backend import Array
from shared.classification import SurveyedAnswers
from shared.problems import Problem
from shared.training import Missing
from shared.twins import Sensitivity

NOT_STUCK, TOLD_DIFFERENTLY = -1, -2
"""Where a number of saturated units is none."""


@dataclass(frozen=True, slots=True)
class LossSpread:
    """The last losses of one backend over many seeds.

    mean, lowest, highest
        Of those that are finite; None where none is.
    finite
        How many are.
    """

    mean: float | None
    lowest: float | None
    highest: float | None
    finite: int


@dataclass(frozen=True, slots=True)
class SurveyedBackend:
    """What one backend came to, for each seed.

    correct
        (S,) how many samples fall on the right side at the end; None where the targets are
        quantities.
    loss, held_out_loss
        (S,) the last loss, and that of the samples held out; None where there are none.
    saturated
        (S,) how many hidden units are saturated at the end.
    finite
        (S,) False where a weight is NaN or infinite at the end.
    train_s
        Seconds of training the seeds; their twins' are apart, in Sensitivity.
    """

    name: str
    framework: str
    version: str
    correct: Array | None
    loss: Array
    saturated: Array
    finite: Array
    setup_s: float
    compile_s: float
    train_s: float
    held_out_loss: Array | None = None


@dataclass(frozen=True, slots=True)
class Survey:
    """Every seed on every backend.

    seeds
        Those that were trained; fewer than asked for where it was interrupted.
    epochs
        How many epochs they were trained.
    parted_epoch
        (S,) the first mark at which any two loss curves differ visibly; -1 where none do.
    sensitivity
        What the twins tell, on the first of the backends.
    answers
        What the networks answered at the last mark, where they are classifiers.
    """

    problem: Problem
    dtype: str
    seeds: tuple[int, ...]
    asked: int
    epochs: int
    samples: int
    backends: tuple[SurveyedBackend, ...]
    missing: tuple[Missing, ...]
    parted_epoch: Array
    sensitivity: Sensitivity
    interrupted: bool
    answers: SurveyedAnswers | None = None

    @property
    def solved(self) -> Array:
        """(B, S) whether each backend solved each seed; never where the targets are quantities."""
        solved: Array = np.array([
            np.zeros(len(self.seeds), bool) if b.correct is None else b.correct == self.samples
            for b in self.backends
        ])  # fmt: skip
        return solved

    @property
    def broken(self) -> Array:
        """(B, S) whether each backend ended unsolved, with weights that are NaN or infinite."""
        broken: Array = ~self.solved & ~np.array([b.finite for b in self.backends])
        return broken

    @property
    def stuck(self) -> Array:
        """(B, S) whether each backend ended unsolved otherwise; never of quantities, either."""
        counted = np.array([[b.correct is not None] for b in self.backends])
        stuck: Array = counted & ~self.solved & ~self.broken
        return stuck

    @property
    def solved_by_all(self) -> Array:
        """(S,) whether every backend solved the seed."""
        solved: Array = np.asarray(self.solved.all(axis=0))
        return solved

    @property
    def broken_on_any(self) -> Array:
        """(S,) whether the seed is broken on one backend at least."""
        broken: Array = np.asarray(self.broken.any(axis=0))
        return broken

    @property
    def told_apart(self) -> Array:
        """(S,) whether one backend solved the seed, and on another it is stuck."""
        apart: Array = self.solved.any(axis=0) & self.stuck.any(axis=0) & ~self.broken_on_any
        return apart

    @property
    def stuck_units(self) -> Array:
        """(S,) how many units every backend finds saturated, of seeds that are stuck on all.

        TOLD_DIFFERENTLY where they find other numbers, NOT_STUCK elsewhere.
        """
        counts = np.array([b.saturated for b in self.backends])
        told = np.where((counts == counts[0]).all(axis=0), counts[0], TOLD_DIFFERENTLY)
        units: Array = np.where(self.stuck.all(axis=0), told, NOT_STUCK)
        return units


def loss_spread(losses: Array) -> LossSpread:
    """Sum up the last losses (S,) of one backend."""
    known = losses[np.isfinite(losses)].astype(np.float64)
    if not len(known):
        return LossSpread(None, None, None, 0)
    # Divided one by one, so that large losses have a mean, too.
    mean = float((known / len(known)).sum())
    return LossSpread(mean, float(known.min()), float(known.max()), len(known))
