"""The update, decided bit by bit: which floats may w - ηg become?

Source: IEEE 754-2019. A program may round the product and then the difference, or fuse both into
one rounding; and wherever subnormals are flushed, zero may stand for a subnormal. Nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from shared.backend import Array, Params
from shared.certificate.decision import Judged, Verdict, bit_equal
from shared.certificate.double_double import two_sum
from shared.certificate.exact_product import exact_product
from shared.certificate.exact_sum import sign_of_sum
from shared.certificate.rounding import Rounding, half_steps
from shared.certificate.stages import UPDATE, Reference, parts

_SAFE = (2.0**-400, 2.0**400)

SHOWN = 20
"""As many wrong parameters of a tensor are measured in fractions; reports show no more."""


def judge_update(
    reference: Reference,
    names: Sequence[str],
    before: Params,
    grads: Params,
    after: Params,
    rate: np.floating,
) -> Iterator[Judged]:
    """Judge the parameters after the step: every admissible bit pattern counts as equal bits.

    All numbers are in the dtype of the run.
    """
    for name, *tensors in zip(names, before, grads, after, strict=True):
        for part in parts(tensors[0]):
            w, g, value = (tensor[part] for tensor in tensors)
            yield replace(_judge(reference, name, w, g, value, rate), rows=part)


def _judge(
    reference: Reference, name: str, w: Array, g: Array, value: Array, rate: np.floating
) -> Judged:
    allowed = admissible(reference.rounding, w, g, rate, value)
    if allowed.all():
        return bit_equal(UPDATE, name, value)
    verdict = np.where(allowed, np.uint8(Verdict.BIT_EQUAL), np.uint8(Verdict.DIFFERENT))
    measured = (value.astype(np.float64), np.zeros(value.shape), np.zeros(value.shape))
    _measure(reference.rounding, w, g, rate, value, ~allowed, measured)
    return Judged(UPDATE, name, value, *measured, verdict, bitwise=True)


def admissible(rounding: Rounding, w: Array, g: Array, rate: np.floating, after: Array) -> Array:
    """Say elementwise whether `after` is a float that w - ηg may become.

    Shapes: all of one shape; so is the result, which is boolean.
    """
    with np.errstate(all="ignore"):
        allowed: Array = np.equal(after, w - rate * g, order="C")
        if not np.isfinite(after).all():
            allowed &= np.isfinite(after)
        others = np.flatnonzero(~allowed)
        if len(others):
            places = np.unravel_index(others, allowed.shape)
            w, g, after = w[places], g[places], after[places]
            fused = _is_fused(rounding, w, g, after, rate)
            left = ~fused & np.isfinite(after)
            fused[left] = _is_flushed(rounding, w[left], g[left], after[left], rate)
            allowed.reshape(-1)[others] = fused & np.isfinite(after)
    return allowed


def _is_fused(rounding: Rounding, w: Array, g: Array, after: Array, rate: np.floating) -> Array:
    """Say whether `after` is w - ηg rounded once, to nearest, ties to even. Shapes: all (k,).

    w - ηg - after is a sum of four float64 numbers without rounding, and is held to half the
    distance of the floats beside `after`. Where a product of parts might over- or underflow,
    fractions tell instead.
    """
    safe = np.isfinite(w) & np.isfinite(g) & np.isfinite(after)
    if rounding.dtype == "float64":
        for size in map(abs, (w, g, after, rate * g)):
            safe &= (size > _SAFE[0]) & (size < _SAFE[1])
    if safe.all():
        return _is_nearest(rounding, w, g, after, rate)
    fused = np.zeros(after.shape, dtype=bool)
    fused[safe] = _is_nearest(rounding, w[safe], g[safe], after[safe], rate)
    for i in np.flatnonzero(~safe):
        if np.isfinite((w[i], g[i])).all():
            result = _rounded(_exact(w[i], g[i], rate))
            fused[i] = after[i] == result or (after[i] == 0 and abs(result) < rounding.omega)
    return fused


def _is_nearest(rounding: Rounding, w: Array, g: Array, after: Array, rate: np.floating) -> Array:
    """Say whether no float is nearer to w - ηg than `after`, or `after` is 0 for a subnormal."""
    terms, (below, above) = _difference(w, g, after, rate), half_steps(rounding, after)
    away = sum(terms[1:], terms[0])
    # Adding the terms up rounds; only what lies so close to a middle has to be summed exactly.
    doubt = 2.0**-50 * sum(map(abs, terms))
    nearest: Array = (away < above) & (away > -below)
    close = np.flatnonzero(np.minimum(abs(away - above), abs(away + below)) <= doubt)
    if len(close):
        some = [term[close] for term in terms]
        under, over = (sign_of_sum(*some, end[close]) for end in (below, -above))
        integers: Any = np.int32 if rounding.dtype == "float32" else np.int64
        even = after[close].view(integers) % 2 == 0
        nearest[close] = ((under > 0) & (over < 0)) | (((under == 0) | (over == 0)) & even)
    nearest |= (after == 0) & (abs(away) < rounding.omega)
    return nearest


def _difference(w: Array, g: Array, after: Array, rate: np.floating) -> tuple[Array, ...]:
    """Return w - ηg - after as float64 numbers that add up to it without rounding."""
    eta, w, g, after = (np.asarray(v, np.float64) for v in (rate, w, g, after))
    p, p_error = exact_product(eta, g)
    s, s_error = two_sum(w, -p)
    near, near_error = two_sum(s, -after)
    return near, near_error, s_error, -p_error


def _measure(
    rounding: Rounding,
    w: Array,
    g: Array,
    rate: np.floating,
    value: Array,
    failed: Array,
    into: tuple[Array, Array, Array],
) -> None:
    """Write w - ηg, the distance to it, and, to compare, two roundings' worth, where it failed."""
    exact, error, bound = into
    places = np.nonzero(failed)
    with np.errstate(all="ignore"):
        product = np.float64(rate) * g[places].astype(np.float64)
        exact[places] = w[places].astype(np.float64) - product
        error[places] = abs(sum(_difference(w[places], g[places], value[places], rate)))
        bound[places] = rounding.u * (abs(exact[places]) + abs(product))
    # The first ones are shown, with digits that do not suffer where w and ηg cancel.
    for place in list(zip(*places, strict=True))[:SHOWN]:
        if np.isfinite((w[place], g[place], value[place])).all():
            true = _exact(w[place], g[place], rate)
            exact[place] = _rounded(true)
            error[place] = float(abs(Fraction(float(value[place])) - true))


def _exact(w: float, g: float, rate: np.floating) -> Fraction:
    return Fraction(float(w)) - Fraction(float(rate)) * Fraction(float(g))


def _rounded(exact: Fraction) -> float:
    """Round to float64, to nearest, once: what Python's division of integers does."""
    try:
        return float(exact)
    except OverflowError:
        return float("inf") if exact > 0 else float("-inf")


def _is_flushed(rounding: Rounding, w: Array, g: Array, after: Array, rate: np.floating) -> Array:
    """Say where `after` is admissible once subnormals may have been flushed to zero.

    Only numbers beyond the subnormals' reach differ from what was decided before, and there the
    product or the result is subnormal, so two roundings and a fused one agree or flush alike.
    """

    def flushed(v: Array) -> Array:
        return np.where(abs(v) < rounding.omega, 0 * v, v)

    allowed = np.zeros(after.shape, dtype=bool)
    for start in (w, flushed(w)):
        for slope in (g, flushed(g)):
            product = rate * slope
            for result in (start - product, start - flushed(product)):
                allowed |= (after == result) | (after == flushed(result))
    return allowed
