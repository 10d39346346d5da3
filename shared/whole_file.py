"""Files that are whole or not there: written under a temporary name, synced, then renamed."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from shared.errors import UsageError


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes its name only once it is complete.

    If the block raises, nothing is left behind and a file of that name is left as it was.
    """
    path = path.resolve()  # a link stays one, and its target is written
    handle, name = _temporary(path)
    part = Path(name)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    except BaseException:
        part.unlink()
        raise
    _sync_folder(path.parent)


def require_writable(path: Path) -> Path:
    """Return the path if a file can be written there, else raise UsageError; leaves no trace."""
    advice = "Choose a file name in a folder that exists and that you may write to."
    try:
        if path.is_dir():
            raise UsageError(f"cannot write {path}: it is a folder. {advice}")
        if path.exists() and not path.is_file():
            raise UsageError(f"cannot write {path}: it is a pipe or a device. {advice}")
        handle, name = _temporary(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}. {advice}") from error
    os.close(handle)
    Path(name).unlink()
    return path


def _temporary(path: Path) -> tuple[int, str]:
    return tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # some systems cannot open a folder; the rename itself has happened
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
