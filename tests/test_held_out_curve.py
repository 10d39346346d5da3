"""At every mark the network is asked about the samples held out, too, and held to the contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

import shared.evaluation
from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, Evaluation, Params
from shared.certificate.judge import Judge
from shared.classification import answers
from shared.errors import ContractError
from shared.evaluation import Curve, CurveTaker, count_correct
from shared.named_problems import problem
from shared.problems import Problem
from shared.registry import Loaded, Source
from shared.seeding import batch_runs
from shared.training import Trainee, lockstep
from tests.classifiers import NUMPY, none_held_out, one_output, pictures
from tests.conftest import load_or_skip
from tests.quantities import all_trained_on, named, weather

EPOCHS = 5


def train(trainee: Trainee, every: int = 1, judge: Any = None) -> tuple[Curve, list[Params]]:
    """Train to the end; return the curve, and the parameters at each of its marks."""
    taker, at_marks = CurveTaker(trainee, judge), [trainee.params]
    per_epoch = trainee.problem.steps_per_epoch
    for recording in lockstep([trainee], every):
        taker.add(recording[0])
        for row in np.flatnonzero(recording[0].steps % per_epoch == 0):
            at_marks.append(tuple(np.array(w[row]) for w in recording[0].after))
    return taker.finish(), at_marks


def trainee_of(one: Problem, kind: Any = None, seeds: int | Sequence[int] = 0) -> Trainee:
    loaded = Loaded(Source("mine", "mine"), kind, "1.0") if kind else NUMPY
    trainee = Trainee(loaded, one, "float64")
    trainee.start(seeds)
    return trainee


def held_out_evaluation(trainee: Trainee, params: Params) -> Evaluation:
    held_out = trainee.problem.held_out_dataset("float64")
    assert held_out is not None
    return trainee.backend.evaluate(tuple(w[None] for w in params), held_out.x, held_out.y)


def held_out_output(trainee: Trainee, params: Params) -> Array:
    evaluation = held_out_evaluation(trainee, params)
    assert evaluation.activations is not None
    output: Array = evaluation.activations[-1][0]
    return output


@pytest.mark.parametrize("one", [pictures(EPOCHS), one_output(EPOCHS)], ids=["three", "one"])
@pytest.mark.parametrize("row", range(EPOCHS + 1))
def test_the_held_out_accuracy_is_that_of_each_mark(row: int, one: Problem) -> None:
    trainee = trainee_of(one)
    taken, params = train(trainee)
    held_out = one.held_out_dataset("float64")
    assert held_out is not None
    assert taken.held_out_correct is not None
    direct = count_correct(held_out_output(trainee, params[row]), held_out.y)
    assert taken.held_out_correct[row] == direct


def test_the_held_out_accuracy_moves() -> None:
    """Shows that the test above can fail: the marks differ, and from the training's."""
    taken, _ = train(trainee_of(pictures(EPOCHS)))
    assert taken.held_out_correct is not None
    assert taken.correct is not None
    assert len(set(taken.held_out_correct.tolist())) > 1
    assert taken.held_out_correct.tolist() != taken.correct.tolist()


@pytest.mark.parametrize("one", [pictures(EPOCHS), weather(EPOCHS)], ids=["classes", "quantities"])
@pytest.mark.parametrize("row", range(EPOCHS + 1))
def test_the_held_out_loss_is_the_backends_own_at_each_mark(row: int, one: Problem) -> None:
    trainee = trainee_of(one)
    taken, params = train(trainee)
    assert taken.held_out_loss is not None
    direct = held_out_evaluation(trainee, params[row])
    assert taken.held_out_loss[row : row + 1].tobytes() == direct.loss.tobytes()


def test_the_held_out_loss_of_another_mark_would_be_another() -> None:
    """Shows that the test above can fail: the marks differ, and from the training's."""
    taken, _ = train(trainee_of(weather(EPOCHS)))
    assert taken.held_out_loss is not None
    losses = [*taken.held_out_loss.tolist(), *taken.loss.tolist()]
    assert len(set(losses)) == 2 * (EPOCHS + 1)


def test_of_quantities_only_losses_are_taken() -> None:
    taken, _ = train(trainee_of(weather(EPOCHS)))
    assert (taken.correct, taken.held_out_correct, taken.answers) == (None, None, None)
    assert taken.held_out_loss is not None
    assert taken.loss.shape == taken.held_out_loss.shape == (EPOCHS + 1,)


def test_the_same_outputs_would_be_counted_where_there_are_classes() -> None:
    """Shows that the test above can fail."""
    taken, _ = train(trainee_of(named(weather(EPOCHS))))
    assert taken.correct is not None
    assert taken.held_out_correct is not None


def test_the_answers_are_those_of_the_last_mark() -> None:
    trainee = trainee_of(pictures(EPOCHS))
    taken, params = train(trainee)
    assert taken.answers is not None
    direct = answers(held_out_output(trainee, params[-1]))
    assert taken.answers.predicted.tolist() == direct.predicted.tolist()
    assert taken.answers.confidence.tobytes() == direct.confidence.tobytes()


def test_the_answers_of_another_mark_would_be_others() -> None:
    """Shows that the test above can fail."""
    trainee = trainee_of(pictures(EPOCHS))
    taken, params = train(trainee)
    assert taken.answers is not None
    before = answers(held_out_output(trainee, params[-2]))
    assert taken.answers.confidence.tobytes() != before.confidence.tobytes()


def test_without_held_out_samples_those_of_the_training_are_answered() -> None:
    taken, _ = train(trainee_of(none_held_out(EPOCHS)))
    assert (taken.held_out_correct, taken.held_out_loss) == (None, None)
    assert taken.answers is not None
    assert taken.correct is not None
    truth = np.array([0, 1, 2] * 3)
    assert (taken.answers.predicted == truth).sum() == taken.correct[-1]


def test_people_have_neither() -> None:
    taken, _ = train(trainee_of(problem("people4").changed(epochs=EPOCHS)))
    assert (taken.held_out_correct, taken.held_out_loss, taken.answers) == (None, None, None)


@pytest.mark.parametrize("size", [1, 300, 10**9])
def test_the_size_of_a_block_does_not_change_the_held_out_curve(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    whole, _ = train(trainee_of(pictures(EPOCHS)))
    monkeypatch.setattr(shared.evaluation, "BLOCK_BYTES", size)
    cut, _ = train(trainee_of(pictures(EPOCHS)))
    assert whole.held_out_correct is not None
    assert cut.held_out_correct is not None
    assert cut.held_out_correct.tolist() == whole.held_out_correct.tolist()
    assert cut.held_out_loss is not None
    assert whole.held_out_loss is not None
    assert cut.held_out_loss.tobytes() == whole.held_out_loss.tobytes()
    assert cut.answers is not None
    assert whole.answers is not None
    assert cut.answers.predicted.tolist() == whole.answers.predicted.tolist()


def test_recording_does_not_change_the_held_out_curve() -> None:
    recorded, _ = train(trainee_of(pictures(EPOCHS)))
    alone, _ = train(trainee_of(pictures(EPOCHS)), every=0)
    assert recorded.held_out_correct is not None
    assert alone.held_out_correct is not None
    assert recorded.held_out_correct.tolist() == alone.held_out_correct.tolist()


class Counting(NumpyBackprop):
    """NumPy's backend, with the shapes of what it was asked to evaluate."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.asked: list[tuple[int, ...]] = []

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        self.asked.append((params[0].shape[0], *x.shape))
        return super().evaluate(params, x, y)


@pytest.mark.parametrize(
    ("size", "asked"),
    [
        (1, [(1, 9, 4), (1, 6, 4)] * 6),
        (2 * 9 * 6 * 8, [(2, 9, 4), (2, 6, 4)] * 3),
        (10**9, [(6, 9, 4), (6, 6, 4)]),
    ],
)
def test_nothing_is_evaluated_twice_and_all_calls_have_equal_shapes(
    monkeypatch: pytest.MonkeyPatch, size: int, asked: list[tuple[int, ...]]
) -> None:
    monkeypatch.setattr(shared.evaluation, "BLOCK_BYTES", size)
    trainee = trainee_of(pictures(EPOCHS), Counting)
    train(trainee)
    assert isinstance(trainee.backend, Counting)
    assert trainee.backend.asked == asked


def test_the_larger_part_bounds_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.evaluation, "BLOCK_BYTES", 2 * 9 * 6 * 8)
    one = pictures(EPOCHS)
    assert one.held_out is not None
    few = replace(one, x=one.held_out.x[:3], y=one.held_out.y[:3])
    many = replace(one.held_out, x=one.x, y=one.y)
    trainee = trainee_of(replace(few, held_out=many), Counting)
    train(trainee)
    assert isinstance(trainee.backend, Counting)
    assert {shape[0] for shape in trainee.backend.asked} == {2}


class Watching:
    """In place of a judge: keeps what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[list[int], int, int, int]] = []

    def add_evaluation(
        self,
        epochs: Sequence[int],
        params: Params,
        x: Array,
        y: Array,
        evaluation: Evaluation,
        count: int,
    ) -> None:
        assert len(evaluation.loss) == len(params[0]) >= count
        assert evaluation.activations is not None
        assert evaluation.activations[-1].shape[-2] == len(x) == len(y)
        self.shown.append((list(epochs), len(params[0]), len(x), count))


def test_a_judge_sees_both_parts_of_every_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.evaluation, "BLOCK_BYTES", 4 * 9 * 6 * 8)
    judge = Watching()
    train(trainee_of(pictures(6)), judge=cast(Judge, judge))
    assert judge.shown == [
        ([0, 1, 2, 3], 4, 9, 4),
        ([0, 1, 2, 3], 4, 6, 4),
        ([4, 5, 6], 4, 9, 3),
        ([4, 5, 6], 4, 6, 3),
    ]


class WrongOnHeldOut(NumpyBackprop):
    """Breaks the contract where it is asked about six samples."""

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        found = super().evaluate(params, x, y)
        return replace(found, loss=found.loss.astype(np.float32)) if len(x) == 6 else found


class SilentOnHeldOut(NumpyBackprop):
    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        found = super().evaluate(params, x, y)
        return replace(found, activations=None) if len(x) == 6 else found


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (WrongOnHeldOut, "^mine, the samples held out: expected loss in float64; got float32"),
        (SilentOnHeldOut, "^mine: evaluate returned no activations; expected"),
    ],
)
def test_the_answer_to_held_out_samples_is_held_to_the_contract(kind: Any, message: str) -> None:
    taker = CurveTaker(trainee_of(pictures(), kind))
    with pytest.raises(ContractError, match=message):
        taker.finish()


@pytest.mark.parametrize("kind", [WrongOnHeldOut, SilentOnHeldOut])
def test_who_is_never_asked_about_them_cannot_break_it(kind: Any) -> None:
    """Shows that it is the held-out samples that are refused above."""
    assert CurveTaker(trainee_of(none_held_out(), kind)).finish().epochs.tolist() == [0]


def test_replicas_answer_for_their_seeds() -> None:
    together, _ = train(trainee_of(pictures(EPOCHS), seeds=(3, 0)), every=0)
    alone, _ = train(trainee_of(pictures(EPOCHS), seeds=(0,)), every=0)
    assert together.held_out_correct is not None
    assert alone.held_out_correct is not None
    assert together.held_out_correct.shape == (EPOCHS + 1, 2)
    assert together.held_out_correct[:, 1].tolist() == alone.held_out_correct[:, 0].tolist()
    assert together.held_out_loss is not None
    assert alone.held_out_loss is not None
    assert together.held_out_loss[:, 1].tobytes() == alone.held_out_loss[:, 0].tobytes()
    assert together.held_out_loss[:, 0].tobytes() != alone.held_out_loss[:, 0].tobytes()
    assert together.answers is not None
    assert alone.answers is not None
    assert together.answers.predicted.shape == (2, 6)
    assert together.answers.confidence[1].tobytes() == alone.answers.confidence[0].tobytes()
    assert together.answers.confidence[0].tobytes() != alone.answers.confidence[0].tobytes()


def test_an_interrupted_run_has_the_answers_of_its_last_mark() -> None:
    trainee = trainee_of(pictures(EPOCHS))
    taker = CurveTaker(trainee)
    three, _ = train(trainee_of(pictures(3)))
    for start, stop in ((0, 9), (9, 11)):
        taker.add(trainee.train(own_batches(pictures(EPOCHS), start, stop), 1))
    taken = taker.finish()
    assert taken.epochs.tolist() == [0, 1, 2, 3]
    assert taken.answers is not None
    assert three.answers is not None
    assert taken.answers.confidence.tobytes() == three.answers.confidence.tobytes()


def own_batches(one: Problem, start: int, stop: int) -> Array:
    ((_, batches),) = batch_runs(one, 0, start, stop)
    return batches


@pytest.mark.parametrize("marks", [0, 2, 6])
def test_a_curve_is_cut_in_all_its_parts(marks: int) -> None:
    whole, _ = train(trainee_of(pictures(EPOCHS)))
    cut = whole.until(marks)
    assert cut.held_out_correct is not None
    assert cut.correct is not None
    assert cut.held_out_loss is not None
    parts = (cut.epochs, cut.loss, cut.correct, cut.held_out_correct, cut.held_out_loss)
    assert [len(part) for part in parts] == [marks] * 5


def test_what_was_not_taken_is_not_cut() -> None:
    cut = train(trainee_of(all_trained_on(EPOCHS)))[0].until(2)
    assert (cut.correct, cut.held_out_correct, cut.held_out_loss) == (None, None, None)
    assert len(cut.loss) == 2


def test_each_backend_of_impls_is_asked(loaded: Loaded) -> None:
    taken, _ = train_of(loaded)
    numpy, _ = train_of(load_or_skip(NUMPY.source))
    assert taken.held_out_correct is not None
    assert numpy.held_out_correct is not None
    assert taken.held_out_correct.tolist() == numpy.held_out_correct.tolist()


def train_of(loaded: Loaded) -> tuple[Curve, list[Params]]:
    trainee = Trainee(loaded, pictures(EPOCHS), "float64")
    trainee.start(0)
    return train(trainee)
