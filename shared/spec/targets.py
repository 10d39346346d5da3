"""What a spec's data should be answered with: a class for each sample, or numbers.

Whether two classes are told by one output or by two is the network's to say, so targets are made
only once it is known. `shared.spec.data` holds one of both kinds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from shared.backend import Array
from shared.errors import UsageError, nearest
from shared.network import Network
from shared.tables.table import Block, Columns, Label


@dataclass(frozen=True, slots=True)
class ClassTargets:
    """Each sample's class.

    index
        (N,) from 0, in the order of the names.
    """

    index: Array
    names: tuple[str, ...]

    @property
    def outputs(self) -> tuple[int, ...]:
        """How many outputs a network may have for them."""
        count = len(self.names)
        return (1, 2) if count == 2 else (count,)

    @property
    def classes(self) -> Array:
        """(N,) the class of each sample."""
        return self.index

    def of(self, samples: Array) -> ClassTargets:
        """Return those of some samples."""
        return replace(self, index=self.index[samples])

    def rows(self, network: Network) -> Array:
        """Return targets (N, n): 0 and 1 of one output, of several one-hot rows."""
        outputs = network.sizes[-1]
        rows: Array = self.index[:, None].astype(np.float64)
        return rows if outputs == 1 else np.eye(outputs)[self.index]

    def __str__(self) -> str:
        return f"{len(self.names)} classes"


@dataclass(frozen=True, slots=True)
class NumberTargets:
    """Each sample's numbers (N, n); where classes are named, rows of 0 and a single 1.

    read, samples
        The columns that they come from, and which of their samples these are, for messages; None
        where they come from no table; None where these are all.
    """

    values: Array
    columns: tuple[str, ...]
    names: tuple[str, ...] = ()
    read: Columns | None = None
    samples: Array | None = None

    @property
    def outputs(self) -> tuple[int, ...]:
        """How many outputs a network may have for them."""
        return (len(self.columns),)

    @property
    def classes(self) -> Array | None:
        """(N,) the class of each sample; None where they are quantities."""
        return self.values.argmax(axis=1) if self.names else None

    def of(self, samples: Array) -> NumberTargets:
        """Return those of some samples."""
        return replace(self, values=self.values[samples], samples=samples)

    def rows(self, network: Network) -> Array:
        """Return them as they are. Raises UsageError where the loss cannot use one."""
        odd = np.argwhere(~((self.values >= 0) & (self.values <= 1)))
        if network.from_logits and self.read and len(odd):
            row, column = odd[0]
            sample = row if self.samples is None else self.samples[row]
            raise UsageError(
                f"{self.read.place(int(sample))}, column {self.columns[column]!r} holds "
                f"{self.values[row, column]:g}; {network.loss} needs targets from 0 to 1."
            )
        return self.values

    def __str__(self) -> str:
        return f"{len(self.columns)} {'target' if len(self.columns) == 1 else 'targets'}"


def require_names(classes: Sequence[object]) -> tuple[Label, ...]:
    """Return the labels that are classes, or raise UsageError where they cannot be."""
    labels: list[Label] = []
    for one in classes:
        if isinstance(one, bool) or not isinstance(one, (str, int, float)) or one == "":
            raise UsageError(f"classes hold {one!r}; expected texts or numbers.")
        label = one if isinstance(one, str) else float(one)
        if named(label) in map(named, labels):
            raise UsageError(f"classes hold {one!r} twice; expected different ones.")
        labels.append(label)
    if len(labels) < 2:
        raise UsageError(f"classes hold {len(labels)}; expected two or more.")
    return tuple(labels)


def named(label: Label) -> str:
    """Return how a class is called in reports.

    Examples
    --------
    >>> named("Adelie"), named(3.0), named(0.5)
    ('Adelie', '3', '0.5')
    """
    if isinstance(label, str):
        return label
    return str(int(label)) if label.is_integer() and abs(label) < 2**53 else repr(label)


def classes_of(read: Columns, column: str, classes: Sequence[Label]) -> ClassTargets:
    """Find the class of each sample by its label.

    Raises
    ------
    UsageError
        A label is none of the classes, told with its line; or a class never occurs.
    """
    labels = read.labels or ()
    names = tuple(map(named, classes))
    place = {label: i for i, label in enumerate(classes)}
    index = np.empty(len(labels), np.intp)
    for sample, label in enumerate(labels):
        found = place.get(label)
        if found is None and (number := _number(label)) is not None:
            found = place.get(number)
        if found is None:
            raise UsageError(
                f"{read.place(sample)}, column {column!r}: {_shown(label)} is none of the classes "
                f"{_listed(names)}." + nearest(str(label), names)
            )
        index[sample] = found
    _require_all(np.bincount(index, minlength=len(classes)), names, f"{read.path}, {column!r}")
    return ClassTargets(index, names)


def numbers_of(read: Columns, blocks: Sequence[Block], classes: Sequence[Label]) -> NumberTargets:
    """Put blocks side by side; where classes are named, hold every row to a single 1.

    Raises
    ------
    UsageError
        There are as many classes as columns, and a row holds anything else than 0 and a single 1;
        there are more or fewer; a class never occurs.
    """
    values = np.concatenate([block.values for block in blocks], axis=1)
    columns = tuple(name for block in blocks for name in block.columns)
    names = tuple(named(one) for one in classes)
    if names and len(names) != len(columns):
        raise UsageError(
            f"classes name {len(names)}, and the targets are {len(columns)} columns; expected one "
            "column of labels, or a column of 0 and 1 for each class."
        )
    if names:
        odd = np.flatnonzero(
            ~((values == 0) | (values == 1)).all(axis=1) | (values.sum(axis=1) != 1)
        )
        if len(odd):
            shown = ", ".join(f"{value:g}" for value in values[odd[0]][:8])
            raise UsageError(
                f"{read.place(int(odd[0]))}: the targets are {shown}; expected a single 1 at the "
                "sample's class, and 0 at the others. Leave the classes out where they are "
                "quantities."
            )
        _require_all(values.sum(axis=0), names, str(read.path))
    return NumberTargets(values, columns, names, read)


def _require_all(counts: Array, names: Sequence[str], where: str) -> None:
    lacking = [name for name, count in zip(names, counts, strict=True) if not count]
    if lacking:
        raise UsageError(
            f"{where}: no sample is of the class {lacking[0]!r}; expected each class to occur, or "
            "leave it out."
        )


def _number(label: Label) -> float | None:
    """Return the number that a label is or writes; None where it is none."""
    if isinstance(label, str) and "_" in label:  # Python reads 1_0 as 10
        return None
    try:
        return float(label)
    except ValueError:
        return None


def _shown(label: Label) -> str:
    text = label if isinstance(label, str) else named(label)
    return repr(text if len(text) <= 40 else f"{text[:40]}...")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
