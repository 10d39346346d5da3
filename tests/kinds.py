"""Every kind of network that is allowed, written out, and small cases of each for the backends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shared.backend import Array, Dataset, Params
from shared.network import Network

HIDDEN = ("sigmoid", "tanh", "relu")
OUTPUT_AND_LOSS = (
    ("sigmoid", "mean_squared_error"),
    ("sigmoid", "quadratic_cost"),
    ("identity", "mean_squared_error"),
    ("identity", "quadratic_cost"),
    ("sigmoid", "binary_cross_entropy"),
    ("softmax", "categorical_cross_entropy"),
)
N = 11
SIZES = (3, 4, 2)


@dataclass(frozen=True)
class Kind:
    """A network, 3-4-2 as a rule, with functions that go together, and made-up numbers for it."""

    activation: str = "sigmoid"
    output: str = "sigmoid"
    loss: str = "mean_squared_error"
    sizes: tuple[int, ...] = SIZES

    def __str__(self) -> str:
        wide = "" if self.sizes == SIZES else "x".join(map(str, self.sizes)) + "-"
        return f"{wide}{self.activation}-{self.output}-{self.loss}"

    @property
    def network(self) -> Network:
        return Network(self.sizes, self.activation, self.output, self.loss)

    def params(self, dtype: str, *replicas: int, seed: int = 7) -> Params:
        draw = np.random.RandomState(seed)
        shapes = self.network.param_shapes
        return tuple(draw.normal(size=(*replicas, *shape)).astype(dtype) for shape in shapes)

    def data(self, dtype: str) -> Dataset:
        """Inputs on both sides of zero; targets as the loss wants them, exact in any dtype."""
        draw = np.random.RandomState(8)
        x, n = draw.normal(size=(N, self.sizes[0])), self.sizes[-1]
        y = draw.randint(0, 17, size=(N, n)) / 16
        if self.output == "softmax":
            y = np.eye(n)[draw.randint(0, n, size=N)]
            y[::3] = 0
            y[::3, :2] = 0.25, 0.75
        elif self.output == "identity":
            y = draw.normal(size=(N, n))
        return Dataset(x.astype(dtype), y.astype(dtype))


def batches(steps: int, *replicas: int, m: int = 5) -> Array:
    """Other samples for each step and replica."""
    return np.random.RandomState(9).randint(0, N, (steps, *replicas, m))


KINDS = [Kind(hidden, *pair) for hidden in HIDDEN for pair in OUTPUT_AND_LOSS]
COVERING = [Kind(HIDDEN[(i + 1) % 3], *pair) for i, pair in enumerate(OUTPUT_AND_LOSS)]
"""Each output with each of its losses once, each hidden function twice: where compiling is slow."""
WIDE = [
    Kind("sigmoid", "sigmoid", "quadratic_cost", (24, 20, 4)),
    Kind("relu", "softmax", "categorical_cross_entropy", (24, 20, 4)),
]
"""With 584 parameters: a backend may carry many in another way than few."""
