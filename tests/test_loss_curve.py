"""The loss curve is the backend's own loss at the problem's marks, however the run was cut."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shared.evaluation
from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, Evaluation, Params, Recording
from shared.errors import ContractError
from shared.evaluation import Curve, CurveTaker, count_correct
from shared.training import Trainee
from tests.trainees import STEPS, Silent, four_people, numpy_trainee, own_trainee

repeatably = settings(derandomize=True, deadline=None)
MARKS = (0, 1, 11, 21, 25)


def in_file_order(trainee: Trainee, first: int, stop: int) -> Array:
    """Batches (k, *R, 1): each replica sees one person after the other."""
    steps = np.arange(first, stop).reshape(-1, *(1 for _ in trainee.replicas), 1) % 4
    return np.broadcast_to(steps, (stop - first, *trainee.replicas, 1))


def train(trainee: Trainee, every: int, cuts: Sequence[int] = ()) -> tuple[Curve, list[Recording]]:
    """Train to the end, in chunks that end at the cuts, and take the curve on the way."""
    taker, recordings = CurveTaker(trainee), []
    ends = [0, *cuts, STEPS]
    for first, stop in itertools.pairwise(ends):
        recordings.append(trainee.train(in_file_order(trainee, first, stop), every))
        taker.add(recordings[-1])
    return taker.finish(), recordings


def curve(every: int, cuts: Sequence[int] = (), dtype: str = "float64") -> Curve:
    return train(numpy_trainee(dtype=dtype), every, cuts)[0]


def same(one: Curve, other: Curve) -> bool:
    """Whether two curves are equal in every bit."""
    assert one.correct is not None
    assert other.correct is not None
    pairs = ((one.epochs, other.epochs), (one.loss, other.loss), (one.correct, other.correct))
    return all((a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()) for a, b in pairs)


def evaluated(trainee: Trainee, params: Params) -> Evaluation:
    """Ask the backend directly, about a stack of one network."""
    return trainee.backend.evaluate(tuple(w[None] for w in params), trainee.data.x, trainee.data.y)


def params_at(recordings: Sequence[Recording], start: Params, step: int) -> Params:
    """The parameters after a step, from what was recorded."""
    if step == 0:
        return start
    whole = [np.concatenate([r.after[i] for r in recordings]) for i in range(len(start))]
    return tuple(w[step - 1] for w in whole)


def test_the_curve_is_taken_at_the_problems_marks() -> None:
    assert tuple(curve(every=1).epochs.tolist()) == MARKS == four_people().curve_epochs


@pytest.mark.parametrize("row", range(len(MARKS)))
def test_the_curve_is_the_backends_own_loss_at_each_mark(row: int, dtype: str) -> None:
    trainee = numpy_trainee(dtype=dtype)
    start = trainee.params
    taken, recordings = train(trainee, every=1)
    direct = evaluated(trainee, params_at(recordings, start, 4 * MARKS[row]))
    assert taken.loss[row : row + 1].tobytes() == direct.loss.tobytes()


@pytest.mark.parametrize("row", range(1, len(MARKS)))
def test_the_curve_a_step_beside_its_mark_would_be_another(row: int) -> None:
    """Shows that the test above can fail."""
    trainee = numpy_trainee()
    start = trainee.params
    taken, recordings = train(trainee, every=1)
    beside = evaluated(trainee, params_at(recordings, start, 4 * MARKS[row] - 1))
    assert taken.loss[row] != beside.loss[0]


@pytest.mark.parametrize("row", range(len(MARKS)))
def test_the_accuracy_is_that_of_each_mark(row: int) -> None:
    trainee = numpy_trainee()
    start = trainee.params
    taken, recordings = train(trainee, every=1)
    direct = evaluated(trainee, params_at(recordings, start, 4 * MARKS[row]))
    assert direct.activations is not None
    assert taken.correct is not None
    assert taken.correct[row] == count_correct(direct.activations[-1][0], trainee.data.y)


def test_recording_does_not_change_the_curve(dtype: str) -> None:
    ends = [4 * epoch for epoch in MARKS[1:-1]]
    assert same(curve(every=0, cuts=ends, dtype=dtype), curve(every=1, dtype=dtype))


@repeatably
@given(st.lists(st.integers(1, STEPS - 1), unique=True, max_size=6).map(sorted))
def test_any_cut_into_chunks_gives_the_same_curve(cuts: list[int]) -> None:
    assert same(curve(every=1, cuts=cuts), curve(every=1))


@pytest.mark.parametrize("every", [2, 4])
def test_recording_some_steps_gives_the_same_curve(every: int) -> None:
    assert same(curve(every=every), curve(every=1))


def test_a_mark_that_was_neither_recorded_nor_final_is_left_out() -> None:
    assert curve(every=0, cuts=[44]).epochs.tolist() == [0, 11, 25]


@pytest.mark.parametrize("size", [1, 200, 300, 10**9])
def test_the_size_of_a_block_does_not_change_the_curve(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    whole = curve(every=1)
    monkeypatch.setattr(shared.evaluation, "BLOCK_BYTES", size)
    assert same(curve(every=1), whole)


class Counting(NumpyBackprop):
    """NumPy's backend, with the shapes of what it was asked to evaluate."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.asked: list[tuple[int, ...]] = []

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        self.asked.append(params[0].shape)
        return super().evaluate(params, x, y)


@pytest.mark.parametrize(
    ("size", "shapes"),
    [(1, [(1, 2, 2)] * 5), (200, [(2, 2, 2)] * 3), (300, [(3, 2, 2)] * 2), (10**9, [(5, 2, 2)])],
)
def test_all_blocks_have_one_shape(
    monkeypatch: pytest.MonkeyPatch, size: int, shapes: list[tuple[int, ...]]
) -> None:
    monkeypatch.setattr(shared.evaluation, "BLOCK_BYTES", size)
    trainee = own_trainee(Counting)
    train(trainee, every=1)
    assert isinstance(trainee.backend, Counting)
    assert trainee.backend.asked == shapes


@pytest.mark.parametrize("seeds", [(0,), (3, 0, 1)])
def test_replicas_have_curves_side_by_side(seeds: tuple[int, ...]) -> None:
    taken, _ = train(numpy_trainee(seeds=seeds), every=1)
    assert taken.correct is not None
    shapes = (taken.epochs.shape, taken.loss.shape, taken.correct.shape)
    assert shapes == ((5,), (5, len(seeds)), (5, len(seeds)))


@pytest.mark.parametrize("column", [0, 1, 2])
def test_each_replica_has_the_curve_of_its_seed(column: int) -> None:
    seeds = (3, 0, 1)
    together, _ = train(numpy_trainee(seeds=seeds), every=1)
    alone, _ = train(numpy_trainee(seeds=[seeds[column]]), every=1)
    assert together.loss[:, column].tobytes() == alone.loss[:, 0].tobytes()


def test_replicas_of_other_seeds_have_other_curves() -> None:
    """Shows that the test above can fail."""
    together, _ = train(numpy_trainee(seeds=(3, 0)), every=1)
    assert together.loss[:, 0].tobytes() != together.loss[:, 1].tobytes()


def test_an_interrupted_run_has_the_curve_up_to_there() -> None:
    trainee = numpy_trainee()
    taker = CurveTaker(trainee)
    taker.add(trainee.train(np.arange(50)[:, None] % 4, 1))
    assert taker.finish().epochs.tolist() == [0, 1, 11]


def test_a_run_that_never_began_has_the_curve_before_training() -> None:
    assert CurveTaker(numpy_trainee()).finish().epochs.tolist() == [0]


def test_a_curve_needs_activations() -> None:
    taker = CurveTaker(own_trainee(Silent))
    with pytest.raises(ContractError, match=r"^mine: evaluate returned no activations; expected"):
        taker.finish()


@pytest.mark.parametrize(
    "tampered",
    [
        lambda c: replace(c, epochs=c.epochs + 1),
        lambda c: replace(c, loss=np.nextafter(c.loss, 1)),
        lambda c: replace(c, correct=c.correct[::-1] + 1),
        lambda c: replace(c, loss=c.loss.astype(np.float32)),
        lambda c: replace(c, loss=c.loss[:, None]),
    ],
)
def test_the_comparison_of_curves_sees_each_part(tampered: Callable[[Curve], Curve]) -> None:
    taken = curve(every=1)
    assert not same(taken, tampered(taken))
