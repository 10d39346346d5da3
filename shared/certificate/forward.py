"""The forward pass and the loss under judgement: each layer from the recorded one below it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from shared.backend import Array
from shared.certificate import bounds, end_to_end, exact, loss_bounds
from shared.certificate.decision import Judged
from shared.certificate.exact import Activated
from shared.certificate.loss_bounds import CrossEntropy, Logits
from shared.certificate.stages import (
    FORWARD,
    LOSS,
    Evaluated,
    Reference,
    any_failed,
    reconsidered,
)


def judge_forward(reference: Reference, seen: Evaluated) -> Iterator[Judged]:
    """Judge a_1, ..., a_L, each from the recorded activations below it, and the loss.

    Where the loss is computed from the logits z_L, these are judged in place of a_L, and a_L and
    the loss from them.
    """
    whole: list[end_to_end.Layer] | None = None
    for layer in range(1, len(seen.functions) + 1):
        for judged in _judge_layer(reference, seen, layer):
            if not any_failed(judged):
                yield judged
                continue
            whole = whole or end_to_end.forward(reference, seen)
            true, error = whole[layer - 1].of(judged.tensor)
            other = reference.judged(FORWARD, judged.tensor, judged.value, true, error)
            yield reconsidered(judged, other)
    yield _judge_loss(reference, seen)


def _judge_layer(reference: Reference, seen: Evaluated, layer: int) -> Iterator[Judged]:
    arithmetic, rounding = reference.arithmetic, reference.rounding
    a, value = seen.activations[layer - 1], seen.activations[layer]
    W, b = seen.params[2 * layer - 2], seen.params[2 * layer - 1]
    z_error = bounds.affine(rounding, a, W, b)
    z = exact.affine(arithmetic, a, W, arithmetic.lift(b), z_error)
    if layer == len(seen.functions) and seen.logits is not None:
        yield reference.judged(FORWARD, f"z{layer}", seen.logits, z, z_error)
        true, limit = at_logits(reference, seen)
        yield reference.judged(FORWARD, f"a{layer}", value, true.value, limit.output)
        return
    name = seen.functions[layer - 1]
    true = exact.activation(arithmetic, name, z)
    bound = bounds.activation(rounding, reference.profile, name, *lowered(reference, true), z_error)
    judged = reference.judged(FORWARD, f"a{layer}", value, true.value, bound)
    yield replace(judged, kinks=int((z == 0).sum())) if name == "relu" else judged


def _judge_loss(reference: Reference, seen: Evaluated) -> Judged:
    arithmetic = reference.arithmetic
    lift, y = arithmetic.lift, arithmetic.lift(seen.y)
    output, m, n = lift(seen.activations[-1]), *seen.y.shape[-2:]
    if seen.logits is None:
        true = exact.loss(arithmetic, seen.network, output, None, y)
        value = arithmetic.lower(true)
        bound = loss_bounds.squared_loss(reference.rounding, seen.network, value, m, n)
    else:
        true = exact.loss(arithmetic, seen.network, None, lift(seen.logits), y)
        bound = at_logits(reference, seen, arithmetic.lower(true))[1].loss
    return reference.judged(LOSS, "loss", seen.loss, true, bound)


def at_logits(
    reference: Reference, seen: Evaluated, loss: Array | float = 0.0
) -> tuple[Activated, CrossEntropy]:
    """Return the exact output at the recorded logits, and the bounds of a cross-entropy there."""
    assert seen.logits is not None
    arithmetic = reference.arithmetic
    true = exact.activation(arithmetic, seen.network.output, arithmetic.lift(seen.logits))
    at = Logits(seen.logits, seen.y, *lowered(reference, true), np.asarray(loss))
    return true, loss_bounds.cross_entropy(reference.rounding, reference.profile, seen.network, at)


def lowered(reference: Reference, true: Activated) -> tuple[Array, Array]:
    """Return an exact activation and its rest in float64."""
    value = reference.arithmetic.lower(true.value)
    return value, value if true.rest is None else reference.arithmetic.lower(true.rest)
