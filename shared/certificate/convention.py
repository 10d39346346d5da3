"""relu'(0): no slope is right there, so a program that takes another one is told apart by name.

Libraries take 0, 1/2 or 1. Here it is 0, and a gradient computed otherwise is different; but where
one of the other values explains all of it, the finding says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shared.backend import Array, Params
from shared.certificate import bounds, exact
from shared.certificate.backward import judge_backward
from shared.certificate.decision import Judged
from shared.certificate.stages import Evaluated, Reference, any_failed

OTHERS = {"1/2": 0.5, "1": 1.0}


def told_apart(
    reference: Reference,
    seen: Evaluated,
    grads: Params,
    deltas: tuple[Array, ...] | None,
    judged: Sequence[Judged],
) -> list[Judged]:
    """Return the judged gradients, with a note where another relu'(0) explains what failed."""
    if seen.network.activation != "relu" or not any(map(any_failed, judged)):
        return list(judged)
    zeros = [_at_zero(reference, seen, layer) for layer in range(1, len(seen.functions))]
    if any(zero.any() for zero in zeros):
        for name, slope in OTHERS.items():
            kinks = [slope * zero for zero in zeros]
            if not any(map(any_failed, judge_backward(reference, seen, grads, deltas, kinks))):
                note = f"It is what relu'(0) = {name} gives: a convention; here it is 0."
                return [replace(one, note=note) if any_failed(one) else one for one in judged]
    return list(judged)


def _at_zero(reference: Reference, seen: Evaluated, layer: int) -> Array:
    """Say where a hidden unit recorded 0 and its z may have been computed as exactly 0."""
    a, W, b = seen.activations[layer - 1], *seen.params[2 * layer - 2 : 2 * layer]
    z_error = bounds.affine(reference.rounding, a, W, b)
    lifted = reference.arithmetic.lift(b)
    z = reference.arithmetic.lower(exact.affine(reference.arithmetic, a, W, lifted, z_error))
    zero: Array = (seen.activations[layer] == 0) & (abs(z) <= z_error)
    return zero
