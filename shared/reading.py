"""Files of the user's own, opened for reading, or a sentence that says why they cannot be.

Specs and tables are read through here, so that a missing file and a folder are told alike.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from shared.errors import UsageError


def opened(path: Path, what: str) -> BinaryIO:
    """Open a file for reading bytes.

    what
        What was expected, for the sentence: `a spec in JSON`.

    Raises
    ------
    UsageError
        There is no such file, it is a folder, a pipe or a device, or may not be read.
    """
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a folder; expected {what}.")
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} is a pipe or a device; expected {what}.")
        return path.open("rb")
    except UsageError:
        raise
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}. Expected {what}.") from error
    except ValueError as error:  # a name that no system has, with a NUL in it
        raise UsageError(f"cannot read {str(path)!r}: {error}. Expected {what}.") from error
