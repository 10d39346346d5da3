"""The decision on every single value, and nothing but the decision.

| verdict | means |
|---|---|
| BIT_EQUAL | the recorded bits are the exact value, rounded once |
| EXPLAINED | the error is within the bound |
| VACUOUS | within the bound, but the bound is as large as the value: nothing was tested |
| UNDECIDED | beyond the bound by less than the reference may err, or fine from end to end |
| DIFFERENT | beyond what rounding can do: under the premises, a proof of another map |
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from shared.backend import Array


class Verdict(IntEnum):
    """How a value was decided, from best to worst."""

    BIT_EQUAL = 0
    EXPLAINED = 1
    VACUOUS = 2
    UNDECIDED = 3
    DIFFERENT = 4


@dataclass(frozen=True, slots=True)
class Judged:
    """Values of one tensor in one stage, with everything the decision needs and its outcome.

    Shapes: all (s, *R, ...), as recorded.

    exact
        The exact value, rounded to float64.
    error
        |value - exact|, formed before that rounding.
    """

    stage: str
    tensor: str
    value: Array
    exact: Array
    error: Array
    bound: Array
    verdict: Array


def decide(
    stage: str,
    tensor: str,
    value: Array,
    exact: Array,
    error: Array,
    bound: Array,
    sharpness: float,
) -> Judged:
    """Decide every value; written so that a NaN anywhere is DIFFERENT.

    sharpness
        The reference's unit roundoff over the backend's: how far the error itself is uncertain.
    """
    with np.errstate(invalid="ignore"):
        verdict = np.full(value.shape, Verdict.DIFFERENT, dtype=np.uint8)
        close = (error <= bound * (1 + 4 * sharpness)) & np.isfinite(error)
        verdict[close] = Verdict.UNDECIDED
        explained = (error <= bound) & np.isfinite(error)
        verdict[explained] = Verdict.EXPLAINED
        verdict[explained & (bound >= abs(value))] = Verdict.VACUOUS
        # Decided last, so that it wins: an exact zero recorded as zero is not vacuous.
        verdict[(value == exact.astype(value.dtype)) & np.isfinite(value)] = Verdict.BIT_EQUAL
    return Judged(stage, tensor, value, exact, error, bound, verdict)
