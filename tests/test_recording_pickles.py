"""Arrays of objects are neither read nor written, so no file runs code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shared.errors import RecordingFileError
from tests.recordings import full, names, read, rewritten, save


class Touch:
    """Pickled, it makes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A recording in which one array was exchanged for a pickle that makes the file `sprung`."""
    path = save(tmp_path / "a.npz", full())
    np.save(tmp_path / "object.npy", np.array([Touch(tmp_path / "sprung")]), allow_pickle=True)
    return rewritten(path, {"000000/loss.npy": (tmp_path / "object.npy").read_bytes()})


def test_a_pickle_is_refused(trap: Path) -> None:
    with pytest.raises(RecordingFileError, match=r"a\.npz: 000000/loss\.npy is damaged: Object"):
        read(trap)


def test_a_pickle_is_not_unpacked(trap: Path) -> None:
    with pytest.raises(RecordingFileError):
        read(trap)
    assert "sprung" not in names(trap.parent)


def test_a_pickle_that_is_unpacked_springs_the_trap(trap: Path) -> None:
    """Shows that the test above can fail."""
    with np.load(trap, allow_pickle=True) as archive:
        archive["000000/loss"]
    assert "sprung" in names(trap.parent)


def test_an_array_of_objects_is_not_written(tmp_path: Path) -> None:
    recording = replace(full(), steps=np.array([Touch(tmp_path)] * 3))
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        save(tmp_path / "a.npz", recording)
