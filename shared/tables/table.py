"""Tables of a user's own: columns with names, out of a CSV or an NPZ file.

A table is asked for the columns that it is to be read for, and for no others; what it cannot give
is refused with the file, the line and the column. `shared.spec.data` makes samples of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from shared.backend import Array
from shared.errors import UsageError

Label: TypeAlias = str | float
"""What a sample is called: a text, or a number."""

DELIMITERS = {",": "','", ";": "';'", "\t": "a tab", "|": "'|'"}
"""What may stand between the fields of a CSV file, and how it is called."""

ENDINGS = (".csv", ".npz")


@dataclass(frozen=True, slots=True)
class Block:
    """What one name of a table stands for: a column, or an array of several.

    shape
        Of one sample: () of a column, (k,), or, of pictures, (r, c).
    values
        (N, k) float64, a sample's numbers row after row.
    """

    name: str
    shape: tuple[int, ...]
    values: Array

    @property
    def columns(self) -> tuple[str, ...]:
        """One name for each number of a sample.

        Examples
        --------
        >>> import numpy as np
        >>> Block("x", (2,), np.zeros((5, 2))).columns
        ('x[0]', 'x[1]')
        """
        if not self.shape:
            return (self.name,)
        return tuple(f"{self.name}[{i}]" for i in range(self.values.shape[1]))


@dataclass(frozen=True, slots=True)
class Columns:
    """What a table was read for, all of one length.

    labels
        What each sample is called; None where nobody asked.
    lines
        The line in which each sample begins; None where there are no lines.
    """

    path: Path
    blocks: tuple[Block, ...]
    labels: tuple[Label, ...] | None
    lines: Sequence[int] | None

    def __len__(self) -> int:
        return len(self.blocks[0].values)

    def place(self, sample: int) -> str:
        """Say where the sample of this index stands: `x.csv, line 7`, or `x.npz, sample 6`."""
        if self.lines is None:
            return f"{self.path}, sample {sample + 1:,}"
        return f"{self.path}, line {self.lines[sample]:,}"


class Table(Protocol):
    """A file that is open to questions."""

    @property
    def path(self) -> Path:
        """The file."""

    def require(self, name: str) -> None:
        """Raise UsageError unless there is such a column; the nearest name is told."""

    def is_column(self, name: str) -> bool:
        """Say whether there is one value for each sample under a name, and not an array."""

    def read(self, numbers: Sequence[str], labels: str | None = None) -> Columns:
        """Read columns of numbers, and one of labels.

        Raises
        ------
        UsageError
            One of them is not there, holds something else, or is not whole.
        """


def open_table(path: Path, delimiter: str | None = None) -> Table:
    """Open a table; what it is, the end of its name tells.

    delimiter
        What stands between the fields of a CSV file; a comma if not said.

    Raises
    ------
    UsageError
        It cannot be read, is neither CSV nor NPZ, or does not name its columns as it should.
    """
    # Here and not above: both make the blocks and columns of this module.
    from shared.tables.csv_table import open_csv
    from shared.tables.npz_table import open_npz

    ending = path.suffix.lower()
    if ending == ".npz":
        if delimiter is not None:
            raise UsageError(f"{path} has no delimiter, since it is no text; leave it out.")
        return open_npz(path)
    if ending == ".csv":
        return open_csv(path, "," if delimiter is None else delimiter)
    raise UsageError(
        f"{path} could be anything; expected the name of a table to end in {' or '.join(ENDINGS)}."
    )
