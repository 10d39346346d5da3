"""A file that is no whole recording is refused in a sentence that names it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.errors import RecordingFileError
from shared.recording_file import SCHEMA, open_recording
from tests.recordings import MEMBERS, full, members, read, rewritten, save


def with_header(path: Path, **changes: Any) -> Path:
    header = {**open_recording(path).header, **changes}
    return rewritten(path, {"header.json": json.dumps(header).encode()})


def no_file(path: Path) -> None:
    path.unlink()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def a_text(path: Path) -> None:
    path.write_text("height,weight\n161,65\n")


def a_single_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.arange(3))


def other_arrays(path: Path) -> None:
    np.savez(path, a=np.arange(3))


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_its_last_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def without_its_beginning(path: Path) -> None:
    path.write_bytes(path.read_bytes()[1000:])


def no_json(path: Path) -> None:
    rewritten(path, {"header.json": b"{'chunks': 1}"})


def no_unicode(path: Path) -> None:
    rewritten(path, {"header.json": b'{"chunks": "\xff"}'})


def a_list(path: Path) -> None:
    rewritten(path, {"header.json": b"[1, 2]"})


def another_format(path: Path) -> None:
    with_header(path, format="isograd certificate")


def no_format(path: Path) -> None:
    rewritten(path, {"header.json": b'{"chunks": 1, "schema": 1}'})


def later_schema(path: Path) -> None:
    with_header(path, schema=SCHEMA + 1)


def no_schema(path: Path) -> None:
    with_header(path, schema=None)


def no_count(path: Path) -> None:
    with_header(path, chunks=None)


def a_count_in_words(path: Path) -> None:
    with_header(path, chunks="two")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save(tmp_path / "a.npz", full(0), full(1))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_file, r"cannot read .*a\.npz: No such file or directory\."),
        (a_folder, r"cannot read .*a\.npz: Is a directory\."),
        (empty, r"a\.npz is damaged or no recording: .*\. Save it again, or copy it again\."),
        (a_text, r"a\.npz is damaged or no recording: "),
        (a_single_array, r"a\.npz is damaged or no recording: "),
        (other_arrays, r"a\.npz holds no header\.json: expected a recording saved by isograd\."),
        (half, r"a\.npz is damaged or no recording: "),
        (without_its_last_byte, r"a\.npz is damaged or no recording: "),
        (without_its_beginning, r"a\.npz"),
        (no_json, r"a\.npz: its header\.json is damaged: "),
        (no_unicode, r"a\.npz: its header\.json is damaged: "),
        (a_list, r"a\.npz is no recording: its header says no 'isograd recording'\."),
        (another_format, r"a\.npz is no recording: its header says no 'isograd recording'\."),
        (no_format, r"a\.npz is no recording: its header says no 'isograd recording'\."),
        (later_schema, r"a\.npz has schema 2; this version reads schema 1\."),
        (no_schema, r"a\.npz has schema None; this version reads schema 1\."),
        (no_count, r"a\.npz: its header does not say what the file holds\."),
        (a_count_in_words, r"a\.npz: its header does not say what the file holds\."),
    ],
)
def test_a_file_that_is_no_recording_is_refused(
    saved: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(saved)
    with pytest.raises(RecordingFileError, match=message):
        read(saved)


def test_a_header_is_read_without_the_chunks(saved: Path) -> None:
    rewritten(saved, {"000000/loss.npy": b"no array"})
    assert open_recording(saved).header["chunks"] == 2


@pytest.mark.parametrize("member", MEMBERS)
def test_a_missing_member_is_noticed(tmp_path: Path, member: str) -> None:
    path = rewritten(save(tmp_path / "a.npz", full()), {member: None})
    with pytest.raises(RecordingFileError, match=r"a\.npz"):
        read(path)


def test_a_missing_chunk_is_noticed(saved: Path) -> None:
    second = {name: None for name in members(saved) if name.startswith("000001/")}
    with pytest.raises(RecordingFileError, match=r"a\.npz"):
        read(rewritten(saved, second))


@pytest.mark.parametrize(
    "content",
    [b"", b"no array", b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f8'}"],
    ids=["empty", "text", "half a header"],
)
def test_a_member_that_is_no_array_is_refused(saved: Path, content: bytes) -> None:
    rewritten(saved, {"000000/grads/001.npy": content})
    with pytest.raises(RecordingFileError, match=r"a\.npz: 000000/grads/001\.npy is damaged: "):
        read(saved)


def test_a_member_cut_short_is_refused(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        content = archive.read("000000/grads/001.npy")
    rewritten(saved, {"000000/grads/001.npy": content[:-1]})
    with pytest.raises(RecordingFileError, match=r"a\.npz: 000000/grads/001\.npy is damaged: "):
        read(saved)


def test_a_chunk_that_the_header_does_not_name_either_is_noticed(saved: Path) -> None:
    header = json.loads(zipfile.ZipFile(saved).read("header.json"))
    header["members"].remove("000001/loss.npy")
    changed = {"000001/loss.npy": None, "header.json": json.dumps(header).encode()}
    with pytest.raises(RecordingFileError, match=r"a\.npz: chunk 1 lacks 'loss'"):
        read(rewritten(saved, changed))
