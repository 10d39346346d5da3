"""Honest runs of every optimizer are certified, beside the training and from a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.certificate.findings import BackendCertificate, StageSummary
from shared.certificate.sampling import sampling
from shared.certificate.stages import UPDATE
from shared.errors import RecordingFileError
from shared.judging import judge_file
from shared.named_problems import problem
from shared.optimizer import Optimizer
from shared.problems import Problem
from shared.recording_file import recording_writer
from shared.registry import Loaded, find, load
from tests.certified_kinds import KINDS
from tests.certified_runs import Run, trained
from tests.optimizers import OPTIMIZERS

STEPS = 32
every_optimizer = pytest.mark.parametrize("one", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())


def people(one: Optimizer) -> Problem:
    return replace(problem("people16-centered").changed(epochs=2), optimizer=one)


def updates(certificate: BackendCertificate) -> dict[str, StageSummary]:
    """What was judged of the updates, by tensor."""
    return {stage.tensor: stage for stage in certificate.stages if stage.stage == UPDATE}


def require_honest(certificate: BackendCertificate) -> None:
    assert certificate.certified, certificate.findings[0]
    assert (certificate.audit.failed, certificate.audit.overturned) == (0, 0)


@every_optimizer
def test_an_honest_run_is_certified(loaded: Loaded, one: Optimizer, dtype: str) -> None:
    certificate = trained(people(one), 42, loaded, dtype).judged()
    require_honest(certificate)
    # Of every number that moves, or is carried, every step was looked at.
    judged = sum(sum(stage.counts) for stage in updates(certificate).values())
    assert judged == STEPS * 9 * (1 + len(one.slots))


BATCHES = replace(KINDS["relu, two answers"], epochs=3)
NAMES = ["sgd, coupled", "nesterov, coupled", "momentum, inside, decoupled",
         "rmsprop, inside, coupled", "adam", "adamw, uncorrected, in dtype"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_honest_replicas_on_batches_are_certified(loaded: Loaded, name: str) -> None:
    dtype = "float32" if NAMES.index(name) % 2 else "float64"
    asked = replace(BATCHES, optimizer=OPTIMIZERS[name])
    require_honest(trained(asked, (3, 4), loaded, dtype).judged())


@every_optimizer
def test_what_is_carried_is_judged_before_the_parameters(one: Optimizer) -> None:
    names = ["W1", "b1", "W2", "b2"]
    expected = [f"{slot} {name}" for slot in one.slots for name in names] + names
    assert list(updates(trained(people(one)).judged())) == expected


@pytest.mark.parametrize("name", ["nesterov, coupled", "adam"])
def test_bits_have_no_resolution_and_bounds_have_one(name: str) -> None:
    found = updates(trained(people(OPTIMIZERS[name])).judged())
    by_bits = {tensor for tensor, stage in found.items() if stage.resolution is None}
    parameters = {"W1", "b1", "W2", "b2"}
    assert by_bits == (set(found) - parameters if name == "adam" else set(found))
    for tensor in parameters - by_bits:
        # Half a float, and hardly more.
        assert 2.0**-55 < (found[tensor].resolution or 0) < 2.0**-48


def with_one_more(run: Run, slot: str, tensor: int, place: tuple[int, ...]) -> Run:
    """Put a wrong number into a slot after a step, and only there."""
    moved = tuple(w.copy() for w in run.whole.state_after[slot])
    moved[tensor][place] *= 1.5
    slots = {**run.whole.state_after, slot: moved}
    return run.with_chunks(replace(run.whole, state_after=slots))


def test_a_wide_tensor_is_judged_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part by the numbers of its own steps, by which Adam corrects."""
    run = trained(people(OPTIMIZERS["adam"]))
    whole = updates(run.judged())
    monkeypatch.setattr("shared.certificate.stages.PART_NUMBERS", 12)
    assert updates(run.judged()) == whole
    wrong = with_one_more(run, "v", 0, (20, 1, 1)).judged()
    assert ("v W1", 21, (1, 1)) in {(f.tensor, f.step, f.element) for f in wrong.findings}


@pytest.mark.parametrize("name", ["nesterov, coupled", "adam", "adamw"])
def test_a_sample_of_an_honest_run_is_certified(name: str) -> None:
    """Between judged steps others are left out, and the steps keep their numbers."""
    run = trained(people(OPTIMIZERS[name]))
    sample = sampling(run.problem, 42, one_in=5)
    require_honest(run.judged(sample))
    judged = np.flatnonzero(sample.chosen(run.whole.steps))
    assert 6 < len(judged) < 10
    wrong = with_one_more(run, run.problem.optimizer.slots[-1], 0, (int(judged[3]), 0, 1))
    found = wrong.judged(sample).findings
    assert int(judged[3]) + 1 in {finding.step for finding in found}


def header_of(run: Run, **changes: Any) -> Mapping[str, Any]:
    return {
        "backend": "numpy", "problem": run.problem.to_json(), "seed": run.seeds,
        "dtype": run.dtype, "versions": {}, "host": {"system": "", "processor": ""}, **changes,
    }  # fmt: skip


def judged_from_file(run: Run, path: Path) -> BackendCertificate:
    with recording_writer(path, header_of(run)) as writer:
        for chunk in run.chunks:
            writer.add(chunk)
    return judge_file(path, given=run.problem).certificate


@pytest.mark.parametrize("name", ["momentum, inside, decoupled", "adamw", "rmsprop"])
def test_a_file_is_judged_as_the_run_was(tmp_path: Path, name: str, dtype: str) -> None:
    run = trained(people(OPTIMIZERS[name]), 42, load(find("numpy")), dtype)
    beside, afterwards = run.judged(), judged_from_file(run, tmp_path / "a.npz")
    assert afterwards.certified
    assert updates(afterwards) == updates(beside)
    assert updates(beside)


def test_a_mistake_is_found_in_a_file_as_beside_the_run(tmp_path: Path, dtype: str) -> None:
    honest = trained(people(OPTIMIZERS["adam"]), 42, load(find("numpy")), dtype)
    run = with_one_more(honest, "v", 2, (6, 0, 1))
    beside, afterwards = run.judged(), judged_from_file(run, tmp_path / "a.npz")
    assert beside.findings
    assert afterwards.findings == beside.findings
    assert ("v W2", 7) in {(found.tensor, found.step) for found in beside.findings}


def test_a_file_by_another_optimizer_is_refused(tmp_path: Path) -> None:
    run = trained(people(OPTIMIZERS["adam"]))
    with recording_writer(tmp_path / "a.npz", header_of(run)) as writer:
        writer.add(run.whole)
    with pytest.raises(RecordingFileError, match=r"it was made with another 'optimizer\.name'"):
        judge_file(tmp_path / "a.npz", given=people(OPTIMIZERS["adamw"]))
