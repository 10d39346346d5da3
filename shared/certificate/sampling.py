"""Which steps are judged number by number: all of them, or a sample where that would take too long.

A sample is drawn from the seed, one step of each stretch, so that no place in an epoch is favoured;
the first and the last step are always in it. The choice depends on the problem alone, never on how
fast a machine is: equal runs are judged alike everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from shared.backend import Array
from shared.problems import Problem

BUDGET_NS = 45e9
"""What judging one backend may take, by the estimates below: well under a minute."""

NS_PER_NUMBER, NS_PER_PRODUCT = 25.0, 0.7
"""Rough prices of judging a number, and of every weight times every sample, on one core."""

_PAGE = 4096


@dataclass(frozen=True, slots=True)
class Sampling:
    """One step in `one_in` is judged, and the first and the last one of `step_count`."""

    one_in: int
    seed: int
    step_count: int

    def chosen(self, steps: Array) -> Array:
        """Say which of ascending step numbers, counted from 1, are in the sample.

        Shapes: steps (s,), the result is boolean and (s,).
        """
        if self.one_in == 1:
            return np.ones(len(steps), dtype=bool)
        stretch, position = np.divmod(steps - 1, self.one_in)
        pages, which = np.unique(stretch // _PAGE, return_inverse=True)
        drawn = np.stack([_page(self.seed, int(page), self.one_in) for page in pages])
        chosen: Array = position == drawn[which, stretch % _PAGE]
        chosen |= (steps == 1) | (steps == self.step_count)
        return chosen


def sampling(problem: Problem, seeds: int | Sequence[int], one_in: int | None = None) -> Sampling:
    """Return which steps of a run to judge: one in so many, or, if not said, within the budget."""
    replicas, seed = (1, seeds) if isinstance(seeds, int) else (len(seeds), seeds[0])
    if one_in is None:
        one_in = math.ceil(_price_ns(problem) * replicas * problem.step_count / BUDGET_NS)
    return Sampling(max(1, one_in), seed, problem.step_count)


@lru_cache(maxsize=64)
def _page(seed: int, page: int, one_in: int) -> Array:
    """Draw a position for each of many stretches of steps; blocks of steps ask again and again."""
    drawn: Array = np.random.RandomState([seed, page, 1]).randint(one_in, size=_PAGE)
    drawn.flags.writeable = False
    return drawn


def _price_ns(problem: Problem) -> float:
    """Estimate what judging one step of one backend takes."""
    network, m = problem.network, problem.largest_batch
    # What an optimizer carries is tried in many ways, and costs about as much as four numbers;
    # most ways there are to let momentum and decay act on a parameter at once.
    optimizer = problem.optimizer
    many = optimizer.name == "momentum" and optimizer.decoupled_decay
    carried = 2 + (16 if many else 4) * len(optimizer.slots)
    numbers = carried * network.param_count + 2 * m * sum(network.sizes[1:])
    return NS_PER_NUMBER * numbers + NS_PER_PRODUCT * m * network.param_count
