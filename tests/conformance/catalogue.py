"""The networks and optimizers that a backend is checked on, each by a short name.

They are small and of every kind: those that a spec takes where it says little, and the choices of
each field of an optimizer. A spec of the user's own adds the two that it is about.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from shared.errors import UsageError
from shared.network import Network
from shared.optimizer import DECOUPLED, DTYPE, INSIDE, NONE, UNCORRECTED, Optimizer
from shared.problems import DTYPES
from shared.spec.read import read_spec

SPEC = "spec"
"""The name of the network and of the optimizer of a spec."""

NETWORKS = {
    "2-2-1": Network((2, 2, 1)),
    "3-5-2": Network((3, 5, 2), "tanh", "identity"),
    "4-3-3": Network((4, 3, 3), "relu", "softmax", "categorical_cross_entropy"),
    "2-4-3": Network((2, 4, 3), "tanh", "softmax", "categorical_cross_entropy"),
    "3-4-1": Network((3, 4, 1), loss="binary_cross_entropy"),
    "2-4-1": Network((2, 4, 1), "tanh", loss="binary_cross_entropy"),
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

OPTIONS = {
    "sgd-decoupled": Optimizer(0.3, weight_decay=0.125, decay=DECOUPLED),
    "momentum-mu": Optimizer(0.1, "momentum", momentum=0.5),
    "momentum-decay": Optimizer(0.1, "momentum", weight_decay=0.125),
    "momentum-decoupled": Optimizer(0.1, "momentum", weight_decay=0.125, decay=DECOUPLED),
    "momentum-inside-decay": Optimizer(0.1, "momentum", rate_place=INSIDE, weight_decay=0.125),
    "momentum-inside-decoupled": Optimizer(
        0.1, "momentum", rate_place=INSIDE, weight_decay=0.125, decay=DECOUPLED
    ),
    "nesterov-inside": Optimizer(0.1, "momentum", nesterov=True, rate_place=INSIDE),
    "nesterov-decay": Optimizer(0.1, "momentum", nesterov=True, weight_decay=0.125),
    "nesterov-decoupled": Optimizer(
        0.1, "momentum", nesterov=True, weight_decay=0.125, decay=DECOUPLED
    ),
    "rmsprop-beta2": Optimizer(0.02, "rmsprop", beta2=0.75),
    "rmsprop-epsilon": Optimizer(0.02, "rmsprop", epsilon=0.001),
    "rmsprop-inside": Optimizer(0.02, "rmsprop", epsilon=0.001, epsilon_place=INSIDE),
    "rmsprop-decay": Optimizer(0.02, "rmsprop", weight_decay=0.125),
    "rmsprop-decoupled": Optimizer(0.02, "rmsprop", weight_decay=0.125, decay=DECOUPLED),
    "adam-betas": Optimizer(0.02, "adam", beta1=0.5, beta2=0.75),
    "adam-epsilon": Optimizer(0.02, "adam", epsilon=0.001),
    "adam-inside": Optimizer(0.02, "adam", epsilon=0.001, epsilon_place=INSIDE),
    "adam-uncorrected": Optimizer(0.02, "adam", epsilon=0.001, epsilon_place=UNCORRECTED),
    "adam-in-dtype": Optimizer(0.02, "adam", bias_correction=DTYPE),
    "adam-no-correction": Optimizer(0.02, "adam", bias_correction=NONE),
    "adam-decay": Optimizer(0.02, "adam", weight_decay=0.125),
    "adamw-inside": Optimizer(
        0.02, "adamw", weight_decay=0.125, epsilon=0.001, epsilon_place=INSIDE
    ),
    "adamw-uncorrected": Optimizer(
        0.02, "adamw", weight_decay=0.125, epsilon=0.001, epsilon_place=UNCORRECTED
    ),
    "adamw-in-dtype": Optimizer(0.02, "adamw", weight_decay=0.125, bias_correction=DTYPE),
    "adamw-no-correction": Optimizer(0.02, "adamw", weight_decay=0.125, bias_correction=NONE),
}
"""What the fields of the optimizers above can be besides; only updates depend on it.

ε is large where its place is to be seen, in float32, too.
"""


@dataclass(frozen=True, slots=True)
class Own:
    """The network and the optimizer of a user's own spec, and the name of its file."""

    file: str
    network: Network
    optimizer: Optimizer

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The dtypes that can hold the optimizer's numbers."""
        return tuple(dtype for dtype in DTYPES if _fits(self.optimizer, dtype))

    def __str__(self) -> str:
        return f"{self.network}, {self.network.loss}, by {self.optimizer}"


@cache
def own_of(path: Path) -> Own:
    """Read a spec for its network and its optimizer.

    Raises
    ------
    UsageError
        Something is wrong, in the file or in its data; the file, the line and the field are told.
    ProblemUnavailable
        The package that holds a built-in problem's data is not installed.
    """
    one = read_spec(path).problem
    return Own(path.name, one.network, one.optimizer)


def networks(own: Own | None) -> dict[str, Network]:
    """Return the networks by name, that of a spec first."""
    return {SPEC: own.network, **NETWORKS} if own else NETWORKS


def optimizers(own: Own | None, dtype: str) -> dict[str, Optimizer]:
    """Return the optimizers by name, that of a spec first if the dtype can hold its numbers."""
    return {SPEC: own.optimizer, **OPTIMIZERS} if own and dtype in own.dtypes else OPTIMIZERS


def _fits(optimizer: Optimizer, dtype: str) -> bool:
    try:
        optimizer.rounded(dtype)
    except UsageError:
        return False
    return True
