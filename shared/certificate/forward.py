"""The forward pass and the loss under judgement: each layer from the recorded one below it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from shared.backend import Array
from shared.certificate import bounds, end_to_end, exact, loss_bounds
from shared.certificate.decision import Judged, Verdict
from shared.certificate.exact import Activated
from shared.certificate.fallback import held_end_to_end
from shared.certificate.forms import PROBED, other_profiles, profile_name, with_other_forms
from shared.certificate.loss_bounds import CrossEntropy, Logits
from shared.certificate.pieces import Places, different_rows, exchanged, within
from shared.certificate.profile import Profile
from shared.certificate.screened_layer import is_wide_layer, unsettled_layer, z_at_places
from shared.certificate.stages import FORWARD, LOSS, Evaluated, Reference, parts_of

UNDER_THE_PROFILE = (
    "It is different under the declared profile: the errors of functions are measured on samples, "
    "not proved."
)


def judge_forward(
    reference: Reference,
    seen: Evaluated,
    in_full: Array | None = None,
    only: Mapping[str, Places] | None = None,
) -> Iterator[Judged]:
    """Judge a_1, ..., a_L, each from the recorded activations below it, and the loss.

    Where the loss is computed from the logits z_L, these are judged in place of a_L, and a_L and
    the loss from them.

    in_full
        (s,) the steps whose wide layers are computed exactly throughout, whatever is cheaper; all
        if not said.
    only
        Of each tensor the places to be judged, and no others; all of all tensors if not said.
    """
    for tensor in _tensors(seen):
        if only is None or tensor in only:
            yield from _judge_tensor(reference, seen, tensor, in_full, only)


def _tensors(seen: Evaluated) -> Iterator[str]:
    last = len(seen.functions)
    for layer in range(1, last + 1):
        if layer == last and seen.logits is not None:
            yield f"z{layer}"
        yield f"a{layer}"
    yield "loss"


def _judge_tensor(
    reference: Reference,
    seen: Evaluated,
    tensor: str,
    in_full: Array | None,
    only: Mapping[str, Places] | None,
) -> list[Judged]:
    """Judge a tensor: as declared, in other forms, and from end to end what these leave."""
    count, dtype = len(seen.y), reference.rounding.dtype
    judged = list(judged_alone(reference, seen, tensor, in_full, only))
    if not any(one.any_failed for one in judged):
        return judged
    profiles = other_profiles(dtype, _function(seen, tensor))
    attempts = [
        (profile_name(profile), partial(_again, _under(reference, profile), seen, tensor, only))
        for profile in profiles
    ]
    judged = with_other_forms(judged, count, attempts)
    left = np.flatnonzero(different_rows(judged, count))[:PROBED]
    if len(left) and profiles:
        # What is different is told by the widest bound that it exceeds.
        again = _again(_under(reference, profiles[-1]), seen, tensor, only, left)
        judged = exchanged(judged, again, left, np.ones(len(left), dtype=bool), count)
        judged = [_with_doubts(one) for one in judged]
    if tensor == "loss":
        return judged
    return held_end_to_end(reference, judged, count, lambda held, rows: {
        tensor: end_to_end.forward(held, seen.part(rows))[int(tensor[1:]) - 1].of(tensor)
    })  # fmt: skip


def _with_doubts(piece: Judged) -> Judged:
    """Say it where a value exceeds the widest bound by less than twice: functions are sampled."""
    beyond = (piece.verdict == Verdict.DIFFERENT) & (piece.error < 2 * piece.bound)
    notes: dict[int | tuple[int, ...], str] = {
        tuple(place): UNDER_THE_PROFILE for place in np.argwhere(beyond)[:PROBED].tolist()
    }
    return replace(piece, notes={**piece.notes, **notes}) if notes else piece


def _under(reference: Reference, profile: Profile) -> Reference:
    return replace(reference, profile=profile)


def _again(
    reference: Reference,
    seen: Evaluated,
    tensor: str,
    only: Mapping[str, Places] | None,
    rows: Array,
) -> list[Judged]:
    return list(judged_alone(reference, seen.part(rows), tensor, None, within(only, rows)))


def _function(seen: Evaluated, tensor: str) -> str:
    """Name the function that a tensor is computed by, as far as its accuracy is declared."""
    if tensor == "loss":
        return seen.functions[-1] if seen.logits is not None else "identity"
    return "identity" if tensor[0] == "z" else seen.functions[int(tensor[1:]) - 1]


def judged_alone(
    reference: Reference,
    seen: Evaluated,
    tensor: str,
    in_full: Array | None = None,
    only: Mapping[str, Places] | None = None,
) -> Iterator[Judged]:
    """Judge a tensor under the reference's profile alone, with nothing to fall back on."""
    at = None if only is None else only[tensor]
    if tensor == "loss":
        yield _judge_loss(reference, seen, at)
        return
    layer = int(tensor[1:])
    if layer == len(seen.functions) and seen.logits is not None:
        if tensor[0] == "a":
            true, limit = at_logits(reference, seen)
            value = seen.activations[layer]
            yield _judged(reference, FORWARD, tensor, value, true.value, limit.output, at)
            return
        name, value = "identity", seen.logits
    else:
        name, value = seen.functions[layer - 1], seen.activations[layer]
    yield from _judge_affine(reference, seen, layer, name, tensor, value, in_full, at)


def _judged(
    reference: Reference,
    stage: str,
    tensor: str,
    value: Array,
    true: Any,
    bound: Array,
    at: Places | None,
) -> Judged:
    """Judge a tensor that is there as a whole, or the wanted places of it."""
    if at is None:
        return reference.judged(stage, tensor, value, true, bound)
    return replace(reference.judged(stage, tensor, value[at], true[at], bound[at]), places=at)


def _judge_affine(
    reference: Reference,
    seen: Evaluated,
    layer: int,
    name: str,
    tensor: str,
    value: Array,
    in_full: Array | None,
    at: Places | None,
) -> Iterator[Judged]:
    """Judge f(a Wᵀ + b) from the recorded a; of a wide layer screen what is not to be in full."""
    a, W, b = seen.activations[layer - 1], *seen.params[2 * layer - 2 : 2 * layer]
    if at is not None:
        z_error = bounds.affine(reference.rounding, a, W, b)[at]
        z = z_at_places(reference, a, W, b, at)
        yield replace(_judge_function(reference, name, tensor, z, z_error, value[at]), places=at)
        return
    cheap = reference.arithmetic.is_cheap
    if in_full is None or cheap or not is_wide_layer(name, value, a.shape[-1]):
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
    left = unsettled_layer(reference, name, a, W, b, value)
    some = value[left.places]
    judged = _judge_function(reference, name, tensor, left.z, left.z_error, some)
    if judged.any_failed:
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


def _judge_loss(reference: Reference, seen: Evaluated, at: Places | None) -> Judged:
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
    return _judged(reference, LOSS, "loss", seen.loss, true, bound, at)


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
