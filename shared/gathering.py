"""Values that hold arrays somewhere inside, combined array by array.

What backends return is tuples, mappings and dataclasses of arrays. Copying, cutting and stacking
them is one walk, with another function at the leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np

from shared.backend import Array

_Value = TypeVar("_Value")


def copied(value: _Value) -> _Value:
    return gathered([value], lambda arrays: np.array(arrays[0]))


def one(value: _Value, replica: tuple[int, ...]) -> _Value:
    return gathered([value], lambda arrays: arrays[0][replica])


def cut(value: _Value, rows: slice) -> _Value:
    return gathered([value], lambda arrays: arrays[0][rows])


def joined(values: Sequence[_Value], axes: tuple[int, ...]) -> _Value:
    """Put results of single networks, in the order of np.ndindex, back on their replica axes."""
    return gathered(values, lambda arrays: np.stack(arrays).reshape((*axes, *arrays[0].shape)))


def stacked(values: Sequence[_Value], like: _Value) -> _Value:
    """Give s results one leading axis s, also where s is 0."""
    if values:
        return gathered(values, np.stack)
    return gathered([like], lambda arrays: np.array(arrays)[:0])


def gathered(values: Sequence[_Value], combine: Callable[[Sequence[Array]], Array]) -> _Value:
    """Combine values of equal structure, array by array; what is no array is the first one's."""
    first: Any = values[0]
    if isinstance(first, (np.ndarray, np.generic)):
        return combine(values)  # type: ignore[arg-type, return-value]
    if isinstance(first, Mapping):
        return {k: gathered([v[k] for v in values], combine) for k in first}  # type: ignore
    if isinstance(first, (tuple, list)):
        return tuple(gathered(column, combine) for column in zip(*values, strict=True))  # type: ignore
    if is_dataclass(first):
        parts = (gathered([getattr(v, f.name) for v in values], combine) for f in fields(first))
        return type(first)(*parts)  # type: ignore
    return first  # type: ignore[no-any-return]
