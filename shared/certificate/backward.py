"""The backward pass under judgement: the gradient that belongs to the recorded activations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from shared.backend import Array, Params
from shared.certificate import bounds, end_to_end, exact, loss_bounds
from shared.certificate.bounds import Slope
from shared.certificate.decision import Judged
from shared.certificate.forward import at_logits
from shared.certificate.screening import is_wide, unsettled
from shared.certificate.stages import (
    BACKWARD,
    Evaluated,
    Reference,
    any_failed,
    parts,
    parts_of,
    reconsidered,
)

Rows: TypeAlias = slice | Array


def judge_backward(
    reference: Reference,
    seen: Evaluated,
    grads: Params,
    deltas: tuple[Array, ...] | None = None,
    kinks: Sequence[Array] | None = None,
    in_full: Array | None = None,
) -> Iterator[Judged]:
    """Judge every gradient, the last layer's first: the order in which they are computed.

    deltas
        ∂L/∂z_1, ..., ∂L/∂z_L where the backend recorded them: then these are judged as well, each
        from the recorded one above it, and the gradients from them, which is sharper.
    kinks
        What to add to the slopes f'(z) of the hidden layers, at points that have no slope.
    in_full
        (s,) the steps whose wide gradients are computed exactly throughout, whatever is cheaper;
        all if not said.
    """
    if in_full is None:
        in_full = np.ones(len(seen.y), dtype=bool)
    whole: tuple[end_to_end.Gradient, ...] | None = None
    for judged in _from_activations(reference, seen, grads, deltas, kinks, in_full):
        if not any_failed(judged):
            yield judged
            continue
        whole = whole or end_to_end.backward(reference, seen)
        (one,) = (one for one in whole if one.tensor == judged.tensor)
        other = reference.judged(
            BACKWARD, one.tensor, judged.value,
            reference.arithmetic.rows(one.exact, judged.rows), one.error[judged.rows],
        )  # fmt: skip
        yield reconsidered(judged, other)


def _from_activations(
    reference: Reference,
    seen: Evaluated,
    grads: Params,
    deltas: tuple[Array, ...] | None,
    kinks: Sequence[Array] | None,
    in_full: Array,
) -> Iterator[Judged]:
    rounding = reference.rounding
    delta = _output_delta(reference, seen)
    for layer in range(len(seen.functions), 0, -1):
        a = seen.activations[layer - 1]
        if deltas:
            value = deltas[layer - 1]
            yield reference.judged(BACKWARD, f"δ{layer}", value, delta.exact, delta.error)
            delta = _recorded(reference, value)
        true = exact.bias_gradient(delta.exact)
        bound = bounds.bias_gradient(rounding, delta)
        yield reference.judged(BACKWARD, f"b{layer}", grads[2 * layer - 1], true, bound)
        yield from _judge_weights(reference, f"W{layer}", delta, a, grads[2 * layer - 2], in_full)
        if layer > 1:
            kink = kinks[layer - 2] if kinks else None
            delta = _delta_below(reference, seen, layer, delta, kink)


def _judge_weights(
    reference: Reference, tensor: str, delta: Slope, a: Array, value: Array, in_full: Array
) -> Iterator[Judged]:
    """Judge ∂L/∂W part by part; of a wide one, steps that are not to be in full are screened."""
    if not is_wide(value, a.shape[-2]):
        for part in parts(value):
            yield _in_full(reference, tensor, delta, a, value, part)
        return
    for rows in parts_of(np.flatnonzero(in_full), value):
        yield _in_full(reference, tensor, delta, a, value, rows)
    for rows in parts_of(np.flatnonzero(~in_full), value):
        yield _screened(reference, tensor, delta, a, value, rows)


def _in_full(
    reference: Reference, tensor: str, delta: Slope, a: Array, value: Array, rows: Rows
) -> Judged:
    some = delta.part(rows)
    bound = bounds.weight_gradient(reference.rounding, some, a[rows])
    true = exact.weight_gradient(reference.arithmetic, some.exact, a[rows], bound)
    return replace(reference.judged(BACKWARD, tensor, value[rows], true, bound), rows=rows)


def _screened(
    reference: Reference, tensor: str, delta: Slope, a: Array, value: Array, rows: Array
) -> Judged:
    some = value[rows]
    left = unsettled(reference.rounding, delta.part(rows), a[rows], some)
    judged = reference.judged(BACKWARD, tensor, some[left.places], left.exact, left.bound)
    if any_failed(judged):
        return _in_full(reference, tensor, delta, a, value, rows)
    settled = some.size - judged.value.size
    return replace(judged, rows=rows, places=left.places, settled=settled)


def _output_delta(reference: Reference, seen: Evaluated) -> Slope:
    """Return δ_L, from the recorded output, or from the recorded logits."""
    arithmetic, rounding = reference.arithmetic, reference.rounding
    y = arithmetic.lift(seen.y)
    if seen.logits is not None:
        true, limit = at_logits(reference, seen)
        delta = exact.logit_slope(seen.network, true, y)
        size = abs(arithmetic.lower(delta))
        return Slope(delta, size, limit.slope, 4, bounds.top(size))
    name, a = seen.network.output, seen.activations[-1]
    k = loss_bounds.squared_slope_roundings(seen.network, *a.shape[-2:])
    slope = exact.output_slope(seen.network, arithmetic.lift(a), y)
    size = abs(arithmetic.lower(slope))
    above = Slope(slope, size, rounding.gamma(k) * size, k, bounds.top(size))
    return _through(reference, name, a, above)


def _delta_below(
    reference: Reference, seen: Evaluated, layer: int, delta: Slope, kink: Array | None
) -> Slope:
    """Return δ_{l-1} from δ_l and the recorded a_{l-1}."""
    W = seen.params[2 * layer - 2]
    n = W.shape[-2]
    error = bounds.below_error(reference.rounding, delta, W)
    slope = exact.below(reference.arithmetic, delta.exact, W, error)
    above = Slope(
        slope, abs(reference.arithmetic.lower(slope)), error,
        delta.roundings + n, delta.reach * n * bounds.top(W),
    )  # fmt: skip
    return _through(reference, seen.functions[layer - 2], seen.activations[layer - 1], above, kink)


def _through(
    reference: Reference, name: str, a: Array, above: Slope, kink: Array | None = None
) -> Slope:
    arithmetic = reference.arithmetic
    slope = exact.slope(name, arithmetic.lift(a))
    slope = slope if kink is None else slope + kink
    delta = above.exact * slope
    size = abs(arithmetic.lower(delta))
    return bounds.through_activation(
        reference.rounding, name, a, arithmetic.lower(slope), above, delta, size
    )


def _recorded(reference: Reference, delta: Array) -> Slope:
    """Go on from a recorded δ, which is exact by definition."""
    size = abs(delta)
    return Slope(reference.arithmetic.lift(delta), size, np.zeros_like(size), 0, bounds.top(size))
