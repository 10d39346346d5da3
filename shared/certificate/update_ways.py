"""The formulas of the update rules, as trees of sums and products: what may be recorded of each.

They stand here once more, apart from every backend. What an optimizer carries is decided by them,
and so are the parameters wherever a step is made of sums and products alone; steps that divide by
roots are held to a bound, in adaptive_step.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from shared.certificate.update_numbers import Constants, Numbers
from shared.certificate.ways import Floats, Product, times, total, ways
from shared.optimizer import Optimizer

PARAMETER = ""
"""The name under which the parameter itself stands beside the optimizer's slots."""

ADAPTIVE = ("rmsprop", "adam", "adamw")
"""Optimizers whose steps divide by roots."""


def every_way(
    floats: Floats, optimizer: Optimizer, constants: Constants, slot: str, numbers: Numbers
) -> Iterator[Any]:
    """Yield every value that may be recorded for a slot, or for the PARAMETER."""
    # Where the slope is squared, one of its values is: nobody computes it twice.
    slopes = ways(floats, total(*_slope(constants, numbers)))
    for formula in _formulas(optimizer, constants, slot, numbers, slopes):
        yield from ways(floats, formula)


def first_formula(optimizer: Optimizer, constants: Constants, slot: str, numbers: Numbers) -> Any:
    """Return the formula as the docs write it."""
    slopes = [total(*_slope(constants, numbers))]
    return next(_formulas(optimizer, constants, slot, numbers, slopes))


def _slope(constants: Constants, numbers: Numbers) -> tuple[Any, ...]:
    """Return the terms of what stands for the gradient: g, or g and λ w."""
    if not constants.coupled:
        return (numbers.g,)
    return numbers.g, times(constants.coupled, numbers.w)


def _formulas(
    optimizer: Optimizer, constants: Constants, slot: str, numbers: Numbers, slopes: Iterable[Any]
) -> Iterator[Any]:
    """Yield the formulas that are right for a slot, or for the PARAMETER."""
    k, before = constants, numbers.before
    if slot == "velocity":
        yield total(times(k.mu, before[slot]), *_push(optimizer, k, numbers))
    elif slot == "m":
        for g in slopes:
            yield from _average(k.beta1, k.rest1, k.back1, before[slot], (g,))
    elif slot == "v":
        for g in slopes:
            yield from _average(k.beta2, k.rest2, k.back2, before[slot], (g, g))
    else:
        yield from _parameter(optimizer, k, numbers)


def _average(beta: Any, rest: Any, back: Any, old: Any, factors: tuple[Any, ...]) -> Iterator[Any]:
    """Yield β a + (1 - β) new; new is the product of factors."""
    yield total(times(beta, old), times(rest, *factors))
    # An interpolation from the old one, or, where that is nearer, from the new one.
    new = _one(factors, times)
    yield total(old, times(rest, total(new, -old)))
    if rest >= 0.5:
        yield total(new, times(back, total(new, -old)))


def _push(optimizer: Optimizer, constants: Constants, numbers: Numbers) -> tuple[Any, ...]:
    """Return the terms that the gradient adds to a velocity."""
    slope = _slope(constants, numbers)
    if optimizer.rate_place == "inside":
        return (times(constants.eta, _one(slope, total)),)
    return slope


def _parameter(optimizer: Optimizer, constants: Constants, numbers: Numbers) -> Iterator[Any]:
    """Yield w less the step of gradient descent, or of a momentum, and less what decays."""
    w, eta = numbers.w, constants.eta
    direction = _direction(optimizer, constants, numbers)
    inside = optimizer.rate_place == "inside"
    steps = [_negative(one) for one in direction]
    if not inside:
        steps = [times(-eta, _one(direction, total))]
    if not constants.decoupled:
        yield total(w, *steps)
        return
    drawn = times(constants.decoupled, w)
    if not inside:
        yield total(w, times(-eta, total(*direction, drawn)))
    for kept in constants.kept:
        yield total(times(kept, w), *steps)
    for shrinking in constants.shrinking:
        yield total(w, *steps, times(-shrinking, w))
    yield total(w, *steps, times(-eta, constants.decoupled, w))


def _direction(optimizer: Optimizer, constants: Constants, numbers: Numbers) -> tuple[Any, ...]:
    """Return the terms of what is subtracted, but for a learning rate that stands outside."""
    if optimizer.name == "sgd":
        return _slope(constants, numbers)
    velocity = numbers.after["velocity"]
    if not optimizer.nesterov:
        return (velocity,)
    return (*_push(optimizer, constants, numbers), times(constants.mu, velocity))


def _one(parts: tuple[Any, ...], join: Any) -> Any:
    return parts[0] if len(parts) == 1 else join(*parts)


def _negative(term: Any) -> Any:
    """Return -term of a product or a number."""
    if isinstance(term, Product):
        return times(-term.factors[0], *term.factors[1:])
    return -term
