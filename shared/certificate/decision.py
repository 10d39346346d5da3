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

from collections.abc import Mapping
from dataclasses import dataclass, field
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


# Looked up in the enumeration they would take longer than what is done with them.
_BIT_EQUAL, _EXPLAINED, _VACUOUS, _UNDECIDED, _DIFFERENT = map(np.uint8, Verdict)


@dataclass(frozen=True, slots=True)
class Judged:
    """Values of one tensor in one stage, with everything the decision needs and its outcome.

    Shapes: all (s, *R, ...), as recorded.

    exact
        The exact value, rounded to float64.
    error
        |value - exact|, formed before that rounding.
    rows
        Which of the steps handed in these are: a wide tensor is judged part by part.
    places
        Where the numbers of a wide tensor stand, if these are only the ones that an estimate did
        not settle: indices of (s, *R, ...); all arrays are then (k,).
    settled
        How many others an estimate found to be within their bounds.
    kinks
        How many values come from a z of exactly 0 into a relu, which has no slope there.
    notes
        What else there is to say of values that failed: of all in a row, or of one at its index.
    form
        The name of the form that explains these values, if it is not the declared one.
    formula
        Of an update: what a finding calls the formula that the values are held to.
    bitwise
        Whether bits were decided on, and not distances.
    """

    stage: str
    tensor: str
    value: Array
    exact: Array
    error: Array
    bound: Array
    verdict: Array
    rows: slice | Array = field(default_factory=lambda: slice(None))
    places: tuple[Array, ...] | None = None
    settled: int = 0
    kinks: int = 0
    notes: Mapping[int | tuple[int, ...], str] = field(default_factory=dict)
    form: str = ""
    formula: str = ""
    bitwise: bool = False

    @property
    def failed(self) -> Array:
        """Which values are undecided or different."""
        failed: Array = self.verdict > _VACUOUS
        return failed

    @property
    def any_failed(self) -> bool:
        """Whether any value is."""
        return bool(self.verdict.max(initial=0) > _VACUOUS)


def bit_equal(stage: str, tensor: str, value: Array) -> Judged:
    """Return values that all have bits that they may have: nothing else needs to be known."""
    zero = np.broadcast_to(0.0, value.shape)  # takes no memory
    equal = np.full(value.shape, _BIT_EQUAL)
    return Judged(stage, tensor, value, value, zero, zero, equal, bitwise=True)


def decide(
    stage: str,
    tensor: str,
    value: Array,
    exact: Array,
    error: Array,
    bound: Array,
    sharpness: float,
    dtype: str = "float64",
    radius: Array | float = 0.0,
) -> Judged:
    """Decide every value; written so that a NaN anywhere is DIFFERENT.

    sharpness
        The reference's unit roundoff over the backend's: how far the error itself is uncertain.
    dtype
        The format that the values were recorded in, whichever they are held in here.
    radius
        By how much an exact value that knows its own error may be off; error is then the most
        that the distance may be.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        explained = error <= bound
        # An exact zero recorded as zero is not vacuous: nothing can be more certain.
        equal = value == exact.astype(dtype, copy=False)
        verdict = (bound >= abs(value)).astype(np.uint8) + _EXPLAINED
        if not (explained.all() and error.max(initial=0.0) < np.inf):
            finite = np.isfinite(error)
            close = (error <= bound * (1 + 4 * sharpness) + 2 * radius) & finite
            failed = np.where(close, _UNDECIDED, _DIFFERENT)
            verdict = np.where(explained & finite, verdict, failed)
            equal &= np.isfinite(value)
        verdict *= ~equal
    return Judged(stage, tensor, value, exact, error, bound, verdict)
