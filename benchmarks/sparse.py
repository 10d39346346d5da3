"""What is seen of a run of which only every K-th state is recorded, and what it costs.

Run as `python -m benchmarks.sparse`: two minutes. NumPy trains the sixteen people. For each K and
seed: the largest error over its bound of any block, how wide the bounds are, and the seconds,
beside those of recording and judging every step. Then the most by which a step's bound differs
between where a backend stands and where the exact walk does; the smallest mistakes found; and where
faults of the catalogue are placed, beside where all steps recorded would place them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from unittest.mock import patch

import numpy as np
from rich.console import Console

from benchmarks.claims import digits, duration
from benchmarks.judged_runs import judged_beside
from benchmarks.tables import table_of
from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, Dataset, OptimizerState, Params, Recording, StepGradients
from shared.certificate.decision import Verdict
from shared.certificate.rounding import Rounding
from shared.faults.injected import injections, with_fault
from shared.faults.named import FAULTS, chosen_fault
from shared.named_problems import problem
from shared.problems import Problem
from shared.registry import Loaded, Source, find, load
from shared.seeding import batch_runs
from shared.sparse import bound as bounds
from shared.sparse.blocks import go_to, held, trained_block
from shared.sparse.findings import SparseResult
from shared.sparse.run import compare_sparsely
from shared.stepwise import Stepwise
from shared.training import Trainee, prepare
from shared.truth.rows import in_rows
from shared.truth.tube import step_bounds

SEEDS = (4, 13, 7, 1, 29)
"""The last one is chaotic."""

LENGTHS = (1, 16, 160)
DTYPES = ("float64", "float32")
EPOCHS = 500
WIDTH = 132

SLIP_EPOCHS, SLIP_SEED, SLIP_STEP = 20, 42, 37
SMALLEST = {"float64": -16, "float32": -8}
"""Powers of ten at which the search begins; it goes up by half a power."""

SIZES = 18


FAULT_EPOCHS, FAULT_SEED = 25, 4


class Slipping(NumpyBackprop):
    """Backpropagation whose gradients are all too large by the factor 1 + size.

    only
        The step in which they are; None for every step.
    """

    size = 0.0
    only: int | None = None
    at = 1

    def train(
        self,
        params: Params,
        state: OptimizerState,
        data: Dataset,
        batches: Array,
        every: int = 1,
    ) -> Recording:
        self.at = state.step + 1
        return Stepwise(self).train(params, state, data, batches, every)

    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        result = super().gradients(params, x, y)
        if self.only not in (None, self.at):
            return result
        # 1 + size may be 1 in the dtype, and the product is not.
        slipped = tuple((g + self.size * g.astype("float64")).astype(g.dtype) for g in result.grads)
        return replace(result, grads=slipped)

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        self.at = state.step + 2
        return super().update(params, grads, state)


@dataclass(frozen=True, slots=True)
class Whole:
    """Seconds of a run that records and judges every step."""

    training_s: float
    judging_s: float


def main() -> None:
    """Print all tables."""
    console = Console(highlight=False, width=WIDTH)
    trained = problem("people16").changed(EPOCHS)
    console.print(f"people16, {trained.step_count:,} steps, NumPy's backend:")
    table = table_of(("dtype",), (
        "seed", "K", "blocks", "in bound", "by steps", "failed", "error / bound",
        "resolution, u", "of moves", "training", "judging", "all steps: training", "judging",
    ))  # fmt: skip
    for dtype in DTYPES:
        for seed in SEEDS:
            whole = _whole(trained, seed, dtype)
            for every in LENGTHS:
                table.add_row(dtype, str(seed), *_row(trained, seed, dtype, every, whole))
    console.print(table)
    for dtype in DTYPES:
        for every in LENGTHS[1:]:
            most = max(_bounds_apart(trained, seed, dtype, every) for seed in SEEDS)
            console.print(
                f"{dtype}, K = {every}: a step's bound where NumPy stands exceeds the one at the "
                f"walk by {most:.1e} of it at most ({bounds.INSIDE - 1:g} is allowed for)."
            )
    _print_slips(console)
    _print_faults(console)


def _row(trained: Problem, seed: int, dtype: str, every: int, whole: Whole) -> Iterator[str]:
    result = _sparse(load(find("numpy")), trained, seed, dtype, every)
    one, u = result.certificate, Rounding.of(dtype).u
    failed = one.undecided + one.different + one.unjudged
    yield from (f"{n:,}" for n in (every, one.blocks, one.by_bound, one.by_steps, failed))
    yield f"{one.worst:.2f}"
    yield digits((one.resolution or 0.0) / u)
    yield f"{one.of_move or 0.0:.1e}"
    yield from map(duration, (result.train_s, one.judging_s + one.again_s))
    yield from map(duration, (whole.training_s, whole.judging_s))


def _sparse(loaded: Loaded, trained: Problem, seed: int, dtype: str, every: int) -> SparseResult:
    return compare_sparsely(trained, seed, [loaded], every=every, dtype=dtype).backends[0]


def _whole(trained: Problem, seed: int, dtype: str) -> Whole:
    trainees, _ = prepare([load(find("numpy"))], trained, dtype)
    run = judged_beside(trainees, seed)
    return Whole(run.training_s["numpy"], run.judging_s)


def _bounds_apart(trained: Problem, seed: int, dtype: str, every: int) -> float:
    """Return how much larger a step's bound is where NumPy stands than at the walk, relatively.

    In no step of a block that is within its bound is it more.
    """
    trainee = Trainee(load(find("numpy")), trained, dtype)
    trainee.start(seed)
    go_to(trainee, held((trainee.params, trainee.state)))
    ends = range(every, trained.step_count + 1, every)
    blocks = [trained_block(trainee, end) for end in ends]
    stood = _states(trained, seed, dtype)
    firsts = np.array([block.first - 1 for block in blocks])
    passed, apart = 0, np.zeros(len(blocks))

    def compared(asked: Problem, name: str, points: Array, x: Array, y: Array) -> Array:
        nonlocal passed
        at_walk = step_bounds(asked, name, points, x, y)
        at_state = step_bounds(asked, name, stood[firsts + passed], x, y)
        passed += 1
        np.fmax(apart, (at_state / at_walk - 1).max(axis=-1), out=apart)
        return at_walk

    with patch.object(bounds, "step_bounds", compared):
        judged = bounds.BlockBounds(trained, seed, dtype).judge(blocks)
    return float(apart[judged.verdict == Verdict.EXPLAINED].max())


def _states(trained: Problem, seed: int, dtype: str) -> Array:
    """Return where NumPy stands before each step (s, P)."""
    trainee = Trainee(load(find("numpy")), trained, dtype)
    trainee.start(seed)
    ((_, batches),) = batch_runs(trained, seed, 0, trained.step_count)
    recording = trainee.backend.train(trainee.params, trainee.state, trainee.data, batches, every=1)
    return in_rows(recording.before).astype(np.float64)


def _print_slips(console: Console) -> None:
    trained = problem("people16").changed(SLIP_EPOCHS)
    console.print(
        f"\nSmallest relative error of all gradients that is found in {trained.step_count} steps:"
    )
    table = table_of(("dtype", "wrong in"), (*(f"K = {k}" for k in LENGTHS), "all steps recorded"))
    for dtype in DTYPES:
        for only in (None, SLIP_STEP):
            found = [_smallest(trained, dtype, only, every) for every in (*LENGTHS, None)]
            where = "every step" if only is None else f"step {only}"
            table.add_row(dtype, where, *("-" if s is None else f"{s:.1e}" for s in found))
    console.print(table)


def _smallest(trained: Problem, dtype: str, only: int | None, every: int | None) -> float | None:
    """Make the gradients wrong by more and more until that is found."""
    for half in range(SIZES):
        size: float = 10.0 ** (SMALLEST[dtype] + half / 2)
        kind = type("Slipping", (Slipping,), {"size": size, "only": only})
        loaded = Loaded(Source("slipping", "slipping"), kind, "")
        if every is None:
            trainees, _ = prepare([loaded], trained, dtype)
            certified = judged_beside(trainees, SLIP_SEED).certificates[0].certified
        else:
            certified = _sparse(loaded, trained, SLIP_SEED, dtype, every).certificate.certified
        if not certified:
            return size
    return None


def _print_faults(console: Console) -> None:
    """Bring every fault into NumPy's backend, and place it both ways."""
    trained = problem("people16").changed(FAULT_EPOCHS)
    console.print(
        f"\nFaults of the catalogue in {trained.step_count} steps: the first step, stage and "
        "tensors that differ, with K = 16 and with all steps recorded"
    )
    table = table_of(("dtype",), (
        "faults", "placed alike", "otherwise", "by steps alone", "by blocks alone", "by neither",
    ))  # fmt: skip
    for dtype in DTYPES:
        counts = Counter(_placed(trained, dtype, wrong) for wrong in _faulty(trained))
        told = ("alike", "otherwise", "steps", "blocks", "neither")
        table.add_row(dtype, str(counts.total()), *(str(counts[one]) for one in told))
    console.print(table)


def _faulty(trained: Problem) -> Iterator[Loaded]:
    """Yield NumPy's backend with each fault in it that acts in these steps, in every way."""
    right = load(find("numpy"))
    for fault in FAULTS:
        if (fault.starts[0] or 1) <= trained.step_count:
            chosen = chosen_fault(fault.name, trained.step_count)
            yield from (with_fault(right, chosen, way).wrong for way in injections(right, chosen))


def _placed(trained: Problem, dtype: str, wrong: Loaded) -> str:
    """Say whether a fault is placed alike from blocks and from all steps."""
    trainees, _ = prepare([wrong], trained, dtype)
    whole = judged_beside(trainees, FAULT_SEED).certificates[0]
    block = _sparse(wrong, trained, FAULT_SEED, dtype, 16).certificate.first
    by_steps, by_blocks = whole.placement, block.placement if block else None
    if by_steps is None or by_blocks is None:
        return "steps" if by_steps else "blocks" if by_blocks else "neither"
    same = by_steps.step == by_blocks.step and by_steps.tensors == by_blocks.tensors
    return "alike" if same and by_steps.stage == by_blocks.stage else "otherwise"


if __name__ == "__main__":
    main()
