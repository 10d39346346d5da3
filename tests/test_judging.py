"""Recordings judged from files, through the library and through the real command."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.backend import Recording
from shared.certificate.decision import Verdict
from shared.certificate.findings import CARRIED, SAMPLES, SHAPE
from shared.certificate.judge import Judge
from shared.certificate.ledger import KEPT
from shared.comparison import compare
from shared.errors import RecordingFileError
from shared.judging import judge_file
from shared.named_problems import problem
from shared.recording_file import open_recording, recording_writer
from shared.registry import find, load
from shared.training import Trainee, lockstep
from tests.command_line import run

SHORT = problem("people16").changed(epochs=6)


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recorded run of 96 steps in six chunks."""
    monkeypatch.setattr("shared.training.CHUNK_STEPS", 16)
    compare(SHORT, 42, [load(find("numpy"))], record_to=tmp_path)
    return tmp_path / "numpy.npz"


def changed_header(path: Path, **changes: Any) -> Path:
    """Rewrite a recording with another header."""
    chunks = list(open_recording(path).recordings())
    header = {**open_recording(path).header, **changes}
    return written(path.with_name("changed.npz"), chunks, header)


def written(path: Path, chunks: list[Recording], header: dict[str, Any]) -> Path:
    with recording_writer(path, header) as writer:
        for chunk in chunks:
            writer.add(chunk)
    return path


def test_an_honest_file_is_certified(saved: Path) -> None:
    judged = judge_file(saved)
    assert judged.certificate.certified
    assert judged.certificate.steps == 96
    assert judged.header["seed"] == 42


def test_a_file_may_be_judged_by_a_sample(saved: Path) -> None:
    certificate = judge_file(saved, one_in=8).certificate
    assert certificate.certified
    assert (certificate.steps, certificate.one_in) == (96, 8)
    assert 12 <= certificate.judged_steps <= 14


def test_a_sample_of_a_file_is_that_of_the_run(saved: Path) -> None:
    (beside,) = compare(SHORT, 42, [load(find("numpy"))], one_in=8).certificates
    afterwards = judge_file(saved, one_in=8).certificate
    assert afterwards.judged_steps == beside.judged_steps
    steps = [s for s in beside.stages if not s.stage.startswith("curve")]
    assert afterwards.stages == tuple(steps)


def test_another_seed_in_the_header_is_found_at_the_start(saved: Path) -> None:
    certificate = judge_file(changed_header(saved, seed=43)).certificate
    assert not certificate.certified
    assert (certificate.findings[0].stage, certificate.findings[0].step) == ("start", 1)


def test_a_chunk_from_another_place_is_found(saved: Path) -> None:
    """The state of two chunks before, loaded again: each step right, the run another."""
    chunks = list(open_recording(saved).recordings())
    header = open_recording(saved).header
    moved = replace(chunks[1], steps=chunks[3].steps, final=chunks[1].final)
    moved = replace(moved, final=(moved.final[0], replace(moved.final[1], step=64)))
    path = written(saved.with_name("moved.npz"), [*chunks[:3], moved, *chunks[4:]], header)
    certificate = judge_file(path).certificate
    assert {f.stage for f in certificate.findings} == {CARRIED}
    assert sorted({f.step for f in certificate.findings}) == [49, 65]


def test_a_missing_chunk_is_a_finding(saved: Path) -> None:
    chunks = list(open_recording(saved).recordings())
    header = open_recording(saved).header
    path = written(saved.with_name("short.npz"), [chunks[0], *chunks[2:]], header)
    first = judge_file(path).certificate.findings[0]
    assert first.stage == SHAPE
    assert first.verdict == Verdict.DIFFERENT
    assert "16 recorded steps" in first.note


@pytest.mark.parametrize("change", ["shape", "dtype", "missing"])
def test_a_misshaped_or_missing_tensor_is_a_finding(saved: Path, change: str) -> None:
    chunks = list(open_recording(saved).recordings())
    header = open_recording(saved).header
    if change == "missing":
        evaluation = replace(chunks[2].evaluation, activations=None)
        chunks[2] = replace(chunks[2], evaluation=evaluation)
    else:
        g = chunks[2].grads[0]
        other = g[..., :1] if change == "shape" else g.astype(np.float32)
        chunks[2] = replace(chunks[2], grads=(other, *chunks[2].grads[1:]))
    path = written(saved.with_name("odd.npz"), chunks, header)
    certificate = judge_file(path).certificate
    assert certificate.findings[0].stage == SHAPE
    assert certificate.findings[0].step == 33
    assert not certificate.certified


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"problem": {"name": "people61"}}, "unknown problem 'people61'"),
        ({"problem": {"name": "people16"}}, "lacks 'epochs'"),
        ({"problem": "people16"}, "header is no recording's"),
        ({"versions": "numpy 2.0"}, "header is no recording's"),
        ({"versions": ["numpy"]}, "header is no recording's"),
        ({"host": "a machine"}, "header is no recording's"),
    ],
)
def test_a_problem_that_is_not_known_is_refused(
    saved: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecordingFileError, match=message):
        judge_file(changed_header(saved, **changes))


def test_other_data_under_the_same_name_is_refused(saved: Path) -> None:
    header = json.loads(zipfile.ZipFile(saved).read("header.json"))
    header["problem"]["data_sha256"] = "0" * 64
    with pytest.raises(RecordingFileError, match="data_sha256"):
        judge_file(changed_header(saved, problem=header["problem"]))


def test_the_command_judges_files(saved: Path) -> None:
    wrong = changed_header(saved, seed=43)
    ran = run("judge", saved, "--json", saved.with_suffix(".json"))
    assert ran.code == 0
    assert "Certified: all 96 steps of numpy" in " ".join(ran.text.split())
    told = json.loads(saved.with_suffix(".json").read_text())
    assert told["files"][0]["certificate"]["certified"] is True
    ran = run("judge", saved, wrong)
    assert ran.code == 1
    assert "DIFFERENT: numpy, step 1 (epoch 1), start, w1" in " ".join(ran.text.split())


@pytest.mark.parametrize("name", ["none.npz", "README.md"])
def test_a_file_that_is_no_recording_is_refused(name: str) -> None:
    ran = run("judge", name)
    assert (ran.code, ran.text) == (2, "")
    assert name in ran.errors
    assert "Traceback" not in ran.errors


def test_batches_of_another_size_are_found() -> None:
    """Recorded one sample at a time, while the problem asks for four."""
    trainee = Trainee(load(find("numpy")), SHORT, "float64")
    asked = replace(SHORT, batch_size=4)
    judge = Judge("numpy", asked, "float64", trainee.seeds)
    judge.add(next(iter(lockstep([trainee])))[0])
    certificate = judge.finish()
    assert not certificate.certified
    assert certificate.findings[0].stage == SAMPLES
    assert "another size" in certificate.findings[0].note


def test_a_file_without_a_step_is_not_certified(saved: Path) -> None:
    empty = written(saved.with_name("empty.npz"), [], open_recording(saved).header)
    certificate = judge_file(empty).certificate
    assert not certificate.certified
    assert certificate.verdict == Verdict.UNDECIDED
    ran = run("judge", empty)
    assert ran.code == 3
    assert "Not judged: numpy recorded no step." in ran.text
    assert "ertified" not in ran.text


def test_a_file_that_ends_early_says_so(saved: Path) -> None:
    chunks = list(open_recording(saved).recordings())
    short = written(saved.with_name("short.npz"), chunks[:2], open_recording(saved).header)
    ran = run("judge", short)
    assert "holds 32 of the 96 steps" in " ".join(ran.text.split())
    assert "holds" not in run("judge", saved).text


def test_a_run_that_fails_everywhere_keeps_the_first_findings_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.training.CHUNK_STEPS", 16)
    trainee = Trainee(load(find("numpy")), SHORT, "float64")
    trainee.start(42)
    judge = Judge("numpy", SHORT, "float64", 42)
    for (recording,) in lockstep([trainee]):
        judge.add(replace(recording, grads=tuple(2 * g for g in recording.grads)))
        assert len(judge.finish().findings) == KEPT
    certificate = judge.finish()
    assert certificate.found > 96 * 5
    assert [f.step for f in certificate.findings] == sorted(f.step for f in certificate.findings)
    assert certificate.findings[0].step == 1
