"""Steps in a shuffled order: every sample that a step saw is held to the order of its seed.

Each wrong run is trained honestly on what it names, so that its order alone is wrong.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import shared.training
from shared.backend import Array
from shared.certificate.decision import Verdict
from shared.certificate.findings import SAMPLES, SHAPE, BackendCertificate
from shared.certificate.ledger import KEPT
from shared.problems import Problem
from shared.seeding import batch_runs
from tests.certified_kinds import KINDS, ragged
from tests.certified_runs import Run, on_batches, put, trained

ONE = replace(KINDS["relu, classes"], epochs=6)
SEEDS = (1, 2)
STEPS, PER_EPOCH = 18, 3


@pytest.fixture(scope="module")
def run() -> Run:
    """Two networks, each in an order of its own: three batches of ten in each of six epochs."""
    return trained(ONE, SEEDS)


def order(one: Problem, seeds: int | tuple[int, ...]) -> Array:
    ((_, batches),) = batch_runs(one, seeds, 0, one.step_count)
    return batches


def trained_on(run: Run, batches: Array) -> BackendCertificate:
    return run.with_chunks(on_batches(run, batches)).judged()


def require_steps(certificate: BackendCertificate, steps: list[int]) -> None:
    """All these steps, and only these, saw other samples; nothing else is wrong."""
    assert certificate.verdict == Verdict.DIFFERENT
    assert certificate.found == len(steps)
    assert [found.step for found in certificate.findings] == steps[:KEPT]
    for found in certificate.findings:
        assert found.stage == SAMPLES
        assert found.epoch == (found.step - 1) // PER_EPOCH + 1
        assert "other samples" in found.note


def test_the_order_of_each_seed_is_certified(run: Run) -> None:
    assert run.judged().certified
    assert not (run.whole.batches[:, 0] == run.whole.batches[:, 1]).all()


@pytest.mark.parametrize("chunk_steps", [1, 4, 7])
def test_the_order_is_followed_across_chunks(
    chunk_steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.training, "CHUNK_STEPS", chunk_steps)
    run = trained(ONE, SEEDS)
    assert len(run.chunks) > 2
    assert run.judged().certified


def test_the_file_order_is_another(run: Run) -> None:
    in_file_order = order(replace(ONE, order="file"), SEEDS)
    require_steps(trained_on(run, in_file_order), list(range(1, STEPS + 1)))


def test_the_order_of_another_seed(run: Run) -> None:
    require_steps(trained_on(run, order(ONE, (1, 7))), list(range(1, STEPS + 1)))


def test_the_orders_of_two_replicas_exchanged(run: Run) -> None:
    exchanged = run.whole.batches[:, ::-1]
    require_steps(trained_on(run, exchanged), list(range(1, STEPS + 1)))


def test_one_order_for_all_replicas(run: Run) -> None:
    shared_order = np.repeat(run.whole.batches[:, :1], 2, axis=1)
    require_steps(trained_on(run, shared_order), list(range(1, STEPS + 1)))


def test_the_order_of_the_epoch_before(run: Run) -> None:
    batches = np.array(run.whole.batches)
    batches[6:9] = batches[3:6]
    require_steps(trained_on(run, batches), [7, 8, 9])


def test_two_batches_exchanged(run: Run) -> None:
    batches = np.array(run.whole.batches)
    batches[[4, 5]] = batches[[5, 4]]
    require_steps(trained_on(run, batches), [5, 6])


def test_two_samples_exchanged_within_a_batch(run: Run) -> None:
    """Their sum is the same but for rounding, and the order is another."""
    batches = np.array(run.whole.batches)
    batches[10, 1, [2, 3]] = batches[10, 1, [3, 2]]
    require_steps(trained_on(run, batches), [11])


def test_a_sample_drawn_twice(run: Run) -> None:
    batches = np.array(run.whole.batches)
    batches[2, 0, 0] = batches[2, 0, 1]
    require_steps(trained_on(run, batches), [3])


@pytest.mark.parametrize("index", [-1, 30, 10**9])
def test_a_sample_that_does_not_exist(run: Run, index: int) -> None:
    certificate = run.with_chunks(put(run.whole, "batches", 0, (4, 1, 2), index)).judged()
    assert certificate.verdict == Verdict.DIFFERENT
    assert (certificate.findings[0].stage, certificate.findings[0].step) == (SAMPLES, 5)
    assert index in certificate.findings[0].samples


def test_more_wrong_steps_than_are_kept_are_all_counted() -> None:
    long = trained(replace(ONE, epochs=20), 1)
    certificate = trained_on(long, order(replace(long.problem, order="file"), 1))
    require_steps(certificate, list(range(1, 61)))


def test_a_ragged_batch_that_is_dropped() -> None:
    """Each epoch ends with a batch of two; the run goes on with the next epoch instead."""
    run = trained(ragged(), 3)
    assert [len(chunk.steps) for chunk in run.chunks] == [2, 1] * 4
    without = trained(replace(ragged(), last_batch="dropped"), 3)
    certificate = run.with_chunks(*without.chunks).judged()
    assert certificate.verdict == Verdict.DIFFERENT
    assert {found.stage for found in certificate.findings} == {SAMPLES}
    assert certificate.findings[0].note == "The batches have another size than the problem's."


def test_a_ragged_batch_that_is_kept_where_it_should_be_dropped() -> None:
    run = trained(ragged(), 3)
    asked = replace(run, problem=replace(run.problem, last_batch="dropped"))
    found = asked.judged().findings[0]
    assert (found.stage, found.step, found.verdict) == (SAMPLES, 3, Verdict.DIFFERENT)


def test_logits_that_are_missing_are_a_finding(run: Run) -> None:
    evaluation = replace(run.whole.evaluation, logits=None)
    (found,) = run.with_chunks(replace(run.whole, evaluation=evaluation)).judged().findings
    assert (found.stage, found.step, found.verdict) == (SHAPE, 1, Verdict.DIFFERENT)
    assert "logits" in found.note


@pytest.mark.parametrize("part", ["shape", "dtype"])
def test_logits_of_another_shape_or_dtype_are_a_finding(run: Run, part: str) -> None:
    logits = run.whole.evaluation.logits
    assert logits is not None
    other = logits[..., :1] if part == "shape" else logits.astype(np.float32)
    evaluation = replace(run.whole.evaluation, logits=other)
    (found,) = run.with_chunks(replace(run.whole, evaluation=evaluation)).judged().findings
    assert (found.stage, found.verdict) == (SHAPE, Verdict.DIFFERENT)
    assert "logits" in found.note


def test_logits_from_which_nothing_is_computed_change_no_verdict() -> None:
    run = trained(KINDS["sigmoid, squares"], 3)
    activations = run.whole.evaluation.activations
    assert activations is not None
    evaluation = replace(run.whole.evaluation, logits=activations[-1])
    given = run.with_chunks(replace(run.whole, evaluation=evaluation))
    assert given.judged() == run.judged()
