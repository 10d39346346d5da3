"""A trajectory that is known up to a step only: why, and what is told of it by then."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from shared.network import Network
from shared.optimizer import Optimizer
from shared.problems import Problem
from shared.truth import follow as following
from shared.truth import path, residuals
from shared.truth.findings import Truth
from shared.truth.flow import Flow
from shared.truth.follower import Follower
from tests.certified_runs import Run, trained
from tests.followed import followed, people, walked

STEPS = 6400
FEW, ENOUGH = 105, 512


@cache
def run() -> Run:
    return trained(people(epochs=400))


@cache
def whole() -> Truth:
    return followed(run())


@pytest.fixture(scope="module", autouse=True)
def _undisturbed() -> None:
    """Follow it before anything is changed."""
    whole()


def same_up_to(part: Truth, marks: int) -> None:
    """The first marks are those of the whole run, whatever stopped it later."""
    assert [m.step for m in part.marks] == [m.step for m in whole().marks[:marks]]
    for a, b in zip(part.marks, whole().marks, strict=False):
        assert (a.loss, a.sensitivity_log10, a.tube_ulps) == (
            b.loss, b.sensitivity_log10, b.tube_ulps,
        )  # fmt: skip
    (told,), (full,) = part.backends, whole().backends
    assert told.ulps == full.ulps[:marks]
    assert max(told.unexplained) < 1e-9


@pytest.fixture
def few_bits(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Leave a list of precisions to be tried."""

    def left(*bits: int) -> None:
        monkeypatch.setattr(following, "BITS", bits)

    return left


def test_too_few_bits_are_told(few_bits: Callable[..., None]) -> None:
    few_bits(FEW)
    truth = followed(run())
    assert (truth.stopped, truth.asked, truth.bits) == ("precision", STEPS, FEW)
    assert 1000 <= truth.steps < STEPS
    assert not truth.is_complete
    assert truth.radius_ulps <= 2.0**-20
    same_up_to(truth, 4)
    assert max(truth.curve_epochs) * 16 <= truth.steps
    assert truth.curve_loss.tolist() == whole().curve_loss[: len(truth.curve_epochs)].tolist()


def test_far_too_few_bits_leave_nothing(few_bits: Callable[..., None]) -> None:
    few_bits(64)
    truth = followed(run())
    assert (truth.steps, truth.stopped, truth.marks) == (0, "precision", ())
    assert (truth.weights, truth.backends, truth.correct) == ((), (), 0)
    assert truth.curve_epochs.tolist() == [0]


def test_the_next_precision_completes_it(few_bits: Callable[..., None]) -> None:
    few_bits(64, ENOUGH)
    truth = followed(run())
    assert (truth.stopped, truth.steps, truth.bits) == (None, STEPS, ENOUGH)
    same_up_to(truth, 5)


def test_no_more_precision_is_tried_than_needed(few_bits: Callable[..., None]) -> None:
    few_bits(ENOUGH, 5000)
    assert followed(run()).bits == ENOUGH


def test_the_precision_that_came_furthest_is_told(few_bits: Callable[..., None]) -> None:
    few_bits(64, FEW, 80)
    truth = followed(run())
    assert (truth.bits, truth.stopped) == (FEW, "precision")
    assert truth.steps >= 1000


def test_progress_begins_again_with_more_bits(few_bits: Callable[..., None]) -> None:
    few_bits(FEW, ENOUGH)
    seen: list[int] = []
    followed(run(), progress=seen.append)
    assert sum(b < a for a, b in itertools.pairwise(seen)) == 1
    assert seen[-1] == STEPS


@pytest.mark.parametrize(("room", "marks"), [(1, 1), (10, 2), (999, 3), (5000, 4)])
def test_too_little_room_is_told(room: int, marks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residuals, "ROOM_BYTES", 72 * room)
    truth = followed(run())
    assert (truth.stopped, truth.steps, truth.asked) == ("room", room, STEPS)
    assert truth.marks[-1].step == room
    assert not truth.is_complete
    (told,) = truth.backends
    assert max(told.unexplained) < 1e-4
    powers = [m for m in truth.marks if m.step in (1, 10, 100, 1000)]
    assert powers == list(whole().marks[: len(powers)])
    assert len(powers) >= marks - (room not in (1, 10))


def stopping_at(steps: int) -> Callable[[int], None]:
    """Press Ctrl-C while progress is shown."""

    def progress(made: int) -> None:
        if made >= steps:
            raise KeyboardInterrupt

    return progress


def test_an_interrupted_walk_tells_what_is_known() -> None:
    truth = followed(run(), progress=stopping_at(2000))
    assert (truth.stopped, truth.asked) == ("interrupted", STEPS)
    assert 2000 <= truth.steps < STEPS
    same_up_to(truth, 4)
    assert len(truth.weights) == 9


def test_an_interrupt_before_anything_is_known_tells_so() -> None:
    seen: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flow, "walk", lambda *_: _press(seen))
        truth = followed(run())
    assert seen == ["pressed"]
    assert (truth.stopped, truth.steps, truth.marks) == ("interrupted", 0, ())


def test_an_interrupt_in_a_second_try_keeps_the_better_of_both(
    few_bits: Callable[..., None],
) -> None:
    few_bits(FEW, ENOUGH)
    seen: list[int] = []

    def progress(made: int) -> None:
        if seen and made < seen[-1]:
            raise KeyboardInterrupt
        seen.append(made)

    truth = followed(run(), progress=progress)
    assert (truth.stopped, truth.bits) == ("interrupted", FEW)
    same_up_to(truth, 4)


def test_an_interrupt_after_the_last_step_takes_nothing_away() -> None:
    """What is certified to the end was not stopped."""
    truth = followed(run(), progress=stopping_at(STEPS))
    assert truth.is_complete
    same_up_to(truth, 5)
    assert truth.stopped is None


def _press(seen: list[str]) -> None:
    seen.append("pressed")
    raise KeyboardInterrupt


@pytest.mark.parametrize("seed", [6, 29])
def test_a_chaotic_run_is_called_so_and_is_certified_all_the_same(seed: int) -> None:
    flow = walked(people(epochs=400), seed)
    assert flow.certified == STEPS
    assert flow.carried.chaotic_since is not None
    assert 2500 < flow.carried.chaotic_since < 4500
    assert flow.carried.sensitivity.peak_log10 > 16
    assert flow.radius < 2.0**-300


@pytest.mark.parametrize("seed", [1, 42])
def test_a_calm_run_is_called_calm(seed: int) -> None:
    flow = walked(people(epochs=400), seed)
    assert (flow.certified, flow.carried.chaotic_since) == (STEPS, None)
    assert flow.carried.sensitivity.peak_log10 < 3


def test_in_chaos_the_drift_is_explained_while_it_is_small_and_not_beyond() -> None:
    truth = followed(trained(people(epochs=400), 29))
    (told,) = truth.backends
    assert max(told.unexplained[:4]) < 1e-4
    assert not told.unexplained[4] < 0.1
    assert (told.explained, told.contributions) == (None, ())
    assert truth.chaotic_since is not None
    assert truth.marks[3].step < truth.chaotic_since <= truth.marks[4].step


def test_the_widest_tube_of_a_chaotic_run_is_wider_than_any_weight() -> None:
    truth = followed(trained(people(epochs=400), 29))
    assert truth.marks[-1].tube_ulps > 2.0**53
    assert truth.marks[3].tube_ulps < 2.0**40


def test_a_follower_shows_every_chunk_to_every_backend() -> None:
    follower = Follower(["a", "b"], run().problem, 42, "float64")
    for chunk in run().chunks:
        follower.add([chunk, chunk])
    truth = follower.finish(STEPS, lambda _: None)
    assert isinstance(truth, Truth)
    assert [b.name for b in truth.backends] == ["a", "b"]
    assert truth.backends[0].ulps == truth.backends[1].ulps == whole().backends[0].ulps
    assert [p.correlation is not None and p.correlation > 0.999 for p in truth.likenesses] == [True]
    assert np.array_equal(truth.curve_loss, whole().curve_loss)


def kinked(samples: int) -> Problem:
    """A relu whose z is 0 after a step, exactly, if a third were a third: there the step jumps."""
    network = Network((1, 1, 1), "relu", "identity", "quadratic_cost")
    return replace(
        people("people4"), x=np.ones((samples, 1)), y=np.zeros((samples, 1)), network=network,
        optimizer=Optimizer(0.5), epochs=3, batch_size=samples, features=(), people=(), classes=(),
    )  # fmt: skip


@pytest.mark.parametrize("samples", [3, 4])
def test_a_step_across_a_kink_is_not_certified(
    samples: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No derivative bounds a jump: midpoints a hair's breadth beside it go another way."""
    ones = (np.ones((1, 1)), np.ones(1), np.ones((1, 1)), np.zeros(1))
    monkeypatch.setattr(path, "starting_params", lambda *_: ones)
    flow = Flow(kinked(samples), 0, "float64", 512, [], 3)
    flow.walk(lambda _: None)
    assert flow.certified == 1
