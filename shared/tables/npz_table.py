"""Tables in NPZ: arrays with names, whose first axis counts the samples.

The file is a zip archive of .npy arrays, as numpy.savez writes it. Nothing in it is trusted: no
pickle is read, no memory taken that the archive does not hold, and numbers that float64 cannot hold
are refused. `shared.tables.table` opens them.
"""

from __future__ import annotations

import math
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from shared.backend import Array
from shared.errors import UsageError, nearest
from shared.reading import opened
from shared.tables.table import Block, Columns, Label

WHAT = "a table in NPZ, as numpy.savez writes it"
LARGEST_WHOLE = 2**53
"""Up to here float64 holds every whole number."""
LARGEST_ITEM_BYTES = 8
_ENDING = ".npy"
_COLUMN = re.compile(r"(?P<array>.+)\[(?P<index>[0-9]{1,9})\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class NpzTable:
    """An NPZ file and the names of its arrays."""

    path: Path
    names: tuple[str, ...]

    def require(self, name: str) -> None:
        """Raise UsageError unless there is such an array, or an array for such a column."""
        self._place(name)

    def is_column(self, name: str) -> bool:
        """Say whether there is one value for each sample under a name, and not an array."""
        one, index = self._place(name)
        with _archive(self.path) as archive, self._member(archive, one) as member:
            shape, _, _ = _header(member, self._where(one))
        return index is not None or math.prod(shape[1:]) == 1

    def read(self, numbers: Sequence[str], labels: str | None = None) -> Columns:
        """Read arrays of numbers, or single columns of them as in x[3], and one of labels.

        An array (N,) is a column, (N, k) is k of them, and what has more axes is flattened for
        each sample.

        Raises
        ------
        UsageError
            An array is not there, is damaged, holds something else than numbers that float64 can
            hold, or is longer or shorter than the others; there is no sample.
        """
        asked = [*numbers, *([] if labels is None else [labels])]
        places = {name: self._place(name) for name in asked}
        with _archive(self.path) as archive:
            arrays = {one: self._array(archive, one) for one, _ in places.values()}
        self._require_lengths(arrays)
        floats = {
            one: self._floats(one, arrays[one])
            for one in dict.fromkeys(places[name][0] for name in numbers)
        }
        blocks = []
        for name in numbers:
            one, index = places[name]
            shape, flat = arrays[one].shape[1:], floats[one]
            if index is not None:
                shape, flat = (), self._column(one, index, arrays[one], flat)
            blocks.append(Block(name, shape, flat))
        told = None
        if labels is not None:
            one, index = places[labels]
            told = self._labels(one, index, arrays[one])
        return Columns(self.path, tuple(blocks), told, None)

    def _place(self, name: str) -> tuple[str, int | None]:
        """Return the array that a name means, and the index of the column that it means of it."""
        if name in self.names:
            return name, None
        column = _COLUMN.fullmatch(name)
        if column and column["array"] in self.names:
            return column["array"], int(column["index"])
        raise UsageError(f"{self.path} has no array {name!r}." + nearest(name, self.names))

    def _array(self, archive: zipfile.ZipFile, name: str) -> Array:
        with self._member(archive, name) as member:
            size = archive.getinfo(f"{name}{_ENDING}").file_size
            return _content(member, size, self._where(name))

    @contextmanager
    def _member(self, archive: zipfile.ZipFile, name: str) -> Iterator[IO[bytes]]:
        """Open an array's file; whatever is raised meanwhile tells that it is damaged."""
        try:
            with archive.open(f"{name}{_ENDING}") as member, warnings.catch_warnings():
                warnings.simplefilter("error")  # about headers that nobody writes any more
                yield member
        except UsageError:
            raise
        except Exception as error:  # zipfile and NumPy raise many kinds on damaged bytes
            raise UsageError(
                f"{self._where(name)} is damaged: {error}. Save it again, or copy it again."
            ) from error

    def _require_lengths(self, arrays: dict[str, Array]) -> None:
        first, *others = arrays
        for other in others:
            if len(arrays[other]) != len(arrays[first]):
                raise UsageError(
                    f"{self.path}: array {first!r} holds {len(arrays[first]):,} samples and "
                    f"{other!r} {len(arrays[other]):,}; expected as many in each."
                )

    def _floats(self, name: str, array: Array) -> Array:
        """Return an array as float64 (N, k). Raises UsageError where that would change it."""
        kind, flat = array.dtype.kind, array.reshape(len(array), -1)
        if kind not in "biuf" or array.dtype.itemsize > LARGEST_ITEM_BYTES:
            raise UsageError(
                f"{self._where(name)} has dtype {array.dtype}; expected whole or real numbers of "
                "up to 64 bits."
            )
        wrong, why = ~np.isfinite(flat), "is not finite"
        if kind in "iu":
            wrong, why = (flat > LARGEST_WHOLE) | (flat < -LARGEST_WHOLE), "lies beyond 2^53"
        if wrong.any():
            sample, column = np.argwhere(wrong)[0]
            one = f"{name}[{column}]" if array.ndim > 1 else name
            raise UsageError(
                f"{self._where(one)}, sample {sample + 1:,}: {flat[sample, column]} {why}; "
                "expected numbers that float64 holds."
            )
        return flat.astype(np.float64)

    def _column(self, name: str, index: int, array: Array, flat: Array) -> Array:
        """Return one column (N, 1) of an array that lies flat (N, k)."""
        if array.ndim == 1:
            raise UsageError(
                f"{self._where(name)} is a column already; expected {name!r} without an index."
            )
        if index >= flat.shape[1]:
            raise UsageError(
                f"{self._where(name)} has {flat.shape[1]:,} columns, {name}[0] to "
                f"{name}[{flat.shape[1] - 1}]; got {name}[{index}]."
            )
        column: Array = flat[:, index : index + 1]
        return column

    def _labels(self, name: str, index: int | None, array: Array) -> tuple[Label, ...]:
        """Return what each sample is called: texts, or numbers."""
        flat = array.reshape(len(array), -1)
        if array.dtype.kind != "U":
            flat = self._floats(name, array)
        if index is not None:
            flat = self._column(name, index, array, flat)
        if flat.shape[1] != 1:
            raise UsageError(
                f"{self._where(name)} has shape {array.shape}; expected one label for each sample."
            )
        try:
            labels: list[Label] = flat[:, 0].tolist()
        except (ValueError, SystemError) as error:  # no letter has such a number
            raise UsageError(f"{self._where(name)} is damaged: {error}.") from error
        return tuple(labels)

    def _where(self, name: str) -> str:
        return f"{self.path}, array {name!r}"


def open_npz(path: Path) -> NpzTable:
    """Open a table in NPZ by reading the names of its arrays.

    Raises UsageError where it cannot be read, is damaged, or holds no array.
    """
    with _archive(path) as archive:
        members = archive.namelist()
    names = [one.removesuffix(_ENDING) for one in members if one.endswith(_ENDING)]
    if not names:
        raise UsageError(f"{path} holds no array; expected {WHAT}.")
    for place, name in enumerate(names):
        if name in names[:place]:
            raise UsageError(f"{path} holds two arrays {name!r}; expected different names.")
    return NpzTable(path, tuple(names))


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    with opened(path, WHAT) as file:
        try:
            archive = zipfile.ZipFile(file)
        except Exception as error:  # of many kinds, on damaged bytes
            raise UsageError(
                f"{path} is damaged, or something else: {error}. Expected {WHAT}."
            ) from error
        with archive:
            yield archive


def _header(member: IO[bytes], where: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read what an array's file says of it: its shape, whether columns come first, its dtype."""
    version = np.lib.format.read_magic(member)
    if version == (1, 0):
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(member)
    elif version == (2, 0):
        shape, by_columns, dtype = np.lib.format.read_array_header_2_0(member)
    else:
        raise UsageError(f"{where} is of a kind that holds no numbers; expected numbers.")
    if dtype.hasobject:
        raise UsageError(
            f"{where} holds Python objects, which are not read, since they could run code; "
            "expected numbers."
        )
    if not shape:
        raise UsageError(f"{where} is a single value; expected one for each sample.")
    if not math.prod(shape):
        raise UsageError(f"{where} has shape {shape} and holds nothing; expected samples.")
    return shape, by_columns, dtype


def _content(member: IO[bytes], size: int, where: str) -> Array:
    """Read one array; its header has to announce as much as the archive holds."""
    shape, by_columns, dtype = _header(member, where)
    announced, held = math.prod(shape) * dtype.itemsize, size - member.tell()
    if announced != held:
        raise ValueError(f"its header announces {announced:,} bytes, and it holds {held:,}")
    content = member.read(held)  # to the end, where its checksum is looked at
    array: Array = np.frombuffer(content, dtype)
    return array.reshape(shape[::-1]).T if by_columns else array.reshape(shape)
