"""The loss curve, the accuracy and the answers, read off networks whose answers are known."""

from __future__ import annotations

import itertools
import math
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
from shared.evaluation import Curve, CurveTaker, Outcome, count_correct, outcome
from shared.network import Network
from shared.problems import Person, Problem, problem
from shared.registry import Loaded, Source, find, load
from shared.training import Trainee

repeatably = settings(derandomize=True, deadline=None)

EPOCHS = 25
STEPS = 4 * EPOCHS
MARKS = (0, 1, 11, 21, 25)


def four_people() -> Problem:
    """100 steps, 4 to an epoch; the curve is taken at 5 marks."""
    return problem("people4").changed(epochs=EPOCHS)


def numpy_trainee(
    one: Problem | None = None, dtype: str = "float64", seeds: int | Sequence[int] = 0
) -> Trainee:
    trainee = Trainee(load(find("numpy")), one or four_people(), dtype)
    trainee.start(seeds)
    return trainee


def train(trainee: Trainee, every: int, cuts: Sequence[int] = ()) -> tuple[Curve, list[Recording]]:
    """Train to the end, in chunks that end at the cuts, and take the curve on the way."""
    taker, recordings = CurveTaker(trainee), []
    ends = [0, *cuts, STEPS]
    for first, stop in itertools.pairwise(ends):
        recordings.append(trainee.train(np.arange(first, stop)[:, None] % 4, every))
        taker.add(recordings[-1])
    return taker.finish(), recordings


def curve(every: int, cuts: Sequence[int] = (), dtype: str = "float64") -> Curve:
    return train(numpy_trainee(dtype=dtype), every, cuts)[0]


def same(one: Curve, other: Curve) -> bool:
    """Whether two curves are equal in every bit."""
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


class Silent(NumpyBackprop):
    """NumPy's backend, which keeps its activations to itself."""

    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        return replace(super().evaluate(params, x, y), activations=None)


def own_trainee(kind: type[NumpyBackprop]) -> Trainee:
    return Trainee(Loaded(Source("mine", "mine"), kind, "1.0"), four_people(), "float64")


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


def test_an_outcome_needs_activations() -> None:
    trainee = own_trainee(Silent)
    with pytest.raises(ContractError, match=r"^mine: evaluate returned no activations; expected"):
        outcome(trainee, trainee.params)


ABOVE, BELOW = math.nextafter(0.5, 1), math.nextafter(0.5, 0)


@pytest.mark.parametrize(
    ("outputs", "labels", "count"),
    [
        ([0.9, 0.1], [1, 0], 2),
        ([0.9, 0.1], [0, 1], 0),
        ([0.9, 0.9], [1, 0], 1),
        ([0.5, 0.5], [0, 0], 2),
        ([0.5, 0.5], [1, 1], 0),
        ([1.0, 0.0], [1, 0], 2),
        ([math.nan, math.nan], [0, 0], 0),
        ([math.nan, math.nan], [1, 1], 0),
        ([math.nan, 0.9], [1, 1], 1),
        ([math.inf, -math.inf], [1, 0], 2),
    ],
)
def test_one_output_is_right_on_its_side_of_one_half(
    outputs: list[float], labels: list[float], count: int, dtype: str
) -> None:
    output, y = np.array(outputs, dtype)[:, None], np.array(labels, dtype)[:, None]
    assert int(count_correct(output, y)) == count


@pytest.mark.parametrize(
    ("output", "label", "count"), [(ABOVE, 1, 1), (BELOW, 0, 1), (BELOW, 1, 0)]
)
def test_the_floats_beside_one_half_have_a_side(output: float, label: float, count: int) -> None:
    assert int(count_correct(np.array([[output]]), np.array([[label]]))) == count


@pytest.mark.parametrize("output", [BELOW, 0.5, ABOVE, 0.0, 1.0, math.nan])
def test_a_sample_is_right_where_its_class_is(output: float) -> None:
    """The accuracy and the named class draw the line at the same place."""
    female = int(count_correct(np.array([[output]]), np.array([[1.0]]))) == 1
    assert (problem("people4").class_of(output) == "female") == female


@pytest.mark.parametrize(
    ("outputs", "label", "count"),
    [
        ([0.1, 0.3, 0.2], 1, 1),
        ([0.1, 0.3, 0.2], 2, 0),
        ([0.9, 0.8, 0.95], 2, 1),
        ([0.1, math.nan, 0.2], 1, 0),
        ([0.1, math.nan, 0.2], 2, 0),
        ([math.nan] * 3, 0, 0),
    ],
)
def test_of_several_outputs_the_largest_is_the_answer(
    outputs: list[float], label: int, count: int, dtype: str
) -> None:
    assert int(count_correct(np.array([outputs], dtype), np.eye(3, dtype=dtype)[[label]])) == count


def test_each_replica_is_counted_for_itself() -> None:
    output = np.array([[[0.9], [0.1]], [[0.1], [0.9]], [[0.9], [math.nan]]])
    assert count_correct(output, np.array([[1.0], [0.0]])).tolist() == [2, 0, 1]


def hidden(weights: Sequence[Sequence[float]], biases: Sequence[float]) -> Params:
    """A 2-2-1 network with these hidden units, whose output is one half."""
    return (np.array(weights), np.array(biases), np.zeros((1, 2)), np.zeros(1))


def ended(params: Params, one: Problem | None = None) -> Outcome:
    return outcome(numpy_trainee(one), params)


FLAT = [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("biases", "saturated"),
    [
        ([-10.0, 0.0], ((1, 1, 0),)),
        ([0.0, -10.0], ((1, 2, 0),)),
        ([10.0, 0.0], ((1, 1, 1),)),
        ([0.0, 10.0], ((1, 2, 1),)),
        ([-10.0, 10.0], ((1, 1, 0), (1, 2, 1))),
        ([10.0, -10.0], ((1, 1, 1), (1, 2, 0))),
        ([-1000.0, 1000.0], ((1, 1, 0), (1, 2, 1))),
        ([0.0, 0.0], ()),
        ([4.0, -4.0], ()),
        ([math.nan, 0.0], ()),
    ],
)
def test_a_unit_stuck_at_an_end_is_reported(
    biases: list[float], saturated: tuple[tuple[int, int, int], ...]
) -> None:
    assert ended(hidden(FLAT, biases)).saturated == saturated


@pytest.mark.parametrize(("share", "reported"), [(0.0099, True), (0.0101, False)])
@pytest.mark.parametrize("end", [0, 1])
def test_the_line_is_drawn_at_a_hundredth(end: int, share: float, reported: bool) -> None:
    bias = math.log(share / (1 - share))
    found = ended(hidden(FLAT, [bias if end == 0 else -bias, 0.0])).saturated
    assert found == (((1, 1, end),) if reported else ())


def test_a_unit_that_moves_on_one_sample_is_not_saturated() -> None:
    """With z = 10 (x1 + 2) the unit is at an end on three of the four, and at one half on one."""
    assert ended(hidden([[10.0, 0.0], [0.0, 0.0]], [20.0, 0.0])).saturated == ()


def test_a_unit_that_switches_from_end_to_end_is_not_saturated() -> None:
    """With z = 10 x1 the unit is at 0 or at 1 on every sample, and tells them apart."""
    assert ended(hidden([[10.0, 0.0], [0.0, 0.0]], [0.0, 0.0])).saturated == ()


def with_people(*inputs: tuple[float, float]) -> Problem:
    """All samples at x1 = 1, and these people."""
    one = four_people()
    people = tuple(Person("someone", x, x) for x in inputs)
    return replace(one, x=((1.0, 0.0),) * 4, people=people)


def test_saturation_is_judged_by_the_samples_alone() -> None:
    found = ended(hidden([[10.0, 0.0], [0.0, 0.0]], [0.0, 0.0]), with_people((0.0, 0.0)))
    assert found.saturated == ((1, 1, 1),)


def test_a_deeper_network_tells_the_layer() -> None:
    one = replace(four_people(), network=Network((2, 2, 3, 1)))
    params = (
        np.zeros((2, 2)), np.array([0.0, 10.0]),
        np.zeros((3, 2)), np.array([-10.0, 0.0, 10.0]),
        np.zeros((1, 3)), np.zeros(1),
    )  # fmt: skip
    assert ended(params, one).saturated == ((1, 2, 1), (2, 1, 0), (2, 3, 1))


def test_the_output_is_no_hidden_unit() -> None:
    params = (*hidden(FLAT, [0.0, 0.0])[:3], np.array([20.0]))
    assert ended(params).saturated == ()


def constant(output_bias: float) -> Params:
    return (*hidden(FLAT, [0.0, 0.0])[:3], np.array([output_bias]))


@pytest.mark.parametrize(("bias", "correct"), [(3.0, 2), (-3.0, 2), (0.0, 2)])
def test_a_constant_answer_is_right_for_half_of_the_four(bias: float, correct: int) -> None:
    found = ended(constant(bias))
    assert (found.correct, found.samples, found.solved) == (correct, 4, False)


def by_weight(sign: float) -> Params:
    """h1 says which people are heavy; the output says the opposite, or, with -1, the same."""
    w = np.array([[1.0, 0.0], [0.0, 0.0]])
    return (w, np.zeros(2), np.array([[-10.0 * sign, 0.0]]), np.array([5.0 * sign]))


@pytest.mark.parametrize(("sign", "correct", "solved"), [(1.0, 4, True), (-1.0, 0, False)])
def test_a_network_that_knows_is_told_from_one_that_errs(
    sign: float, correct: int, solved: bool
) -> None:
    found = ended(by_weight(sign))
    assert (found.correct, found.solved) == (correct, solved)


@pytest.mark.parametrize(
    ("sign", "answers"), [(1.0, ["female", "male"]), (-1.0, ["male", "female"])]
)
def test_people_are_answered_in_their_order(sign: float, answers: list[str]) -> None:
    """Emily is light, Frank heavy."""
    assert [four_people().class_of(a) for a in ended(by_weight(sign)).answers] == answers


def test_a_person_is_answered_as_a_sample_would_be(dtype: str) -> None:
    trainee = numpy_trainee(dtype=dtype)
    inputs = np.array([person.x for person in four_people().people], dtype)
    x = np.concatenate([trainee.data.x, inputs])
    direct = trainee.backend.evaluate(trainee.params, x, np.zeros((len(x), 1), dtype))
    assert direct.activations is not None
    answers = direct.activations[-1][4:, 0].tolist()
    assert list(outcome(trainee, trainee.params).answers) == answers


@pytest.mark.parametrize("count", [0, 1, 3])
def test_there_are_as_many_answers_as_people(count: int) -> None:
    people = [(float(i), 0.0) for i in range(count)]
    assert len(ended(hidden(FLAT, [0.0, 0.0]), with_people(*people)).answers) == count


def spoilt(value: float, tensor: int) -> Params:
    params = by_weight(1.0)
    params[tensor].flat[0] = value
    return params


@pytest.mark.parametrize("tensor", range(4))
@pytest.mark.parametrize(
    ("value", "finite"),
    [(math.nan, False), (math.inf, False), (-math.inf, False), (1e300, True), (0.0, True)],
)
def test_a_parameter_that_is_not_finite_is_told(tensor: int, value: float, finite: bool) -> None:
    assert ended(spoilt(value, tensor)).finite == finite


def test_a_network_that_answers_nan_is_right_nowhere() -> None:
    found = ended(spoilt(math.nan, 3))
    assert (found.correct, [math.isnan(a) for a in found.answers]) == (0, [True, True])


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
