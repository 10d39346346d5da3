"""What follows a run beside its backends, if it is asked to: exactly, or by an estimate."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shared.backend import Recording
from shared.problems import Problem
from shared.truth.estimate import Estimate, GrowthTaker
from shared.truth.findings import Truth
from shared.truth.follow import can_follow, follow, require_followable
from shared.truth.residuals import ResidualTaker


class Follower:
    """Looks at what all backends recorded, and says in the end how far they are from exact.

    Of a network too large for the exact trajectory, it estimates the sensitivity of the first
    backend's run.

    Raises
    ------
    UsageError
        The optimizer is another than plain gradient descent, whose derivative is known here.
    """

    def __init__(self, names: Sequence[str], problem: Problem, seed: int, dtype: str) -> None:
        require_followable(problem)
        self._problem, self._seed, self._dtype = problem, seed, dtype
        self._residuals: list[ResidualTaker] = []
        self._growth: GrowthTaker | None = None
        if can_follow(problem):
            self._residuals = [ResidualTaker(name, problem, dtype) for name in names]
        else:
            self._growth = GrowthTaker(names[0], problem, seed, dtype)

    def add(self, recordings: Sequence[Recording]) -> None:
        """Look at one chunk, recorded by every backend for the same steps."""
        if self._growth:
            self._growth.add(recordings[0])
            return
        for taker, recording in zip(self._residuals, recordings, strict=True):
            taker.add(recording)

    def finish(self, steps: int, progress: Callable[[int], None]) -> Truth | Estimate:
        """Return what is known of the steps that all backends made; they are one at least.

        `progress` gets the number of steps of the exact trajectory; an estimate has none.
        """
        if self._growth:
            return self._growth.finish()
        return follow(self._problem, self._seed, self._dtype, self._residuals, steps, progress)
