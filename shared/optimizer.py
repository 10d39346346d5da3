"""How parameters move, as plain data: which formula, with which constants.

An `Optimizer` names a formula; it computes nothing. Every backend reads the same object and writes
the formula in its own way, and `shared.certificate` once more, exactly.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shared.errors import UsageError
from shared.fields import from_json, require_known

COUPLED, DECOUPLED = "coupled", "decoupled"
OUTSIDE, INSIDE, UNCORRECTED = "outside", "inside", "uncorrected"
FLOAT64, DTYPE, NONE = "float64", "dtype", "none"

_DECAY = {"weight_decay": 0.0, "decay": COUPLED}
_MOMENTS = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "epsilon_place": OUTSIDE,
            "bias_correction": FLOAT64}  # fmt: skip

OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": _DECAY,
    "momentum": {"momentum": 0.9, "nesterov": False, "rate_place": OUTSIDE, **_DECAY},
    "rmsprop": {"beta2": 0.99, "epsilon": 1e-8, "epsilon_place": OUTSIDE, **_DECAY},
    "adam": {**_MOMENTS, "weight_decay": 0.0},
    "adamw": {**_MOMENTS, "weight_decay": 0.01},
}
"""The fields that each optimizer has besides its learning rate, and what they are if not said."""

SLOTS: dict[str, tuple[str, ...]] = {
    "sgd": (), "momentum": ("velocity",), "rmsprop": ("v",), "adam": ("m", "v"),
    "adamw": ("m", "v"),
}  # fmt: skip
"""What each carries from step to step, beginning at 0: a number for each parameter."""

_UNSAID: Any = None
"""Takes the optimizer's own default; what the optimizer does not have stays None."""

_CHOICES = {
    "decay": (COUPLED, DECOUPLED),
    "rate_place": (OUTSIDE, INSIDE),
    "epsilon_place": (OUTSIDE, INSIDE, UNCORRECTED),
    "bias_correction": (FLOAT64, DTYPE, NONE),
}


@dataclass(frozen=True, slots=True)
class Optimizer:
    """How parameters move in a step t = 1, 2, ...; g is ∂loss/∂w, η the learning rate.

    `sgd`
        w ← w - η g
    `momentum`
        rate_place `outside`: v ← μ v + g, then w ← w - η v, or, with nesterov, w - η (g + μ v)
        rate_place `inside`: v ← μ v + η g, then w ← w - v, or, with nesterov, w - (η g + μ v)
    `rmsprop`
        v ← β2 v + (1 - β2) g², then w ← w - η g / D
    `adam`, `adamw`
        m ← β1 m + (1 - β1) g, v ← β2 v + (1 - β2) g², then w ← w - η m̂ / D,
        with m̂ = m / (1 - β1^t) and v̂ = v / (1 - β2^t)

    The velocity of `momentum` is the slot `velocity`; m and v are the slots `m` and `v`.

    Parameters
    ----------
    weight_decay, decay
        λ. `coupled` puts g + λ w in place of g, before anything else; `decoupled` subtracts η λ w
        besides, of the w before the step. `adam` is coupled and `adamw` decoupled by name.
    epsilon_place
        Where ε stands in D: `outside` √v̂ + ε, `inside` √(v̂ + ε), `uncorrected` √v̂ + ε/√(1 - β2^t),
        which is ε added before the correction, if there is one. v̂ is v where nothing is corrected.
    bias_correction
        `float64`: the powers of β and their differences from 1 are computed in float64, whatever
        the dtype of the run; `dtype`: from β rounded to it, in it; `none`: m̂ = m and v̂ = v.

    Every number is float64, and rounded once to the dtype of the run where it meets its arrays; so
    is 1 - β, which is taken in float64 before.

    Raises
    ------
    UsageError
        A number out of range, a name that is not known, a field that the optimizer does not have,
        an ε before a bias correction that is not made.
    """

    learning_rate: float
    name: str = "sgd"
    momentum: float = _UNSAID
    nesterov: bool = _UNSAID
    rate_place: str = _UNSAID
    beta1: float = _UNSAID
    beta2: float = _UNSAID
    epsilon: float = _UNSAID
    epsilon_place: str = _UNSAID
    bias_correction: str = _UNSAID
    weight_decay: float = _UNSAID
    decay: str = _UNSAID

    def __post_init__(self) -> None:
        require_known("optimizer", self.name, tuple(OPTIMIZERS))
        rate = _number(self.learning_rate, "learning rate", 0.05)
        if not 0 < rate <= sys.float_info.max:
            raise UsageError(
                f"learning rate {self.learning_rate!r} cannot be used; expected a finite number "
                "above 0, such as 0.05."
            )
        object.__setattr__(self, "learning_rate", rate)
        own = OPTIMIZERS[self.name]
        for key in _FIELDS:
            value = getattr(self, key)
            if key in own:
                chosen = own[key] if value is None else _checked(key, value)
                object.__setattr__(self, key, chosen)
            elif key == "decay" and self.name in _BY_NAME:
                self._require_decay_by_name(value)
            elif value is not None:
                raise UsageError(
                    f"{self.name} has no field {key!r}; it has learning_rate, {', '.join(own)}."
                )
        if not self.weight_decay and self.name not in _BY_NAME:
            object.__setattr__(self, "decay", COUPLED)  # nothing decays: both are one
        self._require_some_correction()

    def _require_some_correction(self) -> None:
        corrects = self.bias_correction not in (None, NONE)
        if self.epsilon_place == UNCORRECTED and not corrects:
            raise UsageError(
                f"epsilon_place is {UNCORRECTED!r}, which is before the bias correction, and there "
                f"is none; expected {OUTSIDE!r} or {INSIDE!r}."
            )

    def _require_decay_by_name(self, value: str | None) -> None:
        if value not in (None, _BY_NAME[self.name]):
            other = next(name for name, kind in _BY_NAME.items() if kind != _BY_NAME[self.name])
            raise UsageError(
                f"{self.name} decays {_BY_NAME[self.name]} by name; for {value!r} decay take "
                f"{other}."
            )
        object.__setattr__(self, "decay", _BY_NAME[self.name])

    @property
    def slots(self) -> tuple[str, ...]:
        """The names of what it carries from step to step."""
        return SLOTS[self.name]

    @property
    def is_plain(self) -> bool:
        """Whether it is w ← w - η g and nothing else."""
        return self.name == "sgd" and not self.weight_decay

    @property
    def coupled_decay(self) -> float:
        """λ where it is added to the gradient, else 0."""
        return self.weight_decay if self.decay == COUPLED else 0.0

    @property
    def decoupled_decay(self) -> float:
        """λ where it shrinks the parameters apart from the gradient, else 0."""
        return self.weight_decay if self.decay == DECOUPLED else 0.0

    def rounded(self, dtype: str) -> Optimizer:
        """Return it with its learning rate rounded once to the dtype, as backends get it.

        Raises
        ------
        UsageError
            A number becomes useless there: a learning rate, an ε or a decay of 0 or infinity, a β
            of 1.
        """
        for key in ("learning_rate", "epsilon", "weight_decay", *_SHARES):
            value = getattr(self, key)
            if not value:
                continue
            near = _in_dtype(value, dtype)
            # A subnormal ε may be flushed, and nothing would keep the divisor from 0.
            least = float(np.finfo(dtype).smallest_normal) if key == "epsilon" else 0.0
            if not (near and least <= near < math.inf):
                raise UsageError(
                    f"{key.replace('_', ' ')} {value!r} rounds to {near} in {dtype}; expected one "
                    f"that {dtype} can hold."
                )
            if key in _SHARES and near == 1:
                raise UsageError(
                    f"{key.replace('_', ' ')} {value!r} rounds to 1 in {dtype}; expected one that "
                    "is less than 1 there, too."
                )
        return replace(self, learning_rate=_in_dtype(self.learning_rate, dtype))

    def to_json(self) -> dict[str, Any]:
        """Return the optimizer as JSON-ready data: its own fields, but no decay that is none."""
        own = {key: getattr(self, key) for key in OPTIMIZERS[self.name]}
        if not self.weight_decay and not OPTIMIZERS[self.name]["weight_decay"]:
            own = {key: value for key, value in own.items() if key not in _DECAY}
        return {"name": self.name, "learning_rate": self.learning_rate, **own}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Optimizer:
        """Read what `to_json` wrote. Raises UsageError on a missing or unknown field."""
        return from_json(cls, data, required=("learning_rate",))

    def __str__(self) -> str:
        """Name it with what differs from its defaults."""
        own = OPTIMIZERS[self.name]
        said = [
            _WORDS.get((key, value), f"{key.replace('_', ' ')} {value}")
            for key, default in own.items()
            if (value := getattr(self, key)) != default or key in _ALWAYS
        ]
        named = {"sgd": "SGD", "rmsprop": "RMSprop", "adam": "Adam", "adamw": "AdamW"}
        told = f"{named.get(self.name, self.name)} at {self.learning_rate!r}"
        return told + (f" ({', '.join(said)})" if said else "")


_FIELDS = tuple(dict.fromkeys(key for own in OPTIMIZERS.values() for key in own))
_SHARES = ("momentum", "beta1", "beta2")
_BY_NAME = {"adam": COUPLED, "adamw": DECOUPLED}
_ALWAYS = {"momentum"}
_WORDS = {
    ("nesterov", True): "Nesterov",
    ("rate_place", INSIDE): "rate inside the velocity",
    ("epsilon_place", INSIDE): "ε inside the root",
    ("epsilon_place", UNCORRECTED): "ε before the bias correction",
    ("bias_correction", DTYPE): "bias correction in the run's dtype",
    ("bias_correction", NONE): "no bias correction",
    ("decay", DECOUPLED): "decoupled",
}


def _checked(key: str, value: Any) -> Any:
    """Hold the value of a field to what it may be."""
    if key == "nesterov":
        if not isinstance(value, bool):
            raise UsageError(f"nesterov is {value!r}; expected true or false.")
        return value
    if key in _CHOICES:
        require_known(key, value, _CHOICES[key])
        return value
    number = _number(value, key, {"epsilon": 1e-8, "weight_decay": 0.01}.get(key, 0.9))
    if key in _SHARES:
        fits, what = 0 <= number < 1, "a number from 0 to below 1"
    elif key == "epsilon":
        # With 0 the first gradient of 0 would be divided by 0.
        fits, what = 0 < number < math.inf, "a finite number above 0"
    else:
        fits, what = 0 <= number < math.inf, "a finite number, 0 or above"
    if not fits:
        raise UsageError(f"{key} is {value!r}; expected {what}.")
    return number


def _in_dtype(value: float, dtype: str) -> float:
    with np.errstate(over="ignore", under="ignore"):
        return float(np.dtype(dtype).type(value))


def _number(value: Any, what: str, such_as: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UsageError(f"{what} {value!r} is no number; expected one such as {such_as}.")
    try:
        return float(value)
    except OverflowError:
        return math.inf  # which no field may be
