"""Some samples of a table held out, drawn by a seed.

The seed is the data's and not the run's: many seeds are trained on the same samples. RandomState
guarantees its numbers for good, so that the same samples are held out on any machine.
`shared.spec.data` asks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from shared.backend import Array
from shared.errors import UsageError


@dataclass(frozen=True, slots=True)
class Split:
    """The indices of the samples to train on, and of those held out, both ascending; and how."""

    training: Array
    held_out: Array
    told: str


def split(count: int, share: float, seed: int, classes: Array | None = None) -> Split:
    """Hold some of so many samples out.

    share
        A share of all, above 0 and below 1, or a whole number of samples, 1 or more.
    classes
        (N,) the class of each sample, from 0. Where it is given, every class gives its share, as
        evenly as whole samples allow, and keeps one sample at least to be trained on.

    Raises
    ------
    UsageError
        Nothing would be held out, or nothing be left.
    """
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not share > 0:
        raise UsageError(
            f"held_out is {share!r}; expected a share of all samples, such as 0.2, or a whole "
            "number of them."
        )
    if isinstance(share, float) and not share < 1:
        raise UsageError(
            f"held_out is {share!r}; expected a share below 1, or a whole number of samples."
        )
    number = share if isinstance(share, int) else math.floor(share * count + 0.5)
    groups = [np.arange(count)]
    if classes is not None:
        groups = [np.flatnonzero(classes == one) for one in range(int(classes.max()) + 1)]
    most = count - len(groups)
    if not 1 <= number <= most:
        each = ", and one of each class at least is trained on" if classes is not None else ""
        raise UsageError(
            f"held_out {share!r} of {count:,} samples is {number:,}; expected 1 to {most:,}{each}."
            if most
            else f"no sample can be held out of {count:,}{each}; leave the split out."
        )
    random = np.random.RandomState(seed)
    drawn = [random.permutation(group) for group in groups]
    numbers = _apportioned(number, [len(group) for group in groups])
    held_out = np.sort(np.concatenate([d[:n] for d, n in zip(drawn, numbers, strict=True)]))
    training = np.setdiff1d(np.arange(count), held_out, assume_unique=True)
    kind = "" if classes is None else "stratified, "
    told = f"{kind}{number:,} of {count:,} samples, drawn by NumPy's RandomState with seed {seed}"
    return Split(training, held_out, told)


def _apportioned(number: int, sizes: list[int]) -> list[int]:
    """Share a number out by sizes; what rounding leaves over goes to the largest remainders.

    No size is used up: 1 is left of each, which takes more from the others where it has to.
    """
    total = sum(sizes)
    parts = [min(number * size // total, size - 1) for size in sizes]
    while sum(parts) < number:
        # The one furthest below its share gets one more, the first of several.
        lacking = [
            number * size - part * total if part < size - 1 else -math.inf
            for size, part in zip(sizes, parts, strict=True)
        ]
        parts[lacking.index(max(lacking))] += 1
    return parts
