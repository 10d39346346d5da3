"""IDX files, as the MNIST digits come in: bytes behind a short header, plain or gzipped.

No header is believed: memory is taken for what the file was seen to hold, and a gzipped one is
unpacked no further than its header announces. `shared.mnist` reads the user's four files here.
"""

from __future__ import annotations

import gzip
import io
import math
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shared.backend import Array
from shared.errors import UsageError

_GZIP = b"\x1f\x8b"
_PIECE_BYTES = 2**20
_ELEMENTS = {
    0x08: "unsigned bytes", 0x09: "signed bytes", 0x0B: "16-bit integers", 0x0C: "32-bit integers",
    0x0D: "float32 numbers", 0x0E: "float64 numbers",
}  # fmt: skip
_AGAIN = "Copy it again."


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a file should hold: how it is called, and along how many axes it lies."""

    name: str
    axes: int

    @property
    def magic(self) -> bytes:
        """How such a file begins: two zeros, the code of unsigned bytes, the number of axes."""
        return bytes((0, 0, 0x08, self.axes))

    @property
    def header_bytes(self) -> int:
        return 4 + 4 * self.axes

    def __str__(self) -> str:
        return f"{self.name} (magic 0x{self.magic.hex()})"


_IMAGES, _LABELS = _Kind("images", 3), _Kind("labels", 1)


@dataclass(frozen=True, slots=True)
class _Announced:
    """What the header of a file announces."""

    path: Path
    kind: _Kind
    shape: tuple[int, ...]
    gzipped: bool

    @property
    def content_bytes(self) -> int:
        return math.prod(self.shape)

    def lengths(self, held: str) -> str:
        """Word what the whole file should hold beside what it holds."""
        expected = self.kind.header_bytes + self.content_bytes
        holds = "unpacked it holds" if self.gzipped else "it holds"
        return f"its header announces {self}, {expected:,} bytes in all, and {holds} {held}"

    def cut_short(self, content_bytes: int) -> UsageError:
        """Make the error of a file that ends after so many bytes of content."""
        lengths = self.lengths(f"{self.kind.header_bytes + content_bytes:,}")
        return UsageError(f"{self.path} is cut short: {lengths}. {_AGAIN}")

    def too_long(self, held: str) -> UsageError:
        """Make the error of a file that goes on."""
        return UsageError(f"{self.path} is longer than it says: {self.lengths(held)}.")

    def __str__(self) -> str:
        count, *size = (f"{length:,}" for length in self.shape)
        pixels = f" of {' x '.join(size)} pixels" if size else ""
        return f"{count} {self.kind.name}{pixels}"


def read_images(path: Path) -> Array:
    """Return the images of a file, plain or gzipped, as read-only uint8 (N, rows, columns).

    Raises
    ------
    UsageError
        The file cannot be read, is damaged, is longer or shorter than its header says, or holds
        something else or nothing.

    Source: Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits, section
    "File formats for the MNIST database".
    """
    return _read(path, _IMAGES)


def read_labels(path: Path) -> Array:
    """Return the labels of a file, plain or gzipped, as read-only uint8 (N,).

    Raises UsageError as `read_images` does.
    """
    return _read(path, _LABELS)


def _read(path: Path, kind: _Kind) -> Array:
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a folder; expected an IDX file of {kind}.")
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} is a pipe or a device; expected an IDX file of {kind}.")
        with path.open("rb") as file:
            gzipped = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            array = _read_gzipped(file, path, kind) if gzipped else _read_plain(file, path, kind)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        what = f"{path} is gzipped, and damaged or cut short: {error}"
        raise UsageError(f"{what.rstrip('.')}. {_AGAIN}") from error
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror or error}. Expected an IDX file of {kind}."
        ) from error
    except MemoryError as error:
        raise UsageError(f"{path} holds more {kind.name} than there is memory for.") from error
    array.flags.writeable = False
    return array


def _read_plain(file: io.BufferedReader, path: Path, kind: _Kind) -> Array:
    announced = _announced(file, path, kind)
    held = os.fstat(file.fileno()).st_size - kind.header_bytes
    if held > announced.content_bytes:
        raise announced.too_long(f"{kind.header_bytes + held:,}")
    if held < announced.content_bytes:
        raise announced.cut_short(held)
    array: Array = np.empty(announced.shape, np.uint8)
    read = file.readinto(array.data)
    if read < announced.content_bytes:  # it shrank meanwhile
        raise announced.cut_short(read)
    return array


def _read_gzipped(file: io.BufferedReader, path: Path, kind: _Kind) -> Array:
    """Unpack piece by piece, so that memory grows with what there is and not with the header."""
    content = bytearray()
    with gzip.GzipFile(fileobj=file) as unpacked:
        announced = _announced(unpacked, path, kind)
        while missing := announced.content_bytes - len(content):
            piece = unpacked.read(min(missing, _PIECE_BYTES))
            if not piece:
                raise announced.cut_short(len(content))
            content += piece
        if unpacked.read(1):  # the end is looked for in any case: there the checksum is
            raise announced.too_long("more")
    return np.frombuffer(content, np.uint8).reshape(announced.shape)


def _announced(file: io.BufferedReader | gzip.GzipFile, path: Path, kind: _Kind) -> _Announced:
    """Read the header, and refuse what is announced to be something else or nothing."""
    header = file.read(kind.header_bytes)
    if not header:
        raise UsageError(f"{path} is empty; expected an IDX file of {kind}. {_AGAIN}")
    if not header.startswith(kind.magic[: len(header)]):
        raise UsageError(f"{path} {_described(header)}; expected an IDX file of {kind}.")
    if len(header) < kind.header_bytes:
        raise UsageError(
            f"{path} is cut short: the header of a file of {kind.name} has {kind.header_bytes} "
            f"bytes, and it holds {len(header)}. {_AGAIN}"
        )
    shape = np.frombuffer(header, ">u4", offset=4).tolist()
    announced = _Announced(path, kind, tuple(shape), isinstance(file, gzip.GzipFile))
    if not announced.content_bytes:
        raise UsageError(f"{path} announces {announced}; expected numbers above 0.")
    return announced


def _described(header: bytes) -> str:
    """Say what a file is that begins otherwise than it should."""
    for kind in (_IMAGES, _LABELS):
        if header.startswith(kind.magic):
            return f"holds {kind}"
    if header.startswith(b"\0\0") and len(header) >= 4 and header[2] in _ELEMENTS:
        return f"holds {_ELEMENTS[header[2]]} along {header[3]} axes (magic 0x{header[:4].hex()})"
    if header.startswith(_GZIP):
        return "is gzipped twice"
    if header.startswith(b"PK"):
        return "is a zip archive, which has to be unpacked"
    if header.lstrip().startswith(b"<"):
        return "is a web page or another text that begins with '<', and no IDX file"
    return f"begins with {header[:4].hex(' ')} and is no IDX file"
