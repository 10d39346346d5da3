"""The stages of recorded steps, each judged at its cut-point; what fails is looked at end to end.

Forward: layer by layer, from the recorded activations before it. Loss: from the recorded output.
Backward: from the recorded activations. Update: bit by bit, from the recorded gradient.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from shared.backend import Array, Params
from shared.certificate import bounds, end_to_end, exact
from shared.certificate.arithmetic import Arithmetic
from shared.certificate.decision import Judged, Verdict, decide
from shared.certificate.rounding import Profile, Rounding
from shared.certificate.update import admissible

FORWARD, LOSS, BACKWARD, UPDATE = "forward", "loss", "backward", "update"


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


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Parameters, a batch for each, and what a backend recorded there. Leading axes as recorded.

    activations
        a_0 = x, a_1, ..., a_L.
    """

    params: Params
    activations: tuple[Array, ...]
    y: Array
    loss: Array


def judge_forward(reference: Reference, seen: Evaluated) -> Iterator[Judged]:
    """Judge a_1, ..., a_L, each from the recorded activations below it, and the loss."""
    arithmetic, rounding = reference.arithmetic, reference.rounding
    layers = zip(seen.params[0::2], seen.params[1::2], strict=True)
    whole: list[end_to_end.Layer] | None = None
    for layer, (W, b) in enumerate(layers, start=1):
        a, value = seen.activations[layer - 1], seen.activations[layer]
        lift = arithmetic.lift
        true = exact.sigmoid(arithmetic, exact.affine(arithmetic, lift(a), lift(W), lift(b)))
        bound = reference.profile.sigmoid_error(
            rounding, arithmetic.lower(true.value), arithmetic.lower(true.rest),
            bounds.affine(rounding, a, W, b),
        )  # fmt: skip
        judged = _judged(reference, FORWARD, f"a{layer}", value, true.value, bound)
        if (judged.verdict > Verdict.VACUOUS).any():
            whole = whole or end_to_end.forward(reference, seen.params, seen.activations[0])
            other = _judged(
                reference,
                FORWARD,
                f"a{layer}",
                value,
                whole[layer - 1].value,
                whole[layer - 1].error,
            )
            judged = _reconsidered(judged, other)
        yield judged
    m, outputs = seen.y.shape[-2:]
    true_loss = exact.mean_squared_error(
        arithmetic.lift(seen.activations[-1]), arithmetic.lift(seen.y)
    )
    bound = bounds.loss(rounding, arithmetic.lower(true_loss), m, outputs)
    yield _judged(reference, LOSS, "loss", seen.loss, true_loss, bound)


def judge_backward(reference: Reference, seen: Evaluated, grads: Params) -> Iterator[Judged]:
    """Judge every gradient, the last layer's first: the order in which they are computed."""
    arithmetic, rounding = reference.arithmetic, reference.rounding
    lift = arithmetic.lift
    activations = [lift(a) for a in seen.activations]
    weights = [lift(W) for W in seen.params[0::2]]
    y = lift(seen.y)
    true = exact.backward(arithmetic, weights, activations, y)
    slope = arithmetic.lower(exact.output_slope(activations[-1], y))
    limits = bounds.backward(
        rounding, seen.params[0::2], seen.activations, [arithmetic.lower(d) for d in true], slope
    )
    whole: tuple[tuple[object, Array], ...] | None = None
    for layer in range(len(weights), 0, -1):
        a, delta = activations[layer - 1], true[layer - 1]
        for i, name, value in (
            (2 * layer - 1, f"b{layer}", exact.bias_gradient(delta)),
            (2 * layer - 2, f"W{layer}", exact.weight_gradient(arithmetic, delta, a)),
        ):
            judged = _judged(reference, BACKWARD, name, grads[i], value, limits[i])
            if (judged.verdict > Verdict.VACUOUS).any():
                whole = whole or end_to_end.backward(reference, seen)
                other = _judged(reference, BACKWARD, name, grads[i], *whole[i])
                judged = _reconsidered(judged, other)
            yield judged


def judge_update(
    reference: Reference,
    names: Sequence[str],
    before: Params,
    grads: Params,
    after: Params,
    rate: np.floating,
) -> Iterator[Judged]:
    """Judge the parameters after the step, bit by bit."""
    arithmetic = reference.arithmetic
    for name, w, g, value in zip(names, before, grads, after, strict=True):
        nearest, allowed = admissible(arithmetic, reference.rounding, w, g, rate, value)
        step = arithmetic.lift(np.asarray(rate)) * arithmetic.lift(g)
        true = arithmetic.lift(w) - step
        lowered = arithmetic.lower(true)
        error = arithmetic.lower(abs(arithmetic.lift(value) - true))
        verdict = np.full(value.shape, Verdict.DIFFERENT, dtype=np.uint8)
        verdict[allowed] = Verdict.EXPLAINED
        verdict[nearest] = Verdict.BIT_EQUAL
        verdict[~np.isfinite(value)] = Verdict.DIFFERENT
        # Two roundings at most: shown beside the error, not what decides.
        bound = reference.rounding.u * (abs(lowered) + abs(arithmetic.lower(step)))
        yield Judged(UPDATE, name, value, lowered, error, bound, verdict)


def _judged(
    reference: Reference, stage: str, tensor: str, value: Array, true: object, bound: Array
) -> Judged:
    arithmetic = reference.arithmetic
    error = arithmetic.lower(abs(arithmetic.lift(value) - true))
    return decide(
        stage, tensor, value, arithmetic.lower(true), error, bounds.widened(bound),
        reference.sharpness,
    )  # fmt: skip


def _reconsidered(judged: Judged, other: Judged) -> Judged:
    """Call undecided what fails at the cut-point but holds from end to end.

    Either the program computed an activation a second time, or a small fault hides behind the
    wide bound: neither is proved.
    """
    either = (judged.verdict == Verdict.DIFFERENT) & (other.verdict <= Verdict.VACUOUS)
    return replace(judged, verdict=np.where(either, Verdict.UNDECIDED, judged.verdict))
