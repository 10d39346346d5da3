"""The stages of a step, and what all of them are judged by and from.

A stage takes what the backend recorded before it, computes the exact result, bounds what rounding
may do to it, and decides on every number: forward.py, backward.py and update.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from shared.backend import Array, Params
from shared.certificate import bounds
from shared.certificate.arithmetic import Arithmetic
from shared.certificate.decision import Judged, Verdict, decide
from shared.certificate.profile import Profile
from shared.certificate.rounding import Rounding
from shared.network import Network

FORWARD, LOSS, BACKWARD, UPDATE = "forward", "loss", "backward", "update"

PART_NUMBERS = 2**16
"""A tensor is judged in parts of about as many numbers, which a cache holds."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What the judging rests on: an arithmetic, the format of the values, a host profile."""

    arithmetic: Arithmetic
    rounding: Rounding
    profile: Profile

    @property
    def sharpness(self) -> float:
        """The reference's unit roundoff over that of the values."""
        return self.arithmetic.unit_roundoff / self.rounding.u

    def judged(self, stage: str, tensor: str, value: Array, true: object, bound: Array) -> Judged:
        """Decide on a tensor, given its exact value and a bound that is not widened yet."""
        arithmetic = self.arithmetic
        return decide(
            stage, tensor, value, arithmetic.lower(true), arithmetic.distance(value, true),
            bounds.widened(bound), self.sharpness,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Parameters, a batch for each, and what a backend recorded there. Leading axes as recorded.

    activations
        a_0 = x, a_1, ..., a_L.
    logits
        z_L where the network's loss is computed from it, else None.
    """

    network: Network
    params: Params
    activations: tuple[Array, ...]
    logits: Array | None
    y: Array
    loss: Array

    def part(self, rows: slice) -> Evaluated:
        """Return the same of some steps."""
        return Evaluated(
            self.network, tuple(w[rows] for w in self.params),
            tuple(a[rows] for a in self.activations),
            None if self.logits is None else self.logits[rows], self.y[rows], self.loss[rows],
        )  # fmt: skip

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of f_1, ..., f_L."""
        hidden = len(self.params) // 2 - 1
        return (self.network.activation,) * hidden + (self.network.output,)


def parts(value: Array) -> Iterator[slice]:
    """Cut the leading axis of a tensor into parts of PART_NUMBERS, or of one step if need be."""
    together = _together(value)
    for start in range(0, len(value), together):
        yield slice(start, min(start + together, len(value)))


def parts_of(rows: Array, value: Array) -> Iterator[Array]:
    """Cut some rows of a tensor into such parts."""
    together = _together(value)
    for start in range(0, len(rows), together):
        yield rows[start : start + together]


def _together(value: Array) -> int:
    return max(1, PART_NUMBERS // max(1, value[:1].size))


def any_failed(judged: Judged) -> bool:
    """Whether a value is undecided or different."""
    return bool((judged.verdict > Verdict.VACUOUS).any())


def reconsidered(judged: Judged, other: Judged) -> Judged:
    """Call undecided what fails at the cut-point but holds from end to end.

    Either the program computed an activation a second time, or a small fault hides behind the
    wide bound: neither is proved.
    """
    either = (judged.verdict == Verdict.DIFFERENT) & (other.verdict <= Verdict.VACUOUS)
    return replace(judged, verdict=np.where(either, Verdict.UNDECIDED, judged.verdict))
