"""A step that divides by a root, computed as programs write it: textbooks, torch, Keras, optax.

All are one formula; they differ in what is divided by what, and when, so each rounds elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shared.backend import Array
from shared.optimizer import DTYPE, NONE, Optimizer


@dataclass(frozen=True)
class Given:
    """A parameter, what it is moved by (m, or g + λ w), and v; and the optimizer's numbers.

    first, second
        1 - β1^t and 1 - β2^t in float64, or in the dtype.
    """

    one: Optimizer
    number: Any
    w: Array
    n: Array
    v: Array
    first: Any
    second: Any

    @classmethod
    def of(
        cls, one: Optimizer, w: Array, n: Array, v: Array, step: int, multiplied: bool = False
    ) -> Given:
        """Put together what a program has; β^t is a power, or made of t - 1 multiplications."""
        number, power = w.dtype.type, _product if multiplied else _power
        first, second = (_share(one, number, beta, step, power) for beta in (one.beta1, one.beta2))
        return cls(one, number, w, n, v, first, second)

    @property
    def eta(self) -> Any:
        return self.number(self.one.learning_rate)

    @property
    def epsilon(self) -> Any:
        return self.number(self.one.epsilon)

    @property
    def c1(self) -> Any:
        return self.number(self.first)

    @property
    def c2(self) -> Any:
        return self.number(self.second)

    @property
    def root2(self) -> Any:
        """√(1 - β2^t), rounded after the root."""
        return self.number(np.sqrt(self.second))


def _share(
    one: Optimizer, number: Any, beta: float | None, step: int, power: Callable[[Any, int], Any]
) -> Any:
    if one.name == "rmsprop" or one.bias_correction == NONE or beta is None:
        return 1.0
    if one.bias_correction == DTYPE:
        return number(1) - power(number(beta), step)
    return 1 - float(power(np.float64(beta), step))


def _power(beta: Any, step: int) -> Any:
    return beta ** beta.dtype.type(step)


def _product(beta: Any, step: int) -> Any:
    return np.multiply.accumulate(np.full(step, beta, beta.dtype))[-1]


DIVISORS: dict[str, dict[str, Callable[[Given], Array]]] = {
    "outside": {
        "textbook": lambda a: np.sqrt(a.v / a.c2) + a.epsilon,
        "torch": lambda a: np.sqrt(a.v) / a.root2 + a.epsilon,
        "two roots": lambda a: np.sqrt(a.v) / np.sqrt(a.c2) + a.epsilon,
        "by a reciprocal": lambda a: np.sqrt(a.v * a.number(1 / a.second)) + a.epsilon,
        "by a root's reciprocal": lambda a: np.sqrt(a.v) * a.number(1 / a.root2) + a.epsilon,
    },
    "inside": {
        "textbook": lambda a: np.sqrt(a.v / a.c2 + a.epsilon),
        "by a reciprocal": lambda a: np.sqrt(a.v * a.number(1 / a.second) + a.epsilon),
        "multiplied out": lambda a: np.sqrt((a.v + a.epsilon * a.c2) / a.c2),
        "corrected last": lambda a: np.sqrt(a.v + a.epsilon * a.c2) / a.root2,
    },
    "uncorrected": {
        "textbook": lambda a: np.sqrt(a.v / a.c2) + a.epsilon / np.sqrt(a.c2),
        "corrected last": lambda a: (np.sqrt(a.v) + a.epsilon) / a.root2,
        "two roots": lambda a: (np.sqrt(a.v) + a.epsilon) / np.sqrt(a.c2),
        "by a reciprocal": lambda a: (np.sqrt(a.v) + a.epsilon) * a.number(1 / a.root2),
    },
}
"""D, for each place of ε."""

STEPS: dict[str, Callable[[Given, Array], Array]] = {
    "textbook": lambda a, d: a.eta * ((a.n / a.c1) / d),
    "from left to right": lambda a, d: a.eta * a.n / a.c1 / d,
    "rate times mean": lambda a, d: (a.eta * (a.n / a.c1)) / d,
    "torch": lambda a, d: a.number(a.one.learning_rate / a.first) * (a.n / d),
    "Keras": lambda a, d: a.n * a.number(a.one.learning_rate / a.first) / d,
    "one divisor": lambda a, d: a.eta * (a.n / (a.c1 * d)),
    "by reciprocals": lambda a, d: a.eta * ((a.n * (1 / a.c1)) * (1 / d)),
    "rate over divisor": lambda a, d: (a.eta / d) * (a.n / a.c1),
}

DECAYS: dict[str, Callable[[Given, Array], Array]] = {
    "torch": lambda a, s: a.number(1 - a.one.learning_rate * _decay(a)) * a.w - s,
    "in dtype": lambda a, s: (1 - a.eta * a.number(_decay(a))) * a.w - s,
    "step first": lambda a, s: (a.w - s) - a.number(a.one.learning_rate * _decay(a)) * a.w,
    "decay first": lambda a, s: (a.w - a.eta * (a.number(_decay(a)) * a.w)) - s,
    "both in one": lambda a, s: a.w - (s + a.number(a.one.learning_rate * _decay(a)) * a.w),
}

OPTAX = "optax"


def _decay(a: Given) -> float:
    return a.one.decoupled_decay


def arranged(given: Given) -> Iterator[tuple[str, Array]]:
    """Yield the parameters after the step, by what they were computed by."""
    for name, divisor in DIVISORS[given.one.epsilon_place].items():
        d = divisor(given)
        for kind, step in STEPS.items():
            s = step(given, d)
            if not given.one.decoupled_decay:
                yield f"{name}, {kind}", given.w - s
                continue
            for end, decayed in DECAYS.items():
                yield f"{name}, {kind}, {end}", decayed(given, s)
        if given.one.decoupled_decay:
            drawn = given.n / given.c1 / d + given.number(given.one.decoupled_decay) * given.w
            yield f"{name}, {OPTAX}", given.w - given.eta * drawn


class Flushing(np.ndarray):
    """An array whose every operation takes subnormals for zero, before it and after it."""

    def __array_ufunc__(self, ufunc: Any, method: str, *given: Any, **options: Any) -> Any:
        result = getattr(ufunc, method)(*map(_flushed, given), **options)
        return _flushed(result).view(Flushing)


def _flushed(a: Any) -> Array:
    plain: Array = np.asarray(a)
    if plain.dtype.kind == "f":
        plain = np.where(abs(plain) < np.finfo(plain.dtype).smallest_normal, plain * 0, plain)
    return plain


def flushing(given: Given) -> Given:
    """Return what a program has that flushes."""
    return replace(given, **{key: getattr(given, key).view(Flushing) for key in ("w", "n", "v")})
