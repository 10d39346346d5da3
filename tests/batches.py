"""Small problems with a rest of any size, and the samples of their steps one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from shared.named_problems import problem
from shared.problems import LAST_BATCHES, Problem
from shared.seeding import batch_runs

repeatably = settings(derandomize=True, deadline=None)


def small_problem(samples: int, batch_size: int, epochs: int, order: str = "file") -> Problem:
    one = problem("people16")
    x, y = (np.tile(a, (2, 1))[:samples] for a in (one.x, one.y))
    return replace(one, x=x, y=y, batch_size=batch_size, epochs=epochs, order=order)


def steps_of(
    one: Problem, first: int, stop: int, seeds: int | Sequence[int] = 0
) -> list[tuple[int, list[int]]]:
    """Each step's number and the samples it sees."""
    return [
        (start + row, batch)
        for start, batches in batch_runs(one, seeds, first, stop)
        for row, batch in enumerate(batches.tolist())
    ]


@st.composite
def problems(draw: st.DrawFn, order: str = "file") -> Problem:
    """Some full batches and a rest, kept or dropped, in an epoch of at least one step."""
    m, last_batch = draw(st.integers(1, 6)), draw(st.sampled_from(LAST_BATCHES))
    rest = draw(st.integers(0, m - 1))
    full = draw(st.integers(0 if rest and last_batch == "kept" else 1, 4))
    one = small_problem(full * m + rest, 1, draw(st.integers(1, 4)), order)
    return replace(one, batch_size=m, last_batch=last_batch)
