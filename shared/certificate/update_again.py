"""A failed value of an update, decided once more from its definition: what the auditor asks for."""

from __future__ import annotations

import numpy as np

from shared.certificate.adaptive_update import judge_adaptive
from shared.certificate.ball import precision
from shared.certificate.decision import Judged, Verdict
from shared.certificate.optimizer_update import is_bitwise, is_near
from shared.certificate.stages import Reference
from shared.certificate.update_audit import is_admissible
from shared.certificate.update_numbers import Constants, Numbers
from shared.certificate.update_ways import every_way
from shared.certificate.ways import SingleFloats
from shared.optimizer import Optimizer

BITS = 512
"""Of ball arithmetic: the step divides by a root, and cancels no more than w - s does."""


def update_passes(
    reference: Reference, optimizer: Optimizer, slot: str, step: int, numbers: Numbers,
    piece: Judged, place: tuple[int, ...],
) -> bool:  # fmt: skip
    """Say whether one value is admissible after all.

    reference
        In ball arithmetic.
    numbers
        What is known of this one value, in the dtype of the run.
    """
    value, rounding = piece.value[place], reference.rounding
    if not np.isfinite(value) or not numbers.is_finite:
        return False
    if optimizer.is_plain:
        rate = float(np.dtype(rounding.dtype).type(optimizer.learning_rate))
        return is_admissible(rounding, float(numbers.w), float(numbers.g), rate, float(value))
    if is_bitwise(optimizer, slot):
        if not is_near(rounding, optimizer, slot, numbers, value):
            return False
        constants, single = Constants.of(optimizer, rounding.dtype), numbers.each(float)
        found = every_way(SingleFloats(rounding), optimizer, constants.widely(), slot, single)
        return any(result == float(value) for result in found)
    arrays = numbers.each(lambda a: np.array([a]))
    with precision(BITS), np.errstate(all="ignore"):
        again = judge_adaptive(
            reference, optimizer, piece.tensor, np.array([step]), arrays,
            np.array([value], rounding.dtype),
        )  # fmt: skip
    return bool(again.verdict[0] < Verdict.UNDECIDED)
