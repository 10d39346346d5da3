"""Which other formula would explain an update that the problem's own does not.

A finding proves that something else was computed; most often it is another optimizer of the same
family, with one choice made otherwise. Each such choice is tried on the numbers that failed, and
what explains all of them is named. It is a hint beside the verdict, and changes nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from shared.backend import Array
from shared.certificate.decision import Judged
from shared.certificate.update_numbers import Numbers
from shared.certificate.update_ways import PARAMETER
from shared.errors import UsageError
from shared.optimizer import Optimizer

Decide: TypeAlias = Callable[[Optimizer, Array, Numbers, Array], Judged]
"""(optimizer, steps, numbers, value) -> the values judged under that optimizer."""

MOST_STEPS = 20
"""The cause is looked for in as many of the steps that failed."""


def named_cause(
    decide: Decide, optimizer: Optimizer, slot: str, steps: Array, numbers: Numbers,
    value: Array, failed: Array,
) -> str:  # fmt: skip
    """Return a sentence on the choice that explains the first steps that failed, or nothing.

    Shapes: steps (s,), all else (s, *R, ...).
    """
    # Of the first steps that failed all numbers, those that passed too: of a few that are a last
    # bit off, some formula nearby would explain one by chance.
    rows = np.unique(np.nonzero(failed)[0])[:MOST_STEPS]
    some = numbers.each(lambda a: a[rows])
    for words, other, late in _others(optimizer, slot):
        at = np.maximum(steps[rows] + late, 1)
        if not decide(other, at, some, value[rows]).any_failed:
            return f"It is what {words} gives."
    return ""


def _others(optimizer: Optimizer, slot: str) -> Iterator[tuple[str, Optimizer, int]]:
    """Yield optimizers with one choice made otherwise, and by how much t is counted otherwise."""
    for words, choice in _CHOICES:
        own = {key: getattr(optimizer, key) for key in choice}
        if None not in own.values() and own != choice:
            try:
                yield words, _with(optimizer, choice), 0
            except UsageError:
                continue  # a choice that does not go with the others
    for key, symbol, usual in _USUAL:
        for number in usual:
            if getattr(optimizer, key) not in (None, number):
                yield f"{symbol} = {number!r}", _with(optimizer, {key: number}), 0
    if optimizer.coupled_decay and slot != PARAMETER:
        # Nothing that is carried tells these two apart.
        yield "weight decay that is decoupled, or none,", _undecayed(optimizer), 0
    elif optimizer.weight_decay:
        yield "an update without weight decay", _undecayed(optimizer), 0
        if optimizer.name != "sgd":  # of which both are one
            yield from _decayed_otherwise(optimizer)
    if optimizer.bias_correction is not None:
        yield "a bias correction that is a step behind, with t - 1,", optimizer, -1
        yield "a bias correction that is a step ahead, with t + 1,", optimizer, 1


_CHOICES = (
    ("ε outside the root", {"epsilon_place": "outside"}),
    ("ε inside the root", {"epsilon_place": "inside"}),
    ("ε added before the bias correction", {"epsilon_place": "uncorrected"}),
    ("an update without bias correction", {"bias_correction": "none"}),
    ("a bias correction in the dtype of the run", {"bias_correction": "dtype"}),
    ("a bias correction in float64", {"bias_correction": "float64"}),
    ("Nesterov's step", {"nesterov": True}),
    ("a step without Nesterov's look ahead", {"nesterov": False}),
    ("a learning rate inside the velocity", {"rate_place": "inside"}),
    ("a learning rate outside the velocity", {"rate_place": "outside"}),
)


_USUAL = (
    ("epsilon", "ε", (1e-8, 1e-7, 1e-6, 1e-5, 1e-10, 1e-12)),
    ("beta1", "β1", (0.9, 0.95, 0.5, 0.0)),
    ("beta2", "β2", (0.999, 0.99, 0.9, 0.95, 0.98)),
    ("momentum", "μ", (0.9, 0.99, 0.95, 0.5, 0.0)),
)
"""Numbers that libraries and papers take."""


def _with(optimizer: Optimizer, changes: Mapping[str, Any]) -> Optimizer:
    return replace(optimizer, **changes)


def _undecayed(optimizer: Optimizer) -> Optimizer:
    return replace(optimizer, weight_decay=0.0)


def _decayed_otherwise(optimizer: Optimizer) -> Iterator[tuple[str, Optimizer, int]]:
    """Yield the optimizer with its decay coupled instead of decoupled, or the other way round."""
    other = "decoupled" if optimizer.decay == "coupled" else "coupled"
    named = {"adam": "adamw", "adamw": "adam"}
    if optimizer.name in named:
        changed = replace(optimizer, name=named[optimizer.name], decay=other)
    else:
        changed = replace(optimizer, decay=other)
    yield f"weight decay that is {other}", changed, 0
