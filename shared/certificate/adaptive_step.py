"""The steps that divide by roots, Adam's and its kin's: exact, and what rounding may do to them.

With s = η m̂ / D, a parameter becomes w - s. The step is computed exactly from the m and v that were
recorded after it; a program's s may be off by a few roundings of itself, and the subtraction rounds
once, by half the distance of the floats there. Since s is mostly far smaller than w, that is nearly
as sharp as deciding bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from flint import arb

from shared.backend import Array
from shared.certificate import bounds
from shared.certificate.ball import precision
from shared.certificate.decision import Judged, decide
from shared.certificate.fused import fused
from shared.certificate.rounding import Rounding, half_steps
from shared.certificate.stages import UPDATE, Reference
from shared.certificate.update_ways import Constants, Numbers
from shared.optimizer import Optimizer

ROUNDINGS = 9
"""Of a step, but for what 1 - β^t adds: four divisions, two roots, two sums, a product at most."""


@dataclass(frozen=True, slots=True)
class Share:
    """1 - β^t for some steps, as high + low, and by how much a program's may be off, relatively."""

    high: Array
    low: Array
    error: Array


@dataclass(frozen=True, slots=True)
class Step:
    """What is subtracted: exact, in reference numbers, and how far a program's may be from it."""

    exact: Any
    error: Array


def judge_adaptive(
    reference: Reference, optimizer: Optimizer, name: str, steps: Array, numbers: Numbers,
    value: Array,
) -> Judged:  # fmt: skip
    """Judge parameters after the step; `value` is what was recorded of them.

    Shapes: steps (s,), all others (s, *R, ...), in the dtype of the run.
    """
    step = exact_step(reference, optimizer, steps, numbers)
    judged = _held(reference, name, value, *_declared(reference, optimizer, numbers, step))
    if not optimizer.decoupled_decay:
        return judged
    # w (1 - ηλ) rounds by as much as w itself, and programs differ in when they do it.
    for exact, error in _forms(reference, optimizer, numbers, step):
        if not judged.any_failed:
            break
        other, failed = _held(reference, name, value, exact, error), judged.failed
        passed = failed & ~other.failed
        judged = Judged(
            UPDATE, name, value,
            *(
                np.where(passed, getattr(other, key), getattr(judged, key))
                for key in ("exact", "error", "bound", "verdict")
            ),
        )  # fmt: skip
    return judged


def exact_step(reference: Reference, optimizer: Optimizer, steps: Array, numbers: Numbers) -> Step:
    """Return s = η m̂ / D, or η g / D, from what was recorded after the step."""
    arithmetic, rounding = reference.arithmetic, reference.rounding
    lift, u = arithmetic.lift, rounding.u
    first, second = (
        _share(optimizer, rounding, index, steps, numbers.w.ndim) for index in ("beta1", "beta2")
    )
    below, correction = (lift(one.high) + lift(one.low) for one in (first, second))
    v = _wide(numbers.after["v"])
    epsilon = lift(np.asarray(optimizer.epsilon))
    if optimizer.epsilon_place == "inside":
        divisor = arithmetic.sqrt(lift(v) / correction + epsilon)
    else:
        corrected = optimizer.epsilon_place == "uncorrected"
        added = epsilon / arithmetic.sqrt(correction) if corrected else epsilon
        divisor = arithmetic.sqrt(lift(v) / correction) + added
    numerator, spread = _numerator(reference, optimizer, numbers)
    eta = lift(np.asarray(optimizer.learning_rate))
    exact = eta * (numerator / below) / divisor
    size, floor = abs(arithmetic.lower(exact)), arithmetic.lower(divisor)
    relative = rounding.gamma(ROUNDINGS) + first.error + second.error / 2
    error = size * relative + optimizer.learning_rate * spread * u / floor * (1 + relative)
    # A flushed v, or numerator, is 0 instead of next to nothing.
    tiny = np.where(abs(v) <= 2 * rounding.omega, np.sqrt(2 * rounding.omega / second.high), 0.0)
    error += size * tiny / floor
    error += optimizer.learning_rate * 2 * rounding.omega / (first.high * floor) + rounding.omega
    return Step(exact, error)


def _numerator(
    reference: Reference, optimizer: Optimizer, numbers: Numbers
) -> tuple[Any, Array | float]:
    """Return m as it was recorded, or g + λ w, and by how many u that may be off."""
    lift = reference.arithmetic.lift
    if optimizer.name != "rmsprop":
        return lift(_wide(numbers.after["m"])), 0.0
    g, decay = _wide(numbers.g), optimizer.coupled_decay
    if not decay:
        return lift(g), 0.0
    w = _wide(numbers.w)
    exact = lift(g) + lift(np.asarray(decay)) * lift(w)
    return exact, 2 * decay * abs(w) + abs(reference.arithmetic.lower(exact))


def _declared(
    reference: Reference, optimizer: Optimizer, numbers: Numbers, step: Step
) -> tuple[Any, Array]:
    """Return w - s - ηλw, and how far it may be off before the last rounding."""
    lift, w = reference.arithmetic.lift, _wide(numbers.w)
    if not optimizer.decoupled_decay:
        return lift(w) - step.exact, step.error
    shrinking = lift(np.asarray(optimizer.learning_rate)) * lift(
        np.asarray(optimizer.decoupled_decay)
    )
    error = reference.rounding.gamma(4) * _shrinkage(optimizer) * abs(w)
    return lift(w) - step.exact - shrinking * lift(w), step.error + error


def _forms(
    reference: Reference, optimizer: Optimizer, numbers: Numbers, step: Step
) -> Iterator[tuple[Any, Array]]:
    """Yield what else a parameter may be near to: where the decay was rounded for itself."""
    dtype, w = reference.rounding.dtype, numbers.w
    constants, lift = Constants.of(optimizer, dtype), reference.arithmetic.lift
    for kept in constants.kept:
        yield lift(_wide(kept * w)) - step.exact, step.error
        yield lift(_wide(kept)) * lift(_wide(w)) - step.exact, step.error
    for drawn in (constants.shrinking[0] * w, constants.eta * (constants.decoupled * w)):
        yield lift(_wide(w - drawn)) - step.exact, step.error
    for shrinking in constants.shrinking:
        yield lift(_wide(fused(-shrinking, w, w, dtype))) - step.exact, step.error
    # The step first: w - s rounds to one of two floats, and then the decay is subtracted.
    decay = lift(np.asarray(optimizer.learning_rate * optimizer.decoupled_decay)) * lift(_wide(w))
    error = reference.rounding.gamma(4) * _shrinkage(optimizer) * abs(_wide(w))
    moved = reference.arithmetic.lower(lift(_wide(w)) - step.exact)
    for reach in (-step.error, step.error):
        yield lift(_wide((moved + reach).astype(dtype))) - decay, error


def _held(reference: Reference, name: str, value: Array, exact: Any, error: Array) -> Judged:
    """Decide on w' near an exact value that is off by an error before it is rounded."""
    rounding, arithmetic = reference.rounding, reference.arithmetic
    held = _wide(value)
    last = np.maximum(*half_steps(rounding, held))
    bound = bounds.widened(last + error + 2 * rounding.omega)
    return decide(
        UPDATE, name, held, arithmetic.lower(exact), arithmetic.distance(held, exact), bound,
        reference.sharpness, rounding.dtype, arithmetic.radius(exact),
    )  # fmt: skip


def _share(optimizer: Optimizer, rounding: Rounding, index: str, steps: Array, axes: int) -> Share:
    """Return 1 - β^t of each step, (s, 1, ...); 1 where nothing is corrected."""
    shape = (len(steps),) + (1,) * (axes - 1)
    if optimizer.name == "rmsprop" or optimizer.bias_correction == "none":
        one = np.ones(shape)
        return Share(one, 0 * one, 0 * one)
    beta, unit = getattr(optimizer, index), 2.0**-53
    if optimizer.bias_correction == "dtype":
        beta, unit = float(np.dtype(rounding.dtype).type(beta)), rounding.u
    parts = np.array([_difference_from_1(beta, int(step)) for step in steps])
    high, low = (column.reshape(shape) for column in parts.T)
    t = steps.reshape(shape)
    # A power by a library, or t - 1 multiplications. In float64 the first is β itself; elsewhere
    # it may be an exponential of a logarithm. Then a difference, which makes the small ones of
    # 1 - β^t less certain.
    roundings = np.where(t == 1, 0, np.maximum(2, t - 1)) if unit == 2.0**-53 else t + 4
    error = unit * (roundings * (1 - high) / high + 1) + rounding.u
    return Share(high, low, error)


@lru_cache(maxsize=2**16)
def _difference_from_1(beta: float, step: int) -> tuple[float, float]:
    """Return 1 - β^t as two floats, to about 100 bits."""
    with precision(256):
        exact = 1 - arb(beta) ** step
        high = float(exact)
        return high, float(exact - high)


def _shrinkage(optimizer: Optimizer) -> float:
    return optimizer.learning_rate * optimizer.decoupled_decay


def _wide(a: Any) -> Array:
    return np.asarray(a, dtype=np.float64)
