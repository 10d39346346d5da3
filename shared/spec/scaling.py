"""Inputs shifted and scaled, by constants that the samples of the training alone give.

The constants are rounded once, from exact sums, and stated with each feature: no order of
summation and no machine enters the data. `shared.spec.data` scales the columns of a table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shared.backend import Array
from shared.errors import UsageError
from shared.problems import Feature
from shared.tables.table import Block

SCALINGS = ("none", "centred", "standard", "unit")
_DIVIDING = ("standard", "unit")
_PIECE = 2**16


@dataclass(frozen=True, slots=True)
class Scaling:
    """How the columns of a table become inputs.

    how
        `none`; `centred`: less the mean; `standard`: less the mean, over the standard deviation
        (whose squares are averaged over the samples); `unit`: from 0 to 1, the least and the
        largest value. Columns are scaled each by itself, the pixels of pictures all alike.
    training
        The indices of the samples that are trained on.
    """

    path: Path
    how: str
    training: Array

    def inputs(self, block: Block) -> tuple[Array, tuple[Feature, ...]]:
        """Return what a block gives for all samples (N, k), and what each number of them is.

        Raises
        ------
        UsageError
            A column that stands alone is constant, or one that has to be divided by its spread;
            there are too few samples, or too large numbers.
        """
        if len(block.shape) > 1:
            pixels = block.values[self.training].ravel()
            pairs = [self._checked(block.name, pixels, must_vary=True)] * block.values.shape[1]
        else:
            # Of an array some columns may be constant, as the corners of flattened pictures are.
            must_vary = self.how in _DIVIDING or not block.shape
            columns = block.values[self.training].T
            pairs = [
                self._checked(name, column, must_vary)
                for name, column in zip(block.columns, columns, strict=True)
            ]
        features = tuple(
            Feature(name, "", *pair) for name, pair in zip(block.columns, pairs, strict=True)
        )
        if self.how == "none":
            return block.values, features
        subtracted, divided = (np.array(numbers) for numbers in zip(*pairs, strict=True))
        with np.errstate(over="ignore"):
            inputs = block.values - subtracted
            inputs /= divided
        if not np.isfinite(inputs).all():
            raise self._out_of_range(block.name)
        return inputs, features

    def _checked(self, name: str, known: Array, must_vary: bool) -> tuple[float, float]:
        """Return what is subtracted, and what the difference is divided by."""
        if self.how == "none" and len(self.training) == 1:
            return 0.0, 1.0
        if len(self.training) == 1:
            raise UsageError(
                f"{self.path} has one sample to train on, and {self.how!r} scaling needs two or "
                'more; expected more samples, or "scaling": "none".'
            )
        if must_vary and known.min() == known.max():
            raise UsageError(
                f"{self.path}: column {name!r} is {float(known[0])!r} in all "
                f"{len(self.training):,} samples of the training. A constant tells a network "
                "nothing, and its spread, by which scaling divides, is 0: leave it out."
            )
        subtracted, divided = _constants(known, self.how)
        if not (math.isfinite(subtracted) and math.isfinite(divided) and divided):
            raise self._out_of_range(name)
        return subtracted, divided

    def _out_of_range(self, name: str) -> UsageError:
        return UsageError(
            f"{self.path}: the numbers of {name!r} are too large, or lie too close together, to be "
            f"scaled in float64 ({self.how!r}); expected others, or scale them beforehand."
        )


def _constants(known: Array, how: str) -> tuple[float, float]:
    if how == "none":
        return 0.0, 1.0
    if how == "unit":
        least, largest = float(known.min()), float(known.max())
        return least, largest - least
    mean = _mean(known)
    if how == "centred":
        return mean, 1.0
    with np.errstate(over="ignore"):
        return mean, math.sqrt(_mean(np.square(known - mean)))


def _mean(values: Array) -> float:
    """Return the exact sum, rounded once, over the number of values."""
    pieces = (values[start : start + _PIECE] for start in range(0, len(values), _PIECE))
    try:
        return math.fsum(value for piece in pieces for value in piece.tolist()) / len(values)
    except OverflowError:
        return math.inf
