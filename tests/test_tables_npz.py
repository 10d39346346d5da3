"""A table in NPZ: arrays of numbers are read as they are, and nothing is trusted."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.errors import UsageError
from shared.tables.table import Columns, open_table
from tests.spec_files import npz

NUMBERS = np.arange(6.0).reshape(3, 2)


class Harmful:
    """What runs code where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was read",))


def read(folder: Path, *names: str, labels: str | None = None, **arrays: Any) -> Columns:
    return open_table(npz(folder / "a.npz", **arrays)).read(names, labels)


def refusal(folder: Path, *names: str, labels: str | None = None, **arrays: Any) -> str:
    with pytest.raises(UsageError) as error:
        read(folder, *names, labels=labels, **arrays)
    return str(error.value).replace(str(folder / "a.npz"), "a.npz")


@pytest.mark.parametrize(
    "dtype", ["f2", "f4", "f8", ">f4", ">f8", "i1", "i2", ">i4", "i8", "u1", "u8", "?"]
)
def test_every_dtype_becomes_float64_without_a_change(tmp_path: Path, dtype: str) -> None:
    (block,) = read(tmp_path, "x", x=NUMBERS.astype(dtype)).blocks
    assert block.values.dtype == np.float64
    assert block.values.tolist() == NUMBERS.astype(dtype).tolist()


@pytest.mark.parametrize(
    ("shape", "columns"),
    [
        ((3,), ("x",)),
        ((3, 1), ("x[0]",)),
        ((3, 2), ("x[0]", "x[1]")),
        ((3, 2, 2), ("x[0]", "x[1]", "x[2]", "x[3]")),
    ],
)
def test_an_array_is_a_column_or_several(
    tmp_path: Path, shape: tuple[int, ...], columns: tuple[str, ...]
) -> None:
    array = np.arange(np.prod(shape)).reshape(shape)
    (block,) = read(tmp_path, "x", x=array).blocks
    assert (block.columns, block.shape) == (columns, shape[1:])
    assert block.values.tolist() == array.reshape(3, -1).tolist()


def test_an_array_that_lies_by_columns_is_read_alike(tmp_path: Path) -> None:
    array = np.asfortranarray(np.arange(12).reshape(3, 2, 2))
    assert read(tmp_path, "x", x=array).blocks[0].values.tolist() == array.reshape(3, -1).tolist()


def test_a_compressed_file_is_read_alike(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=NUMBERS)
    (block,) = open_table(tmp_path / "a.npz").read(["x"]).blocks
    assert block.values.tolist() == NUMBERS.tolist()


def test_a_single_column_of_an_array_may_be_named(tmp_path: Path) -> None:
    (block,) = read(tmp_path, "x[1]", x=NUMBERS).blocks
    assert (block.columns, block.values.tolist()) == (("x[1]",), [[1.0], [3.0], [5.0]])


def test_an_array_may_be_called_like_a_column(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"x": NUMBERS, "x[1]": np.arange(3)}
    (block,) = read(tmp_path, "x[1]", **arrays).blocks
    assert block.values.tolist() == [[0.0], [1.0], [2.0]]


@pytest.mark.parametrize(
    ("array", "labels"),
    [
        (np.array(["a", "bc", "ü"]), ("a", "bc", "ü")),
        (np.array([0, 2, 1], np.uint8), (0.0, 2.0, 1.0)),
        (np.array([[True], [False], [True]]), (1.0, 0.0, 1.0)),
        (np.array([0.5, 1.5, 0.5], np.float16), (0.5, 1.5, 0.5)),
    ],
    ids=["texts", "bytes", "truth", "halves"],
)
def test_labels_are_texts_or_numbers(tmp_path: Path, array: Any, labels: tuple[Any, ...]) -> None:
    assert read(tmp_path, "x", labels="y", x=NUMBERS, y=array).labels == labels


def test_a_column_of_an_array_may_hold_the_labels(tmp_path: Path) -> None:
    assert read(tmp_path, "x[0]", labels="x[1]", x=NUMBERS).labels == (1.0, 3.0, 5.0)


def test_a_header_of_the_longer_kind_is_read(tmp_path: Path) -> None:
    file = io.BytesIO()
    np.lib.format.write_array(file, NUMBERS, version=(2, 0))
    path = zipped(tmp_path / "a.npz", ("x.npy", file.getvalue()))
    assert open_table(path).read(["x"]).blocks[0].values.tolist() == NUMBERS.tolist()


def test_a_sample_is_told_by_its_number(tmp_path: Path) -> None:
    assert read(tmp_path, "x", x=NUMBERS).place(1) == f"{tmp_path / 'a.npz'}, sample 2"


@pytest.mark.parametrize(("name", "is_column"), [("x", False), ("x[1]", True), ("y", True)])
def test_a_column_is_told_from_an_array(tmp_path: Path, name: str, is_column: bool) -> None:
    table = open_table(npz(tmp_path / "a.npz", x=NUMBERS, y=NUMBERS[:, :1]))
    assert table.is_column(name) == is_column


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        ([Harmful()] * 3, "holds Python objects, which are not read, since they could run code"),
        ([1 + 2j], "has dtype complex128; expected whole or real numbers of up to 64 bits."),
        (["a"], "has dtype <U1; expected whole or real"),
        ([b"a"], "has dtype |S1; expected whole or real"),
        (np.array(["2020-01-01"], "M8[D]"), "has dtype datetime64[D]; expected whole or real"),
        (np.zeros(1, "g"), f"has dtype {np.dtype('g')}; expected whole or real"),
        (np.zeros(1, [("a", "f8")]), "expected whole or real"),
        ([1.0, np.nan], "array 'x', sample 2: nan is not finite; expected numbers that float64"),
        ([[1.0, 2.0], [1.0, -np.inf]], "array 'x[1]', sample 2: -inf is not finite"),
        ([2**53, 2**53 + 1], "sample 2: 9007199254740993 lies beyond 2^53"),
        ([-(2**53) - 1], "sample 1: -9007199254740993 lies beyond 2^53"),
        (np.array([2**64 - 1], np.uint64), "sample 1: 18446744073709551615 lies beyond 2^53"),
        (3.0, "is a single value; expected one for each sample."),
        ([], "has shape (0,) and holds nothing; expected samples."),
        (np.zeros((3, 0)), "has shape (3, 0) and holds nothing"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)  # fmt: skip
def test_what_are_no_numbers_is_refused(tmp_path: Path, array: Any, reason: str) -> None:
    if isinstance(array, list) and any(isinstance(one, Harmful) for one in array):
        array = np.array(array, object)
    told = refusal(tmp_path, "x", x=array)
    assert told.startswith("a.npz, array 'x")
    assert reason in told


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("inputz", "a.npz has no array 'inputz'. Did you mean 'inputs'?"),
        ("inputz[0]", "a.npz has no array 'inputz[0]'. Did you mean 'inputs'?"),
        (
            "inputs[2]",
            "a.npz, array 'inputs' has 2 columns, inputs[0] to inputs[1]; got inputs[2].",
        ),
        ("inputs[-1]", "a.npz has no array 'inputs[-1]'."),
        ("one[0]", "a.npz, array 'one' is a column already; expected 'one' without an index."),
    ],
)
def test_an_array_that_is_not_there_is_told(tmp_path: Path, name: str, reason: str) -> None:
    assert reason in refusal(tmp_path, name, inputs=NUMBERS, one=np.arange(3))


def test_arrays_of_different_lengths_are_refused(tmp_path: Path) -> None:
    told = refusal(tmp_path, "x", labels="y", x=NUMBERS, y=np.arange(2))
    assert told == ("a.npz: array 'x' holds 3 samples and 'y' 2; expected as many in each.")


def test_several_labels_for_a_sample_are_refused(tmp_path: Path) -> None:
    told = refusal(tmp_path, "x", labels="y", x=NUMBERS, y=NUMBERS)
    assert "array 'y' has shape (3, 2); expected one label for each sample." in told


def npy(array: Any, **header: Any) -> bytes:
    """The bytes of an array's file, of which the header may lie."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {**np.lib.format.header_data_from_array_1_0(array), **header}
    )
    return file.getvalue() + bytes(array.tobytes())


def zipped(path: Path, *members: tuple[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (npy(NUMBERS)[:-8], "is damaged: its header announces 48 bytes, and it holds 40"),
        (npy(NUMBERS) + b"\0", "is damaged: its header announces 48 bytes, and it holds 49"),
        (npy(NUMBERS, shape=(10**12,)), "announces 8,000,000,000,000 bytes, and it holds 48"),
        (npy(NUMBERS, shape=(-2, -3)), "is damaged"),
        (npy(NUMBERS, descr="|O"), "holds Python objects"),
        (npy(NUMBERS)[:9], "is damaged"),
        (b"", "is damaged"),
        (b"\x93NUMPY\x07\0" + npy(NUMBERS)[8:], "is of a kind that holds no numbers"),
        (npy(NUMBERS).replace(b"{", b"(" * 60 + b"{"), "is damaged"),
    ],
    ids=["short", "long", "lying", "negative", "objects", "cut", "empty", "version", "syntax"],
)  # fmt: skip
def test_an_array_that_is_damaged_is_told(tmp_path: Path, content: bytes, reason: str) -> None:
    path = zipped(tmp_path / "a.npz", ("x.npy", content))
    with pytest.raises(UsageError) as error:
        open_table(path).read(["x"])
    assert reason in str(error.value)


def test_a_flipped_bit_is_found_by_the_checksum(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", x=NUMBERS)
    content = bytearray(path.read_bytes())
    content[content.index(NUMBERS.tobytes()) + 3] ^= 1
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"array 'x' is damaged: Bad CRC-32"):
        open_table(path).read(["x"])


def test_a_letter_that_does_not_exist_is_damage(tmp_path: Path) -> None:
    array = np.array([2**31], np.uint32).view("U1")
    with pytest.raises(UsageError, match="array 'y' is damaged"):
        read(tmp_path, "x", labels="y", x=[1.0], y=array)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is damaged, or something else"),
        (b"a,b\n1,2\n", "is damaged, or something else"),
        (None, "holds no array; expected a table in NPZ"),
    ],
)
def test_a_file_that_is_no_archive_of_arrays_is_refused(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content) if content is not None else zipped(path, ("readme.txt", b""))
    with pytest.raises(UsageError, match=reason):
        open_table(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.npz", ("x.npy", npy(NUMBERS)), ("x.npy", npy(NUMBERS)))
    with pytest.raises(UsageError, match="holds two arrays 'x'; expected different names"):
        open_table(path)


def test_a_delimiter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no delimiter, since it is no text; leave it out"):
        open_table(npz(tmp_path / "a.npz", x=NUMBERS), ",")
