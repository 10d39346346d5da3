"""The fields of a spec, taken one by one; what is wrong with one is told with its file and line.

A spec is objects within an object. Each is a `Section` here, which knows its place, so that also
what a `Network` or an `Optimizer` finds wrong is told at the field that said it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.errors import UsageError, nearest

_LONGEST_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Section:
    """One object of a spec.

    name
        Where it stands: `data.split`, and nothing for the whole.
    lines
        The line of each field of the file, by its full name.
    """

    path: Path
    name: str
    values: Mapping[str, Any]
    lines: Mapping[str, int]

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def require_known(self, known: Sequence[str]) -> None:
        """Raise UsageError where a field is none of these, or is null."""
        for key, value in self.values.items():
            if key not in known:
                raise self.refusal(
                    key, f"unknown field; known are {', '.join(known)}." + nearest(key, known)
                )
            if value is None:
                raise self.refusal(key, "null says nothing; leave the field out for its default.")

    def require(self, key: str, such_as: str) -> None:
        """Raise UsageError where a field is missing."""
        if key not in self.values:
            raise self.refusal("", f"the field {key!r} is missing; expected such as {such_as}.")

    def section(self, key: str) -> Section:
        """Return an object within; an empty one where it is missing."""
        values = self.values.get(key, {})
        if not isinstance(values, dict):
            raise self.refusal(key, f"expected an object in braces, got {shown(values)}.")
        return Section(self.path, self._full(key), values, self.lines)

    def text(self, key: str, default: str = "") -> str:
        """Return a text of one line that is not empty, or the default where it is missing."""
        value = self.values.get(key, default)
        if key in self.values and not _is_text(value):
            raise self.refusal(key, f"expected a text of one line, got {shown(value)}.")
        return str(value)

    def names(self, key: str, such_as: str) -> tuple[str, ...]:
        """Return a list of different names, one at least."""
        self.require(key, such_as)
        value = self.values[key]
        if not isinstance(value, list) or not value:
            raise self.refusal(key, f"expected a list such as {such_as}, got {shown(value)}.")
        for i, name in enumerate(value):
            if not _is_text(name):
                raise self.refusal(f"{key}[{i}]", f"expected a name, got {shown(name)}.")
            if name in value[:i]:
                raise self.refusal(f"{key}[{i}]", f"{name!r} is named twice; expected it once.")
        return tuple(value)

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """Return one of these, the first where the field is missing."""
        value = self.values.get(key, choices[0])
        if value not in choices:
            raise self.refusal(
                key,
                f"expected one of {', '.join(choices)}, got {shown(value)}."
                + nearest(str(value), choices),
            )
        return str(value)

    @contextmanager
    def telling(self, key: str = "") -> Iterator[None]:
        """Tell what is wrong within the block at a field, or at the one that the message names."""
        try:
            yield
        except _Told:
            raise
        except UsageError as error:
            raise self.refusal(key or self._named_in(str(error)), str(error)) from error

    def refusal(self, key: str, message: str) -> UsageError:
        """Return the error that a field of this section, or the section itself, is wrong."""
        full = self._full(key)
        line = self.lines.get(full, self.lines.get(self.name, 1))
        where = f", line {line}" + (f", {full}" if full else "")
        return _Told(f"{self.path}{where}: {message}")

    def _full(self, key: str) -> str:
        return ".".join(part for part in (self.name, key) if part)

    def _named_in(self, message: str) -> str:
        """Return the field of this section that a message names first; none if it names none."""
        places = {}
        for key in self.values:
            if key == "name":  # a word of any sentence
                continue
            words = rf"(?<!\w)(?:{re.escape(key)}|{re.escape(key.replace('_', ' '))})(?!\w)"
            match = re.search(words, message)
            if match:
                places[key] = match.start()
        return min(places, key=places.__getitem__, default="")


class _Told(UsageError):
    """An error that says already where it stands."""


def shown(value: Any) -> str:
    """Return JSON data as it is written, cut where it is long.

    Examples
    --------
    >>> shown([1, 2]), shown({"a": None})
    ('[1, 2]', '{"a": null}')
    """
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and bool(value.strip())
