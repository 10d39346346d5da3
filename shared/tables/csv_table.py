"""Tables in CSV: a line that names the columns, then a line for each sample, in UTF-8.

Nothing is guessed and nothing is filled in: a field that should be a number and is none, or a row
that is not as wide as the header, is told with its line. `table` opens them; the file is
read once for its header and once for its numbers, row by row, and no row is kept.
"""

from __future__ import annotations

import csv
import json
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NoReturn

import numpy as np

from shared.errors import UsageError, nearest
from shared.reading import opened
from shared.tables.table import DELIMITERS, Block, Columns

WHAT = "a table in CSV"
_OF_NUMBERS = re.compile(r"[0-9+\-.eE \t]*")
"""With these letters Python reads as a number what everybody does, and neither 1_000 nor inf."""
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_LONGEST_SHOWN = 40


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A CSV file and the names of its columns."""

    path: Path
    delimiter: str
    names: tuple[str, ...]

    def require(self, name: str) -> None:
        """Raise UsageError unless there is such a column; the nearest name is told."""
        if name not in self.names:
            raise UsageError(
                f"{self.path} has no column {name!r}." + nearest(name, self.names) + self._remark()
            )

    def is_column(self, name: str) -> bool:
        """Say whether there is one value for each sample under a name, which is always so."""
        return name in self.names

    def read(self, numbers: Sequence[str], labels: str | None = None) -> Columns:
        """Read columns of numbers, and one of labels, which is text.

        Raises
        ------
        UsageError
            A column is not there, a row has too few or too many fields, a field is empty, or is
            no finite number where one is expected; there is no row at all.
        """
        for name in (*numbers, *([] if labels is None else [labels])):
            self.require(name)
        places = [self.names.index(name) for name in numbers]
        label_place = None if labels is None else self.names.index(labels)
        values, lines, texts = array("d"), array("q"), []
        for line, row in islice(_rows(self.path, self.delimiter), 1, None):
            if len(row) != len(self.names):
                raise UsageError(
                    f"{self.path}, line {line:,}: expected {len(self.names)} fields, one for each "
                    f"column that line 1 names; got {len(row)}."
                )
            cells = [row[place] for place in places]
            read = _floats(cells)
            if read is None:
                self._complain(line, numbers, cells)
            values.extend(read)
            lines.append(line)
            if label_place is not None:
                texts.append(self._label(line, row[label_place], self.names[label_place]))
        if not lines:
            raise UsageError(f"{self.path} names columns and holds no row; expected samples.")
        table = np.frombuffer(values, np.float64).reshape(len(lines), len(numbers))
        if not np.isfinite(table).all():
            row_at, column = np.argwhere(~np.isfinite(table))[0]
            raise UsageError(
                f"{self.path}, line {lines[row_at]:,}, column {numbers[column]!r}: the number is "
                "larger than float64 can hold."
            )
        blocks = (Block(name, (), table[:, i : i + 1]) for i, name in enumerate(numbers))
        return Columns(self.path, tuple(blocks), None if labels is None else tuple(texts), lines)

    def _label(self, line: int, cell: str, name: str) -> str:
        if not cell.strip():
            raise UsageError(f"{self.path}, line {line:,}, column {name!r}: {_wrong('')}")
        return cell.strip()

    def _complain(self, line: int, names: Sequence[str], cells: Sequence[str]) -> NoReturn:
        name, cell = next(
            (name, cell) for name, cell in zip(names, cells, strict=True) if not _floats([cell])
        )
        raise UsageError(f"{self.path}, line {line:,}, column {name!r}: {_wrong(cell)}")

    def _remark(self) -> str:
        if any(_floats([name]) for name in self.names):
            return " Line 1 should name the columns; it looks like a row of data."
        return ""


def open_csv(path: Path, delimiter: str = ",") -> CsvTable:
    """Open a table in CSV by reading its first line.

    Raises
    ------
    UsageError
        It cannot be read or is empty; a column has no name, or that of another; the columns look
        separated by something else; the delimiter is none.
    """
    if delimiter not in DELIMITERS:
        raise UsageError(
            f"delimiter {delimiter!r} cannot be used; expected {', '.join(DELIMITERS.values())}."
        )
    header = next(_rows(path, delimiter), None)
    if header is None:
        raise UsageError(f"{path} is empty; expected a line that names the columns, and rows.")
    names = tuple(cell.strip() for cell in header[1])
    if len(names) == 1:
        for other, called in DELIMITERS.items():
            if other in header[1][0]:
                raise UsageError(
                    f"{path}, line 1: the columns look separated by {called}: say "
                    f'"delimiter": {json.dumps(other)}.'
                )
    table = CsvTable(path, delimiter, names)
    for place, name in enumerate(names):
        if not name:
            raise UsageError(
                f"{path}, line 1: column {place + 1} of {len(names)} has no name; expected one."
            )
        if name in names[:place]:
            raise UsageError(
                f"{path}, line 1: two columns are called {name!r}; expected different names."
                + table._remark()
            )
    return table


def _rows(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that are not blank, each with the line in which it begins."""
    reader = csv.reader(_lines(path), delimiter=delimiter, strict=True)
    blank = 0
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UsageError(f"{path}, line {line:,}: {_malformed(str(error))}.") from error
        if len(row) <= 1 and not any(cell.strip() for cell in row):
            blank = blank or line
            continue
        if blank:
            raise UsageError(f"{path}, line {blank:,} is blank; expected a row, or the end.")
        yield line, row


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text in UTF-8, with or without a byte order mark."""
    with opened(path, WHAT) as file:
        for number, line in enumerate(file, 1):
            if b"\0" in line:
                raise UsageError(
                    f"{path}, line {number:,} holds a NUL byte; expected text in UTF-8. Save it as "
                    "CSV in UTF-8."
                )
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                byte = f"0x{error.object[error.start]:02x}"
                raise UsageError(
                    f"{path}, line {number:,} is not UTF-8: it holds the byte {byte}. Save it as "
                    "CSV in UTF-8."
                ) from error


def _floats(cells: Sequence[str]) -> list[float] | None:
    """Read numbers; None where one is none. One that is too large comes back as an infinity."""
    if not _OF_NUMBERS.fullmatch("".join(cells)):
        return None
    try:
        return list(map(float, cells))
    except ValueError:
        return None


def _wrong(cell: str) -> str:
    """Say what is wrong with a field."""
    text = cell.strip()
    shown = repr(text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}...")
    if not text:
        return "the field is empty. Nothing is filled in: put a value there, or drop the row."
    if _NOT_FINITE.fullmatch(text):
        return f"expected a finite number, got {shown}. Put one there, or drop the row."
    if _DECIMAL_COMMA.fullmatch(text):
        return f"expected a number with a decimal point, got {shown}."
    return f"expected a number, got {shown}."


def _malformed(reason: str) -> str:
    """Say what is wrong with a line that the csv module does not read."""
    if reason.startswith("new-line"):
        return "a carriage return stands in it; expected lines that end in LF or in CR LF"
    if reason.startswith("unexpected end"):
        return "a quote is opened and not closed"
    if reason.startswith("field larger"):
        return "a field is longer than 131,072 characters; is a quote not closed?"
    return f"it is not quoted as CSV is: {reason}"
