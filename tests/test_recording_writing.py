"""A writing that fails leaves everything as it was; one that succeeds names the file at its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shared.recording_file import recording_writer
from tests.recordings import full, names, save


def raise_in_block(path: Path, error: type[BaseException]) -> None:
    with recording_writer(path, {}) as writer:
        writer.add(full(1))
        raise error("in the block")


def write_objects(path: Path) -> None:
    save(path, full(1), replace(full(1), steps=np.array([object()] * 3)))


def write_unspeakable_header(path: Path) -> None:
    save(path, full(1), header={"folder": path})


FAILURES = [
    pytest.param(lambda path: raise_in_block(path, RuntimeError), RuntimeError, id="error"),
    pytest.param(lambda path: raise_in_block(path, KeyboardInterrupt), KeyboardInterrupt, id="^C"),
    pytest.param(write_objects, ValueError, id="array of objects"),
    pytest.param(write_unspeakable_header, TypeError, id="header that is no JSON"),
]


@pytest.mark.parametrize(("failing", "error"), FAILURES)
def test_a_failed_writing_leaves_nothing_behind(
    tmp_path: Path, failing: Callable[[Path], None], error: type[BaseException]
) -> None:
    with pytest.raises(error, match=r"in the block|Object arrays|JSON serializable"):
        failing(tmp_path / "a.npz")
    assert names(tmp_path) == []


@pytest.mark.parametrize(("failing", "error"), FAILURES)
def test_a_failed_writing_leaves_an_older_file_as_it_was(
    tmp_path: Path, failing: Callable[[Path], None], error: type[BaseException]
) -> None:
    content = save(tmp_path / "a.npz", full()).read_bytes()
    with pytest.raises(error, match=r"in the block|Object arrays|JSON serializable"):
        failing(tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == content


def test_the_file_takes_its_name_at_the_end(tmp_path: Path) -> None:
    with recording_writer(tmp_path / "a.npz", {}) as writer:
        writer.add(full())
        assert "a.npz" not in names(tmp_path)
    assert names(tmp_path) == ["a.npz"]
