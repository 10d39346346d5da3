"""What is known of one tensor's update: recorded numbers, and an optimizer's own in the dtype."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from shared.certificate.update_audit import nearest
from shared.optimizer import Optimizer


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
    """An optimizer's numbers in the dtype of a run, each rounded once; 0 where it has none.

    rest1, rest2
        1 - β, taken in float64.
    back1, back2
        The rounded 1 - β less 1, in the dtype.
    coupled, decoupled
        λ. For plain gradient descent both are one map, and it is the decoupled one.
    kept
        1 - ηλ of decoupled decay: taken in float64; in the dtype; in the dtype, and fused.
    shrinking
        ηλ, taken in float64, or in the dtype.
    """

    eta: Any
    mu: Any
    beta1: Any
    rest1: Any
    back1: Any
    beta2: Any
    rest2: Any
    back2: Any
    coupled: Any
    decoupled: Any
    kept: tuple[Any, ...]
    shrinking: tuple[Any, ...]

    @classmethod
    def of(cls, optimizer: Optimizer, dtype: str) -> Constants:
        """Round an optimizer's numbers."""
        return _constants(optimizer, dtype)

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


@lru_cache(maxsize=64)
def _constants(optimizer: Optimizer, dtype: str) -> Constants:
    number = np.dtype(dtype).type
    coupled, decay = optimizer.coupled_decay, optimizer.decoupled_decay
    if optimizer.name == "sgd":
        coupled, decay = 0.0, optimizer.weight_decay
    eta, beta1, beta2 = optimizer.learning_rate, optimizer.beta1 or 0.0, optimizer.beta2 or 0.0
    inside = number(eta) * number(decay)
    fused = nearest(1 - Fraction(float(number(eta))) * Fraction(float(number(decay))), dtype)
    return Constants(
        eta=number(eta),
        mu=number(optimizer.momentum or 0.0),
        beta1=number(beta1),
        rest1=number(1 - beta1),
        back1=number(number(1 - beta1) - number(1)),
        beta2=number(beta2),
        rest2=number(1 - beta2),
        back2=number(number(1 - beta2) - number(1)),
        coupled=number(coupled),
        decoupled=number(decay),
        kept=tuple(dict.fromkeys([number(1 - eta * decay), number(1) - inside, number(fused)])),
        shrinking=tuple(dict.fromkeys([number(eta * decay), inside])),
    )
