"""Reading IDX files as large as MNIST's, against NumPy and gzip alone.

Run as `python -m benchmarks.idx_reading`. The pixels are random, so that unpacking has least to do
and what is done beside it weighs most. Files that were just written are in the system's cache: no
disk is measured.
"""

from __future__ import annotations

import gzip
import struct
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console

from benchmarks.claims import Claim, Side, timed_claim
from benchmarks.tables import table_of
from shared.backend import Array
from shared.idx import read_images

SHAPE = (60_000, 28, 28)
HEADER = struct.pack(">4I", 0x803, *SHAPE)
SEED = 0
LIMIT = 2.0
PIPED_WIDTH = 132


def claims() -> list[Claim]:
    """Write the file plain and gzipped, and time both readings."""
    content = HEADER + np.random.default_rng(SEED).bytes(SHAPE[0] * SHAPE[1] * SHAPE[2])
    with tempfile.TemporaryDirectory() as folder:
        plain, gzipped = Path(folder) / "images", Path(folder) / "images.gz"
        plain.write_bytes(content)
        gzipped.write_bytes(gzip.compress(content, compresslevel=1))
        return [
            _claim("reading 60,000 pictures", "np.fromfile", plain, _from_file),
            _claim("reading them gzipped", "gzip, np.frombuffer", gzipped, _from_gzip),
        ]


def main() -> None:
    """Measure, and print a table."""
    table = table_of(("what", "against"), ("ours", "theirs", "measured", "five pairs", "at most"))
    for one in claims():
        table.add_row(
            one.what, one.baseline, one.ours, one.theirs, one.measured, one.spread,
            f"{one.limit}: {'holds' if one.holds else 'missed'}",
        )  # fmt: skip
    Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)


def _claim(what: str, baseline: str, path: Path, theirs: Callable[[Path], Array]) -> Claim:
    if not np.array_equal(read_images(path), theirs(path)):
        raise RuntimeError(f"{baseline} reads {path.name} otherwise, and is no baseline.")
    ours, other = Side(partial(read_images, path), 1), Side(partial(theirs, path), 1)
    return timed_claim(what, baseline, ours, other, LIMIT)


def _from_file(path: Path) -> Array:
    return np.fromfile(path, np.uint8, offset=len(HEADER)).reshape(SHAPE)


def _from_gzip(path: Path) -> Array:
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=len(HEADER)).reshape(SHAPE)


if __name__ == "__main__":
    main()
