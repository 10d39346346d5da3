"""Inputs and targets as arrays that nobody can change, and what a network demands of them.

Problems are made of them, built in or the user's own; they are float64, rounded to the dtype of a
run once, for every backend.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from shared.backend import Array, Dataset
from shared.errors import UsageError
from shared.network import Network

Rows: TypeAlias = Array | Sequence[Sequence[float]]
"""N rows of numbers of one width: what a problem is made from; it holds an array (N, n)."""


def samples(rows: Rows, what: str) -> Array:
    """Return rows as a read-only float64 array (N, n); one that is so already is not copied.

    (Whoever owns an array can make it writable again, and has promised not to by handing it over.)

    Raises UsageError where rows differ in width, or hold anything but real numbers.
    """
    try:
        given = np.asarray(rows)
    except ValueError:
        raise UsageError(
            f"the {what} are no table of numbers; expected rows that are equally wide."
        ) from None
    if given.ndim != 2 or not given.shape[1]:
        raise UsageError(
            f"the {what} have shape {given.shape}; expected (samples, numbers of each)."
        )
    if given.dtype.kind not in "biuf":
        raise UsageError(f"the {what} are no table of numbers; something else is in it.")
    array: Array = given.astype(np.float64, order="C", copy=False)
    if not _is_nobody_elses(array):
        # Memory that somebody may still write to would be no promise.
        array = array.copy()
        array.flags.writeable = False
    return array


def _is_nobody_elses(array: Array) -> bool:
    """Whether it is read-only, and its memory is its own or a read-only array's."""
    if array.flags.writeable:
        return False
    return array.base is None or (
        isinstance(array.base, np.ndarray) and _is_nobody_elses(array.base)
    )


def require_samples(x: Array, y: Array, network: Network, which: str) -> None:
    """Raise UsageError unless inputs and targets are what a network can be trained on."""
    if not len(x) or len(x) != len(y):
        raise UsageError(
            f"the {which}data has {len(x)} rows of inputs and {len(y)} of targets; "
            "expected one of each for every sample, and one sample at least."
        )
    for rows, what, width in ((x, "inputs", network.sizes[0]), (y, "targets", network.sizes[-1])):
        if rows.shape[1] != width:
            raise UsageError(
                f"a row of {which}{what} has {rows.shape[1]} numbers; expected the network's "
                f"{width} in each."
            )
    if network.from_logits and not ((y >= 0) & (y <= 1)).all():
        raise UsageError(f"{network.loss} needs targets from 0 to 1; got others.")
    # Most rows are one-hot, and add up without rounding; the others are added up exactly.
    if network.output == "softmax" and any(math.fsum(row) != 1 for row in y[~_are_one_hot(y)]):
        raise UsageError(
            "categorical_cross_entropy needs targets that sum to 1 in each row, as one-hot rows "
            "do; got others."
        )


def _are_one_hot(y: Array) -> Array:
    """Say which rows hold a single 1 and zeros (N,)."""
    hot: Array = (np.count_nonzero(y, axis=1) == 1) & (y.max(axis=1) == 1)
    return hot


def rounded(x: Array, y: Array, dtype: str) -> Dataset:
    """Return both rounded once to a dtype, read-only; float64 is no copy."""
    arrays = [a.astype(dtype, copy=False) for a in (x, y)]
    for array in arrays:
        array.flags.writeable = False
    return Dataset(*arrays)


def digest(x: Array, y: Array) -> str:
    """Return what tells these numbers from any others."""
    state = hashlib.sha256(x.data)
    state.update(y.data)
    return state.hexdigest()
