"""Which steps are judged number by number, how that is chosen, and what it cannot see."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shared.training
from shared.certificate.decision import Verdict
from shared.certificate.findings import CARRIED, SAMPLES
from shared.certificate.sampling import Sampling, sampling
from shared.certificate.screening import IN_FULL_ONE_IN
from shared.named_problems import problem
from shared.network import Network
from shared.optimizer import Optimizer
from shared.problems import Problem
from tests.certified_kinds import CATEGORICAL, KINDS
from tests.certified_runs import Run, certificate, put, put_state, trained
from tests.classifiers import NUMPY
from tests.recordings import repeatably

ONE_IN = 10


@pytest.fixture(scope="module")
def run() -> Run:
    """Sixteen people in one chunk of 320 steps."""
    return trained(problem("people16").changed(epochs=20), 5)


def sample(run: Run, one_in: int = ONE_IN) -> Sampling:
    return sampling(run.problem, run.seeds, one_in)


def chosen(one: Sampling, first: int = 1, last: int | None = None) -> list[int]:
    steps = np.arange(first, (last or one.step_count) + 1)
    found: list[int] = steps[one.chosen(steps)].tolist()
    return found


def outside(run: Run) -> int:
    """A row in the middle whose step is not in the sample, and neither is the next one."""
    within = sample(run).chosen(run.whole.steps)
    alone = ~within[100:-1] & ~within[101:]
    return 100 + int(np.flatnonzero(alone)[0])


@repeatably
@given(
    st.integers(1, 30), st.integers(0, 2**32 - 1), st.integers(1, 300),
    st.lists(st.integers(0, 300), max_size=5),
)  # fmt: skip
def test_the_choice_does_not_depend_on_the_chunks(
    one_in: int, seed: int, count: int, cuts: list[int]
) -> None:
    one = Sampling(one_in, seed, count)
    steps = np.arange(1, count + 1)
    parts = np.split(steps, sorted(min(cut, count) for cut in cuts))
    pieces = [one.chosen(part) for part in parts if len(part)]
    assert np.concatenate(pieces).tolist() == one.chosen(steps).tolist()


@repeatably
@given(st.integers(2, 30), st.integers(0, 2**32 - 1), st.integers(1, 300))
def test_one_step_of_each_stretch_is_chosen_and_the_ends_besides(
    one_in: int, seed: int, count: int
) -> None:
    numbers = chosen(Sampling(one_in, seed, count))
    assert {1, count} <= set(numbers)
    inner = set(numbers) - {1, count}
    stretches = [(number - 1) // one_in for number in inner]
    assert len(stretches) == len(set(stretches))
    full = set(range(1, count // one_in - 1))
    assert full <= set(stretches)


def test_the_choice_goes_on_beyond_a_page_of_stretches() -> None:
    one = Sampling(3, 7, 60_000)
    stretches = [(number - 1) // 3 for number in chosen(one)[1:-1]]
    assert sorted(set(stretches)) == stretches
    assert chosen(one, 40_001, 50_000) == [n for n in chosen(one) if 40_001 <= n <= 50_000]


@pytest.mark.parametrize("seed", [0, 1, 42, 2**32 - 1])
def test_the_choice_depends_on_the_seed(seed: int) -> None:
    assert chosen(Sampling(ONE_IN, seed, 1000)) == chosen(Sampling(ONE_IN, seed, 1000))
    assert chosen(Sampling(ONE_IN, seed, 1000)) != chosen(Sampling(ONE_IN, 7, 1000))


def test_every_place_in_a_stretch_is_drawn() -> None:
    places = [(number - 1) % ONE_IN for number in chosen(Sampling(ONE_IN, 1, 2000))[1:-1]]
    assert set(places) == set(range(ONE_IN))


def test_one_in_one_is_all() -> None:
    assert chosen(Sampling(1, 3, 500)) == list(range(1, 501))


def wide(epochs: int) -> Problem:
    """As large a network as handwritten digits are usually shown to."""
    return replace(
        problem("people16"), network=Network((784, 300, 10), "relu", "softmax", CATEGORICAL),
        classes=(), people=(), x=np.zeros((256, 784)), y=np.tile(np.eye(10)[0], (256, 1)),
        batch_size=128, epochs=epochs, optimizer=Optimizer(0.1),
    )  # fmt: skip


@pytest.mark.parametrize(
    "name", ["people16", "people16-centered", "people4", "digits", "digits-softmax"]
)
def test_the_named_problems_are_judged_in_full(name: str) -> None:
    if name.startswith("digits"):
        pytest.importorskip("sklearn")
    assert sampling(problem(name), 42).one_in == 1


@pytest.mark.parametrize("seeds", [42, (1, 2)], ids=["one network", "two networks"])
def test_a_long_training_of_a_wide_network_is_sampled(seeds: int | tuple[int, ...]) -> None:
    assert sampling(wide(20_000), seeds).one_in > 10


def test_a_few_steps_of_a_wide_network_are_judged_in_full() -> None:
    assert sampling(wide(1), 42).one_in == 1


def test_the_budget_counts_steps_and_replicas() -> None:
    """Twice as many of either leave half of the steps."""
    (many, twice), both = (sampling(wide(n), 0).one_in for n in (4000, 8000)), (0, 1)
    assert 2 * many - 1 <= twice <= 2 * many
    assert 2 * many - 1 <= sampling(wide(4000), both).one_in <= 2 * many


def test_the_number_asked_for_goes_before_the_budget() -> None:
    assert sampling(wide(2000), 0, 3).one_in == 3
    assert sampling(problem("people4"), 0, 7).one_in == 7
    assert sampling(wide(2000), 0, 1).one_in == 1


def test_a_sampled_run_is_certified_and_says_how_many_steps_were_judged(run: Run) -> None:
    certificate = run.judged(sample(run))
    assert certificate.certified
    assert (certificate.steps, certificate.one_in) == (320, ONE_IN)
    assert certificate.judged_steps == len(chosen(sample(run))) < 320 / 8
    (update,) = (s for s in certificate.stages if (s.stage, s.tensor) == ("update", "W1"))
    assert sum(update.counts) == 4 * certificate.judged_steps


@pytest.mark.parametrize("name", ["relu, classes", "tanh twice, classes", "relu, two answers"])
def test_every_kind_of_network_may_be_sampled(name: str) -> None:
    run = trained(replace(KINDS[name], epochs=20), (1, 2))
    certificate = run.judged(sample(run, 4))
    assert certificate.certified
    assert certificate.judged_steps == len(chosen(sample(run, 4))) < certificate.steps / 2


def test_chunks_change_nothing_of_what_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    one = problem("people16").changed(epochs=11)
    whole = certificate(NUMPY, one, 3, sampling(one, 3, ONE_IN))
    monkeypatch.setattr(shared.training, "CHUNK_STEPS", 11)
    assert certificate(NUMPY, one, 3, sampling(one, 3, ONE_IN)) == whole


@pytest.mark.parametrize("row", [0, -1], ids=["first", "last"])
def test_a_fault_at_either_end_is_always_found(run: Run, row: int) -> None:
    altered = put(run.whole, "loss", 0, (row,), 7.0)
    (found,) = run.with_chunks(altered).judged(sample(run)).findings
    assert (found.stage, found.step) == ("loss", int(run.whole.steps[row]))


def test_a_fault_in_the_sample_is_found(run: Run) -> None:
    step = chosen(sample(run))[5]
    altered = put(run.whole, "grads", 0, (step - 1, 0, 0), 7.0)
    found = run.with_chunks(altered).judged(sample(run)).findings[0]
    assert (found.stage, found.step) == ("backward", step)


def test_a_fault_outside_the_sample_is_not_claimed_to_be_seen(run: Run) -> None:
    altered = run.with_chunks(put(run.whole, "loss", 0, (outside(run),), 7.0))
    sampled = altered.judged(sample(run))
    assert sampled.certified
    assert sampled.judged_steps < sampled.steps
    assert altered.judged().verdict == Verdict.DIFFERENT


def test_a_step_outside_the_sample_must_start_where_the_last_one_ended(run: Run) -> None:
    row = outside(run)
    altered = put(run.whole, "before", 0, (row, 1, 0), 7.0)
    (found,) = run.with_chunks(altered).judged(sample(run)).findings
    assert (found.stage, found.step, found.element) == (CARRIED, row + 1, (1, 0))


def test_a_state_exchanged_outside_the_sample_is_not_seen_in_the_chain(run: Run) -> None:
    """The chain holds bits to bits, and not what lies between: that is for the sample."""
    altered = run.with_chunks(put_state(run.whole, 0, (outside(run), 1, 0), 7.0))
    assert altered.judged(sample(run)).certified
    assert not altered.judged().certified


def test_a_step_outside_the_sample_must_see_its_samples(run: Run) -> None:
    row = outside(run)
    other = (int(run.whole.batches[row, 0]) + 1) % 16
    altered = put(run.whole, "batches", 0, (row, 0), other)
    (found,) = run.with_chunks(altered).judged(sample(run)).findings
    assert (found.stage, found.step) == (SAMPLES, row + 1)


def test_wide_gradients_are_screened_in_most_of_the_steps_of_the_sample() -> None:
    """Which steps are in full has nothing to do with which are in the sample."""
    every = Sampling(1, 5, 4000)
    in_full = replace(every, one_in=IN_FULL_ONE_IN)
    both = set(chosen(in_full)) & set(chosen(Sampling(ONE_IN, 5, 4000)))
    assert 0 < len(both) < len(chosen(Sampling(ONE_IN, 5, 4000))) / 2
