"""Honest runs: whatever the backend, the seed, the net and the chunks, nothing is found."""

from __future__ import annotations

from dataclasses import replace

import pytest

import shared.training
from shared.backend import Recording
from shared.certificate.decision import Verdict
from shared.certificate.findings import BackendCertificate
from shared.named_problems import problem
from shared.problems import Problem
from shared.registry import Loaded
from tests.certified_kinds import KINDS, ragged, softly_labelled, wide, with_held_out
from tests.certified_runs import Seeds, certificate, general

CHAOTIC = (4, 29, 37, 42)
"""Starting points where rounding is amplified, where runs part, and a calm one."""

GENERAL: dict[str, tuple[Problem, Seeds]] = {
    "5-4-3-2 in batches": (general((5, 4, 3, 2), 14, 7, 30), (1, 2)),
    "5-4-3-2 with a ragged batch": (general((5, 4, 3, 2), 17, 7, 8), 3),
    "3-4-2 with a ragged batch": (general((3, 4, 2), 10, 4, 8), (4, 5, 6)),
    "one sample at a time, no hidden layer": (general((2, 1), 6, 1, 20), 3),
}
SEEDS = (0, 1, 2, 3, 4)
EVERY_KIND = KINDS | {
    "relu, two answers": ragged(),
    "relu, classes": with_held_out(KINDS["relu, classes"]),
    "wide, soft labels": softly_labelled(wide()),
}


SATURATED = {
    name: replace(one, x=50 * one.x, epochs=2)
    for name, one in KINDS.items()
    if name in ("tanh twice, quadratic cost", "relu, classes", "no hidden layer, one answer")
}


def judged(
    loaded: Loaded, one: Problem, seeds: Seeds, dtype: str = "float64"
) -> tuple[BackendCertificate, Recording, int]:
    """Train and judge; return what is said, the last chunk, and how many there were."""
    chunks: list[Recording] = []
    found = certificate(loaded, one, seeds, seen=chunks.append, dtype=dtype)
    return found, chunks[-1], len(chunks)


def require_clean(
    found: BackendCertificate, recording: Recording, one: Problem, seeds: Seeds
) -> None:
    """Nothing was found, and everything was looked at: as many values as can be counted."""
    assert found.findings == ()
    assert found.found == 0
    assert found.certified
    assert found.verdict == Verdict.EXPLAINED
    assert found.steps == found.judged_steps == one.step_count
    for stage in found.stages:
        for verdict in (Verdict.UNDECIDED, Verdict.DIFFERENT):
            assert stage.counts[verdict] == 0, stage
    network = one.network
    layers, with_deltas = len(network.sizes) - 1, recording.deltas is not None
    # Activations and a loss at every step and every mark; gradients and updates at every step.
    assert len(found.stages) == (
        2 * (layers + 1 + network.from_logits) + 2 * 2 * layers + with_deltas * layers
    )
    replicas = 1 if isinstance(seeds, int) else len(seeds)
    units = sum(network.sizes[1:])
    answers = units + network.from_logits * network.sizes[-1]
    per_step = one.steps_per_epoch * (1 + 2 * network.param_count)
    seen = len(one.x) if one.last_batch == "kept" else one.steps_per_epoch * one.batch_size
    per_epoch = seen * (answers + with_deltas * units) + per_step
    samples = [len(one.x), *([len(one.held_out.x)] if one.held_out else [])]
    per_mark = sum(count * answers + 1 for count in samples)
    assert found.values == replicas * (one.epochs * per_epoch + len(one.curve_epochs) * per_mark)


def require_nothing_vacuous(found: BackendCertificate) -> None:
    assert all(stage.counts[Verdict.VACUOUS] == 0 for stage in found.stages)


@pytest.mark.parametrize("chunk_steps", [97, 4096])
def test_replicas_of_people16(
    loaded: Loaded, chunk_steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.training, "CHUNK_STEPS", chunk_steps)
    one = problem("people16").changed(epochs=60)
    found, last, chunks = judged(loaded, one, CHAOTIC)
    assert chunks == (10 if chunk_steps == 97 else 1)
    require_clean(found, last, one, CHAOTIC)
    require_nothing_vacuous(found)


@pytest.mark.parametrize("seed", CHAOTIC)
def test_a_seed_of_people16(loaded: Loaded, seed: int, dtype: str) -> None:
    one = problem("people16").changed(epochs=60)
    found, last, _ = judged(loaded, one, seed, dtype)
    require_clean(found, last, one, seed)
    require_nothing_vacuous(found)


@pytest.mark.parametrize("name", ["people16-centered", "people4"])
@pytest.mark.parametrize("seeds", [0, (1, 2, 3)], ids=["single", "replicas"])
def test_the_other_problems(loaded: Loaded, name: str, seeds: Seeds, dtype: str) -> None:
    one = problem(name).changed(epochs=60)
    found, last, _ = judged(loaded, one, seeds, dtype)
    require_clean(found, last, one, seeds)
    require_nothing_vacuous(found)


@pytest.mark.parametrize("case", GENERAL)
def test_any_net(loaded: Loaded, case: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, seeds = GENERAL[case]
    monkeypatch.setattr(shared.training, "CHUNK_STEPS", 30)
    found, last, chunks = judged(loaded, one, seeds, dtype)
    assert chunks > 1
    require_clean(found, last, one, seeds)
    require_nothing_vacuous(found)


@pytest.mark.parametrize("name", EVERY_KIND)
def test_every_kind_of_network_from_five_seeds_at_once(
    loaded: Loaded, name: str, dtype: str
) -> None:
    one = EVERY_KIND[name]
    found, last, _ = judged(loaded, one, SEEDS, dtype)
    require_clean(found, last, one, SEEDS)


@pytest.mark.parametrize("name", SATURATED)
def test_networks_that_are_sure_of_every_answer(loaded: Loaded, name: str, dtype: str) -> None:
    """Units at the ends of their range, logits in the hundreds: nothing cancels, nor overflows."""
    one = SATURATED[name]
    found, last, _ = judged(loaded, one, SEEDS, dtype)
    require_clean(found, last, one, SEEDS)


def test_a_deep_network_from_one_seed(loaded: Loaded) -> None:
    one = EVERY_KIND["tanh twice, classes"]
    found, last, _ = judged(loaded, one, 5)
    require_clean(found, last, one, 5)


def test_every_backend_agrees_on_what_was_judged(all_loaded: list[Loaded]) -> None:
    """Those that record the same judge the same; recorded deltas come on top."""
    one = replace(problem("people16").changed(epochs=11), batch_size=8)
    places = []
    for loaded in all_loaded:
        found, recording, _ = judged(loaded, one, 42)
        own = {(stage.stage, stage.tensor): sum(stage.counts) for stage in found.stages}
        deltas = {key for key in own if key[1].startswith("δ")}
        assert bool(deltas) == (recording.deltas is not None)
        places.append({key: count for key, count in own.items() if key not in deltas})
    assert all(own == places[0] for own in places)
