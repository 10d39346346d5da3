"""IDX files for tests: written byte by byte, plain and gzipped, and the four of a tiny MNIST."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from shared.backend import Array

IMAGES_MAGIC, LABELS_MAGIC = 0x00000803, 0x00000801
TRAIN, TEST = 40, 20
SIZE = (4, 4)


def idx(array: Array) -> bytes:
    """An IDX file of images (N, rows, columns) or labels (N,)."""
    magic = {3: IMAGES_MAGIC, 1: LABELS_MAGIC}[array.ndim]
    return header(magic, *array.shape) + array.astype(np.uint8).tobytes()


def header(*numbers: int) -> bytes:
    """Big-endian numbers of 32 bits."""
    return struct.pack(f">{len(numbers)}I", *numbers)


def gzipped(content: bytes) -> bytes:
    """The same bytes for the same content: no time is written."""
    return gzip.compress(content, compresslevel=1, mtime=0)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def numbered(*shape: int) -> Array:
    """Bytes 0, 1, 2, ... in order."""
    return (np.arange(np.prod(shape)) % 256).astype(np.uint8).reshape(shape)


def tiny(seed: int = 0) -> dict[str, Array]:
    """The arrays of a tiny MNIST: each digit has a picture of its own, with noise over it."""
    draw = np.random.RandomState(seed)
    bright = draw.randint(256, size=(10, *SIZE))
    made = {}
    for name, count in (("train", TRAIN), ("t10k", TEST)):
        labels = np.arange(count) % 10
        noise = draw.randint(-20, 21, size=(count, *SIZE))
        made[f"{name}-images"] = np.clip(bright[labels] + noise, 0, 255).astype(np.uint8)
        made[f"{name}-labels"] = labels.astype(np.uint8)
    return made


def write_mnist(folder: Path, arrays: Mapping[str, Array]) -> Path:
    """Write the files of MNIST, under the names that they had at first."""
    for name, array in arrays.items():
        write(folder / f"{name}-idx{array.ndim}-ubyte", idx(array))
    return folder
