"""Honest runs: whatever the backend, the seed, the net and the chunks, nothing is found."""

from __future__ import annotations

from dataclasses import replace

import pytest

import shared.training
from shared.certificate.decision import Verdict
from shared.certificate.findings import BackendCertificate
from shared.certificate.judge import Judge
from shared.evaluation import CurveTaker
from shared.problems import Problem, problem
from shared.registry import Loaded
from shared.training import Trainee, lockstep
from tests.certified_runs import general

CHAOTIC = (4, 29, 37, 42)
"""Starting points where rounding is amplified, where runs part, and a calm one."""

GENERAL: dict[str, tuple[Problem, int | tuple[int, ...]]] = {
    "5-4-3-2 in batches": (general((5, 4, 3, 2), 14, 7, 30), (1, 2)),
    "5-4-3-2 with a ragged batch": (general((5, 4, 3, 2), 17, 7, 8), 3),
    "3-4-2 with a ragged batch": (general((3, 4, 2), 10, 4, 8), (4, 5, 6)),
    "one sample at a time, no hidden layer": (general((2, 1), 6, 1, 20), 3),
}


def certificate(
    loaded: Loaded, one: Problem, seeds: int | tuple[int, ...]
) -> tuple[BackendCertificate, int]:
    """Train with a judge on the steps and the curve; return what it says, and how many chunks."""
    trainee = Trainee(loaded, one, "float64")
    trainee.start(seeds)
    judge = Judge(loaded.name, one, "float64", trainee.params)
    taker, chunks = CurveTaker(trainee, judge), 0
    for (recording,) in lockstep([trainee]):
        judge.add(recording)
        taker.add(recording)
        chunks += 1
    taker.finish()
    return judge.finish(), chunks


def require_clean(found: BackendCertificate, one: Problem, seeds: int | tuple[int, ...]) -> None:
    assert found.findings == ()
    assert found.found == 0
    assert found.certified
    assert found.steps == one.step_count
    layers = len(one.network.sizes) - 1
    # Activations and a loss at every step and every mark; gradients and updates at every step.
    assert len(found.stages) == 2 * (layers + 1) + 2 * 2 * layers
    replicas = 1 if isinstance(seeds, int) else len(seeds)
    units = sum(one.network.sizes[1:])
    per_epoch = replicas * (len(one.x) * units + one.steps_per_epoch)
    steps = one.epochs * per_epoch + 2 * one.step_count * replicas * one.network.param_count
    marks = len(one.curve_epochs) * replicas * (len(one.x) * units + 1)
    assert found.values == steps + marks
    for stage in found.stages:
        for verdict in (Verdict.VACUOUS, Verdict.UNDECIDED, Verdict.DIFFERENT):
            assert stage.counts[verdict] == 0, stage


@pytest.mark.parametrize("chunk_steps", [97, 4096])
def test_replicas_of_people16(
    loaded: Loaded, chunk_steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.training, "CHUNK_STEPS", chunk_steps)
    one = problem("people16").changed(epochs=60)
    found, chunks = certificate(loaded, one, CHAOTIC)
    assert chunks == (10 if chunk_steps == 97 else 1)
    require_clean(found, one, CHAOTIC)


@pytest.mark.parametrize("seed", CHAOTIC)
def test_a_seed_of_people16(loaded: Loaded, seed: int) -> None:
    one = problem("people16").changed(epochs=60)
    found, _ = certificate(loaded, one, seed)
    require_clean(found, one, seed)


@pytest.mark.parametrize("name", ["people16-centered", "people4"])
@pytest.mark.parametrize("seeds", [0, (1, 2, 3)], ids=["single", "replicas"])
def test_the_other_problems(loaded: Loaded, name: str, seeds: int | tuple[int, ...]) -> None:
    one = problem(name).changed(epochs=60)
    found, _ = certificate(loaded, one, seeds)
    require_clean(found, one, seeds)


@pytest.mark.parametrize("case", GENERAL)
def test_any_net(loaded: Loaded, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, seeds = GENERAL[case]
    monkeypatch.setattr(shared.training, "CHUNK_STEPS", 30)
    found, chunks = certificate(loaded, one, seeds)
    assert chunks > 1
    require_clean(found, one, seeds)


def test_every_backend_agrees_on_what_was_judged(all_loaded: list[Loaded]) -> None:
    one = replace(problem("people16").changed(epochs=11), batch_size=8)
    certificates = [certificate(loaded, one, 42)[0] for loaded in all_loaded]
    places = [[(stage.stage, stage.tensor) for stage in found.stages] for found in certificates]
    assert all(own == places[0] for own in places)
    assert all(found.values == certificates[0].values for found in certificates)
