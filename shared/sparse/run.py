"""One seed, several backends, of which only every K-th state is recorded: train, judge, place.

`compare_sparsely` is the whole pipeline of `compare.py run --every K`, as comparison.py's `compare`
is of a run that records everything; its result is data, for the reports to word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from shared.calibration.adoption import adopted_here
from shared.errors import UsageError
from shared.interrupts import interrupts_deferred
from shared.problems import Problem
from shared.registry import Loaded
from shared.sparse.blocks import go_to, held, trained_block
from shared.sparse.bound import blocks_together, why_unbounded
from shared.sparse.findings import SparseComparison, SparseResult
from shared.sparse.judge import BlockJudge
from shared.training import CHUNK_BYTES, Missing, Trainee, prepare

CHUNK_STEPS, LEAST_BLOCKS = 2**14, 64
"""A chunk has about as many steps, or so many blocks if these have more: blocks are judged side by
side."""


def compare_sparsely(
    problem: Problem,
    seed: int,
    loaded: Sequence[Loaded],
    *,
    every: int,
    missing: Sequence[Missing] = (),
    dtype: str = "float64",
    one_in: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> SparseComparison:
    """Train every backend from one seed, recording its state after every so many steps.

    one_in
        In blocks that are run again judge one step in so many; if not said, all, or as many as a
        budget allows.
    progress
        Called with the number of steps that all backends have made.

    Ctrl-C ends the training and is no error: the comparison then holds what is known so far.

    Raises
    ------
    UsageError
        `every` is no whole number above 0.
    """
    require_every(every)
    trainees, failed = prepare(loaded, problem, dtype)
    for trainee in trainees:
        trainee.start(seed)
        go_to(trainee, held((trainee.params, trainee.state)))
    versions = {one.loaded.kind.framework: one.loaded.version for one in trainees}
    adopted, remarks = adopted_here(dtype, versions)
    judges = [
        BlockJudge(
            one.loaded, problem, seed, dtype, every, one_in, adopted[one.loaded.kind.framework]
        )
        for one in trainees
    ]
    params = [trainee.params for trainee in trainees]
    steps, interrupted = 0, False
    try:
        for ends in _chunks(problem, every, trainees[0]):
            chunk = [[trained_block(trainee, end) for end in ends] for trainee in trainees]
            for judge, blocks in zip(judges, chunk, strict=True):
                judge.add(blocks)
            # An interrupt inside a progress bar may leave its lock closed.
            with interrupts_deferred():
                params, steps = [blocks[-1].end[0] for blocks in chunk], ends[-1]
                progress(steps)
    except KeyboardInterrupt:
        interrupted = True
    results = tuple(
        SparseResult(
            one.name, one.loaded.kind.framework, one.loaded.version, last, judge.finish(),
            one.setup_s, one.compile_s, one.train_s,
        )
        for one, last, judge in zip(trainees, params, judges, strict=True)
    )  # fmt: skip
    return SparseComparison(
        problem, seed, dtype, every, results, (*missing, *failed), steps, interrupted, remarks
    )


def require_every(every: int) -> int:
    """Return the number of steps from one recorded state to the next, or raise UsageError."""
    if isinstance(every, bool) or not isinstance(every, int) or every < 1:
        raise UsageError(
            f"every {every!r} cannot be used; expected a whole number of steps, 1 or above."
        )
    return every


def _chunks(problem: Problem, every: int, trainee: Trainee) -> Iterator[list[int]]:
    """Yield the last steps of some blocks at a time, as many as are judged together."""
    ends = [*range(every, problem.step_count, every), problem.step_count]
    if why_unbounded(problem, every):
        carried = 1 + len(problem.optimizer.slots)
        size = carried * problem.network.param_count * np.dtype(trainee.dtype).itemsize
        together = min(CHUNK_BYTES // size, CHUNK_STEPS // every)
    else:
        wanted = max(LEAST_BLOCKS, math.ceil(CHUNK_STEPS / every))
        together = min(wanted, blocks_together(problem, every))
    together = max(1, together)
    for start in range(0, len(ends), together):
        yield ends[start : start + together]
