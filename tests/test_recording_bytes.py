"""A file holds one member for each array, and its bytes depend on the recording alone."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shared.backend import Array, Recording
from tests.recordings import MEMBERS, full, members, save


def test_the_file_holds_one_member_for_each_array(tmp_path: Path) -> None:
    assert sorted(members(save(tmp_path / "a.npz", full()))) == sorted(MEMBERS)


def test_equal_recordings_give_equal_bytes(tmp_path: Path) -> None:
    one = save(tmp_path / "a.npz", full(), header={"seed": 1, "backend": "numpy"})
    other = save(tmp_path / "another name.npz", full(), header={"backend": "numpy", "seed": 1})
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    "other",
    [full(1), replace(full(), steps=full().steps + 1), replace(full(), deltas=None)],
    ids=["numbers", "steps", "no deltas"],
)
def test_other_recordings_give_other_bytes(tmp_path: Path, other: Recording) -> None:
    path, another = save(tmp_path / "a.npz", full()), save(tmp_path / "b.npz", other)
    assert path.read_bytes() != another.read_bytes()


def test_no_time_is_stored(tmp_path: Path) -> None:
    with zipfile.ZipFile(save(tmp_path / "a.npz", full())) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(
    "layout",
    [
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
        lambda a: a[::-1].copy()[::-1],
    ],
    ids=["fortran", "strided", "reversed"],
)
def test_the_layout_in_memory_does_not_enter_the_file(
    tmp_path: Path, layout: Callable[[Array], Array]
) -> None:
    recording = full()
    path = save(tmp_path / "a.npz", recording)
    other = replace(recording, grads=tuple(map(layout, recording.grads)))
    assert save(tmp_path / "b.npz", other).read_bytes() == path.read_bytes()
