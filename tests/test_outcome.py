"""The outcome of training, read off networks whose answers are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from shared.backend import Params
from shared.errors import ContractError
from shared.evaluation import Outcome, outcome
from shared.network import Network
from shared.problems import Person, Problem
from tests.quantities import all_trained_on, named
from tests.trainees import Silent, four_people, numpy_trainee, own_trainee


def test_an_outcome_needs_activations() -> None:
    trainee = own_trainee(Silent)
    with pytest.raises(ContractError, match=r"^mine: evaluate returned no activations; expected"):
        outcome(trainee, trainee.params)


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
    return replace(one, x=np.tile([1.0, 0.0], (4, 1)), people=people)


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


def test_of_quantities_nothing_is_counted() -> None:
    trainee = numpy_trainee(all_trained_on())
    found = outcome(trainee, trainee.params)
    assert (found.correct, found.solved, found.samples) == (None, None, 9)
    assert found.finite


def test_the_same_network_would_be_counted_where_there_are_classes() -> None:
    """Shows that the test above can fail."""
    trainee = numpy_trainee(named(all_trained_on()))
    found = outcome(trainee, trainee.params)
    assert found.correct is not None
    assert isinstance(found.solved, bool)
