"""Which values the auditor looks at: all that a report shows, and a few drawn for no reason."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backend import Array
from shared.certificate import audit_choice
from shared.certificate.audit_choice import (
    DRAWN,
    FAILURES,
    MOST_STEPS,
    PRODUCTS,
    Block,
    chosen_of,
    drawn_steps,
    rows_drawn,
)
from shared.certificate.decision import Judged, Verdict
from shared.certificate.findings import BackendCertificate
from shared.certificate.judge import Judge, reference_for
from shared.certificate.ledger import KEPT
from shared.certificate.sampling import Sampling
from shared.named_problems import problem
from shared.network import Network
from shared.problems import Problem
from tests.audited_runs import RUNS, Crooked, judged_by
from tests.certified_kinds import made
from tests.certified_runs import Run, judgements, put, seen_by
from tests.recordings import repeatably


class Stretched(Crooked):
    """Tells every distance to be twice as large."""

    def distance(self, value: Array, exact: Any) -> Array:
        return 2 * np.asarray(self.right.distance(value, exact))


def stretched(run: Run) -> BackendCertificate:
    reference = reference_for(run.dtype)
    crooked = replace(reference, arithmetic=Stretched(reference.arithmetic, {}))
    judge = Judge("numpy", run.problem, run.dtype, run.seeds, reference=crooked)
    for chunk in run.chunks:
        judge.add(chunk)
    return judge.finish()


def wrong_everywhere(run: Run) -> Run:
    """All gradients doubled, and what is recorded between them."""
    twice = tuple(2 * g for g in run.whole.grads)
    return run.with_chunks(replace(run.whole, grads=twice))


@pytest.mark.parametrize("name", RUNS)
def test_all_that_a_report_shows_was_audited(name: str) -> None:
    """What was not has twice the distance that value and exact value have."""
    certificate = stretched(wrong_everywhere(RUNS[name]))
    shown = [f for f in certificate.findings if f.stage != "update"]
    assert len(certificate.findings) == KEPT
    assert shown
    for one in shown:
        assert one.error < 1.5 * abs(one.value - one.exact)


@pytest.mark.parametrize("name", RUNS)
def test_of_a_run_that_is_wrong_throughout_no_more_is_audited_than_needed(name: str) -> None:
    certificate = wrong_everywhere(RUNS[name]).judged()
    tensors = len(certificate.stages)
    assert certificate.found > 20 * FAILURES
    assert FAILURES <= certificate.audit.failed <= FAILURES * tensors


@pytest.mark.parametrize("chunk_rows", [3, 20])
def test_once_enough_was_found_later_steps_are_not_audited_for_it(
    chunk_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each block of steps is one of its own."""
    monkeypatch.setattr("shared.certificate.judge.BLOCK_NUMBERS", 12 * 40 * chunk_rows)
    certificate = wrong_everywhere(RUNS["no deltas"]).judged()
    assert certificate.audit.failed <= FAILURES * len(certificate.stages)


@pytest.mark.parametrize("count", [19, 20, 21, 45])
def test_as_long_as_values_are_acquitted_others_are_audited(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Honest ones, all called different: not the first twenty only."""
    monkeypatch.setattr(audit_choice, "DRAWN", 0)
    run = RUNS["quantities"]
    judged = judgements(run)["forward", "a1"]
    inside = judged.verdict == Verdict.EXPLAINED
    values = np.unique(judged.value[inside])[:count]
    assert len(values) == count
    certificate = judged_by(run, {float(value): 1.0 for value in values})
    assert certificate.certified
    assert certificate.audit.overturned == certificate.audit.failed == count


def test_values_are_audited_in_the_order_in_which_a_report_shows_them() -> None:
    """Honest ones come first, more than are audited at once; wrong ones in a later step."""
    run = RUNS["quantities"]
    judged = judgements(run)["forward", "a1"]
    honest = judged.value[:3][judged.verdict[:3] == Verdict.EXPLAINED]
    recording = run.whole
    for i in range(FAILURES):
        recording = put(recording, "grads", 0, (14, 0, i), 7.0)
    certificate = judged_by(run.with_chunks(recording), {float(v): 1.0 for v in honest})
    assert {one.step for one in certificate.findings} == {15}


SAMPLES = st.builds(Sampling, st.integers(1, 9), st.integers(0, 99), st.integers(1, 400))


def all_drawn(sample: Sampling, drawn: Sampling) -> dict[int, int]:
    steps = np.arange(1, sample.step_count + 1)
    judged = steps[sample.chosen(steps)]
    found = rows_drawn(judged, sample, drawn)
    assert all(judged[row] == step for step, row in found.items())
    return found


@repeatably
@given(SAMPLES)
def test_the_first_and_the_last_step_are_drawn(sample: Sampling) -> None:
    found = all_drawn(sample, drawn_steps(problem("people16"), sample))
    assert {1, sample.step_count} <= set(found)


@repeatably
@given(SAMPLES)
def test_drawn_steps_are_judged_steps(sample: Sampling) -> None:
    steps = np.arange(1, sample.step_count + 1)
    judged = set(steps[sample.chosen(steps)].tolist())
    assert set(all_drawn(sample, drawn_steps(problem("people16"), sample))) <= judged


@repeatably
@given(SAMPLES, st.integers(1, 40))
def test_blocks_change_nothing_about_the_steps_that_are_drawn(sample: Sampling, size: int) -> None:
    drawn = drawn_steps(problem("people16"), sample)
    steps = np.arange(1, sample.step_count + 1)
    judged = steps[sample.chosen(steps)]
    parts = [judged[i : i + size] for i in range(0, len(judged), size)]
    together = [step for part in parts for step in rows_drawn(part, sample, drawn)]
    assert together == list(all_drawn(sample, drawn))


@pytest.mark.parametrize("count", [1, 50, 1000, 80_000])
def test_not_many_more_steps_are_drawn_than_there_may_be(count: int) -> None:
    sample = Sampling(1, 3, count)
    found = all_drawn(sample, drawn_steps(problem("people16"), sample))
    assert min(count, MOST_STEPS) <= len(found) <= 2 * MOST_STEPS + 2


@pytest.mark.parametrize("seed", [0, 5])
def test_the_steps_drawn_depend_on_the_seed(seed: int) -> None:
    one, other = (Sampling(1, s, 5000) for s in (seed, seed + 1))
    problem_ = problem("people16")
    assert all_drawn(one, drawn_steps(problem_, one)) == all_drawn(one, drawn_steps(problem_, one))
    assert all_drawn(one, drawn_steps(problem_, one)) != all_drawn(
        other, drawn_steps(problem_, other)
    )


def cost(one: Problem) -> int:
    """What the documented budget counts of a step."""
    sizes, m = one.network.sizes, one.batch_size
    products = sum(a * b for a, b in itertools.pairwise(sizes[1:]))
    return m * products + (m + DRAWN) * sum(sizes)


@pytest.mark.parametrize("width", [10, 60, 300])
def test_of_a_wide_network_fewer_steps_are_drawn(width: int) -> None:
    one = made(Network((20, width, width, 3), "relu", "identity"), 32, 16, 0.1)
    sample = Sampling(1, 3, 10_000)
    drawn = drawn_steps(one, sample)
    inside = len(all_drawn(sample, drawn)) - 2
    assert inside * cost(one) <= 2 * max(PRODUCTS, cost(one))
    assert inside >= min(MOST_STEPS, PRODUCTS // cost(one)) - 2


NEAR_CASES = {
    "two hundredths inside": (0.98, Verdict.EXPLAINED, (0, 0)),
    "a hundredth inside": (0.9901, Verdict.EXPLAINED, (1, 0)),
    "at the bound": (1.0, Verdict.EXPLAINED, (1, 0)),
    "undecided": (1.001, Verdict.UNDECIDED, (1, 0)),
    "a hundredth outside": (1.0099, Verdict.DIFFERENT, (1, 0)),
    "two hundredths outside": (1.02, Verdict.DIFFERENT, (0, 1)),
    "no number": (np.nan, Verdict.DIFFERENT, (0, 1)),
    "infinite": (np.inf, Verdict.DIFFERENT, (0, 1)),
    "fine from end to end": (3.0, Verdict.UNDECIDED, (0, 1)),
    "vacuous": (0.995, Verdict.VACUOUS, (1, 0)),
    "equal bits": (1.0, Verdict.BIT_EQUAL, (0, 0)),
}


@pytest.mark.parametrize(("ratio", "verdict", "wanted"), NEAR_CASES.values(), ids=NEAR_CASES)
@pytest.mark.parametrize("failures", [True, False])
def test_what_is_looked_at(
    ratio: float, verdict: Verdict, wanted: tuple[int, int], failures: bool
) -> None:
    one = np.ones((3, 2))
    error, verdicts = 0.1 * one, np.full((3, 2), Verdict.EXPLAINED, np.uint8)
    error[1, 1], verdicts[1, 1] = 4 * ratio, verdict
    piece = Judged("backward", "b2", one, one, error, 4 * one, verdicts)
    run = RUNS["quantities"]
    block = Block(seen_by(run).part(slice(0, 3)))
    chosen = chosen_of(piece, block, 3, failures)
    near, failed = wanted[0], wanted[1] * failures
    assert (chosen.near, chosen.failed, chosen.drawn) == (near, failed, 0)
    assert chosen.flat.tolist() == [3] * (near + failed)
