"""A file that is no whole IDX file of the kind is refused in a sentence that says what it is."""

from __future__ import annotations

import os
import re
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from shared.errors import UsageError
from shared.idx import read_images, read_labels
from tests.idx_files import IMAGES_MAGIC, LABELS_MAGIC, gzipped, header, idx, numbered, write

IMAGES, LABELS = idx(numbered(2, 3, 4)), idx(numbered(5))
GZIPPED = gzipped(IMAGES)
LARGEST = 2**32 - 1
FEW_BYTES = 2**22
BOMB_BYTES = 2**25
EXPECTED = "expected an IDX file of images (magic 0x00000803)."
WEB_PAGE = "is a web page or another text that begins with '<', and no IDX file"

Pack: TypeAlias = Callable[[bytes], bytes]
every_packing = pytest.mark.parametrize("packed", [bytes, gzipped], ids=["plain", "gzipped"])

on_posix = pytest.mark.skipif(os.name != "posix", reason="pipes and devices as POSIX has them")


@pytest.fixture
def traced() -> Iterator[Callable[[], int]]:
    """Count memory: the largest number of bytes that Python and NumPy held at once."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def refusal(path: Path, reader: Callable[[Path], Any] = read_images) -> str:
    """The one sentence with which a file is refused, behind the name of the file."""
    with pytest.raises(UsageError) as refused:
        reader(path)
    text = str(refused.value)
    assert text.count(str(path)) == 1
    assert "\n" not in text
    assert text.endswith(".")
    return text.replace(str(path), "FILE")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (LABELS, "holds labels (magic 0x00000801)"),
        (gzipped(LABELS), "holds labels (magic 0x00000801)"),
        (header(0x00000802), "holds unsigned bytes along 2 axes (magic 0x00000802)"),
        (header(0x00000903), "holds signed bytes along 3 axes (magic 0x00000903)"),
        (header(0x00000D03), "holds float32 numbers along 3 axes (magic 0x00000d03)"),
        (header(0x00000A03), "begins with 00 00 0a 03 and is no IDX file"),
        (header(0x03080000), "begins with 03 08 00 00 and is no IDX file"),
        (b"<!DOCTYPE html><title>404</title>", WEB_PAGE),
        (b"\r\n <html>", WEB_PAGE),
        (b"PK\x03\x04", "is a zip archive, which has to be unpacked"),
        (gzipped(GZIPPED), "is gzipped twice"),
        (b"5,0,0,0", "begins with 35 2c 30 2c and is no IDX file"),
        (b"\0\x01", "begins with 00 01 and is no IDX file"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, content: bytes, what: str) -> None:
    assert refusal(write(tmp_path / "a", content)) == f"FILE {what}; {EXPECTED}"


def test_images_are_no_labels(tmp_path: Path) -> None:
    assert refusal(write(tmp_path / "a", IMAGES), read_labels) == (
        "FILE holds images (magic 0x00000803); expected an IDX file of labels (magic 0x00000801)."
    )


@every_packing
def test_a_file_without_content_is_empty(tmp_path: Path, packed: Pack) -> None:
    assert refusal(write(tmp_path / "a", packed(b""))) == (
        f"FILE is empty; {EXPECTED} Copy it again."
    )


@pytest.mark.parametrize("held", [1, 3, 4, 15])
@every_packing
def test_half_a_header_is_refused(tmp_path: Path, packed: Pack, held: int) -> None:
    assert refusal(write(tmp_path / "a", packed(IMAGES[:held]))) == (
        "FILE is cut short: the header of a file of images has 16 bytes, and it holds "
        f"{held}. Copy it again."
    )


@pytest.mark.parametrize(
    ("content", "what", "held"),
    [
        (IMAGES[:16], "cut short", "it holds 16. Copy it again."),
        (IMAGES[:-1], "cut short", "it holds 39. Copy it again."),
        (gzipped(IMAGES[:-1]), "cut short", "unpacked it holds 39. Copy it again."),
        (IMAGES + b"\0", "longer than it says", "it holds 41."),
        (gzipped(IMAGES + b"\0\0"), "longer than it says", "unpacked it holds more."),
    ],
)
def test_a_file_of_another_length_is_told_with_both(
    tmp_path: Path, content: bytes, what: str, held: str
) -> None:
    assert refusal(write(tmp_path / "a", content)) == (
        f"FILE is {what}: its header announces 2 images of 3 x 4 pixels, 40 bytes in all, and "
        f"{held}"
    )


@every_packing
def test_more_than_any_file_could_hold_is_refused(tmp_path: Path, packed: Pack) -> None:
    most = header(IMAGES_MAGIC, LARGEST, LARGEST, LARGEST)
    assert refusal(write(tmp_path / "a", packed(most + b"\0"))).startswith(
        "FILE is cut short: its header announces 4,294,967,295 images of 4,294,967,295 x "
        "4,294,967,295 pixels, 79,228,162,458,924,105,385,300,197,391 bytes in all, and "
    )


def test_labels_are_counted_without_pixels(tmp_path: Path) -> None:
    assert refusal(write(tmp_path / "a", LABELS[:-2]), read_labels) == (
        "FILE is cut short: its header announces 5 labels, 13 bytes in all, and it holds 11. "
        "Copy it again."
    )


def test_labels_that_are_none_are_refused(tmp_path: Path) -> None:
    assert refusal(write(tmp_path / "a", header(LABELS_MAGIC, 0)), read_labels) == (
        "FILE announces 0 labels; expected numbers above 0."
    )


@pytest.mark.parametrize("shape", [(0, 28, 28), (60_000, 0, 28), (60_000, 28, 0), (0, 0, 0)])
@every_packing
def test_images_that_are_none_are_refused(
    tmp_path: Path, shape: tuple[int, int, int], packed: Pack
) -> None:
    count, rows, columns = shape
    assert refusal(write(tmp_path / "a", packed(header(IMAGES_MAGIC, *shape)))) == (
        f"FILE announces {count:,} images of {rows} x {columns} pixels; expected numbers above 0."
    )


@pytest.mark.parametrize(
    "content",
    [
        GZIPPED[:2], GZIPPED[:9], GZIPPED[:20], GZIPPED[:-1], GZIPPED[:-8],
        GZIPPED[:-8] + bytes(8), GZIPPED[:2] + b"\0" + GZIPPED[3:], GZIPPED + b"more",
        GZIPPED[:10] + b"\xff" * 30,
    ],
    ids=[
        "magic only", "half a header", "half", "without its last byte", "without its checksum",
        "another checksum", "another method", "something behind it", "other bits",
    ],
)  # fmt: skip
def test_a_damaged_gzip_is_refused(tmp_path: Path, content: bytes) -> None:
    text = refusal(write(tmp_path / "a", content))
    assert re.fullmatch(
        r"FILE is gzipped, and damaged or cut short: .*[^.]\. Copy it again\.", text
    )


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "a") == (
        "cannot read FILE: No such file or directory. Expected an IDX file of images (magic "
        "0x00000803)."
    )


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"FILE is a folder; {EXPECTED}"


@on_posix
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe") == f"FILE is a pipe or a device; {EXPECTED}"


def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path / "a", IMAGES)
    monkeypatch.setattr(Path, "open", closed)
    assert refusal(path) == (
        "cannot read FILE: Permission denied. Expected an IDX file of images (magic 0x00000803)."
    )


def test_a_file_that_shrinks_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, honest = write(tmp_path / "a", idx(numbered(100, 100, 100))), np.empty

    def shrinking(*arguments: Any) -> Any:
        os.truncate(path, 500_000)
        return honest(*arguments)

    monkeypatch.setattr(np, "empty", shrinking)
    assert "1,000,016 bytes in all, and it holds 500,000." in refusal(path)


def test_more_than_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    path = write(tmp_path / "a", IMAGES)
    monkeypatch.setattr(np, "empty", full)
    assert refusal(path) == "FILE holds more images than there is memory for."


@every_packing
def test_no_memory_is_taken_for_what_a_header_only_announces(
    tmp_path: Path, traced: Callable[[], int], packed: Pack
) -> None:
    refusal(write(tmp_path / "a", packed(header(IMAGES_MAGIC, 60_000, 28, 28) + bytes(100))))
    assert traced() < FEW_BYTES


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """One image of a pixel, and zeros behind it: a file far smaller than what it unpacks to."""
    return gzipped(header(IMAGES_MAGIC, 1, 1, 1) + bytes(BOMB_BYTES))


def test_a_bomb_is_unpacked_no_further_than_its_header_announces(
    tmp_path: Path, traced: Callable[[], int], bomb: bytes
) -> None:
    assert "unpacked it holds more" in refusal(write(tmp_path / "a", bomb))
    assert traced() < FEW_BYTES


def test_memory_that_was_taken_is_counted(tmp_path: Path, traced: Callable[[], int]) -> None:
    """Shows that the tests of memory can fail: what is announced and held is counted."""
    read_images(write(tmp_path / "a", idx(numbered(5, 1000, 1000))))
    assert traced() > FEW_BYTES
