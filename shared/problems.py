"""The named problems: data, network, optimizer, and how long to train.

A problem says everything that a run depends on but the seed, the dtype and the backends. Its
numbers are float64; `Problem.dataset` rounds them to the run's dtype once, for every backend.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from shared.backend import Array, Dataset
from shared.errors import UsageError, nearest
from shared.network import Network, Optimizer

MOST_EPOCHS = 10_000_000
DTYPES = ("float64", "float32")
INITIALIZATIONS = ("standard_normal", "fan_in_normal")
ORDERS = ("file", "shuffled")
LAST_BATCHES = ("kept", "dropped")

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
class HeldOut:
    """Samples that nobody trains on, and how they were set aside."""

    x: Rows
    y: Rows
    split: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be learned, by which network, in which steps.

    x, y
        N rows of n_0 and of n_L numbers.
    classes
        Of one output: what it means below one half, and above. Of several: what each stands for.
        Empty where the outputs are quantities and no classes.
    held_out
        Samples to measure the accuracy on, apart from those of the training.
    image
        Rows and columns of pixels, where a sample is a picture.
    initialization
        Where parameters start: `standard_normal` draws all of them from N(0, 1),
        `fan_in_normal` the weights from N(0, 1/n_in), and sets the biases to 0.
    batch_size, order, last_batch
        Samples per step; whether they come in `file` order, or `shuffled` anew in every epoch by
        the seed; and whether a last batch that is smaller is `kept` or `dropped`.
    curve_every
        The loss curve is taken before training, after epochs 1, 1 + curve_every,
        1 + 2 curve_every, ..., and after the last one.

    Raises
    ------
    UsageError
        Numbers out of range, rows of another width than the network's, targets that the loss
        cannot use.
    """

    name: str
    title: str
    origin: str
    features: tuple[Feature, ...]
    classes: tuple[str, ...]
    people: tuple[Person, ...]
    x: Rows
    y: Rows
    network: Network
    optimizer: Optimizer
    epochs: int
    batch_size: int = 1
    curve_every: int = 10
    held_out: HeldOut | None = None
    image: tuple[int, int] | None = None
    initialization: str = "standard_normal"
    order: str = "file"
    last_batch: str = "kept"

    def __post_init__(self) -> None:
        if isinstance(self.epochs, bool) or not isinstance(self.epochs, int):
            raise UsageError(f"epochs is {self.epochs!r}; expected a whole number.")
        if not 1 <= self.epochs <= MOST_EPOCHS:
            raise UsageError(f"epochs is {self.epochs:,}; expected 1 to {MOST_EPOCHS:,}.")
        for what, value in (("batch_size", self.batch_size), ("curve_every", self.curve_every)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"{what} is {value!r}; expected a whole number, 1 or more.")
        for what, name, names in (
            ("initialization", self.initialization, INITIALIZATIONS),
            ("order", self.order, ORDERS),
            ("last_batch", self.last_batch, LAST_BATCHES),
        ):
            if name not in names:
                raise UsageError(f"{what} is {name!r}; known: {', '.join(names)}.")
        inputs, outputs = self.network.sizes[0], self.network.sizes[-1]
        if len(self.classes) not in (0, max(2, outputs)):
            raise UsageError(
                f"{len(self.classes)} classes are named for {outputs} output(s); expected "
                f"{max(2, outputs)}, or none where the outputs are quantities."
            )
        if self.image and self.image[0] * self.image[1] != inputs:
            raise UsageError(
                f"a picture of {self.image[0]} x {self.image[1]} pixels has not the network's "
                f"{inputs} inputs."
            )
        _require_rows(self.x, self.y, self.network, "")
        if self.held_out:
            _require_rows(self.held_out.x, self.held_out.y, self.network, "held-out ")
        if not self.steps_per_epoch:
            raise UsageError(
                f"batch_size {self.batch_size:,} exceeds the {len(self.x):,} samples, and a "
                "smaller last batch is dropped: no step is left. Expected smaller batches."
            )

    @property
    def steps_per_epoch(self) -> int:
        """How many steps show every sample once."""
        full = len(self.x) // self.batch_size
        return full + (1 if self.is_ragged else 0)

    @property
    def is_ragged(self) -> bool:
        """Whether the last batch of an epoch is smaller than the others."""
        return self.last_batch == "kept" and len(self.x) % self.batch_size != 0

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

    def optimizer_in(self, dtype: str) -> Optimizer:
        """Return the optimizer with its learning rate rounded once to the dtype.

        Raises
        ------
        UsageError
            The learning rate is zero or infinite there.
        """
        rate = self.optimizer.learning_rate
        with np.errstate(over="ignore", under="ignore"):
            rounded = float(np.dtype(dtype).type(rate))
        if not (math.isfinite(rounded) and rounded > 0):
            raise UsageError(
                f"learning rate {rate!r} rounds to {rounded} in {dtype}; expected one that "
                f"{dtype} can hold."
            )
        return replace(self.optimizer, learning_rate=rounded)

    def held_out_dataset(self, dtype: str) -> Dataset | None:
        """Return the held-out samples likewise, or None where there are none."""
        if self.held_out is None:
            return None
        return Dataset(_array(self.held_out.x, dtype), _array(self.held_out.y, dtype))

    def class_of(self, output: float) -> str | None:
        """Name the class of the only output; None for a NaN."""
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
        return {
            "name": self.name,
            "features": [str(feature) for feature in self.features],
            "classes": list(self.classes),
            "samples": len(self.x),
            "data_sha256": _digest(self.dataset("float64")),
            "held_out": self._held_out_json(),
            "network": self.network.to_json(),
            "optimizer": self.optimizer.to_json(),
            "initialization": self.initialization,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "order": self.order,
            "last_batch": self.last_batch,
            "steps": self.step_count,
        }

    def _held_out_json(self) -> dict[str, Any] | None:
        held_out = self.held_out_dataset("float64")
        if self.held_out is None or held_out is None:
            return None
        return {
            "samples": len(self.held_out.x),
            "split": self.held_out.split,
            "data_sha256": _digest(held_out),
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
    return tuple(_builders())


def problem(name: str) -> Problem:
    """Return a named problem.

    Raises
    ------
    UsageError
        No problem has this name; the nearest one is told.
    ProblemUnavailable
        The package that holds its data is not installed.
    """
    builders = _builders()
    if name not in builders:
        raise UsageError(
            f"unknown problem {name!r}; known: {', '.join(builders)}." + nearest(name, builders)
        )
    return builders[name]()


def centred(one: Problem) -> Problem | None:
    """Return the named problem that has the same data with its column means subtracted.

    It is called as `one` is, and -centered, and is trained as long and at the same learning rate.
    None where there is no such problem.
    """
    name = f"{one.name}-centered"
    if name not in problem_names():
        return None
    return problem(name).changed(one.epochs, one.optimizer.learning_rate)


def _builders() -> dict[str, Callable[[], Problem]]:
    # Here and not above: these modules build problems, so they import this one.
    from shared import digits, people

    return {
        "people16": people.people16,
        "people16-centered": people.people16_centered,
        "people4": people.people4,
        "digits": digits.digits,
        "digits-softmax": digits.digits_softmax,
    }


def _require_rows(x: Rows, y: Rows, network: Network, which: str) -> None:
    if not x or len(x) != len(y):
        raise UsageError(
            f"the {which}data has {len(x)} rows of inputs and {len(y)} of targets; "
            "expected one of each for every sample, and one sample at least."
        )
    for rows, what, width in ((x, "inputs", network.sizes[0]), (y, "targets", network.sizes[-1])):
        if any(len(row) != width for row in rows):
            raise UsageError(
                f"a row of {which}{what} has another width than the network's {width}; expected "
                f"{width} numbers in each."
            )
    if network.from_logits and not all(0 <= value <= 1 for row in y for value in row):
        raise UsageError(f"{network.loss} needs targets from 0 to 1; got others.")
    if network.output == "softmax" and any(math.fsum(row) != 1 for row in y):
        raise UsageError(
            "categorical_cross_entropy needs targets that sum to 1 in each row, as one-hot rows "
            "do; got others."
        )


def _digest(data: Dataset) -> str:
    return hashlib.sha256(data.x.tobytes() + data.y.tobytes()).hexdigest()


def _array(rows: Rows, dtype: str) -> Array:
    array = np.array(rows, dtype=np.float64).astype(dtype)
    array.flags.writeable = False
    return array
