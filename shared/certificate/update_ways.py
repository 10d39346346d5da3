"""The formulas of the update rules, as trees of sums and products: what may be recorded of each.

They stand here once more, apart from every backend. What an optimizer carries is decided by them,
and so are the parameters wherever a step is made of sums and products alone; steps that divide by
roots are held to a bound, in adaptive_step.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

import numpy as np

from shared.certificate.ways import Floats, times, total, ways
from shared.optimizer import Optimizer

PARAMETER = ""
"""The name under which the parameter itself stands beside the optimizer's slots."""

ADAPTIVE = ("rmsprop", "adam", "adamw")
"""Optimizers whose steps divide by roots."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is known of one tensor's update: arrays of one shape, or single numbers.

    before, after
        What the optimizer carries, by the names of its slots.
    """

    w: Any
    g: Any
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    def each(self, change: Callable[[Any], Any]) -> Numbers:
        """Return the same of what a function makes of each array."""
        return Numbers(
            change(self.w), change(self.g),
            {name: change(a) for name, a in self.before.items()},
            {name: change(a) for name, a in self.after.items()},
        )  # fmt: skip

    def exactly(self) -> Numbers:
        """Return single numbers as fractions."""
        return self.each(lambda a: Fraction(float(a)))

    @property
    def is_finite(self) -> bool:
        """Whether every single number is."""
        every = (self.w, self.g, *self.before.values(), *self.after.values())
        return all(math.isfinite(a) for a in every)


@dataclass(frozen=True, slots=True)
class Constants:
    """An optimizer's numbers in the dtype of a run, each rounded once.

    rest1, rest2
        1 - β, taken in float64.
    kept
        1 - ηλ of decoupled decay: taken in float64, or in the dtype.
    shrinking
        ηλ, likewise.
    """

    eta: Any
    mu: Any
    beta1: Any
    rest1: Any
    beta2: Any
    rest2: Any
    coupled: Any
    decoupled: Any
    kept: tuple[Any, ...]
    shrinking: tuple[Any, ...]

    @classmethod
    def of(cls, optimizer: Optimizer, dtype: str) -> Constants:
        """Round an optimizer's numbers; those it does not have are 0."""
        number = np.dtype(dtype).type
        mu, beta1, beta2 = (
            value or 0.0 for value in (optimizer.momentum, optimizer.beta1, optimizer.beta2)
        )
        eta, decay = optimizer.learning_rate, optimizer.decoupled_decay
        inside = number(eta) * number(decay)
        return cls(
            number(eta), number(mu), number(beta1), number(1 - beta1), number(beta2),
            number(1 - beta2), number(optimizer.coupled_decay), number(decay),
            tuple(dict.fromkeys([number(1 - eta * decay), number(1) - inside])),
            tuple(dict.fromkeys([number(eta * decay), inside])),
        )  # fmt: skip

    def exactly(self) -> Constants:
        """Return the same numbers as fractions."""
        return self._each(lambda value: Fraction(float(value)))

    def widely(self) -> Constants:
        """Return the same numbers as Python's floats."""
        return self._each(float)

    def _each(self, change: Callable[[Any], Any]) -> Constants:
        def changed(value: Any) -> Any:
            return tuple(map(change, value)) if isinstance(value, tuple) else change(value)

        return Constants(*(changed(getattr(self, field.name)) for field in fields(self)))


def slope(constants: Constants, numbers: Numbers) -> Any:
    """Return the formula of what stands for the gradient: g, or g + λ w."""
    if not constants.coupled:
        return numbers.g
    return total(numbers.g, times(constants.coupled, numbers.w))


def formulas(
    optimizer: Optimizer, constants: Constants, slot: str, numbers: Numbers, g: Any
) -> Iterator[Any]:
    """Yield the formulas that are right for a slot, or for the PARAMETER; g is a slope's value."""
    if slot == "velocity":
        push = times(constants.eta, g) if optimizer.rate_place == "inside" else g
        yield total(times(constants.mu, numbers.before[slot]), push)
    elif slot == "m":
        yield from _mean(constants, numbers.before[slot], g)
    elif slot == "v":
        yield total(times(constants.beta2, numbers.before[slot]), times(constants.rest2, g, g))
    else:
        yield from _parameter(optimizer, constants, numbers, g)


def every_way(
    floats: Floats, optimizer: Optimizer, constants: Constants, slot: str, numbers: Numbers
) -> Iterator[Any]:
    """Yield every value that may be recorded for a slot, or for the PARAMETER."""
    # A value of the slope is used wherever the formula names it: nobody computes it twice.
    for g in ways(floats, slope(constants, numbers)):
        for formula in formulas(optimizer, constants, slot, numbers, g):
            yield from ways(floats, formula)


def _mean(constants: Constants, m: Any, g: Any) -> Iterator[Any]:
    yield total(times(constants.beta1, m), times(constants.rest1, g))
    # An interpolation, from the one end or from the other, as torch.lerp does it.
    yield total(m, times(constants.rest1, total(g, -m)))
    yield total(g, times(constants.rest1 - 1, total(g, -m)))


def _parameter(
    optimizer: Optimizer, constants: Constants, numbers: Numbers, g: Any
) -> Iterator[Any]:
    """Yield w less the step of gradient descent, or of a momentum, and less what decays."""
    w, eta = numbers.w, constants.eta
    direction = _direction(optimizer, constants, numbers, g)
    inside = optimizer.rate_place == "inside"
    steps = [_negative(one) for one in direction] if inside else [times(-eta, _one(direction))]
    if not constants.decoupled:
        yield total(w, *steps)
        return
    for kept in constants.kept:
        yield total(times(kept, w), *steps)
    drawn = times(constants.decoupled, w)
    if not inside:
        yield total(w, times(-eta, total(_one(direction), drawn)))
    for shrinking in constants.shrinking:
        yield total(w, *steps, times(-shrinking, w))
    yield total(w, *steps, times(-eta, constants.decoupled, w))


def _direction(
    optimizer: Optimizer, constants: Constants, numbers: Numbers, g: Any
) -> tuple[Any, ...]:
    """Return the terms of what is subtracted, but for a learning rate that stands outside."""
    if optimizer.name == "sgd":
        return (g,)
    velocity = numbers.after["velocity"]
    if not optimizer.nesterov:
        return (velocity,)
    push = times(constants.eta, g) if optimizer.rate_place == "inside" else g
    return push, times(constants.mu, velocity)


def _one(terms: tuple[Any, ...]) -> Any:
    return terms[0] if len(terms) == 1 else total(*terms)


def _negative(term: Any) -> Any:
    """Return -term of a product or a number."""
    return times(-term.factors[0], *term.factors[1:]) if hasattr(term, "factors") else -term
