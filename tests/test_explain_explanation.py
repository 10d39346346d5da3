"""A whole explanation: who was read, who could not be, and what they are compared with."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from impls.numpy_backprop import NumpyBackprop
from shared.backend import OptimizerState, Params
from shared.errors import UsageError
from shared.explain.bits import differing
from shared.explain.differences import Why
from shared.explain.explanation import READERS, Explanation, explain
from shared.explain.moment import Moment, worked_moment
from shared.optimizer import Optimizer
from shared.registry import Loaded, Source, load
from shared.training import Missing
from tests.explained_runs import FRAMEWORKS, Step, loaded
from tests.own_backends import own, write_training

MOMENT = worked_moment("symmetric", "float64")
HAND = loaded("numpy")


@cache
def whole() -> Explanation:
    return explain(MOMENT, [loaded(name) for name in FRAMEWORKS], "w1")


class Foreign(NumpyBackprop):
    """A backend of a framework that no reader knows; its package is there."""

    framework = "hypothesis"


class Broken(NumpyBackprop):
    """A backend whose framework is there and does not load."""

    def __init__(self, *_: object) -> None:
        raise ImportError("no libc10.so")


FOREIGN = Loaded(Source("foreign", "foreign"), Foreign, "1")


def mine(folder: Path) -> Loaded:
    """A file of one's own, though of a framework that there is a reader for."""
    return load(own(write_training(folder)))


def test_every_framework_is_read_in_the_order_in_which_it_was_named() -> None:
    assert [one.name for one in whole().seen] == list(FRAMEWORKS)
    assert [one.reading.framework for one in whole().seen] == list(FRAMEWORKS)
    assert [one.reading.version for one in whole().seen] == [loaded(n).version for n in FRAMEWORKS]
    assert whole().missing == ()


def test_all_are_compared_with_the_first() -> None:
    assert {one.reference for one in whole().differences} <= {"numpy"}
    assert {one.backend for one in whole().accounts} == {"torch", "jax"}
    assert [one.role for one in whole().accounts] == [
        f"dL/d{name}" for _ in range(2) for name in MOMENT.network.param_names
    ]


def test_the_differences_are_those_of_the_gradients_asked_for_alone() -> None:
    gradients = {
        name: loaded(name).create(MOMENT.network, MOMENT.optimizer, "float64").gradients(
            MOMENT.params, MOMENT.x, MOMENT.y
        ).grads
        for name in FRAMEWORKS
    }  # fmt: skip
    for one in whole().accounts:
        place = MOMENT.network.param_names.index(one.role.removeprefix("dL/d"))
        ours, theirs = gradients["numpy"][place], gradients[one.backend][place]
        assert one.here.tolist() == differing(ours, theirs).tolist()


def test_every_recipe_that_is_shown_gives_its_bits() -> None:
    for seen in whole().seen:
        assert "dL/dW1" in seen.recipes
        assert "x" not in seen.recipes
        assert all(recipe.is_replayed for recipe in seen.recipes.values())


def test_the_update_comes_last() -> None:
    for name in ("torch", "jax"):
        roles = [one.role for one in whole().differences if one.backend == name]
        is_update = [role.startswith("new ") for role in roles]
        assert is_update == sorted(is_update)


def test_with_one_backend_alone_there_is_nothing_to_differ() -> None:
    found = explain(MOMENT, [HAND], "w1")
    assert [one.name for one in found.seen] == ["numpy"]
    assert (found.differences, found.accounts) == ((), ())
    assert found.strip == whole().strip


def test_without_any_backend_the_chain_rule_is_left() -> None:
    found = explain(MOMENT, [], "w5", [Missing("torch", "not installed")])
    assert (found.seen, found.differences, found.accounts) == ((), (), ())
    assert found.missing == (Missing("torch", "not installed"),)
    assert found.strip.element == "w5"
    assert "dL/dW1" in found.spine


def test_the_hand_against_itself_does_not_differ() -> None:
    twin = replace(HAND, source=Source("twin", HAND.source.module))
    found = explain(MOMENT, [HAND, twin], "w1")
    assert found.differences == ()
    assert [(one.backend, one.counts) for one in found.accounts] == [("twin", (0, 0))] * 4


class Later(NumpyBackprop):
    """The derivation by hand, with an update one float too far."""

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        after, state = super().update(params, grads, state)
        return tuple(np.nextafter(w, np.inf) for w in after), state


def test_a_wrong_update_is_unexplained() -> None:
    wrong = Loaded(Source("later", "later"), Later, "1")
    found = explain(MOMENT, [HAND, wrong], "w1")
    assert {one.role for one in found.differences} == {"new W1", "new b1", "new W2", "new b2"}
    assert {one.why for one in found.differences} == {Why.UNEXPLAINED}
    assert [seen.moved.way for seen in found.seen if seen.moved] == ["w - (η·g)", ""]


@pytest.mark.parametrize("place", [0, 1])
def test_a_framework_without_a_reader_is_missing_and_stops_nobody(place: int) -> None:
    twin = replace(HAND, source=Source("twin", HAND.source.module))
    others = [HAND, twin]
    found = explain(MOMENT, [*others[:place], FOREIGN, *others[place:]], "w1")
    assert "hypothesis" not in READERS
    assert found.missing == (Missing("foreign", "no reader knows hypothesis's inside"),)
    assert [one.name for one in found.seen] == ["numpy", "twin"]
    assert len(found.accounts) == 4


def test_a_file_of_ones_own_is_missing_and_stops_nobody(tmp_path: Path) -> None:
    found = explain(MOMENT, [HAND, mine(tmp_path)], "w1")
    assert found.missing == (Missing("mine", "no reader knows a file of one's own"),)
    assert [one.name for one in found.seen] == ["numpy"]
    assert found.accounts == ()


def test_without_the_first_the_next_is_the_reference(tmp_path: Path) -> None:
    found = explain(MOMENT, [mine(tmp_path), HAND, loaded("torch")], "w1")
    assert [one.name for one in found.seen] == ["numpy", "torch"]
    assert {one.reference for one in found.differences} <= {"numpy"}


def test_a_framework_that_does_not_load_is_missing_and_stops_nobody() -> None:
    broken = Loaded(Source("broken", "broken"), Broken, "2")
    found = explain(MOMENT, [broken, HAND], "w1", [Missing("jax", "not installed")])
    assert found.missing == (
        Missing("jax", "not installed"),
        Missing("broken", "broken: does not load: no libc10.so"),
    )
    assert [one.name for one in found.seen] == ["numpy"]


def test_those_that_were_missing_before_come_first() -> None:
    found = explain(MOMENT, [FOREIGN], "w1", [Missing("jax", "not installed")])
    assert [one.name for one in found.missing] == ["jax", "foreign"]


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(UsageError, match="weight 'w9' is none of this network's"):
        explain(MOMENT, [HAND], "w9")


def test_of_an_optimizer_that_carries_something_the_update_is_not_made_again() -> None:
    adam = replace(MOMENT, optimizer=Optimizer(0.05, "adam"))
    found = explain(adam, [HAND, loaded("torch")], "w1")
    assert [one.moved for one in found.seen] == [None, None]
    assert not any(one.role.startswith("new ") for one in found.differences)
    assert len(found.accounts) == 4


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_deeper_network_with_a_batch_is_explained(dtype: str) -> None:
    step = Step((3, 4, 2), 3, dtype=dtype)
    moment = Moment(
        "made up", "", step.network, Optimizer(0.05), dtype, step.params, step.x, step.y
    )
    found = explain(moment, [HAND, loaded("torch")], "W1[0,2]")
    counts = [one.counts for one in found.accounts]
    assert sum(count for count, _ in counts) > 0
    assert [explained for _, explained in counts] == [count for count, _ in counts]
    assert Why.UNEXPLAINED not in {one.why for one in found.differences}
    assert found.strip.begins_with_sum
