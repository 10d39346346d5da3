"""Data that describes something, read from JSON: unknown and missing fields are told by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from shared.errors import UsageError, nearest

_Described = TypeVar("_Described")


def from_json(
    cls: type[_Described], data: Mapping[str, Any], required: tuple[str, ...]
) -> _Described:
    """Make a dataclass of JSON data. Raises UsageError on a missing or unknown field."""
    what = cls.__name__.lower()
    if not isinstance(data, Mapping):
        raise UsageError(f"{what} is {data!r}; expected an object with {', '.join(required)}.")
    known = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    for key in data:
        if key not in known:
            raise UsageError(
                f"{what} has an unknown field {key!r}; known are {', '.join(known)}."
                + nearest(str(key), known)
            )
    for key in required:
        if key not in data:
            raise UsageError(f"{what} lacks the field {key!r}.")
    return cls(**data)


def require_known(what: str, name: object, names: tuple[str, ...]) -> None:
    """Raise UsageError unless a name is one of those there are; the nearest one is told."""
    if name not in names:
        raise UsageError(
            f"unknown {what} {name!r}; known: {', '.join(names)}." + nearest(str(name), names)
        )
