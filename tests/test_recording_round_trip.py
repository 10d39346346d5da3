"""Recordings come back from disk bit for bit, under the names they had."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backend import OptimizerState, Recording
from shared.named_problems import problem
from shared.recording_file import FORMAT, SCHEMA, open_recording
from shared.registry import find, load
from shared.training import Trainee
from tests.recordings import (
    RECORDINGS,
    differences,
    full,
    made,
    one_path,
    parts,
    read,
    repeatably,
    rewritten,
    same,
    save,
)


@repeatably
@given(RECORDINGS)
def test_a_recording_comes_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, recording: Recording
) -> None:
    file = one_path(tmp_path_factory)
    (found,) = read(save(file, recording))
    assert differences(recording, found) == set()


@repeatably
@given(st.lists(RECORDINGS, max_size=3))
def test_chunks_come_back_in_order(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[Recording]
) -> None:
    file = one_path(tmp_path_factory)
    found = read(save(file, *chunks))
    assert [differences(a, b) for a, b in zip(chunks, found, strict=True)] == [set()] * len(chunks)


@pytest.mark.parametrize("every", [0, 1, 3])
def test_what_a_backend_recorded_comes_back(tmp_path: Path, every: int) -> None:
    one = problem("people4")
    trainee = Trainee(load(find("numpy")), one, "float64")
    trainee.start((0, 1))
    batches = np.arange(16).reshape(8, 2, 1) % 4
    chunks = [trainee.train(batches, every) for _ in range(2)]
    found = read(save(tmp_path / "a.npz", *chunks))
    assert [differences(a, b) for a, b in zip(chunks, found, strict=True)] == [set(), set()]


@pytest.mark.parametrize("slots", [("v", "m"), ("a b",), ("00",), ("trail",), ("adam/m",)])
def test_slots_come_back_under_their_names(tmp_path: Path, slots: tuple[str, ...]) -> None:
    (found,) = read(save(tmp_path / "a.npz", made(slots=slots)))
    assert set(found.state_before) == set(found.state_after) == set(slots)
    assert set(found.final[1].slots) == set(slots)


def test_slots_that_only_the_end_has_come_back(tmp_path: Path) -> None:
    """An optimizer may start without slots and make them in its first step."""
    recording = made(steps=1)
    final = OptimizerState(1, {"m": recording.final[0]})
    recording = replace(recording, final=(recording.final[0], final))
    (found,) = read(save(tmp_path / "a.npz", recording))
    assert differences(recording, found) == set()


def test_slots_that_the_first_step_makes_come_back(tmp_path: Path) -> None:
    recording = made(steps=1, slots=("m",))
    recording = replace(recording, state_before={})
    (found,) = read(save(tmp_path / "a.npz", recording))
    assert differences(recording, found) == set()


def test_what_is_read_is_read_only(tmp_path: Path) -> None:
    (found,) = read(save(tmp_path / "a.npz", full()))
    writeable = {n for n, a in parts(found).items() if a.flags.writeable}
    assert writeable == {"rest 3"}  # the number of steps made, wrapped for this test only


def test_chunks_are_read_one_at_a_time(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", full(0), full(1))
    rewritten(path, {"000001/loss.npy": b"no array"})
    assert differences(full(0), next(open_recording(path).recordings())) == set()


def test_a_file_without_chunks_holds_none(tmp_path: Path) -> None:
    assert read(save(tmp_path / "a.npz")) == []


def test_the_header_holds_what_was_given_and_what_was_counted(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", made(steps=3), made(steps=2), header={"seed": 42})
    header = open_recording(path).header
    expected = {"format": FORMAT, "schema": SCHEMA, "chunks": 2, "recorded_steps": 5, "seed": 42}
    assert {key: header.get(key) for key in expected} == expected


def test_numpy_opens_the_file_too(tmp_path: Path) -> None:
    recording = full()
    with np.load(save(tmp_path / "a.npz", recording)) as archive:
        assert same(archive["000000/loss"], recording.evaluation.loss)
