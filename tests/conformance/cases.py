"""What a backend is checked on: small networks, every optimizer, both dtypes, and samples.

Evaluation and gradients do not depend on the optimizer, and the optimizer hardly on the network;
so each network is taken with one optimizer, and each optimizer with one network.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from shared.backend import Array
from shared.network import Network
from shared.optimizer import INSIDE, Optimizer
from shared.problems import DTYPES, Problem, problem

SAMPLES, BATCH_SIZE, EPOCHS = 6, 3, 4

NETWORKS = {
    "2-2-1": Network((2, 2, 1)),
    "3-5-2": Network((3, 5, 2), "tanh", "identity"),
    "4-3-3": Network((4, 3, 3), "relu", "softmax", "categorical_cross_entropy"),
    "3-4-1": Network((3, 4, 1), loss="binary_cross_entropy"),
    "4-4-3-2": Network((4, 4, 3, 2), loss="quadratic_cost"),
}

OPTIMIZERS = {
    "sgd": Optimizer(0.3),
    "sgd-decay": Optimizer(0.3, weight_decay=0.125),
    "momentum": Optimizer(0.1, "momentum"),
    "momentum-inside": Optimizer(0.1, "momentum", rate_place=INSIDE),
    "nesterov": Optimizer(0.1, "momentum", nesterov=True),
    "rmsprop": Optimizer(0.02, "rmsprop"),
    "adam": Optimizer(0.02, "adam"),
    "adamw": Optimizer(0.02, "adamw", weight_decay=0.125),
}


@dataclass(frozen=True, slots=True)
class Case:
    """A network and an optimizer by their names here, and a dtype."""

    network: str
    optimizer: str
    dtype: str

    def __str__(self) -> str:
        return f"{self.network}, {self.optimizer}, {self.dtype}"

    @property
    def problem(self) -> Problem:
        """A short training of the network by the optimizer."""
        return _problem(self.network, self.optimizer)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A case of which a part may be left open: the first one then that a backend supports."""

    network: str | None
    optimizer: str | None
    dtype: str

    def __str__(self) -> str:
        return "-".join(part for part in (self.network, self.optimizer, self.dtype) if part)

    def cases(self) -> Iterator[Case]:
        """Yield the cases that would do, the preferred one first."""
        for network in [self.network] if self.network else NETWORKS:
            for optimizer in [self.optimizer] if self.optimizer else OPTIMIZERS:
                yield Case(network, optimizer, self.dtype)


EVERY = [Wanted(n, o, dtype) for n in NETWORKS for o in OPTIMIZERS for dtype in DTYPES]
BY_NETWORK = [Wanted(network, None, dtype) for network in NETWORKS for dtype in DTYPES]
BY_OPTIMIZER = [Wanted(None, optimizer, dtype) for optimizer in OPTIMIZERS for dtype in DTYPES]

FEW = [
    Wanted("2-2-1", "sgd", "float64"),
    Wanted("3-5-2", "nesterov", "float32"),
    Wanted("4-3-3", "adam", "float64"),
    Wanted("3-4-1", "momentum-inside", "float32"),
    Wanted("4-4-3-2", "adamw", "float64"),
]
"""For the backends in impls/, which have tests of their own, and of which one compiles slowly."""


@cache
def _problem(network: str, optimizer: str) -> Problem:
    x, y = _samples(NETWORKS[network])
    return replace(
        problem("people16"),
        name="conformance",
        features=(),
        classes=(),
        people=(),
        x=x,
        y=y,
        network=NETWORKS[network],
        optimizer=OPTIMIZERS[optimizer],
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
