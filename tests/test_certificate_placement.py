"""Where a run first differs: every tensor of that step, whatever came first and however much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shared.backend import Recording
from shared.certificate.findings import CARRIED, SAMPLES, SHAPE, START
from shared.certificate.placement import Placed, Placement
from shared.named_problems import problem
from shared.report.data import certificate_data
from tests.certified_runs import Run, general, put, reloaded, trained

PEOPLE = trained(problem("people16").changed(epochs=3))
WIDE = trained(general((4, 30, 3), 9, 3, 4))
REPLICAS = trained(general((4, 6, 3), 9, 3, 4), (1, 2))


def placement_of(run: Run) -> Placement:
    found = run.judged().placement
    assert found is not None
    return found


def counts(placement: Placement) -> list[tuple[str, str, int, int]]:
    return [(part.stage, part.tensor, part.failed, part.judged) for part in placement.parts]


def doubled_since(step: int, recording: Recording) -> Recording:
    """All gradients doubled from a step on, and nothing that follows from it."""
    row = int(np.searchsorted(recording.steps, step))
    grads = tuple(np.concatenate([g[:row], 2 * g[row:]]) for g in recording.grads)
    return replace(recording, grads=grads)


DOUBLED = WIDE.with_chunks(doubled_since(6, WIDE.whole))


def test_a_run_that_is_right_has_no_place() -> None:
    assert PEOPLE.judged().placement is None
    assert certificate_data(PEOPLE.judged())["placement"] is None


def test_later_tensors_are_placed_however_many_findings_the_first_one_has() -> None:
    certificate = DOUBLED.judged()
    assert {finding.tensor for finding in certificate.findings} == {"b2", "W2"}
    assert certificate.placement is not None
    assert certificate.placement.step == 6
    backward, update = (
        [part for part in counts(certificate.placement) if part[0] == stage]
        for stage in ("backward", "update")
    )
    assert backward == [
        ("backward", "b2", 3, 3), ("backward", "W2", 90, 90),
        ("backward", "b1", 30, 30), ("backward", "W1", 120, 120),
    ]  # fmt: skip
    assert [part[1] for part in update] == ["W1", "b1", "W2", "b2"]
    assert certificate.placement.stage == "backward"
    assert certificate.placement.tensors == ("b2", "W2", "b1", "W1")


def test_the_first_finding_is_where_it_began() -> None:
    certificate = DOUBLED.judged()
    first, placement = certificate.findings[0], certificate.placement
    assert placement is not None
    assert (placement.step, placement.epoch, placement.samples) == (
        first.step, first.epoch, first.samples,
    )  # fmt: skip
    assert (first.stage, first.tensor) == (placement.stage, placement.tensors[0])
    assert placement.parts[0].elements[0] == first.name


def test_only_the_first_elements_are_named() -> None:
    parts = {part.tensor: part for part in placement_of(DOUBLED).parts[:4]}
    assert parts["W2"].elements == ("W2[0,0]", "W2[0,1]", "W2[0,2]", "W2[0,3]")
    assert parts["b2"].elements == ("b2[0]", "b2[1]", "b2[2]")


@pytest.mark.parametrize("chunk_steps", [1, 2, 5, 100])
def test_a_placement_does_not_depend_on_chunks(
    chunk_steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.training.CHUNK_STEPS", chunk_steps)
    chunks = trained(WIDE.problem).chunks
    wrong = [doubled_since(6, chunk) for chunk in chunks]
    assert placement_of(WIDE.with_chunks(*wrong)) == placement_of(DOUBLED)


@pytest.mark.parametrize("together", [1, 3, 100])
def test_a_placement_does_not_depend_on_blocks(
    together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = placement_of(DOUBLED)
    monkeypatch.setattr("shared.certificate.judge.BLOCK_NUMBERS", 3 * 30 * together)
    assert placement_of(DOUBLED) == expected


def test_a_later_tensor_of_an_earlier_step_comes_first() -> None:
    """Of a block all steps of one tensor are told before any of the next."""
    early = put(WIDE.whole, "grads", 0, (3, 1, 2), 7.0)
    both = put(early, "activations", 0, (7, 0, 0), 0.25)
    placement = placement_of(WIDE.with_chunks(both))
    assert (placement.step, placement.stage, placement.tensors) == (4, "backward", ("W1",))
    assert placement.parts[0] == Placed("backward", "W1", 1, 120, ("W1[1,2]",))


def test_stages_come_in_the_order_of_execution() -> None:
    """The link to the step before, then forward, loss, backward, update; all in one step."""
    recording = put(WIDE.whole, "before", 3, (4, 1), 7.0)
    recording = put(recording, "activations", 0, (4, 0, 5), 0.25)
    recording = put(recording, "loss", 0, (4,), 7.0)
    recording = put(recording, "grads", 2, (4, 0, 0), 7.0)
    placement = placement_of(WIDE.with_chunks(recording))
    stages = list(dict.fromkeys(part.stage for part in placement.parts))
    assert stages == [CARRIED, "forward", "loss", "backward", "update"]
    assert (placement.stage, placement.tensors) == (CARRIED, ("b2",))
    assert placement.parts[0] == Placed(CARRIED, "b2", 1, 3, ("b2[1]",))


def test_a_state_that_was_reloaded_is_placed_tensor_by_tensor() -> None:
    placement = placement_of(reloaded(WIDE, after=6, back=2))
    assert (placement.step, placement.stage, placement.samples) == (7, CARRIED, ())
    assert counts(placement) == [
        (CARRIED, "W1", 120, 120), (CARRIED, "b1", 30, 30),
        (CARRIED, "W2", 90, 90), (CARRIED, "b2", 3, 3),
    ]  # fmt: skip


def test_of_links_that_do_not_hold_the_first_is_placed() -> None:
    recording = put(WIDE.whole, "before", 0, (4, 2, 1), 7.0)
    for row in (5, 6):
        recording = put(recording, "before", 0, (row, 2, 2), 7.0)
    first = placement_of(WIDE.with_chunks(recording)).parts[0]
    assert first == Placed(CARRIED, "W1", 1, 120, ("W1[2,1]",))


def test_another_seed_is_placed_at_the_start() -> None:
    placement = placement_of(replace(PEOPLE, seeds=7))
    assert (placement.step, placement.epoch, placement.stage) == (1, 1, START)
    assert placement.tensors == ("W1", "b1", "W2", "b2")
    assert placement.parts[0].elements == ("w1", "w2", "w3", "w4")
    assert placement.renamed == ()


def test_other_samples_are_placed_by_their_stage() -> None:
    batches = np.array(PEOPLE.whole.batches)
    batches[20] = (batches[20] + 1) % 16
    placement = placement_of(PEOPLE.with_chunks(replace(PEOPLE.whole, batches=batches)))
    assert (placement.step, placement.epoch, placement.samples) == (21, 2, (5,))
    assert placement.parts[0] == Placed(SAMPLES, SAMPLES, 1, 1, ())
    assert placement.parts[1].stage == "forward"


def test_a_recording_that_lacks_a_tensor_is_placed_by_its_stage() -> None:
    lacking = replace(PEOPLE.whole, grads=PEOPLE.whole.grads[:-1])
    placement = placement_of(PEOPLE.with_chunks(lacking))
    assert placement.parts == (Placed(SHAPE, SHAPE, 1, 1, ()),)


def test_replicas_count_together_and_samples_are_the_first_ones() -> None:
    recording = put(REPLICAS.whole, "grads", 0, (5, 1, 2, 3), 7.0)
    placement = placement_of(REPLICAS.with_chunks(recording))
    assert placement.parts[0] == Placed("backward", "W1", 1, 48, ("W1[2,3]",))
    assert placement.samples == tuple(REPLICAS.whole.batches[5, 1].tolist())


def test_a_placement_is_told_as_data() -> None:
    told = certificate_data(replace(PEOPLE, seeds=7).judged())["placement"]
    assert list(told) == ["step", "epoch", "samples", "stage", "tensors", "parts", "renamed"]
    assert told["parts"][2] == {
        "stage": "start", "tensor": "W2", "failed": 2, "judged": 2, "elements": ("w5", "w6"),
    }  # fmt: skip
