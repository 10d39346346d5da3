"""Beside the exact trajectory: a drift is the sum of what every step missed, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest

from shared.evaluation import outcome
from shared.registry import find, load
from shared.training import Trainee
from shared.truth import follow as following
from shared.truth.account import CONTRIBUTIONS
from shared.truth.findings import BackendTruth, Truth
from shared.truth.follow import MOST_PARAMS, can_follow, follow
from shared.truth.path import Path
from shared.truth.residuals import mark_steps
from shared.ulp import INCOMPARABLE
from tests.certified_runs import Run, put, put_state, trained
from tests.followed import diverging, followed, nudged, of_kind, people, taken, wide
from tests.kinds import COVERING

STEPS = 1600
RUNS: dict[str, Callable[[], Run]] = {
    "people16, 4": lambda: trained(people(epochs=100), 4),
    "people16, 42": lambda: trained(people(epochs=100)),
    "people16, 42, 400 epochs": lambda: trained(people(epochs=400)),
    "people4": lambda: trained(people("people4", 250), 3),
    "people16-centered": lambda: trained(people("people16-centered", 100)),
    "float32": lambda: trained(people(epochs=100), dtype="float32"),
    "one step": lambda: trained(replace(people("people4", 1), batch_size=4)),
    "one epoch": lambda: trained(people(epochs=1)),
    "biases from zero": lambda: trained(
        replace(people(epochs=40), initialization="fan_in_normal"), 2
    ),
    **{str(kind): partial(trained, of_kind(kind), 5) for kind in COVERING},
    **{f"{kind}, float32": partial(trained, of_kind(kind), 5, dtype="float32")
       for kind in COVERING[:2]},
}  # fmt: skip
every_run = pytest.mark.parametrize("name", RUNS)


@cache
def run_of(name: str) -> Run:
    return RUNS[name]()


@cache
def truth_of(name: str) -> Truth:
    return followed(run_of(name))


def told_of(truth: Truth) -> BackendTruth:
    (backend,) = truth.backends
    return backend


@every_run
def test_a_calm_run_is_certified_to_its_end(name: str) -> None:
    truth, steps = truth_of(name), run_of(name).problem.step_count
    assert (truth.steps, truth.asked, truth.stopped, truth.is_complete) == (
        steps,
        steps,
        None,
        True,
    )
    assert [mark.step for mark in truth.marks] == list(mark_steps(steps))
    assert 0 < truth.radius < 1e-100
    assert 0 < truth.radius_ulps < 2.0**-20
    assert truth.chaotic_since is None


@every_run
def test_all_of_the_drift_is_rounding_at_every_mark(name: str) -> None:
    """Second derivatives come in with the drift itself: some 1e-12 of it, in float32 some 1e-3."""
    single = run_of(name).dtype == "float32"
    assert max(told_of(truth_of(name)).unexplained) < (1e-3 if single else 1e-9)


@every_run
def test_all_shares_add_up_to_what_is_explained(name: str) -> None:
    backend = told_of(truth_of(name))
    assert backend.explained is not None
    # Along the drift no more is missing than where most is missing, times the numbers there are.
    numbers = run_of(name).problem.network.param_count
    assert abs(backend.explained - 1) <= numbers * backend.unexplained[-1] + 1e-12
    steps = run_of(name).problem.step_count
    assert len(backend.contributions) == min(CONTRIBUTIONS, steps)
    if steps <= CONTRIBUTIONS:
        total = sum(one.share for one in backend.contributions)
        assert abs(total - backend.explained) < 1e-12


@every_run
def test_contributions_come_with_the_largest_first(name: str) -> None:
    contributions = told_of(truth_of(name)).contributions
    sizes = [abs(one.share) for one in contributions]
    assert sizes == sorted(sizes, reverse=True)
    assert all(1 <= one.step <= run_of(name).problem.step_count for one in contributions)


@every_run
def test_ulps_are_counted_from_the_float_nearest_to_the_exact_weight(name: str) -> None:
    run, truth = run_of(name), truth_of(name)
    nearest = np.array([float(text) for text in truth.weights]).astype(run.dtype)
    stood = np.concatenate([w.ravel() for w in run.chunks[-1].final[0]])
    integer = np.dtype(run.dtype.replace("float", "int"))
    places = [np.where(v.view(integer) < 0, np.iinfo(integer).min - v.view(integer),
                       v.view(integer)).astype(object) for v in (nearest, stood)]  # fmt: skip
    backend = told_of(truth)
    assert list(backend.final_ulps) == abs(places[0] - places[1]).tolist()
    assert backend.ulps[-1] == max(backend.final_ulps)


@every_run
def test_the_tube_contains_the_drift_at_every_mark(name: str) -> None:
    truth = truth_of(name)
    for mark, ulps in zip(truth.marks, told_of(truth).ulps, strict=True):
        # A distance is counted from the nearest float: half an ULP on top.
        assert ulps <= mark.tube_ulps + 0.5


@every_run
def test_the_exact_curve_is_taken_where_the_backends_are(name: str) -> None:
    truth, one = truth_of(name), run_of(name).problem
    assert truth.curve_epochs.tolist() == list(one.curve_epochs)
    last = truth.marks[-1].loss
    assert abs(truth.curve_loss[-1] - last) <= 2.0**-40 * abs(last)


@pytest.mark.parametrize("name", ["people16, 42", str(COVERING[2])])
def test_equal_inputs_have_equal_outcomes(name: str) -> None:
    again, first = followed(run_of(name)), truth_of(name)
    same = {"elapsed_s": 0.0, "curve_epochs": None, "curve_loss": None}
    assert replace(again, **same) == replace(first, **same)  # type: ignore[arg-type]
    assert again.curve_loss.tobytes() == first.curve_loss.tobytes()
    assert again.elapsed_s > 0


@pytest.mark.parametrize(("step", "tensor"), [(700, 0), (1, 1), (1500, 2), (1599, 3)])
def test_a_weight_moved_in_one_step_is_the_top_contribution(step: int, tensor: int) -> None:
    truth = followed(nudged(run_of("people16, 42"), step, 2**20, tensor))
    backend = told_of(truth)
    first, second = backend.contributions[:2]
    assert first.step == step
    assert 0.99 < first.share < 1.01
    assert abs(second.share) < 0.01
    assert max(backend.unexplained) < 1e-4


def test_a_weight_moved_by_some_ulps_is_seen_among_all_roundings() -> None:
    first, second = told_of(followed(nudged(run_of("people16, 42"), 700, 1000))).contributions[:2]
    assert first.step == 700
    assert first.share > 4 * abs(second.share)


def test_a_step_whose_residual_is_hidden_leaves_the_drift_unexplained() -> None:
    """The weights that are trained on are moved, and what the step made of its own is not."""
    run = nudged(run_of("people16, 42"), 700, 2**20)
    first, second = run.chunks
    honest = float(run_of("people16, 42").whole.after[0][699, 0, 0])
    hidden = run.with_chunks(put(first, "after", 0, (699, 0, 0), honest), second)
    backend = told_of(followed(hidden))
    assert max(backend.unexplained[:3]) < 1e-9
    assert min(backend.unexplained[3:]) > 0.9
    assert (backend.explained, backend.contributions) == (None, ())


def test_two_copies_are_alike_and_noise_is_not() -> None:
    run = run_of("people16, 42")
    random = np.random.RandomState(0)
    chunk = run.whole
    noisy = tuple(w * (1 + 2.0**-48 * random.uniform(-1, 1, w.shape)) for w in chunk.after)
    other = run.with_chunks(replace(chunk, after=noisy))
    truth = followed(run, run, other)
    assert [(p.left, p.right) for p in truth.likenesses] == [
        ("numpy", "other"), ("numpy", "third"), ("other", "third"),
    ]  # fmt: skip
    same, *different = [p.correlation for p in truth.likenesses]
    assert same is not None
    assert same > 1 - 1e-12
    assert all(value is not None and abs(value) < 0.1 for value in different)


def test_one_backend_is_like_no_other() -> None:
    assert truth_of("people16, 42").likenesses == ()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_never_called_explained(value: float) -> None:
    run = run_of("people16, 42")
    wrong = run.with_chunks(put_state(run.whole, 0, (1599, 0, 0), value))
    truth = followed(wrong, run)
    broken, honest = truth.backends
    assert (broken.explained, broken.contributions) == (None, ())
    assert not broken.unexplained[-1] < 1
    assert max(broken.unexplained[:-1]) < 1e-9
    assert (honest.explained, honest.ulps) == (
        told_of(truth_of("people16, 42")).explained, told_of(truth_of("people16, 42")).ulps,
    )  # fmt: skip
    assert [p.correlation for p in truth.likenesses] == [None]


def test_the_distance_to_a_nan_is_none_that_can_be_counted() -> None:
    run = run_of("people16, 42")
    wrong = run.with_chunks(put_state(run.whole, 0, (1599, 0, 0), np.nan))
    backend = told_of(followed(wrong))
    assert backend.final_ulps[0] == INCOMPARABLE
    assert backend.ulps[-1] == INCOMPARABLE
    assert backend.ulps[-2] < 1000


def test_a_run_that_diverges_is_followed_as_far_as_floats_go() -> None:
    """Every step overshoots more, and magnifies every rounding before it as much."""
    truth = followed(trained(diverging(epochs=20), 1))
    assert truth.is_complete
    assert truth.peak_log10 > 30
    assert max(told_of(truth).unexplained) < 1e-9


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_run_that_overflows_is_told_without_a_warning(dtype: str) -> None:
    with np.errstate(all="ignore"):
        run = trained(diverging(rate=1e5, epochs=100), 1, dtype=dtype)
    truth = followed(run)
    assert truth.stopped in (None, "precision")
    assert len(told_of(truth).unexplained) == len(truth.marks)


def test_a_network_of_any_kind_is_followed_while_it_is_small() -> None:
    assert can_follow(people())
    assert all(can_follow(of_kind(kind)) for kind in COVERING)
    assert wide().network.param_count > MOST_PARAMS
    assert not can_follow(wide())


def test_a_run_is_followed_while_it_is_little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    one = people(epochs=400)
    monkeypatch.setattr(following, "MOST_WORK", 6400 * 9)
    assert can_follow(one)
    monkeypatch.setattr(following, "MOST_WORK", 6400 * 9 - 1)
    assert not can_follow(one)


def test_the_exact_curve_begins_and_ends_exactly() -> None:
    """Within, float64 rounds; the ends are rounded once, like the losses of the marks."""
    run = trained(people(epochs=41), 4)
    truth = followed(run)
    assert truth.curve_epochs[[0, -1]].tolist() == [0, 41]
    assert truth.curve_loss[-1] == truth.marks[-1].loss
    path = Path(run.problem, 4, "float64", 2000)
    assert truth.curve_loss[0] == path.loss(path.exact_start)[0]
    assert truth.curve_loss[0] != truth.curve_loss[-1]


@pytest.mark.parametrize("name", ["people16, 42", "people4"])
def test_samples_are_counted_where_there_are_classes(name: str) -> None:
    """On calm runs they fall on the side that the backend's network puts them on."""
    run = run_of(name)
    trainee = Trainee(load(find("numpy")), run.problem, run.dtype)
    counted = outcome(trainee, run.whole.final[0]).correct
    assert truth_of(name).correct == counted
    assert counted not in (None, 0)


def test_of_quantities_no_sample_is_counted() -> None:
    truth = truth_of(str(COVERING[0]))
    assert truth.is_complete
    assert truth.correct is None


def test_without_backends_there_is_the_trajectory_alone() -> None:
    run = run_of("people16, 42")
    alone = follow(run.problem, 42, "float64", [], STEPS)
    assert (alone.backends, alone.likenesses) == ((), ())
    assert alone.weights == truth_of("people16, 42").weights


def test_progress_counts_the_certified_steps() -> None:
    seen: list[int] = []
    followed(run_of("people16, 42"), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == STEPS


def test_taking_residuals_in_other_chunks_changes_nothing() -> None:
    """400 epochs come in two chunks."""
    run = run_of("people16, 42, 400 epochs")
    assert len(run.chunks) > 1
    assert len(taken(run).residuals()) == 6400
