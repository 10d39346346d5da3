"""The named problems: data, network, optimizer, and how long to train.

A problem says everything that a run depends on but the seed, the dtype and the backends. Its
numbers are float64; `Problem.dataset` rounds them to the run's dtype once, for every backend.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any, TypeAlias

import numpy as np

from shared.backend import Array, Dataset
from shared.errors import UsageError, nearest
from shared.network import Network, Optimizer

MOST_EPOCHS = 10_000_000
DTYPES = ("float64", "float32")

Rows: TypeAlias = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Feature:
    """One input column: the quantity in its unit, less a round number."""

    name: str
    unit: str
    subtracted: float

    def __str__(self) -> str:
        return f"{self.name} in {self.unit} - {self.subtracted:g}"


@dataclass(frozen=True, slots=True)
class Person:
    """Someone outside the data, to be asked about after training."""

    name: str
    values: tuple[float, ...]
    x: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be learned, by which network, in which steps.

    x, y
        N rows of n_0 and of n_L numbers.
    classes
        What an output below one half means, and one above.
    batch_size
        Samples per step, in file order; a last batch may be smaller.
    curve_every
        The loss curve is taken before training, after epochs 1, 1 + curve_every,
        1 + 2 curve_every, ..., and after the last one.
    """

    name: str
    title: str
    origin: str
    features: tuple[Feature, ...]
    classes: tuple[str, str]
    people: tuple[Person, ...]
    x: Rows
    y: Rows
    network: Network
    optimizer: Optimizer
    epochs: int
    batch_size: int = 1
    curve_every: int = 10

    def __post_init__(self) -> None:
        if isinstance(self.epochs, bool) or not isinstance(self.epochs, int):
            raise UsageError(f"epochs is {self.epochs!r}; expected a whole number.")
        if not 1 <= self.epochs <= MOST_EPOCHS:
            raise UsageError(f"epochs is {self.epochs:,}; expected 1 to {MOST_EPOCHS:,}.")
        for what, value in (("batch_size", self.batch_size), ("curve_every", self.curve_every)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"{what} is {value!r}; expected a whole number, 1 or more.")
        if not self.x or len(self.x) != len(self.y):
            raise UsageError(
                f"the data has {len(self.x)} rows of inputs and {len(self.y)} of targets; "
                "expected one of each for every sample, and one sample at least."
            )
        for rows, what, width in (
            (self.x, "inputs", self.network.sizes[0]),
            (self.y, "targets", self.network.sizes[-1]),
        ):
            if any(len(row) != width for row in rows):
                raise UsageError(
                    f"a row of {what} has another width than the network's {width}; expected "
                    f"{width} numbers in each."
                )

    @property
    def steps_per_epoch(self) -> int:
        """How many steps show every sample once."""
        return math.ceil(len(self.x) / self.batch_size)

    @property
    def step_count(self) -> int:
        """How many steps the whole training makes."""
        return self.epochs * self.steps_per_epoch

    @property
    def curve_epochs(self) -> tuple[int, ...]:
        """The numbers of finished epochs at which the curve is taken; 0 is before training."""
        return tuple(sorted({0, *range(1, self.epochs + 1, self.curve_every), self.epochs}))

    def dataset(self, dtype: str) -> Dataset:
        """Return x (N, n_0) and y (N, n_L), rounded once to the dtype, read-only."""
        return Dataset(_array(self.x, dtype), _array(self.y, dtype))

    def class_of(self, output: float) -> str | None:
        """Name the class of an output; None for a NaN."""
        return None if math.isnan(output) else self.classes[output > 0.5]

    def changed(self, epochs: int | None = None, learning_rate: float | None = None) -> Problem:
        """Return the problem with another length or learning rate."""
        problem = self
        if epochs is not None:
            problem = replace(problem, epochs=epochs)
        if learning_rate is not None:
            optimizer = replace(self.optimizer, learning_rate=learning_rate)
            problem = replace(problem, optimizer=optimizer)
        return problem

    def to_json(self) -> dict[str, Any]:
        """Return what identifies the problem; the data is named by its digest."""
        numbers = self.dataset("float64")
        digest = hashlib.sha256(numbers.x.tobytes() + numbers.y.tobytes()).hexdigest()
        return {
            "name": self.name,
            "features": [str(feature) for feature in self.features],
            "classes": list(self.classes),
            "samples": len(self.x),
            "data_sha256": digest,
            "network": self.network.to_json(),
            "optimizer": self.optimizer.to_json(),
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "steps": self.step_count,
        }


def require_dtype(dtype: str) -> str:
    """Return the dtype's name, or raise UsageError with the names there are."""
    if dtype not in DTYPES:
        raise UsageError(
            f"unknown dtype {dtype!r}; known: {', '.join(DTYPES)}." + nearest(dtype, DTYPES)
        )
    return dtype


def problem_names() -> tuple[str, ...]:
    """Return the names that `problem` accepts."""
    return tuple(_PROBLEMS)


def problem(name: str) -> Problem:
    """Return a named problem. Raises UsageError with the nearest name."""
    if name not in _PROBLEMS:
        names = problem_names()
        raise UsageError(
            f"unknown problem {name!r}; known: {', '.join(names)}." + nearest(name, names)
        )
    return _PROBLEMS[name]()


def _people16() -> Problem:
    return _people("people16", learning_rate=0.05, epochs=5000)


def _people16_centered() -> Problem:
    raw = _people16()
    # Means are rounded once, from the exact sum, so that no order of summation enters the data.
    means = [math.fsum(column) / len(column) for column in zip(*raw.x, strict=True)]
    return replace(
        raw,
        name="people16-centered",
        title=f"{raw.title}, column means subtracted",
        x=tuple(_minus(row, means) for row in raw.x),
        people=tuple(replace(person, x=_minus(person.x, means)) for person in raw.people),
    )


def _people4() -> Problem:
    return _people("people4", learning_rate=0.1, epochs=1000)


_PROBLEMS: dict[str, Callable[[], Problem]] = {
    "people16": _people16,
    "people16-centered": _people16_centered,
    "people4": _people4,
}


def _people(name: str, learning_rate: float, epochs: int) -> Problem:
    table = json.loads(resources.files("shared.data").joinpath(f"{name}.json").read_text("utf-8"))
    return Problem(
        name=name,
        title=table["title"],
        origin=table["origin"],
        features=tuple(Feature(**feature) for feature in table["features"]),
        classes=tuple(table["target"]["classes"]),
        people=tuple(
            Person(person["name"], tuple(person["values"]), _floats(person["x"]))
            for person in table["people"]
        ),
        x=tuple(_floats(row[:-1]) for row in table["rows"]),
        y=tuple(_floats(row[-1:]) for row in table["rows"]),
        network=Network((2, 2, 1)),
        optimizer=Optimizer(learning_rate),
        epochs=epochs,
    )


def _floats(row: Sequence[float]) -> tuple[float, ...]:
    return tuple(map(float, row))


def _minus(row: Sequence[float], means: Sequence[float]) -> tuple[float, ...]:
    return tuple(value - mean for value, mean in zip(row, means, strict=True))


def _array(rows: Rows, dtype: str) -> Array:
    array = np.array(rows, dtype=np.float64).astype(dtype)
    array.flags.writeable = False
    return array
