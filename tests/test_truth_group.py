"""Derivatives of a group of steps, however many of them are taken at once."""

from __future__ import annotations

import numpy as np
import pytest

from shared.backend import Dataset
from shared.problems import Problem
from shared.truth import group as groups
from shared.truth.group import Group, group_of, grouped
from shared.truth.path import Path
from shared.truth.residuals import mark_steps
from tests.certified_runs import general
from tests.followed import people

RAGGED = general((2, 3, 1), 10, 4, 40)


def group(one: Problem) -> Group:
    """The first group of a run."""
    (blocks, *_) = grouped(one, mark_steps(min(one.step_count, 120)))
    data = one.dataset("float64")
    part = Path(one, 4, "float64", 256).walk(blocks[-1][1])
    return group_of(one, 4, "float64", Dataset(data.x, data.y), part, blocks)


@pytest.mark.parametrize("one", [people(epochs=20), RAGGED], ids=["single samples", "ragged"])
def test_what_is_taken_at_once_changes_nothing(
    one: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = group(one)
    blocks = usual.blocks
    monkeypatch.setattr(groups, "GROUP_BYTES", 1)
    data = one.dataset("float64")
    part = Path(one, 4, "float64", 256).walk(blocks[-1][1])
    one_by_one = group_of(one, 4, "float64", Dataset(data.x, data.y), part, blocks)
    for name in ("jacobians", "off", "defects", "rounded"):
        assert getattr(usual, name).tobytes() == getattr(one_by_one, name).tobytes()
    assert len(np.unique(usual.jacobians)) > 100
