"""Any flipped bit and any lost end is refused, or changes nothing that is read."""

from __future__ import annotations

import struct
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backend import Recording
from shared.errors import RecordingFileError
from tests.recordings import (
    MEMBERS,
    differences,
    full,
    made,
    one_path,
    read,
    repeatably,
    rewritten,
    save,
)


@pytest.mark.parametrize("member", MEMBERS[:-1])
def test_a_flipped_bit_in_an_array_is_refused(tmp_path: Path, member: str) -> None:
    path = save(tmp_path / "a.npz", full())
    with zipfile.ZipFile(path) as archive:
        content = archive.read(member)
        start = archive.getinfo(member).header_offset
    flip(path, path.read_bytes().index(content, start) + len(content) - 1)
    with pytest.raises(RecordingFileError, match=rf"a\.npz: {member} is damaged: Bad CRC"):
        read(path)


def test_a_flipped_bit_in_the_header_is_refused(tmp_path: Path) -> None:
    saved = save(tmp_path / "a.npz", full(0), full(1))
    flip(saved, saved.read_bytes().index(b'"chunks"') + 1)
    with pytest.raises(RecordingFileError, match=r"a\.npz: its header\.json is damaged: Bad CRC"):
        read(saved)


def flip(path: Path, place: int, bit: int = 0) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)


def found_or_refused(path: Path, original: Recording) -> bool:
    """Whether a file is refused as it should be, or reads as the one recording it held."""
    try:
        with warnings.catch_warnings(action="error"):
            chunks = read(path)
    except RecordingFileError as error:
        return path.name in str(error)
    return [differences(original, chunk) for chunk in chunks] == [set()]


def entry(path: Path, member: str) -> int:
    """Where the archive's table of contents speaks of a member."""
    content, name = path.read_bytes(), member.encode()
    return content.rindex(b"PK\x01\x02", 0, content.rindex(name))


@pytest.mark.parametrize("member", ["000000/grads/001.npy", "header.json"])
@pytest.mark.parametrize(
    ("field", "offset"),
    [
        ("signature", 0), ("version needed", 6), ("flags", 8), ("compression", 10),
        ("time", 12), ("checksum", 16), ("compressed size", 20), ("size", 24),
        ("length of the name", 28), ("length of the extra", 30), ("disk", 34),
        ("attributes", 38), ("place", 42), ("name", 46), ("end of the name", 46 + 10),
    ],
)  # fmt: skip
@pytest.mark.parametrize("bit", [0, 3, 7])
def test_a_damaged_table_of_contents_is_refused_or_harmless(
    tmp_path: Path, member: str, field: str, offset: int, bit: int
) -> None:
    recording = made(steps=1)
    path = save(tmp_path / "a.npz", recording)
    flip(path, entry(path, member) + offset, bit)
    assert found_or_refused(path, recording), field


@pytest.mark.parametrize("offset", range(0, 22, 2))
@pytest.mark.parametrize("bit", [0, 7])
def test_a_damaged_end_is_refused_or_harmless(tmp_path: Path, offset: int, bit: int) -> None:
    recording = made(steps=1)
    path = save(tmp_path / "a.npz", recording)
    flip(path, path.read_bytes().rindex(b"PK\x05\x06") + offset, bit)
    assert found_or_refused(path, recording)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_any_flipped_bit_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, place: float, bit: int
) -> None:
    file = one_path(tmp_path_factory)
    recording = made(sizes=(1, 1), steps=1)
    save(file, recording)
    flip(file, int(place * file.stat().st_size), bit)
    assert found_or_refused(file, recording)


@repeatably
@given(st.floats(0, 1, exclude_max=True))
def test_any_truncated_file_is_refused(
    tmp_path_factory: pytest.TempPathFactory, share: float
) -> None:
    file = one_path(tmp_path_factory)
    save(file, made(sizes=(1, 1), steps=1))
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.raises(RecordingFileError, match=r"a\.npz"):
        read(file)


def test_other_numbers_under_a_right_checksum_are_other_numbers(tmp_path: Path) -> None:
    """Shows that the tests for damage can fail: a forged file is read, and differs."""
    path = save(tmp_path / "a.npz", full())
    with zipfile.ZipFile(path) as archive:
        content = bytearray(archive.read("000000/loss.npy"))
    content[-8:] = struct.pack("<d", 1.5)
    rewritten(path, {"000000/loss.npy": bytes(content)})
    assert not found_or_refused(path, full())
