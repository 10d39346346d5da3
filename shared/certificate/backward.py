"""The backward pass under judgement: the gradient that belongs to the recorded activations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from shared.backend import Array, Params
from shared.certificate import bounds, end_to_end, exact, loss_bounds
from shared.certificate.bounds import Slope
from shared.certificate.decision import Judged
from shared.certificate.fallback import held_end_to_end
from shared.certificate.forms import (
    AS_DIFFERENCE,
    FROM_LOGIT,
    Form,
    other_forms,
    with_other_forms,
)
from shared.certificate.forward import at_logits
from shared.certificate.pieces import Places, within
from shared.certificate.screening import at_places, is_wide, unsettled
from shared.certificate.stages import BACKWARD, Evaluated, Gradients, Reference, parts, parts_of


def judge_backward(
    reference: Reference,
    seen: Evaluated,
    grads: Params,
    deltas: tuple[Array, ...] | None = None,
    kinks: Sequence[Array] | None = None,
    in_full: Array | None = None,
    only: Mapping[str, Places] | None = None,
) -> list[Judged]:
    """Judge every gradient, the last layer's first: the order in which they are computed.

    deltas
        ∂L/∂z_1, ..., ∂L/∂z_L where the backend recorded them: then these are judged as well, each
        from the recorded one above it, and the gradients from them, which is sharper.
    kinks
        What to add to the slopes f'(z) of the hidden layers, at points that have no slope.
    in_full
        (s,) the steps whose wide gradients are computed exactly throughout, whatever is cheaper;
        all if not said.
    only
        Of each tensor the places to be judged, and no others; all of all tensors if not said.
    """
    got, count = Gradients(grads, deltas), len(seen.y)
    judged = judged_as(reference, seen, got, Form(reference.profile), kinks, in_full, only)
    if not any(one.any_failed for one in judged):
        return judged
    attempts = [
        (form.name(seen.network), partial(_again, reference, seen, got, form, kinks, only))
        for form in other_forms(seen.network, reference.profile, reference.rounding.dtype)
    ]
    judged = with_other_forms(judged, count, attempts)
    return held_end_to_end(reference, judged, count, lambda r, rows: {
        one.tensor: (one.exact, one.error) for one in end_to_end.backward(r, seen.part(rows))
    })  # fmt: skip


def judged_as(
    reference: Reference,
    seen: Evaluated,
    got: Gradients,
    form: Form,
    kinks: Sequence[Array] | None = None,
    in_full: Array | None = None,
    only: Mapping[str, Places] | None = None,
) -> list[Judged]:
    """Judge every gradient under one form alone, with nothing to fall back on."""
    if in_full is None:
        in_full = np.ones(len(seen.y), dtype=bool)
    reference = replace(reference, profile=form.profile)
    return list(_Pass(reference, seen, got, form, kinks, in_full, only).pieces())


def _again(
    reference: Reference,
    seen: Evaluated,
    got: Gradients,
    form: Form,
    kinks: Sequence[Array] | None,
    only: Mapping[str, Places] | None,
    rows: Array,
) -> list[Judged]:
    """Judge some steps once more, under another form and in full."""
    chosen = kinks and [kink[rows] for kink in kinks]
    return judged_as(
        reference, seen.part(rows), got.part(rows), form, chosen, only=within(only, rows)
    )


class _Pass:
    """One backward pass over a block, under one form."""

    def __init__(
        self,
        reference: Reference,
        seen: Evaluated,
        got: Gradients,
        form: Form,
        kinks: Sequence[Array] | None,
        in_full: Array,
        only: Mapping[str, Places] | None,
    ) -> None:
        self._reference, self._seen, self._got, self._form = reference, seen, got, form
        self._kinks, self._in_full, self._only = kinks, in_full, only

    def pieces(self) -> Iterator[Judged]:
        """Yield what is judged, layer by layer from the output down."""
        rounding, seen, grads = self._reference.rounding, self._seen, self._got.grads
        delta = self._output_delta()
        for layer in range(len(seen.functions), 0, -1):
            if self._got.deltas:
                value = self._got.deltas[layer - 1]
                yield from self._whole(f"δ{layer}", value, delta.exact, delta.error)
                delta = self._recorded(value)
            true = exact.bias_gradient(delta.exact)
            bound = bounds.bias_gradient(rounding, delta)
            yield from self._whole(f"b{layer}", grads[2 * layer - 1], true, bound)
            yield from self._weights(f"W{layer}", delta, layer, grads[2 * layer - 2])
            if layer > 1:
                delta = self._delta_below(layer, delta)

    def _whole(self, tensor: str, value: Array, true: Any, bound: Array) -> Iterator[Judged]:
        """Judge a tensor that is there as a whole, or the wanted places of it."""
        if self._only is None:
            yield self._reference.judged(BACKWARD, tensor, value, true, bound)
        elif tensor in self._only:
            at = self._only[tensor]
            judged = self._reference.judged(BACKWARD, tensor, value[at], true[at], bound[at])
            yield replace(judged, places=at)

    def _weights(self, tensor: str, delta: Slope, layer: int, value: Array) -> Iterator[Judged]:
        """Judge ∂L/∂W part by part; of a wide one screen the steps that are not to be in full."""
        a, reference = self._seen.activations[layer - 1], self._reference
        if self._only is not None:
            if tensor in self._only:
                at = self._only[tensor]
                true, bound = at_places(reference, delta, a, at)
                judged = reference.judged(BACKWARD, tensor, value[at], true, bound)
                yield replace(judged, places=at)
            return
        if reference.arithmetic.is_cheap or not is_wide(value, a.shape[-2]):
            for part in parts(value):
                yield _in_full(reference, tensor, delta, a, value, part)
            return
        for rows in parts_of(np.flatnonzero(self._in_full), value):
            yield _in_full(reference, tensor, delta, a, value, rows)
        for rows in parts_of(np.flatnonzero(~self._in_full), value):
            yield _screened(reference, tensor, delta, a, value, rows)

    def _output_delta(self) -> Slope:
        """Return δ_L, from the recorded output, or from the recorded logits."""
        reference, seen = self._reference, self._seen
        arithmetic, rounding = reference.arithmetic, reference.rounding
        y = arithmetic.lift(seen.y)
        if seen.logits is not None:
            true, limit = at_logits(reference, seen)
            delta = exact.logit_slope(seen.network, true, y)
            size = abs(arithmetic.lower(delta))
            return Slope(delta, size, limit.slope, 4, bounds.top(size))
        a = seen.activations[-1]
        k = loss_bounds.squared_slope_roundings(seen.network, *a.shape[-2:])
        slope = exact.output_slope(seen.network, arithmetic.lift(a), y)
        size = abs(arithmetic.lower(slope))
        above = Slope(slope, size, rounding.gamma(k) * size, k, bounds.top(size))
        return self._through(len(seen.functions), above, self._form.output)

    def _delta_below(self, layer: int, delta: Slope) -> Slope:
        """Return δ_{l-1} from δ_l and the recorded a_{l-1}."""
        arithmetic = self._reference.arithmetic
        W = self._seen.params[2 * layer - 2]
        n = W.shape[-2]
        error = bounds.below_error(self._reference.rounding, delta, W)
        slope = exact.below(arithmetic, delta.exact, W, error)
        above = Slope(
            slope, abs(arithmetic.lower(slope)), error,
            delta.roundings + n, delta.reach * n * bounds.top(W),
        )  # fmt: skip
        kink = self._kinks[layer - 2] if self._kinks else None
        return self._through(layer - 1, above, self._form.hidden, kink)

    def _through(self, layer: int, above: Slope, form: str, kink: Array | None = None) -> Slope:
        """Return δ_l = A f'(z_l) from A = ∂L/∂a_l."""
        reference, seen = self._reference, self._seen
        arithmetic, rounding = reference.arithmetic, reference.rounding
        name, a = seen.functions[layer - 1], seen.activations[layer]
        if form == FROM_LOGIT:
            slope, error = slope_at_logit(reference, seen, layer)
            delta = above.exact * slope
            size, p = abs(arithmetic.lower(delta)), arithmetic.lower(slope)
            return bounds.through_slope(rounding, p, error, above, delta, size)
        if form == AS_DIFFERENCE:
            slope = arithmetic.lift(exact.slope_as_difference(a, rounding.dtype))
        else:
            slope = exact.slope(name, arithmetic.lift(a))
        slope = slope if kink is None else slope + kink
        delta = above.exact * slope
        size = abs(arithmetic.lower(delta))
        return bounds.through_activation(
            rounding, name, a, arithmetic.lower(slope), above, delta, size
        )

    def _recorded(self, delta: Array) -> Slope:
        """Go on from a recorded δ, which is exact by definition."""
        size = abs(delta)
        lifted = self._reference.arithmetic.lift(delta)
        return Slope(lifted, size, np.zeros_like(size), 0, bounds.top(size))


def slope_at_logit(reference: Reference, seen: Evaluated, layer: int) -> tuple[Any, Array]:
    """Return f'(z_l) at the z_l of the recorded a_{l-1}, and what a program's may be off."""
    arithmetic, rounding = reference.arithmetic, reference.rounding
    name, a = seen.functions[layer - 1], seen.activations[layer - 1]
    W, b = seen.params[2 * layer - 2 : 2 * layer]
    z_error = bounds.affine(rounding, a, W, b)
    z = exact.affine(arithmetic, a, W, arithmetic.lift(b), z_error)
    true = exact.activation(arithmetic, name, z)
    slope = exact.slope_at(arithmetic, name, z, true)
    size = arithmetic.lower(slope)
    return slope, reference.profile.slope_error(rounding, name, size, z_error)


def _in_full(
    reference: Reference, tensor: str, delta: Slope, a: Array, value: Array, part: slice | Array
) -> Judged:
    some = delta.part(part)
    bound = bounds.weight_gradient(reference.rounding, some, a[part])
    true = exact.weight_gradient(reference.arithmetic, some.exact, a[part], bound)
    return replace(reference.judged(BACKWARD, tensor, value[part], true, bound), rows=part)


def _screened(
    reference: Reference, tensor: str, delta: Slope, a: Array, value: Array, rows: Array
) -> Judged:
    some = value[rows]
    left = unsettled(reference, delta.part(rows), a[rows], some)
    judged = reference.judged(BACKWARD, tensor, some[left.places], left.exact, left.bound)
    if judged.any_failed:
        return _in_full(reference, tensor, delta, a, value, rows)
    settled = some.size - judged.value.size
    return replace(judged, rows=rows, places=left.places, settled=settled)
