"""Whatever stands in a table: what was written is read, and what cannot be read is refused."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from shared.errors import UsageError
from shared.tables.table import open_table
from tests.spec_files import npz

repeatably = settings(derandomize=True, deadline=None, max_examples=60)
finite = st.floats(allow_nan=False, allow_infinity=False)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1).filter(
    lambda name: name == name.strip()
)
DELIMITERS = st.sampled_from([",", ";", "\t", "|"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples: each replaces the file of the one before."""
    return tmp_path_factory.mktemp("tables")


@repeatably
@given(
    st.lists(names, min_size=2, max_size=4, unique=True),
    st.lists(st.lists(finite, min_size=4, max_size=4), min_size=1, max_size=5),
    DELIMITERS,
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_numbers_in_csv_come_back_to_the_bit(
    folder: Path,
    named: list[str],
    rows: list[list[float]],
    delimiter: str,
    end: str,
    with_mark: bool,
) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator=end)
    writer.writerow(named)
    writer.writerows([map(repr, row[: len(named)]) for row in rows])
    path = folder / "a.csv"
    path.write_bytes(file.getvalue().encode("utf-8-sig" if with_mark else "utf-8"))
    read = open_table(path, delimiter).read(named)
    values = np.concatenate([block.values for block in read.blocks], axis=1)
    assert values.tobytes() == np.array(rows)[:, : len(named)].tobytes()


@repeatably
@given(
    st_numpy.arrays(
        st.sampled_from(["f2", "f4", "f8", ">f8", "i1", "i4", "u2", "?"]),
        st_numpy.array_shapes(min_dims=1, max_dims=4, max_side=3),
    ),
    st.booleans(),
)
def test_arrays_in_npz_come_back(folder: Path, array: np.ndarray, by_columns: bool) -> None:
    path = npz(folder / "a.npz", x=np.asfortranarray(array) if by_columns else array)
    if not np.isfinite(array).all():
        with pytest.raises(UsageError, match="is not finite"):
            open_table(path).read(["x"])
        return
    (block,) = open_table(path).read(["x"]).blocks
    assert block.values.tobytes() == array.astype(np.float64).reshape(len(array), -1).tobytes()


def read_or_refuse(path: Path, content: bytes, *columns: str) -> None:
    """Nothing but a refusal may be raised, and what is read is whole."""
    path.write_bytes(content)
    try:
        read = open_table(path).read(columns[:1], labels=columns[1])
    except UsageError:
        return
    assert np.isfinite(read.blocks[0].values).all()
    assert read.labels is not None
    assert len(read.labels) == len(read) > 0


@repeatably
@given(st.binary(max_size=60))
def test_any_bytes_in_csv_are_read_or_refused(folder: Path, content: bytes) -> None:
    read_or_refuse(folder / "a.csv", b"a,b\n" + content, "a", "b")
    read_or_refuse(folder / "a.csv", content, "a", "b")


@repeatably
@given(st.text('ab,;"\r\n\ufeff 1.e-_', max_size=40))
def test_any_text_that_looks_like_csv_is_read_or_refused(folder: Path, content: str) -> None:
    read_or_refuse(folder / "a.csv", b"a,b\n" + content.encode(), "a", "b")
    read_or_refuse(folder / "a.csv", content.encode(), "a", "b")


@repeatably
@given(st.data())
def test_a_damaged_npz_is_read_or_refused(folder: Path, data: st.DataObject) -> None:
    whole = npz(folder / "whole.npz", x=np.arange(6.0).reshape(3, 2), y=np.array(["a", "b", "c"]))
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    read_or_refuse(folder / "a.npz", bytes(content), "x", "y")


@repeatably
@given(st.binary(max_size=60))
def test_any_bytes_in_npz_are_read_or_refused(folder: Path, content: bytes) -> None:
    read_or_refuse(folder / "a.npz", b"PK\x03\x04" + content, "x", "y")
    read_or_refuse(folder / "a.npz", content, "x", "y")
