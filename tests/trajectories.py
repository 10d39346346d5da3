"""Hand-made trajectories of four people, tampered with number by number, and their drift."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest

from shared.backend import Array, Evaluation, OptimizerState, Params, Recording
from shared.drift import KINDS, DriftMeter, Largest, PairDrift
from shared.named_problems import problem
from shared.network import Network
from shared.problems import Problem

every_kind = pytest.mark.parametrize("kind", KINDS)
NETWORK = Network((2, 2, 1))
EPOCHS = 12
STEPS = 4 * EPOCHS
NOTHING = Largest(0, 0)
COUNTS = {"weights": 9, "gradients": 9, "loss": 1}
PLACES = [("weights", i) for i in range(9)] + [("gradients", i) for i in range(9)] + [("loss", 0)]
every_place = pytest.mark.parametrize(("kind", "element"), PLACES)
Table = dict[str, Array]


def four_people() -> Problem:
    """A problem of 48 steps, 4 to an epoch, whose marks are after epochs 1, 10 and 12."""
    return problem("people4").changed(epochs=EPOCHS)


def table(seed: int = 0, dtype: str = "float64") -> Table:
    """Made-up numbers: after each step nine weights, in each nine gradients and a loss."""
    draw = np.random.RandomState(seed)
    return {kind: draw.normal(size=(STEPS, COUNTS[kind])).astype(dtype) for kind in KINDS}


def shaped(rows: Array) -> Params:
    """Nine columns as W1, b1, W2, b2 of every step."""
    ends = np.cumsum([math.prod(shape) for shape in NETWORK.param_shapes])[:-1]
    return tuple(
        columns.reshape(len(rows), *shape)
        for columns, shape in zip(np.split(rows, ends, axis=1), NETWORK.param_shapes, strict=True)
    )


def recording(numbers: Table, first: int = 0, stop: int = STEPS) -> Recording:
    """Steps first + 1, ..., stop of a table as a recording."""
    after = np.array(numbers["weights"][first:stop])
    before = np.concatenate([numbers["weights"][:1] if first == 0 else after[:1], after[:-1]])
    return Recording(
        steps=np.arange(first + 1, stop + 1),
        batches=np.arange(first, stop)[:, None] % 4,
        before=shaped(before),
        after=shaped(after),
        state_before={},
        state_after={},
        evaluation=Evaluation(None, None, np.array(numbers["loss"][first:stop, 0])),
        grads=shaped(np.array(numbers["gradients"][first:stop])),
        deltas=None,
        final=(tuple(w[-1] for w in shaped(after)), OptimizerState(stop)),
    )


def copied(numbers: Table) -> Table:
    return {kind: np.array(rows) for kind, rows in numbers.items()}


def with_number(numbers: Table, kind: str, step: int, element: int, value: float) -> Table:
    """A copy in which one number, in a step counted from 1, is another."""
    other = copied(numbers)
    other[kind][step - 1, element] = value
    return other


def moved(numbers: Table, kind: str, step: int, element: int, ulps: int = 1) -> Table:
    """A copy in which one number is so many floats further from zero."""
    other = copied(numbers)
    integers = other[kind].view(f"u{other[kind].itemsize}")
    integers[step - 1, element] += integers.dtype.type(ulps)
    return other


def drift(tables: Sequence[Table], cuts: Sequence[int] = ()) -> tuple[PairDrift, ...]:
    meter = DriftMeter("abc"[: len(tables)], four_people())
    feed(meter, tables, cuts)
    return meter.finish()


def feed(meter: DriftMeter, tables: Sequence[Table], cuts: Sequence[int] = ()) -> None:
    for first, stop in itertools.pairwise([0, *cuts, STEPS]):
        meter.add([recording(numbers, first, stop) for numbers in tables])


def pair(left: Table, right: Table) -> PairDrift:
    (found,) = drift([left, right])
    return found


def not_finite(*tables: Table, cuts: Sequence[int] = ()) -> dict[str, int | None]:
    meter = DriftMeter("abc"[: len(tables)], four_people())
    feed(meter, tables, cuts)
    return meter.first_not_finite
