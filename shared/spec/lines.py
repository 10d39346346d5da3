"""JSON read with the line of every field, so that an error can say where to look.

What Python's own reader lets pass is refused here: a name that stands twice in an object, NaN and
infinities, and numbers of absurdly many digits. `shared.spec.read` reads specs through it.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared.errors import UsageError
from shared.reading import opened

WHAT = "a spec in JSON"
MOST_DIGITS = 20
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"[^\s,\]}]+")


def read_json(path: Path) -> tuple[Any, dict[str, int]]:
    """Return what a file holds, and the line of every field of it: `data.features[0]` is in 7.

    Raises
    ------
    UsageError
        The file cannot be read, is not UTF-8 or no JSON; the line, and of syntax the column, is
        told.
    """
    with opened(path, WHAT) as file:
        content = file.read()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}, line {line}: not UTF-8; expected {WHAT}.") from error
    try:
        data = json.loads(text)
        lines = _Walk(path, text).lines()
    except json.JSONDecodeError as error:
        raise UsageError(
            f"{path}, line {error.lineno}, column {error.colno}: {error.msg}; expected {WHAT}."
            + _likely(text, error.pos)
        ) from error
    except RecursionError as error:
        raise UsageError(f"{path} is nested too deeply; expected {WHAT}.") from error
    except ValueError as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"{path} holds a number of thousands of digits.") from error
    return data, lines


def _likely(text: str, place: int) -> str:
    """Say what was likely meant where JSON ends: other languages allow more."""
    before, rest = text[:place].rstrip(), text[place:].lstrip()
    if before.endswith(",") and rest[:1] in ("}", "]"):
        return f" No comma stands before {rest[0]} in JSON."
    if rest.startswith(("#", "//", "/*")):
        return " JSON knows no comments."
    return " Texts stand in double quotes in JSON." if rest.startswith("'") else ""


class _Walk:
    """One walk along a text that is JSON; it stops at what is refused."""

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._text, self._place = path, text, 0
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._lines: dict[str, int] = {}

    def lines(self) -> dict[str, int]:
        self._value("")
        return self._lines

    def _value(self, field: str) -> None:
        self._skip()
        self._lines.setdefault(field, self._line())
        first = self._text[self._place]
        if first == "{":
            self._members("}", self._member(field, set()))
        elif first == "[":
            self._members("]", lambda i: self._value(f"{field}[{i}]"))
        elif first == '"':
            self._string(field)
        else:
            self._scalar(field)

    def _members(self, end: str, member: Callable[[int], None]) -> None:
        """Walk what stands between brackets, with commas between."""
        self._place += 1
        self._skip()
        count = 0
        while self._text[self._place] != end:
            member(count)
            count += 1
            self._skip()
            if self._text[self._place] == ",":
                self._place += 1
                self._skip()
        self._place += 1

    def _member(self, field: str, names: set[str]) -> Callable[[int], None]:
        def walk(_: int) -> None:
            line, name = self._line(), self._string(field)
            inner = f"{field}.{name}" if field else name
            if name in names:
                raise self._refusal(line, inner, "this field stands twice; expected it once.")
            names.add(name)
            self._lines[inner] = line
            self._skip()
            self._place += 1  # the colon
            self._value(inner)

        return walk

    def _string(self, field: str) -> str:
        match = _STRING.match(self._text, self._place)
        assert match  # the text is JSON
        text: str = json.loads(match[0])
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise self._refusal(self._line(), field, "half a letter (a surrogate) stands alone.")
        self._place = match.end()
        return text

    def _scalar(self, field: str) -> None:
        match = _SCALAR.match(self._text, self._place)
        assert match
        digits = sum(letter.isdigit() for letter in match[0])
        value = json.loads(match[0])
        if isinstance(value, float) and not math.isfinite(value):
            raise self._refusal(
                self._line(), field, f"{match[0]} is no finite number; expected one."
            )
        if isinstance(value, int) and digits > MOST_DIGITS:
            raise self._refusal(
                self._line(), field, f"a number of {digits} digits; expected at most {MOST_DIGITS}."
            )
        self._place = match.end()

    def _refusal(self, line: int, field: str, message: str) -> UsageError:
        where = f", {field}" if field else ""
        return UsageError(f"{self._path}, line {line}{where}: {message}")

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self._place)
        assert match
        self._place = match.end()

    def _line(self) -> int:
        return bisect_left(self._ends, self._place) + 1
