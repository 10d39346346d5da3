"""A problem: data, network, optimizer, and how long to train.

A problem says everything that a run depends on but the seed, the dtype and the backends. Its
numbers are float64; `Problem.dataset` rounds them to the run's dtype once, for every backend.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from shared.backend import Array, Dataset
from shared.errors import UsageError, nearest
from shared.network import Network
from shared.optimizer import Optimizer
from shared.samples import digest, require_samples, rounded, samples

MOST_EPOCHS = 10_000_000
DTYPES = ("float64", "float32")
INITIALIZATIONS = ("standard_normal", "fan_in_normal")
ORDERS = ("file", "shuffled")
LAST_BATCHES = ("kept", "dropped")


@dataclass(frozen=True, slots=True)
class Feature:
    """One input: a quantity in its unit, less a number, and over another.

    Examples
    --------
    >>> str(Feature("height", "cm", 150)), str(Feature("age", "", 41.5, 12.25))
    ('height in cm - 150', '(age - 41.5) / 12.25')
    """

    name: str
    unit: str
    subtracted: float
    divided: float = 1.0

    def __str__(self) -> str:
        told = f"{self.name} in {self.unit}" if self.unit else self.name
        if self.subtracted:
            told += f" {'-' if self.subtracted > 0 else '+'} {abs(self.subtracted):g}"
        if self.divided == 1:
            return told
        return f"({told}) / {self.divided:g}" if self.subtracted else f"{told} / {self.divided:g}"


@dataclass(frozen=True, slots=True)
class Person:
    """Someone outside the data, to be asked about after training."""

    name: str
    values: tuple[float, ...]
    x: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Samples that nobody trains on, and how they were set aside. Held as read-only arrays."""

    x: Array
    y: Array
    split: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", samples(self.x, "held-out inputs"))
        object.__setattr__(self, "y", samples(self.y, "held-out targets"))

    def __eq__(self, other: object) -> bool:
        return _are_equal(self, other)


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """What is to be learned, by which network, in which steps.

    x, y
        N rows of n_0 and of n_L numbers; held as read-only float64 arrays.
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
    x: Array
    y: Array
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
    _datasets: dict[tuple[str, str], Dataset] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "x", samples(self.x, "inputs"))
        object.__setattr__(self, "y", samples(self.y, "targets"))
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
        require_samples(self.x, self.y, self.network, "")
        if self.held_out:
            require_samples(self.held_out.x, self.held_out.y, self.network, "held-out ")
        if not self.steps_per_epoch:
            raise UsageError(
                f"batch_size {self.batch_size:,} exceeds the {len(self.x):,} samples, and a "
                "smaller last batch is dropped: no step is left. Expected smaller batches."
            )

    def __eq__(self, other: object) -> bool:
        return _are_equal(self, other)

    @property
    def largest_batch(self) -> int:
        """How many samples a step sees at most: there may be fewer than a batch would hold."""
        return min(self.batch_size, len(self.x))

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
        """Return x (N, n_0) and y (N, n_L), rounded once to the dtype, read-only.

        Everybody who asks gets the same arrays, so that large data lies in memory once.
        """
        return self._rounded("", self.x, self.y, dtype)

    def optimizer_in(self, dtype: str) -> Optimizer:
        """Return the optimizer with its learning rate rounded once to the dtype.

        Raises
        ------
        UsageError
            A number of it becomes useless there, such as a learning rate of 0.
        """
        return self.optimizer.rounded(dtype)

    def held_out_dataset(self, dtype: str) -> Dataset | None:
        """Return the held-out samples likewise, or None where there are none."""
        if self.held_out is None:
            return None
        return self._rounded("held out", self.held_out.x, self.held_out.y, dtype)

    def _rounded(self, which: str, x: Array, y: Array, dtype: str) -> Dataset:
        if (which, dtype) not in self._datasets:
            self._datasets[which, dtype] = rounded(x, y, dtype)
        return self._datasets[which, dtype]

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
            "data_sha256": digest(self.x, self.y),
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
        if self.held_out is None:
            return None
        return {
            "samples": len(self.held_out.x),
            "split": self.held_out.split,
            "data_sha256": digest(self.held_out.x, self.held_out.y),
        }


def require_dtype(dtype: str) -> str:
    """Return the dtype's name, or raise UsageError with the names there are."""
    if dtype not in DTYPES:
        raise UsageError(
            f"unknown dtype {dtype!r}; known: {', '.join(DTYPES)}." + nearest(dtype, DTYPES)
        )
    return dtype


def _are_equal(one: object, other: object) -> bool:
    """Compare two dataclasses field by field, arrays by their numbers."""
    if type(one) is not type(other):
        return False
    pairs = (
        (getattr(one, f.name), getattr(other, f.name))
        for f in fields(one)  # type: ignore[arg-type]
        if f.compare
    )
    return all(
        np.array_equal(a, b, equal_nan=True) if isinstance(a, np.ndarray) else a == b
        for a, b in pairs
    )
