"""What was found, or was to be checked, is not forgotten for what comes after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import compare as command
from shared.certificate.decision import Judged, Verdict
from shared.certificate.ledger import Ledger, Rows
from shared.comparison import compare
from shared.errors import RecordingFileError
from shared.judging import judge_file
from shared.named_problems import problem
from shared.recording_file import open_recording, recording_writer
from shared.registry import find, load

SHORT = problem("people16").changed(epochs=1)
PARTS = {key for key, value in SHORT.to_json().items() if value is not None}
CHOSEN_BY_NAME = {"name", "epochs", "optimizer"}
"""What the problem is looked up and changed by, before anything is compared."""


def piece(verdict: Verdict) -> Judged:
    number = np.ones(1)
    return Judged("forward", "loss", number, number, number, number, np.array([verdict], np.uint8))


def test_a_doubt_that_comes_later_takes_no_difference_back() -> None:
    ledger = Ledger(SHORT, "float64")
    for step, verdict in enumerate((Verdict.DIFFERENT, Verdict.UNDECIDED), start=1):
        ledger.count(piece(verdict), Rows(np.array([step]), None, 1))
    assert (ledger.worst, ledger.found) == (Verdict.DIFFERENT, 2)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    compare(SHORT, 42, [load(find("numpy"))], record_to=tmp_path)
    return tmp_path / "numpy.npz"


def with_header(path: Path, header: dict[str, Any]) -> Path:
    changed = path.with_name("changed.npz")
    with recording_writer(changed, header) as writer:
        for chunk in open_recording(path).recordings():
            writer.add(chunk)
    return changed


def test_a_wrong_file_is_not_forgotten_for_a_right_one_after_it(
    saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = with_header(saved, {**open_recording(saved).header, "seed": 43})
    assert command.main(["judge", str(wrong), str(saved)]) == 1
    assert "DIFFERENT: numpy, step 1" in capsys.readouterr().out


@pytest.mark.parametrize("key", sorted(PARTS - CHOSEN_BY_NAME))
def test_a_file_that_leaves_out_a_part_of_its_problem_is_refused(saved: Path, key: str) -> None:
    header = open_recording(saved).header
    left = {name: value for name, value in header["problem"].items() if name != key}
    with pytest.raises(RecordingFileError, match=f"another '{key}"):
        judge_file(with_header(saved, {**header, "problem": left}))
