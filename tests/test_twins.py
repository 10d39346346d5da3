"""Twins start one ULP away, see what their seeds see, change nothing: how far does that carry?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

import shared.survey
from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, OptimizerState, Params, Recording
from shared.named_problems import problem
from shared.problems import Problem
from shared.registry import Loaded, Source
from shared.seeding import from_textbook_order, starting_params
from shared.survey import survey
from shared.training import Trainee, lockstep
from shared.twins import (
    CHAOTIC_SHARE,
    SENSITIVE_GROWTH,
    SIGNS,
    Sensitivity,
    TwinMeter,
    joined,
    one_ulp_away,
)
from shared.ulp import places, ulp_distance
from tests.classifiers import NUMPY, pictures
from tests.trainees import numpy_trainee

SEEDS = (3, 0, 7)
SHORT = problem("people16").changed(epochs=12)


def starts(dtype: str = "float64", seeds: Sequence[int] = SEEDS) -> tuple[Params, Params]:
    """Return where seeds start, and where their twins do."""
    params = starting_params(SHORT, seeds, dtype)
    return params, one_ulp_away(SHORT.network, params, seeds)


@pytest.mark.parametrize("tensor", range(4))
def test_every_weight_of_a_twin_is_a_neighbour(tensor: int, dtype: str) -> None:
    params, twins = starts(dtype)
    assert twins[tensor].dtype == dtype
    assert (ulp_distance(params[tensor], twins[tensor]) == 1).all()


def test_the_signs_are_drawn_from_the_seed_in_the_order_of_the_weights() -> None:
    params, twins = starts(seeds=(7,))
    ups = np.random.RandomState([7, SIGNS]).randint(2, size=9)
    moved = [(places(v) - places(w))[0] for w, v in zip(params, twins, strict=True)]
    expected = from_textbook_order(SHORT.network, 2 * ups - 1)
    assert [m.tolist() for m in moved] == [e.tolist() for e in expected]
    assert len(set(ups.tolist())) == 2


@pytest.mark.parametrize("column", range(len(SEEDS)))
def test_a_twin_is_the_same_alone(column: int) -> None:
    (_, together), (_, alone) = starts(), starts(seeds=SEEDS[column : column + 1])
    assert [w[column].tobytes() for w in together] == [w[0].tobytes() for w in alone]


def test_a_bias_that_starts_at_zero_is_moved_too() -> None:
    params = starting_params(pictures(), [0], "float32")
    assert not params[1].any()
    assert np.all(one_ulp_away(pictures().network, params, [0])[1])


def ends(one: Problem, loaded: Loaded, beside: bool) -> tuple[Params, Params | None]:
    """Train seeds, with or without twins; return where the seeds end, and the twins."""
    trainee = Trainee(loaded, one, "float64")
    trainee.start(SEEDS)
    meter = TwinMeter(trainee, SEEDS)
    together = [trainee, meter.twin] if beside else [trainee]
    *_, last = lockstep(together, every=0)
    return last[0].final[0], last[1].final[0] if beside else None


@pytest.mark.parametrize("one", [SHORT, pictures(4)], ids=["in file order", "shuffled"])
def test_twins_change_no_bit_of_their_seeds(one: Problem, loaded: Loaded) -> None:
    alone, _ = ends(one, loaded, beside=False)
    seeds, twins = ends(one, loaded, beside=True)
    assert twins is not None
    assert [w.tobytes() for w in seeds] == [w.tobytes() for w in alone]
    assert [w.tobytes() for w in twins] != [w.tobytes() for w in alone]


@pytest.mark.parametrize(("signs", "equal"), [(SEEDS, True), (SEEDS[::-1], False)])
def test_a_twin_sees_the_samples_of_its_own_seed(signs: Sequence[int], equal: bool) -> None:
    """From the very same weights it ends in the same bits; from another seed's it does not."""
    trainee = numpy_trainee(pictures(4), seeds=SEEDS)
    meter = TwinMeter(trainee, SEEDS)
    meter.twin.params = starting_params(pictures(4), signs, "float64")
    *_, (seeds, twins) = lockstep([trainee, meter.twin], every=0)
    pairs = zip(seeds.final[0], twins.final[0], strict=True)
    assert all(w[0].tobytes() == v[0].tobytes() for w, v in pairs) == equal


def recording(params: Params, step: int) -> Recording:
    """A recording that ends with these parameters."""
    nothing = numpy_trainee(seeds=[0]).train(np.zeros((1, 1, 1), dtype=int), 0)
    return replace(nothing, final=(params, OptimizerState(step)))


def found(*marks: tuple[int, Callable[[Array, Array], Array]]) -> Sensitivity:
    """Meter one seed of four people, whose twin's W1 is made from its own and the start's gap."""
    trainee = numpy_trainee(seeds=[0])
    meter = TwinMeter(trainee, [0])
    params = trainee.params
    gap = np.max([abs(w - v).max() for w, v in zip(params, meter.twin.params, strict=True)])
    for step, move in marks:
        twins = (move(params[0], gap), *params[1:])
        meter.add(recording(params, step), recording(twins, step))
    return meter.finish()


def one_apart(by: float) -> Callable[[Array, Array], Array]:
    """Move one weight by so many times the gap at the start; rounding makes it nearly that."""

    def moved(w: Array, gap: Array) -> Array:
        changed = w.copy()
        changed[0, 0, 0] += by * gap
        return changed

    return moved


def by_share(share: float) -> Callable[[Array, Array], Array]:
    """Move the smallest weight of W1 by a share of the network's largest, which is in W1."""

    def moved(w: Array, _: Array) -> Array:
        changed = w.copy()
        changed.flat[abs(w).argmin()] += share * abs(w).max()
        return changed

    return moved


def with_value(value: float) -> Callable[[Array, Array], Array]:
    return lambda w, _: np.where(w == w.flat[0], value, w)


def classes(one: Sensitivity) -> list[list[bool]]:
    return [m.tolist() for m in (one.calm, one.sensitive, one.chaotic, one.broken)]


CALM, SENSITIVE, CHAOTIC, BROKEN = ([[i == j] for i in range(4)] for j in range(4))


@pytest.mark.parametrize(
    ("by", "expected"),
    [(1.0, CALM), (0.99 * SENSITIVE_GROWTH, CALM), (1.01 * SENSITIVE_GROWTH, SENSITIVE)],
)
def test_a_difference_that_grows_a_thousandfold_is_sensitive(
    by: float, expected: list[list[bool]]
) -> None:
    one = found((4, one_apart(by)), (44, one_apart(0)))
    assert abs(one.growth[0] - by) <= 1
    assert classes(one) == expected


def test_growth_is_the_largest_at_any_mark() -> None:
    one = found((4, one_apart(5)), (44, one_apart(300)), (84, one_apart(2)))
    assert abs(one.growth[0] - 300) <= 1


def test_twins_that_never_grow_apart_have_grown_once() -> None:
    assert found((4, one_apart(0))).growth.tolist() == [1.0]


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.99 * CHAOTIC_SHARE, SENSITIVE), (1.01 * CHAOTIC_SHARE, CHAOTIC)],
)
def test_a_difference_of_a_hundredth_of_the_largest_weight_is_chaotic(
    share: float, expected: list[list[bool]]
) -> None:
    assert classes(found((4, by_share(share)), (44, by_share(0)))) == expected


def test_the_first_chaotic_mark_is_kept() -> None:
    far, near = by_share(0.5), by_share(0)
    assert found((4, near), (44, far), (84, near), (100, far)).chaotic_epoch.tolist() == [11]
    assert found((4, near), (44, near)).chaotic_epoch.tolist() == [-1]


def test_between_marks_nothing_is_compared() -> None:
    assert classes(found((8, by_share(0.5)))) == CALM


@pytest.mark.parametrize(("step", "kept"), [(4, False), (8, True)], ids=["a mark", "between"])
def test_at_a_mark_equal_weights_are_set_apart_again(step: int, kept: bool) -> None:
    trainee = numpy_trainee(seeds=[0])
    meter = TwinMeter(trainee, [0])
    waiting = meter.twin.params
    (own, *others), far = trainee.params, trainee.params[1] + 0.5
    meter.add(recording((own, *others), step), recording((own, far, *others[1:]), step))
    assert (meter.twin.params is waiting) == kept
    first, second, *_ = meter.twin.params
    assert (ulp_distance(first, own) == 1).all()
    assert (second.tobytes() == far.tobytes()) == (not kept)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_beside_none_is_chaotic(value: float) -> None:
    one = found((4, with_value(value)))
    assert classes(one) == CHAOTIC
    assert (one.growth.tolist(), one.chaotic_epoch.tolist()) == ([math.inf], [1])


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("far", [False, True])
def test_where_neither_is_finite_there_is_no_class(value: float, far: bool) -> None:
    """However far apart they were before."""
    trainee = numpy_trainee(seeds=[0])
    meter = TwinMeter(trainee, [0])
    params = trainee.params
    near = (by_share(0.5 if far else 0)(params[0], params[0]), *params[1:])
    gone = (np.full_like(params[0], value), *params[1:])
    meter.add(recording(params, 4), recording(near, 4))
    meter.add(recording(gone, 44), recording(gone, 44))
    assert classes(meter.finish()) == BROKEN


def test_groups_are_joined_in_their_order() -> None:
    calm, far = found((4, one_apart(0))), found((4, by_share(0.5)))
    one = joined([calm, far])
    assert one.chaotic.tolist() == [False, True]
    assert one.growth.tolist() == [*calm.growth.tolist(), *far.growth.tolist()]
    assert one.train_s == calm.train_s + far.train_s


@pytest.mark.parametrize(
    "one", [SHORT.changed(epochs=100), pictures(4)], ids=["in file order", "shuffled"]
)
@pytest.mark.parametrize("size", [1, 2])
def test_groups_of_seeds_change_no_growth(
    monkeypatch: pytest.MonkeyPatch, one: Problem, size: int, dtype: str
) -> None:
    whole = survey(one, SEEDS, [NUMPY], dtype=dtype).sensitivity
    monkeypatch.setattr(shared.survey, "GROUP", size)
    parts = survey(one, SEEDS, [NUMPY], dtype=dtype).sensitivity
    assert parts.growth.tolist() == whole.growth.tolist()
    assert len(set(whole.growth.tolist())) > 1


def test_the_twins_are_those_of_the_first_backend() -> None:
    other = Loaded(Source("other", "other"), NUMPY.kind, NUMPY.version)
    assert survey(SHORT, SEEDS, [other, NUMPY]).sensitivity.backend == "other"


def test_rounding_decides_where_some_seeds_end() -> None:
    """Of the first thirty those three, and one on which backends part: on every processor.

    Not so seed 30: NumPy rounds otherwise on another processor, and that decides whether its twin
    comes to differ by more than the share. Calm it is on none.
    """
    told = survey(problem("people16"), [*range(31), 37], [NUMPY])
    seeds, found = np.array(told.seeds), told.sensitivity
    assert seeds[found.chaotic & (seeds != 30)].tolist() == [6, 17, 29, 37]
    assert not found.calm[30]
    assert ((found.chaotic_epoch > 0) == found.chaotic).all()


class Stopped(NumpyBackprop):
    """NumPy's backend, with a Ctrl-C in a call of train: odd calls train seeds, even ones twins."""

    calls = 0
    at = 0

    def train(self, *arguments: object, **named: object) -> Recording:
        type(self).calls += 1
        if self.calls == self.at:
            raise KeyboardInterrupt
        return super().train(*arguments, **named)  # type: ignore[arg-type]


@pytest.mark.parametrize(("at", "epochs"), [(2, 0), (3, 1), (4, 1), (6, 2)])
def test_an_interrupt_in_the_twins_training_tells_where_the_seeds_stood(
    monkeypatch: pytest.MonkeyPatch, at: int, epochs: int
) -> None:
    monkeypatch.setattr(Stopped, "calls", 0)
    monkeypatch.setattr(Stopped, "at", at)
    stopped = Loaded(Source("numpy", "numpy"), Stopped, NUMPY.version)
    told = survey(pictures(4), SEEDS, [stopped])
    assert told.interrupted
    assert (told.epochs, told.seeds) == (epochs, SEEDS)
    assert told.sensitivity.growth.shape == (3,)
    whole = survey(pictures(max(1, epochs)), SEEDS, [NUMPY])
    same = told.sensitivity.growth.tolist() == whole.sensitivity.growth.tolist()
    assert same or not epochs


def test_an_interrupt_in_a_later_groups_twins_leaves_the_first_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A group makes eight calls here; the twelfth is the second group's twins'."""
    monkeypatch.setattr(Stopped, "calls", 0)
    monkeypatch.setattr(Stopped, "at", 12)
    monkeypatch.setattr(shared.survey, "GROUP", 2)
    stopped = Loaded(Source("numpy", "numpy"), Stopped, NUMPY.version)
    told = survey(pictures(4), SEEDS, [stopped])
    assert (told.interrupted, told.seeds, told.epochs) == (True, SEEDS[:2], 4)
    assert told.sensitivity.growth.shape == (2,)
