"""Problems for the certificate to be tried on: random data for networks of many sizes and kinds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shared.network import Network
from shared.optimizer import Optimizer
from shared.problems import Problem

RANDOM_PROBLEMS = {"5-4-3-2": 7, "64-30-10": 10, "20-50-50-10": 32}
"""Batch sizes. Each network makes 400 steps, from each of three seeds."""

BATCHES, EPOCHS = 20, 20

KIND_SIZES = {"12-9-5": 10, "12-9-7-5": 11}
"""Batch sizes of the networks that are made of every kind."""

KIND_EPOCHS = 5

ENDS = (
    ("sigmoid", "mean_squared_error"),
    ("identity", "mean_squared_error"),
    ("sigmoid", "quadratic_cost"),
    ("identity", "quadratic_cost"),
    ("sigmoid", "binary_cross_entropy"),
    ("softmax", "categorical_cross_entropy"),
)
"""Outputs and losses that go together."""


def random_problem(name: str) -> Problem:
    """Return random data for a sigmoid network: inputs N(0, 1) / √n_0, targets in [0, 1]."""
    network = Network(_sizes(name))
    return _problem(name, network, RANDOM_PROBLEMS[name], EPOCHS, Optimizer(0.05))


def kind_problems() -> Iterator[Problem]:
    """Yield a problem for every kind of network: hidden activation, output, loss, two depths."""
    for name, batch_size in KIND_SIZES.items():
        for hidden in ("sigmoid", "tanh", "relu"):
            for output, loss in ENDS:
                network = Network(_sizes(name), hidden, output, loss)
                title = f"{name} {hidden}, {output}, {loss.replace('_', ' ')}"
                yield _problem(title, network, batch_size, KIND_EPOCHS, Optimizer(0.1))


def _problem(
    name: str, network: Network, batch_size: int, epochs: int, optimizer: Optimizer
) -> Problem:
    random = np.random.default_rng(0)
    samples, inputs, outputs = BATCHES * batch_size, network.sizes[0], network.sizes[-1]
    x = random.normal(size=(samples, inputs)) / np.sqrt(inputs)
    y = random.uniform(size=(samples, outputs))
    if network.output == "softmax":
        y = np.eye(outputs)[y.argmax(axis=-1)]
    return Problem(
        name=name, title="", origin="", features=(), classes=(), people=(), x=x, y=y,
        network=network, optimizer=optimizer, epochs=epochs, batch_size=batch_size,
    )  # fmt: skip


def _sizes(name: str) -> tuple[int, ...]:
    return tuple(map(int, name.split("-")))
