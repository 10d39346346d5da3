"""IDX files are read as what they hold, plain or gzipped, whatever their bytes."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backend import Array
from shared.errors import UsageError
from shared.idx import read_images, read_labels
from tests.idx_files import gzipped, idx, numbered, write

repeatably = settings(derandomize=True, deadline=None, max_examples=60)
every_packing = pytest.mark.parametrize("packed", [bytes, gzipped], ids=["plain", "gzipped"])
PACKINGS = st.sampled_from([bytes, gzipped])
READERS = {3: read_images, 1: read_labels}
Pack: TypeAlias = Callable[[bytes], bytes]


@st.composite
def arrays(draw: st.DrawFn) -> Array:
    """A few images, or a few labels, of any bytes."""
    axes = draw(st.sampled_from([1, 3]))
    shape = tuple(draw(st.integers(1, 4)) for _ in range(axes))
    count = int(np.prod(shape))
    content = draw(st.binary(min_size=count, max_size=count))
    return np.frombuffer(content, np.uint8).reshape(shape)


def same(read: Array, expected: Array) -> bool:
    return (read.dtype, read.shape, read.tobytes()) == (
        np.dtype(np.uint8), expected.shape, expected.tobytes(),
    )  # fmt: skip


def one_path(factory: pytest.TempPathFactory) -> Path:
    """One path for all examples of a property: each replaces the file of the one before."""
    return factory.getbasetemp() / "a.idx"


def read_or_refused(path: Path, axes: int) -> Array | None:
    """Return what is read, or None where it is refused in one line that names the file."""
    try:
        return READERS[axes](path)
    except UsageError as error:
        refusal = str(error)
    assert str(path) in refusal
    assert "\n" not in refusal
    return None


@every_packing
def test_images_are_read_row_after_row(tmp_path: Path, packed: Pack) -> None:
    content = b"\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x03" + bytes([1, 2, 3, 253, 254, 255])
    read = read_images(write(tmp_path / "a", packed(content)))
    assert read.tolist() == [[[1, 2, 3]], [[253, 254, 255]]]


@every_packing
def test_labels_are_read_in_their_order(tmp_path: Path, packed: Pack) -> None:
    content = b"\0\0\x08\x01\0\0\0\x03" + bytes([9, 0, 255])
    assert read_labels(write(tmp_path / "a", packed(content))).tolist() == [9, 0, 255]


@every_packing
@pytest.mark.parametrize("name", ["a-idx3-ubyte", "a.gz", "ä b"])
def test_the_content_decides_and_not_the_name(tmp_path: Path, packed: Pack, name: str) -> None:
    images = numbered(2, 3, 4)
    assert same(read_images(write(tmp_path / name, packed(idx(images)))), images)


@every_packing
def test_what_was_read_cannot_be_written(tmp_path: Path, packed: Pack) -> None:
    assert not read_images(write(tmp_path / "a", packed(idx(numbered(1, 2, 2))))).flags.writeable


@pytest.mark.parametrize("rest", [-1, 0, 1])
def test_pieces_of_an_unpacked_file_are_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: int
) -> None:
    monkeypatch.setattr("shared.idx._PIECE_BYTES", 64)
    labels = numbered(3 * 64 + rest)
    assert same(read_labels(write(tmp_path / "a", gzipped(idx(labels)))), labels)


def test_a_file_of_several_gzip_members_is_one_file(tmp_path: Path) -> None:
    labels = numbered(20)
    content = gzipped(idx(labels)[:11]) + gzipped(idx(labels)[11:])
    assert same(read_labels(write(tmp_path / "a", content)), labels)


@repeatably
@given(arrays(), PACKINGS)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, array: Array, packed: Pack
) -> None:
    path = write(one_path(tmp_path_factory), packed(idx(array)))
    assert same(READERS[array.ndim](path), array)


@repeatably
@given(arrays(), PACKINGS, st.floats(0, 1, exclude_max=True))
def test_any_truncated_file_is_refused(
    tmp_path_factory: pytest.TempPathFactory, array: Array, packed: Pack, share: float
) -> None:
    content = packed(idx(array))
    path = write(one_path(tmp_path_factory), content[: int(share * len(content))])
    assert read_or_refused(path, array.ndim) is None


@repeatably
@given(arrays(), PACKINGS, st.binary(min_size=1, max_size=9))
def test_any_longer_file_is_refused(
    tmp_path_factory: pytest.TempPathFactory, array: Array, packed: Pack, more: bytes
) -> None:
    path = write(one_path(tmp_path_factory), packed(idx(array) + more))
    assert read_or_refused(path, array.ndim) is None


@repeatably
@given(arrays(), st.binary(min_size=1, max_size=9).filter(any))
def test_anything_behind_a_gzipped_file_is_refused(
    tmp_path_factory: pytest.TempPathFactory, array: Array, more: bytes
) -> None:
    """But for zeros, with which some systems fill the last block: gzip reads over them, too."""
    path = write(one_path(tmp_path_factory), gzipped(idx(array)) + more)
    assert read_or_refused(path, array.ndim) is None


@settings(repeatably, max_examples=200)
@given(arrays(), PACKINGS, st.integers(0, 15), st.integers(1, 255), st.sampled_from([1, 3]))
def test_a_header_with_another_byte_is_refused_or_believed(
    tmp_path_factory: pytest.TempPathFactory,
    array: Array,
    packed: Pack,
    place: int,
    flips: int,
    axes: int,
) -> None:
    """Read as images or as labels, the file is what its header then says, or refused."""
    content = bytearray(idx(array))
    content[place % (4 + 4 * array.ndim)] ^= flips
    read = read_or_refused(write(one_path(tmp_path_factory), packed(bytes(content))), axes)
    says = says_of(bytes(content), axes)
    assert (read is None and says is None) or same(read, says)  # type: ignore[arg-type]


def says_of(content: bytes, axes: int) -> Array | None:
    """What a header says the file is, taken literally; None where the file is not that."""
    magic, *shape = struct.unpack_from(f">{1 + axes}I", content.ljust(16, b"\0"))
    body = content[4 + 4 * axes :]
    if magic != 0x800 + axes or not all(shape) or np.prod(shape, dtype=object) != len(body):
        return None
    return np.frombuffer(body, np.uint8).reshape(shape)


@settings(repeatably, max_examples=200)
@given(arrays(), st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_a_flipped_bit_of_a_gzipped_file_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, array: Array, share: float, bit: int
) -> None:
    content = bytearray(gzipped(idx(array)))
    content[int(share * len(content))] ^= 1 << bit
    read = read_or_refused(write(one_path(tmp_path_factory), bytes(content)), array.ndim)
    assert read is None or same(read, array)


@settings(repeatably, max_examples=200)
@given(
    st.sampled_from([b"", b"\0", b"\0\0\x08", b"\0\0\x08\x03", b"\0\0\x08\x01\0\0\0", b"\x1f\x8b"]),
    st.binary(max_size=40),
    PACKINGS,
    st.sampled_from([1, 3]),
)
def test_arbitrary_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, begin: bytes, rest: bytes, packed: Pack, axes: int
) -> None:
    path = write(one_path(tmp_path_factory), packed(begin + rest))
    read = read_or_refused(path, axes)
    says = None if begin == b"\x1f\x8b" else says_of(begin + rest, axes)
    assert read is None or says is None or same(read, says)


def test_another_array_is_told_apart() -> None:
    """Shows that the comparison of these tests can fail: in a value, the shape, the dtype."""
    array = numbered(2, 2, 1)
    others = (array + np.uint8(1), array.reshape(2, 1, 2), array.astype(np.int8))
    assert [same(other, array) for other in others] == [False] * 3
