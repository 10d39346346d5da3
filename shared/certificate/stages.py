"""The stages of a step, and what all of them are judged by and from.

A stage takes what the backend recorded before it, computes the exact result, bounds what rounding
may do to it, and decides on every number: forward.py, backward.py and update.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.backend import Array, Params
from shared.certificate import bounds
from shared.certificate.arithmetic import Arithmetic
from shared.certificate.decision import Judged, decide
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

    def judged(self, stage: str, tensor: str, value: Array, true: Any, bound: Array) -> Judged:
        """Decide on a tensor, given its exact value and a bound that is not widened yet."""
        arithmetic = self.arithmetic
        return decide(
            stage, tensor, value, arithmetic.lower(true), arithmetic.distance(value, true),
            bounds.widened(bound), self.sharpness, self.rounding.dtype, arithmetic.radius(true),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Parameters, a batch for each, and what a backend recorded there. Leading axes as recorded.

    Numbers of a float32 run are held in float64, which changes none of them.

    activations
        a_0 = x, a_1, ..., a_L. The leading axes of x may be 1: samples that all steps share.
    logits
        z_L where the network's loss is computed from it, else None.
    """

    network: Network
    params: Params
    activations: tuple[Array, ...]
    logits: Array | None
    y: Array
    loss: Array

    def part(self, rows: slice | Array) -> Evaluated:
        """Return the same of some steps; samples that all steps share stay shared."""
        x, *above = self.activations
        return Evaluated(
            self.network, tuple(w[rows] for w in self.params),
            (x if len(x) < len(self.y) else x[rows], *(a[rows] for a in above)),
            None if self.logits is None else self.logits[rows], self.y[rows], self.loss[rows],
        )  # fmt: skip

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of f_1, ..., f_L."""
        hidden = len(self.params) // 2 - 1
        return (self.network.activation,) * hidden + (self.network.output,)


@dataclass(frozen=True, slots=True)
class Gradients:
    """The gradients that a backend recorded, and ∂L/∂z_l of each layer where it forms them."""

    grads: Params
    deltas: tuple[Array, ...] | None = None

    def part(self, rows: slice | Array) -> Gradients:
        """Return the same of some steps."""
        deltas = self.deltas and tuple(d[rows] for d in self.deltas)
        return Gradients(tuple(g[rows] for g in self.grads), deltas)


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
