"""The forward pass and the loss under judgement: each layer from the recorded one below it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from shared.backend import Array
from shared.certificate import bounds, end_to_end, exact, loss_bounds
from shared.certificate.decision import Judged
from shared.certificate.exact import Activated
from shared.certificate.loss_bounds import CrossEntropy, Logits
from shared.certificate.screened_layer import is_wide_layer, unsettled_layer
from shared.certificate.stages import (
    FORWARD,
    LOSS,
    Evaluated,
    Reference,
    any_failed,
    parts_of,
    reconsidered,
)


def judge_forward(
    reference: Reference, seen: Evaluated, in_full: Array | None = None
) -> Iterator[Judged]:
    """Judge a_1, ..., a_L, each from the recorded activations below it, and the loss.

    Where the loss is computed from the logits z_L, these are judged in place of a_L, and a_L and
    the loss from them.

    in_full
        (s,) the steps whose wide layers are computed exactly throughout, whatever is cheaper; all
        if not said.
    """
    whole: list[end_to_end.Layer] | None = None
    for layer in range(1, len(seen.functions) + 1):
        for judged in _judge_layer(reference, seen, layer, in_full):
            if not any_failed(judged):
                yield judged
                continue
            whole = whole or end_to_end.forward(reference, seen)
            true, error = whole[layer - 1].of(judged.tensor)
            true, error = reference.arithmetic.rows(true, judged.rows), error[judged.rows]
            other = reference.judged(FORWARD, judged.tensor, judged.value, true, error)
            yield reconsidered(judged, other)
    yield _judge_loss(reference, seen)


def _judge_layer(
    reference: Reference, seen: Evaluated, layer: int, in_full: Array | None
) -> Iterator[Judged]:
    if layer < len(seen.functions) or seen.logits is None:
        name, value = seen.functions[layer - 1], seen.activations[layer]
        yield from _judge_affine(reference, seen, layer, name, f"a{layer}", value, in_full)
        return
    yield from _judge_affine(reference, seen, layer, "identity", f"z{layer}", seen.logits, in_full)
    true, limit = at_logits(reference, seen)
    value = seen.activations[layer]
    yield reference.judged(FORWARD, f"a{layer}", value, true.value, limit.output)


def _judge_affine(
    reference: Reference,
    seen: Evaluated,
    layer: int,
    name: str,
    tensor: str,
    value: Array,
    in_full: Array | None,
) -> Iterator[Judged]:
    """Judge f(a Wᵀ + b) from the recorded a; of a wide layer screen what is not to be in full."""
    a, W, b = seen.activations[layer - 1], *seen.params[2 * layer - 2 : 2 * layer]
    if in_full is None or not is_wide_layer(name, value, a.shape[-1]):
        yield _in_full(reference, name, tensor, a, W, b, value)
        return
    for judge, rows in ((_in_full, in_full), (_screened, ~in_full)):
        for chosen in parts_of(np.flatnonzero(rows), W):
            some = (v[chosen] for v in (a, W, b, value))
            yield replace(judge(reference, name, tensor, *some), rows=chosen)


def _in_full(
    reference: Reference, name: str, tensor: str, a: Array, W: Array, b: Array, value: Array
) -> Judged:
    arithmetic = reference.arithmetic
    z_error = bounds.affine(reference.rounding, a, W, b)
    z = exact.affine(arithmetic, a, W, arithmetic.lift(b), z_error)
    return _judge_function(reference, name, tensor, z, z_error, value)


def _screened(
    reference: Reference, name: str, tensor: str, a: Array, W: Array, b: Array, value: Array
) -> Judged:
    left = unsettled_layer(reference.rounding, reference.profile, name, a, W, b, value)
    some = value[left.places]
    judged = _judge_function(reference, name, tensor, left.z, left.z_error, some)
    if any_failed(judged):
        return _in_full(reference, name, tensor, a, W, b, value)
    return replace(judged, places=left.places, settled=value.size - some.size)


def _judge_function(
    reference: Reference, name: str, tensor: str, z: Any, z_error: Array, value: Array
) -> Judged:
    true = exact.activation(reference.arithmetic, name, z)
    bound = bounds.activation(
        reference.rounding, reference.profile, name, *lowered(reference, true), z_error
    )
    judged = reference.judged(FORWARD, tensor, value, true.value, bound)
    kinks = int(np.count_nonzero(z == 0)) if name == "relu" else 0
    return replace(judged, kinks=kinks)


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
