"""Small problems for networks of every kind: all functions, losses, depths, orders, soft labels.

Several have batches of more than eight, and layers as wide: from there on sums are cut in two.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from shared.backend import Array
from shared.named_problems import problem
from shared.network import Network
from shared.optimizer import Optimizer
from shared.problems import HeldOut, Problem

MSE, QUADRATIC = "mean_squared_error", "quadratic_cost"
BINARY, CATEGORICAL = "binary_cross_entropy", "categorical_cross_entropy"


def made(network: Network, samples: int, batch_size: int, rate: float, epochs: int = 4) -> Problem:
    """Drawn samples with targets as the loss wants them."""
    x, y = drawn(np.random.RandomState(11), network, samples)
    return replace(
        problem("people16"),
        name="made",
        classes=(),
        people=(),
        x=x,
        y=y,
        network=network,
        optimizer=Optimizer(rate),
        epochs=epochs,
        batch_size=batch_size,
        curve_every=2,
    )


def drawn(draw: np.random.RandomState, network: Network, samples: int) -> tuple[Array, Array]:
    """Inputs on both sides of zero; quantities, or labels in sixteenths, some of them soft."""
    n = network.sizes[-1]
    y: Array = draw.randint(0, 17, size=(samples, n)) / 16
    if network.output == "softmax":
        y = np.eye(n)[draw.randint(0, n, size=samples)]
        y[::3] = 0
        y[::3, :2] = 0.25, 0.75
    elif network.output == "identity":
        y = draw.normal(size=(samples, n))
    return draw.normal(size=(samples, network.sizes[0])), y


KINDS = {
    "sigmoid, squares": made(Network((10, 12, 3)), 24, 12, 0.45),
    "tanh twice, quadratic cost": made(Network((4, 5, 4, 2), "tanh", loss=QUADRATIC), 20, 10, 0.45),
    "relu twice, quantities": replace(
        made(Network((5, 10, 9, 2), "relu", "identity"), 30, 10, 0.01),
        order="shuffled",
    ),
    "tanh, quantities, one by one": made(
        Network((3, 4, 2), "tanh", "identity", QUADRATIC), 6, 1, 0.05
    ),
    "relu, two answers": replace(
        made(Network((6, 9, 2), "relu", loss=BINARY), 20, 9, 0.3),
        order="shuffled", last_batch="dropped",
    ),
    "no hidden layer, one answer": made(Network((4, 1), loss=BINARY), 16, 16, 0.7, epochs=8),
    "tanh twice, classes": made(
        Network((9, 10, 8, 4), "tanh", "softmax", CATEGORICAL), 22, 11, 0.3
    ),
    "relu, classes": replace(
        made(Network((12, 10, 3), "relu", "softmax", CATEGORICAL), 30, 10, 0.2),
        order="shuffled", initialization="fan_in_normal",
    ),
    "sigmoid, classes": made(Network((4, 5, 3), output="softmax", loss=CATEGORICAL), 12, 3, 0.45),
    "sigmoid, quantities": made(Network((3, 9, 1), output="identity"), 18, 9, 0.05),
}  # fmt: skip
"""Every hidden function with every kind of output at least once; each fits in one chunk."""


def ragged() -> Problem:
    """Batches of nine and a last one of two, in another order in every epoch."""
    return replace(KINDS["relu, two answers"], last_batch="kept")


def with_held_out(one: Problem) -> Problem:
    """Seven samples more that nobody trains on."""
    x, y = drawn(np.random.RandomState(12), one.network, 7)
    return replace(one, held_out=HeldOut(x, y, split="drawn"))


def wide(epochs: int = 13) -> Problem:
    """1,200 weights before the hidden layer and batches of twelve: its gradients are screened."""
    one = made(Network((40, 30, 3), "tanh", "softmax", CATEGORICAL), 24, 12, 0.1, epochs)
    return replace(one, initialization="fan_in_normal")


def softly_labelled(one: Problem) -> Problem:
    """Classes whose probabilities are no short binary fractions, and sum to 1 after rounding."""
    draw = np.random.RandomState(3)
    drawn_rows = (draw.dirichlet(np.ones(one.network.sizes[-1])) for _ in range(50 * len(one.x)))
    kept = [row for row in drawn_rows if math.fsum(row) == 1]
    return replace(one, y=np.array(kept[: len(one.x)]))
