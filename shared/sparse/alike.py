"""The samples of many steps, of which some see a smaller batch: those of one size side by side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shared.backend import Array
from shared.problems import Problem
from shared.seeding import batch_runs


class BatchTable:
    """The batches of steps first + 1, ..., last of a run."""

    def __init__(self, problem: Problem, seed: int, first: int, last: int) -> None:
        self._first = first
        self._size, self._row = (np.empty(last - first, np.int64) for _ in range(2))
        parts: dict[int, list[Array]] = {}
        for start, batches in batch_runs(problem, seed, first, last):
            size = batches.shape[1]
            before = sum(map(len, parts.setdefault(size, [])))
            rows = slice(start - first, start - first + len(batches))
            self._size[rows], self._row[rows] = size, before + np.arange(len(batches))
            parts[size].append(batches)
        self._batches = {size: np.concatenate(part) for size, part in parts.items()}

    def alike(self, steps: Array) -> Iterator[tuple[Array, Array]]:
        """Yield which of these steps (s,) have batches of one size, and the batches (k, m)."""
        places = steps - 1 - self._first
        for size in np.unique(self._size[places]).tolist():
            rows = np.flatnonzero(self._size[places] == size)
            yield rows, self._batches[size][self._row[places[rows]]]
