"""The steps that divide by roots, Adam's and its kin's: exact, and what rounding may do to them.

With s = η m̂ / D, a parameter becomes w - s. The step is computed exactly from the m and v that were
recorded after it; a program's s may be off by a few roundings of itself. adaptive_update.py judges
the parameters by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from flint import arb

from shared.backend import Array
from shared.certificate.ball import precision
from shared.certificate.rounding import Rounding
from shared.certificate.stages import Reference
from shared.certificate.update_numbers import Numbers
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


def exact_step(
    reference: Reference, optimizer: Optimizer, steps: Array, numbers: Numbers,
    multiplied: bool = False,
) -> Step:  # fmt: skip
    """Return s = η m̂ / D, or η g / D, from what was recorded after the step.

    multiplied
        Whether β^t is what t - 1 multiplications make of it, and not the power itself.
    """
    arithmetic, omega, eta = reference.arithmetic, reference.rounding.omega, optimizer.learning_rate
    lift, axes = arithmetic.lift, numbers.w.ndim
    first, second = (
        share(optimizer, reference.rounding, index, steps, axes, multiplied)
        for index in ("beta1", "beta2")
    )
    below, correction = (lift(one.high) + lift(one.low) for one in (first, second))
    v, epsilon = wide(numbers.after["v"]), lift(np.asarray(optimizer.epsilon))
    if optimizer.epsilon_place == "inside":
        divisor, least = arithmetic.sqrt(lift(v) / correction + epsilon), optimizer.epsilon**0.5
    else:
        corrected = optimizer.epsilon_place == "uncorrected"
        added = epsilon / arithmetic.sqrt(correction) if corrected else epsilon
        divisor, least = arithmetic.sqrt(lift(v) / correction) + added, optimizer.epsilon
    numerator, spread = _numerator(reference, optimizer, numbers)
    exact = lift(np.asarray(eta)) * (numerator / below) / divisor
    size, floor = abs(arithmetic.lower(exact)), arithmetic.lower(divisor)
    relative = reference.rounding.gamma(ROUNDINGS) + first.error + second.error / 2
    error = size * relative + eta * spread * reference.rounding.u / floor * (1 + relative)
    # A v that is flushed is 0 instead of next to nothing, and D is nearer to ε.
    tiny = np.where(abs(v) <= 2 * omega, np.sqrt(2 * omega / second.high), 0.0)
    error += size * tiny / np.maximum(floor - tiny, least)
    # So may be what is multiplied or divided on the way to s, wherever η and the corrections come.
    largest = (1 + eta) / (first.high * np.sqrt(second.high)) * (1 + 1 / floor)
    error += 2 * omega * largest
    return Step(exact, error)


def _numerator(
    reference: Reference, optimizer: Optimizer, numbers: Numbers
) -> tuple[Any, Array | float]:
    """Return m as it was recorded, or g + λ w, and by how many u that may be off."""
    lift = reference.arithmetic.lift
    if optimizer.name != "rmsprop":
        return lift(wide(numbers.after["m"])), 0.0
    g, decay = wide(numbers.g), optimizer.coupled_decay
    if not decay:
        return lift(g), 0.0
    w = wide(numbers.w)
    exact = lift(g) + lift(np.asarray(decay)) * lift(w)
    return exact, 2 * decay * abs(w) + abs(reference.arithmetic.lower(exact))


def share(
    optimizer: Optimizer, rounding: Rounding, index: str, steps: Array, axes: int, multiplied: bool
) -> Share:
    """Return 1 - β^t of each step, (s, 1, ...); 1 where nothing is corrected."""
    shape = (len(steps),) + (1,) * (axes - 1)
    if optimizer.name == "rmsprop" or optimizer.bias_correction == "none":
        one = np.ones(shape)
        return Share(one, 0 * one, 0 * one)
    beta, dtype = getattr(optimizer, index), "float64"
    if optimizer.bias_correction == "dtype":
        dtype = rounding.dtype
    beta = np.dtype(dtype).type(beta)
    if multiplied:
        # One after the other they have one result, of which nothing but its own use is uncertain.
        high = (1 - _products(beta, int(steps.max()))[steps - 1]).astype(np.float64).reshape(shape)
        return Share(high, 0 * high, rounding.u + 0 * high)
    parts = np.array([_difference_from_1(float(beta), int(step)) for step in steps])
    high, low = (column.reshape(shape) for column in parts.T)
    t = steps.reshape(shape)
    # A library's power is off by 2 roundings at most, and the first is β; in other dtypes it may
    # be an exponential of a logarithm. The difference makes small ones of 1 - β^t less certain.
    roundings = np.where(t == 1, 0, 2) if dtype == "float64" else t + 4
    unit = Rounding.of(dtype).u
    return Share(high, low, unit * (roundings * (1 - high) / high + 1) + rounding.u)


def _products(beta: Any, most: int) -> Array:
    """Return β, β·β, (β·β)·β, ..., each rounded; as many as a power of two that suffices."""
    return _product_table(beta, beta.dtype.name, 1 << (most - 1).bit_length())


@lru_cache(maxsize=8)
def _product_table(beta: Any, dtype: str, count: int) -> Array:
    table: Array = np.multiply.accumulate(np.full(count, beta, dtype))
    table.flags.writeable = False
    return table


@lru_cache(maxsize=2**16)
def _difference_from_1(beta: float, step: int) -> tuple[float, float]:
    """Return 1 - β^t as two floats, to about 100 bits."""
    with precision(256):
        exact = 1 - arb(beta) ** step
        high = float(exact)
        return high, float(exact - high)


def wide(a: Any) -> Array:
    """Return the same numbers as float64."""
    return np.asarray(a, dtype=np.float64)
