"""The chain: each step starts at the bits the last one left, the first one at the seed's.

Each broken link is found by itself: every step is honest from where it starts.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import shared.training
from shared.backend import Recording
from shared.certificate.decision import Verdict
from shared.certificate.findings import CARRIED, SAMPLES, SHAPE, START
from shared.named_problems import problem
from tests.certified_runs import Run, general, joined, on_batches, put, reloaded, trained

PEOPLE = trained(problem("people16").changed(epochs=3))
WIDE = trained(general((4, 6, 3), 9, 3, 8), (1, 2))
every_run = pytest.mark.parametrize("run", [PEOPLE, WIDE], ids=["2-2-1", "4-6-3"])


def require_reload(run: Run, after: int, back: int) -> None:
    """Every number of step after + 1 that differs from what step `after` left, nothing else."""
    honest = run.chunks[0] if len(run.chunks) == 2 else run.whole
    certificate = run.judged()
    left = [w[after - 1] for w in honest.after]
    taken = [w[after - back] for w in honest.before]
    expected = {
        (name, place)
        for name, a, b in zip(run.problem.network.param_names, left, taken, strict=True)
        for place in map(tuple, np.argwhere(a != b).tolist())
    }
    assert certificate.found == len(expected) > 0
    for found in certificate.findings:
        assert (found.tensor, found.element) in expected
        assert (found.stage, found.step, found.epoch) == (CARRIED, after + 1, run.epoch(after + 1))
        i = run.problem.network.param_names.index(found.tensor)
        assert found.value == taken[i][found.element]
        assert found.exact == left[i][found.element]
        assert found.verdict == Verdict.DIFFERENT
        assert found.ulps > 0


@every_run
@pytest.mark.parametrize("after", [2, 13, -1], ids=["early", "middle", "before the last"])
def test_a_state_reloaded_at_a_border_of_chunks(run: Run, after: int) -> None:
    after %= len(run.whole.steps)
    require_reload(reloaded(run, after, back=2), after, back=2)


@every_run
@pytest.mark.parametrize("after", [2, 13, -1], ids=["early", "middle", "before the last"])
def test_a_state_reloaded_within_a_chunk(run: Run, after: int) -> None:
    after %= len(run.whole.steps)
    require_reload(run.with_chunks(joined(reloaded(run, after, back=2).chunks)), after, back=2)


@every_run
def test_final_parameters_of_two_steps_before(run: Run) -> None:
    honest = run.whole
    old = tuple(w[-2] for w in honest.before)
    certificate = run.with_chunks(replace(honest, final=(old, honest.final[1]))).judged()
    assert certificate.found == sum(
        int((a != b).sum()) for a, b in zip(old, honest.final[0], strict=True)
    )
    assert {(f.stage, f.step) for f in certificate.findings} == {(CARRIED, len(honest.steps))}


@every_run
def test_one_final_parameter(run: Run) -> None:
    value = math.nextafter(float(run.whole.final[0][1].ravel()[0]), math.inf)
    place = (0,) * run.whole.final[0][1].ndim
    (found,) = run.with_chunks(put(run.whole, "final", 1, place, value)).judged().findings
    assert (found.stage, found.tensor, found.element) == (CARRIED, "b1", place)
    assert (found.step, found.epoch) == (len(run.whole.steps), run.problem.epochs)
    assert (found.value, found.ulps) == (value, 1)


@every_run
def test_the_final_parameters_of_a_chunk_are_where_the_next_one_starts(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.training, "CHUNK_STEPS", 10)
    chunks = trained(run.problem, 42 if run is PEOPLE else (1, 2)).chunks
    assert len(chunks) > 2
    assert run.with_chunks(*chunks).judged().certified
    last = int(chunks[1].steps[-1])
    place = (0,) * chunks[1].final[0][0].ndim
    altered = put(chunks[1], "final", 0, place, 7.0)
    certificate = run.with_chunks(chunks[0], altered, *chunks[2:]).judged()
    # It is not what the last step left, nor what the next one starts from.
    assert [(f.stage, f.tensor, f.step) for f in certificate.findings] == [
        (CARRIED, "W1", last),
        (CARRIED, "W1", last + 1),
    ]
    assert certificate.findings[0].value == certificate.findings[1].exact == 7.0


@pytest.mark.parametrize(("first", "then"), [(10, 20), (20, 10)], ids=["left out", "repeated"])
def test_steps_left_out_between_chunks_or_repeated(first: int, then: int) -> None:
    early, late = (
        reloaded(PEOPLE, first, back=0).chunks[0],
        reloaded(PEOPLE, then, back=0).chunks[1],
    )
    found = PEOPLE.with_chunks(early, late).judged().findings[0]
    assert (found.stage, found.step, found.verdict) == (SHAPE, first + 1, Verdict.DIFFERENT)
    assert found.note


@every_run
def test_another_seed_than_the_one_named(run: Run) -> None:
    named = replace(run, seeds=7 if run is PEOPLE else (7, 8))
    certificate = named.judged()
    pairs = zip(run.start, named.start, strict=True)
    assert certificate.found == sum(int((a != b).sum()) for a, b in pairs) > 0
    for found in certificate.findings:
        assert (found.stage, found.step, found.epoch) == (START, 1, 1)
        assert found.verdict == Verdict.DIFFERENT


def test_one_of_the_seeds_of_replicas_that_is_another() -> None:
    certificate = replace(WIDE, seeds=(1, 7)).judged()
    assert certificate.found == WIDE.problem.network.param_count
    assert {(found.stage, found.element[0]) for found in certificate.findings} == {(START, 1)}


def test_replicas_in_another_order_than_their_seeds() -> None:
    certificate = replace(WIDE, seeds=(2, 1)).judged()
    assert certificate.found == 2 * WIDE.problem.network.param_count
    assert {found.stage for found in certificate.findings} == {START}


@every_run
def test_one_first_parameter_that_is_not_the_seeds(run: Run) -> None:
    """Every step is right, from a start that is one float aside."""
    place = (0,) * run.start[2].ndim
    start = tuple(np.array(w) for w in run.start)
    value = math.nextafter(float(start[2][place]), math.inf)
    start[2][place] = value
    aside = run.with_chunks(on_batches(run, run.whole.batches, start))
    (found,) = aside.judged().findings
    assert (found.stage, found.tensor, found.element) == (START, "W2", place)
    assert (found.value, found.ulps) == (value, 1)
    assert found.name == ("w5" if run is PEOPLE else "W2[0,0]")


def test_a_zero_of_the_other_sign_is_not_carried_over() -> None:
    """The biases start at zero, and one of them below it."""
    run = trained(replace(PEOPLE.problem, initialization="fan_in_normal"))
    start = tuple(np.array(w) for w in run.start)
    assert start[3][0] == 0
    start[3][0] = -0.0
    certificate = run.with_chunks(on_batches(run, run.whole.batches, start)).judged()
    assert [(f.stage, f.name, f.ulps) for f in certificate.findings] == [(START, "b3", 0)]


def test_the_earliest_broken_link_comes_first_however_many_there_are() -> None:
    recording = PEOPLE.whole
    altered = tuple(np.array(w) for w in recording.before)
    altered[0][20:40] += 1e-13
    altered[3][5] += 1e-13
    first = PEOPLE.with_chunks(replace(recording, before=altered)).judged().findings[0]
    assert (first.stage, first.name, first.step) == (CARRIED, "b3", 6)


def test_a_step_made_on_another_sample() -> None:
    """The step is right for the sample that it names; the problem asks for another one."""
    batches = np.array(PEOPLE.whole.batches)
    batches[20] = (batches[20] + 1) % 16
    altered = on_batches(PEOPLE, batches)
    (found,) = PEOPLE.with_chunks(altered).judged().findings
    assert (found.stage, found.step, found.samples) == (SAMPLES, 21, (5,))


def test_an_infinity_that_an_overflow_left_is_found() -> None:
    """Rounding explains it, but nothing that follows is training any more."""
    one = problem("people4").changed(epochs=1, learning_rate=1e308)
    with np.errstate(over="ignore", invalid="ignore"):
        run = trained(replace(one, x=one.x[:1], y=np.array([[50.0]])), 0)
    assert len(run.whole.steps) == 1
    assert any(np.isinf(w).any() for w in run.whole.after)
    assert not run.judged().certified


@pytest.mark.parametrize("what", ["activations", "loss", "grads", "deltas"])
def test_a_tensor_that_is_missing_or_misshaped(what: str) -> None:
    recording = PEOPLE.whole
    evaluation = recording.evaluation
    altered: dict[str, Recording] = {
        "activations": replace(recording, evaluation=replace(evaluation, activations=None)),
        "loss": replace(recording, evaluation=replace(evaluation, loss=evaluation.loss[:, None])),
        "grads": replace(recording, grads=recording.grads[:-1]),
        "deltas": replace(recording, deltas=(recording.deltas or ())[:-1]),
    }
    certificate = PEOPLE.with_chunks(altered[what]).judged()
    assert certificate.verdict == Verdict.DIFFERENT
    (found,) = certificate.findings
    assert (found.stage, found.step, found.epoch, found.verdict) == (SHAPE, 1, 1, Verdict.DIFFERENT)
    assert found.note
