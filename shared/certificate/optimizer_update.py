"""What an optimizer did to parameters and to what it carries, decided from what was recorded.

Plain gradient descent goes to update.py. Of all others everything that is made of sums and products
is decided bit by bit, by trying every way to round it; the parameters behind a division by roots
are held to a bound. What fails is decided once more: in fractions, or in ball arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shared.backend import Array, Params
from shared.certificate.adaptive_step import judge_adaptive
from shared.certificate.decision import Judged, Verdict, bit_equal
from shared.certificate.rounding import Rounding
from shared.certificate.stages import UPDATE, Reference, parts
from shared.certificate.update import SHOWN, judge_update
from shared.certificate.update_causes import named_cause
from shared.certificate.update_ways import (
    ADAPTIVE,
    PARAMETER,
    Constants,
    Numbers,
    every_way,
    formulas,
    slope,
)
from shared.certificate.update_words import words
from shared.certificate.ways import ArrayFloats, exact, size
from shared.optimizer import Optimizer

FUSED = (
    "A gradient that was fused into it before it was rounded would explain it; then what moves the "
    "parameters is not what was recorded."
)


@dataclass(frozen=True, slots=True)
class Moves:
    """Consecutive or chosen steps of an optimizer, as recorded, in the dtype of the run.

    steps
        (s,) their numbers, from 1.
    """

    steps: Array
    before: Params
    grads: Params
    after: Params
    state_before: Mapping[str, Params]
    state_after: Mapping[str, Params]

    def numbers(self, i: int, rows: slice | Array) -> Numbers:
        """Return what is known of the i-th tensor in some steps."""
        return Numbers(
            self.before[i][rows], self.grads[i][rows],
            {name: params[i][rows] for name, params in self.state_before.items()},
            {name: params[i][rows] for name, params in self.state_after.items()},
        )  # fmt: skip


def judge_moves(
    reference: Reference, optimizer: Optimizer, names: Sequence[str], moves: Moves
) -> Iterator[Judged]:
    """Judge what the optimizer carries, slot by slot, and then the parameters.

    optimizer
        With its learning rate as the dtype has it.
    """
    if optimizer.is_plain:
        rate = np.dtype(reference.rounding.dtype).type(optimizer.learning_rate)
        formula = words(optimizer, PARAMETER)
        for judged in judge_update(reference, names, moves.before, moves.grads, moves.after, rate):
            yield replace(judged, formula=formula)
        return
    for slot in (*optimizer.slots, PARAMETER):
        for i, name in enumerate(names):
            recorded = moves.state_after[slot][i] if slot else moves.after[i]
            for rows in parts(recorded):
                judged = judge_tensor(
                    reference, optimizer, slot, tensor_name(slot, name),
                    moves.steps[rows], moves.numbers(i, rows), recorded[rows],
                )  # fmt: skip
                yield replace(judged, rows=rows, formula=words(optimizer, slot))


def tensor_name(slot: str, name: str) -> str:
    """Return what findings call a slot's tensor: `velocity W1`; of the parameter its own name."""
    return f"{slot} {name}" if slot else name


def is_bitwise(optimizer: Optimizer, slot: str) -> bool:
    """Whether a slot, or the PARAMETER, is decided by its bits."""
    return slot != PARAMETER or optimizer.name not in ADAPTIVE


def judge_tensor(
    reference: Reference, optimizer: Optimizer, slot: str, tensor: str, steps: Array,
    numbers: Numbers, value: Array,
) -> Judged:  # fmt: skip
    """Judge a slot, or the PARAMETER, of one tensor, and say what would explain a failure.

    Shapes: steps (s,), all else (s, *R, ...).
    """
    judged = decide_tensor(reference, optimizer, slot, tensor, steps, numbers, value)
    if not judged.any_failed:
        return judged

    def decide(other: Optimizer, steps: Array, numbers: Numbers, value: Array) -> Judged:
        return decide_tensor(reference, other, slot, tensor, steps, numbers, value)

    cause = named_cause(decide, optimizer, slot, steps, numbers, value, judged.failed)
    shown = map(tuple, np.argwhere(judged.failed)[:SHOWN].tolist())
    if cause:
        return replace(judged, notes=dict.fromkeys(shown, cause))
    if not judged.bitwise:
        return judged
    fused = [
        place
        for place in shown
        if _may_be_fused(reference.rounding, optimizer, slot, numbers, value, place)
    ]
    return replace(judged, notes=dict.fromkeys(fused, FUSED))


def decide_tensor(
    reference: Reference, optimizer: Optimizer, slot: str, tensor: str, steps: Array,
    numbers: Numbers, value: Array,
) -> Judged:  # fmt: skip
    """Decide on a slot, or the PARAMETER, of one tensor. Shapes as in `judge_tensor`."""
    if not is_bitwise(optimizer, slot):
        return judge_adaptive(reference, optimizer, tensor, steps, numbers, value)
    allowed = admissible(reference.rounding, optimizer, slot, numbers, value)
    if allowed.all():
        return bit_equal(UPDATE, tensor, value)
    verdict = np.where(allowed, np.uint8(Verdict.BIT_EQUAL), np.uint8(Verdict.DIFFERENT))
    measured = _measured(reference.rounding, optimizer, slot, numbers, value, ~allowed)
    return Judged(UPDATE, tensor, value, *measured, verdict, bitwise=True)


def admissible(
    rounding: Rounding, optimizer: Optimizer, slot: str, numbers: Numbers, value: Array
) -> Array:
    """Say elementwise whether a recorded value is one that the formula may become.

    Shapes: all of one shape; so is the result, which is boolean.
    """
    floats, constants = ArrayFloats(rounding), Constants.of(optimizer, rounding.dtype)
    with np.errstate(all="ignore"):
        # What NumPy would compute comes first, and is often all that has to be asked for.
        first = next(every_way(floats, optimizer, constants, slot, numbers))
        allowed: Array = np.isfinite(value) & (value == first)
        left = np.flatnonzero(~allowed & np.isfinite(value))
        some = numbers.each(lambda a: a.reshape(-1)[left])
        wanted, found = value.reshape(-1)[left], np.zeros(len(left), dtype=bool)
        for result in every_way(floats, optimizer, constants, slot, some):
            if found.all():
                break
            found |= wanted == result
        allowed.reshape(-1)[left] = found
    return allowed


def _may_be_fused(
    rounding: Rounding, optimizer: Optimizer, slot: str, numbers: Numbers, value: Array,
    place: tuple[int, ...],
) -> bool:  # fmt: skip
    """Say whether a gradient that was not rounded would explain a value.

    A compiler may fuse the product that a gradient of one sample is into the sum that takes it in.
    """
    floats, constants = ArrayFloats(rounding), Constants.of(optimizer, rounding.dtype)
    with np.errstate(all="ignore"):
        reach = [
            result
            for end in (-np.inf, np.inf)
            for result in every_way(
                floats, optimizer, constants, slot, _nudged(numbers, place, end)
            )
        ]
        return bool(min(reach) <= value[place] <= max(reach))


def _nudged(numbers: Numbers, place: tuple[int, ...], end: float) -> Numbers:
    """Return what is known of one value, with the gradient's neighbour in place of the gradient."""
    single = numbers.each(lambda a: a[place])
    return replace(single, g=np.nextafter(single.g, single.g.dtype.type(end)))


def _measured(
    rounding: Rounding, optimizer: Optimizer, slot: str, numbers: Numbers, value: Array,
    failed: Array,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Return exact values, distances to them, and, to compare, what a few roundings may do."""
    constants = Constants.of(optimizer, rounding.dtype)
    near, error = value.astype(np.float64), np.zeros(value.shape)
    bound = np.zeros(value.shape)
    places = np.nonzero(failed)
    with np.errstate(all="ignore"):
        wide = numbers.each(lambda a: a[places].astype(np.float64))
        formula = _formula(optimizer, constants.widely(), slot, wide)
        near[places] = exact(formula)
        error[places] = abs(value[places].astype(np.float64) - near[places])
        bound[places] = rounding.u * size(formula)
    # The first ones are shown, with digits that do not suffer where terms cancel.
    for place in list(zip(*places, strict=True))[:SHOWN]:
        single = numbers.each(lambda a, at=place: float(a[at]))  # type: ignore[misc]
        if single.is_finite and np.isfinite(value[place]):
            true = exact(_formula(optimizer, constants.exactly(), slot, single.exactly()))
            near[place] = float(true)
            error[place] = float(abs(type(true)(float(value[place])) - true))
    return near, error, bound


def _formula(optimizer: Optimizer, constants: Constants, slot: str, numbers: Numbers) -> Any:
    return next(formulas(optimizer, constants, slot, numbers, slope(constants, numbers)))
