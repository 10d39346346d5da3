"""A backend that offers its functions, exact ones, or spoilt on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from shared.backend import Array, Backend, Elementary
from shared.calibration.samples import Density
from shared.calibration.truth import exact
from shared.network import Network
from shared.optimizer import Optimizer
from shared.registry import Loaded, Source

Spoil: TypeAlias = Callable[[str, Array, Array], Array]
"""(function, x, right results) -> results."""

FEW = Density(dense=20, sparse=1, wide=20, near=1, again=50, pieces=3)
FEWEST = Density(dense=20, sparse=1, wide=20, near=0, again=50, pieces=3)
FEWEST_OF_BOTH = {"float64": FEWEST, "float32": FEWEST}


def rounded(function: str, x: Array) -> Array:
    """Return the floats nearest to the exact values."""
    with np.errstate(over="ignore"):
        return exact(function, x).high.astype(x.dtype)


class Right(Backend, Elementary):
    """Rounds the exact values; trains nothing."""

    framework = "numpy"

    def __init__(
        self, network: Network, optimizer: Optimizer, dtype: str, device: str = "cpu"
    ) -> None:
        pass

    def elementary(self, name: str, x: Array) -> Array:
        return rounded(name, x)

    def evaluate(self, *_: Any) -> Any:
        raise NotImplementedError

    def gradients(self, *_: Any) -> Any:
        raise NotImplementedError

    def update(self, *_: Any) -> Any:
        raise NotImplementedError

    def train(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError


def backend(kind: type[Backend] = Right, name: str = "mine") -> Loaded:
    """Return a backend class as the registry would."""
    return Loaded(Source(name, f"impls.{name}"), kind, "1.2.3")


def spoilt(spoil: Spoil) -> Loaded:
    """Return a backend whose results are spoilt."""

    class Spoilt(Right):
        def elementary(self, name: str, x: Array) -> Array:
            return spoil(name, x, super().elementary(name, x))

    return backend(Spoilt)
