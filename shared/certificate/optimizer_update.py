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
from shared.certificate.adaptive_update import judge_adaptive
from shared.certificate.decision import Judged, Verdict, bit_equal
from shared.certificate.rounding import Rounding
from shared.certificate.stages import UPDATE, Reference, parts
from shared.certificate.tensor_names import tensor_name
from shared.certificate.update import SHOWN, judge_update
from shared.certificate.update_causes import named_cause
from shared.certificate.update_numbers import Constants, Numbers
from shared.certificate.update_ways import ADAPTIVE, PARAMETER, every_way, first_formula
from shared.certificate.update_words import words
from shared.certificate.ways import ArrayFloats, exact, magnitude
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
    samples
        How many each of them saw.
    """

    steps: Array
    before: Params
    grads: Params
    after: Params
    state_before: Mapping[str, Params]
    state_after: Mapping[str, Params]
    samples: int = 1

    def numbers(self, i: int, rows: slice | Array) -> Numbers:
        """Return what is known of the i-th tensor in some steps."""
        return Numbers(
            self.before[i][rows], self.grads[i][rows],
            {name: params[i][rows] for name, params in self.state_before.items()},
            {name: params[i][rows] for name, params in self.state_after.items()},
        )  # fmt: skip


def judge_moves(
    reference: Reference, optimizer: Optimizer, names: Sequence[str], moves: Moves,
    reported: bool = True,
) -> Iterator[Judged]:  # fmt: skip
    """Judge what the optimizer carries, slot by slot, and then the parameters.

    optimizer
        With its learning rate as the dtype has it.
    reported
        Whether failures are still of interest: then what would explain them is looked for.
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
                part = moves.steps[rows], moves.numbers(i, rows), recorded[rows]
                tensor = tensor_name(slot, name)
                judged = decide_tensor(reference, optimizer, slot, tensor, *part)
                if judged.any_failed and reported:
                    judged = _explained(reference, optimizer, slot, judged, *part, moves.samples)
                yield replace(judged, rows=rows, formula=words(optimizer, slot))


def is_bitwise(optimizer: Optimizer, slot: str) -> bool:
    """Whether a slot, or the PARAMETER, is decided by its bits."""
    return slot != PARAMETER or optimizer.name not in ADAPTIVE


def _explained(
    reference: Reference, optimizer: Optimizer, slot: str, judged: Judged, steps: Array,
    numbers: Numbers, value: Array, samples: int,
) -> Judged:  # fmt: skip
    """Note beside the first failures what would explain them."""

    def decide(other: Optimizer, steps: Array, numbers: Numbers, value: Array) -> Judged:
        return decide_tensor(reference, other, slot, judged.tensor, steps, numbers, value)

    cause = named_cause(decide, optimizer, slot, steps, numbers, value, judged.failed)
    shown = map(tuple, np.argwhere(judged.failed)[:SHOWN].tolist())
    if cause:
        return replace(judged, notes=dict.fromkeys(shown, cause))
    if samples > 1 or not _adds_gradient(optimizer, slot):
        return judged
    fused = [
        place
        for place in shown
        if _may_be_fused(reference.rounding, optimizer, slot, numbers, value, place)
    ]
    return replace(judged, notes=dict.fromkeys(fused, FUSED))


def _adds_gradient(optimizer: Optimizer, slot: str) -> bool:
    """Whether the bare gradient is a term of the formula: then its product may be fused into it."""
    if optimizer.coupled_decay and (slot != PARAMETER or optimizer.name == "sgd"):
        return True
    outside = optimizer.rate_place == "outside"
    return outside and (slot == "velocity" or (slot == PARAMETER and optimizer.nesterov))


def decide_tensor(
    reference: Reference, optimizer: Optimizer, slot: str, tensor: str, steps: Array,
    numbers: Numbers, value: Array,
) -> Judged:  # fmt: skip
    """Decide on a slot, or the PARAMETER, of one tensor.

    Shapes: steps (s,), all else (s, *R, ...).
    """
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
    constants = Constants.of(optimizer, rounding.dtype)
    with np.errstate(all="ignore"):
        # What NumPy would compute comes first, and is often all that has to be asked for.
        plain = ArrayFloats(rounding, flushing=False)
        first = next(every_way(plain, optimizer, constants, slot, numbers))
        allowed: Array = np.isfinite(value) & (value == first)
        for floats in (plain, ArrayFloats(rounding)):
            left = np.flatnonzero(~allowed & np.isfinite(value))
            some = numbers.each(lambda a, at=left: a.reshape(-1)[at])  # type: ignore[misc]
            wanted = value.reshape(-1)[left]
            near = left[is_near(rounding, optimizer, slot, some, wanted)]
            some = numbers.each(lambda a, at=near: a.reshape(-1)[at])  # type: ignore[misc]
            allowed.reshape(-1)[near] = _reached(
                floats, optimizer, constants, slot, some, value.reshape(-1)[near]
            )
    return allowed


def is_near(
    rounding: Rounding, optimizer: Optimizer, slot: str, numbers: Numbers, value: Any
) -> Any:
    """Say whether values are so near to the formula's that rounding might explain them.

    It is far more than any way to round can do, and spares trying them all on what is wrong.
    """
    constants = Constants.of(optimizer, rounding.dtype).widely()
    wide = numbers.each(lambda a: np.asarray(a, np.float64))
    formula = first_formula(optimizer, constants, slot, wide)
    every = (wide.w, wide.g, *wide.before.values(), *wide.after.values())
    flushed = rounding.omega * (1 + constants.eta) * (1 + sum(map(abs, every), np.float64(0)))
    reach = 64 * (rounding.u * magnitude(formula) + flushed)
    return abs(np.asarray(value, np.float64) - exact(formula)) <= reach


def _reached(
    floats: ArrayFloats, optimizer: Optimizer, constants: Constants, slot: str,
    numbers: Numbers, value: Array,
) -> Array:  # fmt: skip
    found = np.zeros(len(value), dtype=bool)
    for result in every_way(floats, optimizer, constants, slot, numbers):
        if found.all():
            break
        found |= value == result
    return found


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
        formula = first_formula(optimizer, constants.widely(), slot, wide)
        near[places] = exact(formula)
        error[places] = abs(value[places].astype(np.float64) - near[places])
        bound[places] = rounding.u * magnitude(formula)
    # The first ones are shown, with digits that do not suffer where terms cancel.
    for place in list(zip(*places, strict=True))[:SHOWN]:
        single = numbers.each(lambda a, at=place: float(a[at]))  # type: ignore[misc]
        if single.is_finite and np.isfinite(value[place]):
            true = exact(first_formula(optimizer, constants.exactly(), slot, single.exactly()))
            near[place] = float(true)
            error[place] = float(abs(type(true)(float(value[place])) - true))
    return near, error, bound
