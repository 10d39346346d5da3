"""Which networks, optimizers and dtypes go together in a check, and the short training of them.

Evaluation and gradients do not depend on the optimizer, and the optimizer hardly on the network;
so each network is taken with one optimizer, and each optimizer, and each option of one, with one
network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from shared.backend import Array
from shared.named_problems import problem
from shared.network import Network
from shared.optimizer import Optimizer
from shared.problems import DTYPES, Problem
from tests.conformance.catalogue import (
    NETWORKS,
    OPTIMIZERS,
    OPTIONS,
    SPEC,
    Own,
    networks,
    optimizers,
)

SAMPLES, BATCH_SIZE, EPOCHS = 6, 3, 4


@dataclass(frozen=True, slots=True)
class Case:
    """A network and an optimizer by their names in the catalogue, and a dtype.

    own
        What the name `spec` stands for, where there is a spec.
    """

    network: str
    optimizer: str
    dtype: str
    own: Own | None = None

    def __str__(self) -> str:
        return f"{self.network}, {self.optimizer}, {self.dtype}"

    @property
    def problem(self) -> Problem:
        """A short training of the network by the optimizer."""
        named = {**optimizers(self.own, self.dtype), **OPTIONS}
        return _problem(networks(self.own)[self.network], named[self.optimizer])


@dataclass(frozen=True, slots=True)
class Wanted:
    """A case of which a part may be left open: the first one then that a backend supports."""

    network: str | None
    optimizer: str | None
    dtype: str
    own: Own | None = None

    def __str__(self) -> str:
        return "-".join(part for part in (self.network, self.optimizer, self.dtype) if part)

    @property
    def is_option(self) -> bool:
        """Whether it asks for an option of an optimizer, which only updates depend on."""
        return self.optimizer in OPTIONS

    def cases(self) -> Iterator[Case]:
        """Yield the cases that would do, the preferred one first: what is known to be small."""
        for network in _open(self.network, networks(self.own)):
            for optimizer in _open(self.optimizer, optimizers(self.own, self.dtype)):
                yield Case(network, optimizer, self.dtype, self.own)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: all cases there are, those to be checked by network, and so on."""

    every: list[Wanted]
    by_network: list[Wanted]
    by_optimizer: list[Wanted]
    options: list[Wanted]


def all_of(own: Own | None) -> Asked:
    """Ask for everything, the network and optimizer of a spec first."""
    return Asked(
        [Wanted(n, o, d, own) for n in networks(own) for d in DTYPES for o in optimizers(own, d)],
        [Wanted(SPEC, SPEC, dtype, own) for dtype in (own.dtypes if own else ())]
        + [Wanted(network, None, dtype, own) for network in NETWORKS for dtype in DTYPES],
        [Wanted(None, optimizer, dtype, own) for optimizer in OPTIMIZERS for dtype in DTYPES],
        [Wanted(None, option, dtype, own) for option in OPTIONS for dtype in DTYPES],
    )


_FEW = [
    Wanted("2-2-1", "sgd", "float64"),
    Wanted("3-5-2", "nesterov", "float32"),
    Wanted("4-3-3", "adam", "float64"),
    Wanted("3-4-1", "momentum-inside", "float32"),
    Wanted("4-4-3-2", "adamw", "float64"),
]

FEW = Asked(_FEW, _FEW, [], [Wanted("2-2-1", option, "float32") for option in OPTIONS])
"""For the backends in impls/, which have tests of their own."""


def _open(name: str | None, named: dict[str, Network] | dict[str, Optimizer]) -> list[str]:
    """Return the name, or, where it is left open, those there are, that of a spec last."""
    return [name] if name else sorted(named, key=lambda one: one == SPEC)


@cache
def _problem(network: Network, optimizer: Optimizer) -> Problem:
    x, y = _samples(network)
    return replace(
        problem("people16"),
        name="conformance",
        features=(),
        classes=(),
        people=(),
        x=x,
        y=y,
        network=network,
        optimizer=optimizer,
        epochs=EPOCHS,
        batch_size=BATCH_SIZE,
        curve_every=2,
    )


def _samples(network: Network) -> tuple[Array, Array]:
    """Inputs on both sides of zero; targets as the loss wants them, some of them soft."""
    draw, n = np.random.RandomState(11), network.sizes[-1]
    x = draw.normal(size=(SAMPLES, network.sizes[0]))
    y: Array = draw.randint(0, 17, size=(SAMPLES, n)) / 16
    if network.output == "softmax":
        y = np.eye(n)[draw.randint(0, n, size=SAMPLES)]
        y[0] = np.eye(n)[0] / 4 + np.eye(n)[1] * 3 / 4
    elif network.output == "identity":
        y = draw.normal(size=(SAMPLES, n))
    return x, y
