"""Steps that follow each other are stored once; a chain that breaks is kept as it is."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backend import Recording
from tests.recordings import (
    differences,
    first_flipped,
    flipped,
    full,
    made,
    members,
    one_path,
    read,
    repeatably,
    save,
)


def changed(recording: Recording, **changes: Any) -> Recording:
    return replace(recording, **changes)


def stored_sides(path: Path, what: str) -> set[str]:
    """How a chunk's parameters or slots are stored: trail, before, after."""
    pattern = re.compile(rf"000000/{what}/(\w+)/\d+\.npy")
    return {found[1] for found in map(pattern.fullmatch, members(path)) if found}


@pytest.mark.parametrize("what", ["params", "state/m"])
@pytest.mark.parametrize(
    ("steps", "every", "sides"),
    [
        (3, 1, {"trail"}),
        (1, 1, {"trail"}),
        (1, 5, {"trail"}),
        (3, 5, {"before", "after"}),
        (0, 1, {"before", "after"}),
        (0, 0, {"before", "after"}),
    ],
)
def test_steps_that_follow_each_other_are_stored_once(
    tmp_path: Path, what: str, steps: int, every: int, sides: set[str]
) -> None:
    recording = made(steps=steps, every=every, slots=("m",))
    assert stored_sides(save(tmp_path / "a.npz", recording), what) == sides


def test_both_sides_of_a_trail_share_their_memory(tmp_path: Path) -> None:
    (found,) = read(save(tmp_path / "a.npz", made()))
    assert all(np.shares_memory(b, a) for b, a in zip(found.before, found.after, strict=True))


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("bit", [0, 51, 62, 63])
def test_a_broken_chain_is_stored_on_both_sides(tmp_path: Path, side: str, bit: int) -> None:
    recording = made()
    broken = changed(recording, **{side: first_flipped(getattr(recording, side), 1, bit)})
    path = save(tmp_path / "a.npz", broken)
    assert stored_sides(path, "params") == {"before", "after"}


@repeatably
@given(
    st.sampled_from(["before", "after"]),
    st.integers(0, 3),
    st.integers(1, 3),
    st.integers(0, 63),
    st.integers(0, 10),
)
def test_a_broken_chain_is_not_healed(
    tmp_path_factory: pytest.TempPathFactory, side: str, tensor: int, row: int, bit: int, seed: int
) -> None:
    file = one_path(tmp_path_factory)
    recording = made(seed, steps=4)
    params = list(getattr(recording, side))
    params[tensor] = flipped(params[tensor], row if side == "before" else row - 1, bit)
    broken = changed(recording, **{side: tuple(params)})
    (found,) = read(save(file, broken))
    assert (differences(broken, found), differences(recording, found)) == (
        set(),
        {f"{side} {tensor}"},
    )


@pytest.mark.parametrize(
    ("ended", "started"),
    [(0.0, -0.0), (-0.0, 0.0), (math.nan, -math.nan), (math.inf, -math.inf)],
)
def test_a_break_that_arithmetic_does_not_see_is_kept(
    tmp_path: Path, ended: float, started: float
) -> None:
    recording = made()
    before, after = map(np.array, (recording.before[1], recording.after[1]))
    after[0, 0], before[1, 0] = ended, started
    broken = replace(
        recording,
        before=(recording.before[0], before, *recording.before[2:]),
        after=(recording.after[0], after, *recording.after[2:]),
    )
    (found,) = read(save(tmp_path / "a.npz", broken))
    assert differences(broken, found) == set()


@pytest.mark.parametrize("side", ["state_before", "state_after"])
def test_a_broken_chain_of_slots_is_not_healed(tmp_path: Path, side: str) -> None:
    recording = full()
    broken = changed(recording, **{side: {"m": first_flipped(getattr(recording, side)["m"], 1)}})
    (found,) = read(save(tmp_path / "a.npz", broken))
    assert differences(broken, found) == set()
