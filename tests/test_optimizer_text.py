"""The optimizer to JSON and back, and in words."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from shared.errors import UsageError
from shared.optimizer import OPTIMIZERS, Optimizer
from tests.optimizers import OPTIMIZERS as NAMED

repeatably = settings(derandomize=True, deadline=None, max_examples=150)
SHARES = st.floats(0, 1, exclude_max=True)
POSITIVE = st.floats(0, 1e300, exclude_min=True)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "momentum": SHARES, "beta1": SHARES, "beta2": SHARES,
    "nesterov": st.booleans(),
    "epsilon": POSITIVE, "weight_decay": st.one_of(st.just(0.0), POSITIVE),
    "rate_place": st.sampled_from(["outside", "inside"]),
    "epsilon_place": st.sampled_from(["outside", "inside", "uncorrected"]),
    "bias_correction": st.sampled_from(["float64", "dtype", "none"]),
    "decay": st.sampled_from(["coupled", "decoupled"]),
}  # fmt: skip


@st.composite
def optimizers(draw: st.DrawFn) -> Optimizer:
    name = draw(st.sampled_from(sorted(OPTIMIZERS)))
    said = {key: draw(FIELDS[key]) for key in OPTIMIZERS[name] if draw(st.booleans())}
    if name == "rmsprop" or said.get("bias_correction") == "none":
        assume(said.get("epsilon_place") != "uncorrected")
    return Optimizer(draw(POSITIVE), name, **said)


def again(one: Optimizer) -> Optimizer:
    return Optimizer.from_json(json.loads(json.dumps(one.to_json())))


@repeatably
@given(optimizers())
@example(Optimizer(0.1, "adamw", weight_decay=0))
@example(Optimizer(0.1, "adam", weight_decay=0))
@example(Optimizer(0.1, "momentum", momentum=0))
@example(Optimizer(0.1, "sgd", weight_decay=5e-324, decay="decoupled"))
@example(Optimizer(0.1, "momentum", decay="decoupled"))
def test_every_optimizer_comes_back_from_json(one: Optimizer) -> None:
    assert again(one) == one
    assert again(one).to_json() == one.to_json()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_json_of_an_optimizer_holds_its_own_fields(name: str) -> None:
    one = Optimizer(0.25, name, weight_decay=0.5)
    assert one.to_json() == {
        "learning_rate": 0.25, "name": name, **OPTIMIZERS[name], "weight_decay": 0.5,
    }  # fmt: skip


def test_without_a_decay_no_decay_is_told() -> None:
    assert Optimizer(0.05).to_json() == {"learning_rate": 0.05, "name": "sgd"}


def test_that_adamw_does_not_decay_is_told() -> None:
    """By default it would."""
    assert Optimizer(0.05, "adamw", weight_decay=0).to_json()["weight_decay"] == 0


def test_what_is_not_said_in_json_is_the_default() -> None:
    assert Optimizer.from_json({"learning_rate": 0.1, "name": "adam"}) == Optimizer(0.1, "adam")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": "adam"}, "optimizer lacks the field 'learning_rate'."),
        ({"learning_rate": 0.1, "name": "adam", "beta": 0.9}, "an unknown field 'beta'"),
        ({"learning_rate": 0.1, "beta1": 0.9}, "sgd has no field 'beta1'"),
        ({"learning_rate": 0.1, "name": "adam", "beta1": "0.9"}, "beta1 '0.9' is no number"),
        ({"learning_rate": 0.1, "name": "adam", "decay": "decoupled"}, "take adamw."),
        ({"learning_rate": 0.1, "name": "Adam"}, "unknown optimizer 'Adam'; known: sgd,"),
        ({"learning_rate": 0.1, "name": ["adam"]}, "unknown optimizer ['adam']; known: sgd,"),
    ],
)
def test_wrong_json_is_refused(data: Any, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        Optimizer.from_json(data)


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (Optimizer(0.05), "SGD at 0.05"),
        (Optimizer(0.05, decay="decoupled"), "SGD at 0.05"),
        (Optimizer(0.05, weight_decay=0.5), "SGD at 0.05 (weight decay 0.5)"),
        (
            Optimizer(0.05, weight_decay=0.5, decay="decoupled"),
            "SGD at 0.05 (weight decay 0.5, decoupled)",
        ),
        (Optimizer(0.05, "momentum"), "momentum at 0.05 (momentum 0.9)"),
        (
            Optimizer(0.05, "momentum", momentum=0.5, nesterov=True, rate_place="inside"),
            "momentum at 0.05 (momentum 0.5, Nesterov, rate inside the velocity)",
        ),
        (Optimizer(0.05, "rmsprop"), "RMSprop at 0.05"),
        (Optimizer(1e-3, "adam"), "Adam at 0.001"),
        (
            Optimizer(1e-3, "adam", beta1=0.8, beta2=0.5, epsilon=1e-6, epsilon_place="inside"),
            "Adam at 0.001 (beta1 0.8, beta2 0.5, epsilon 1e-06, ε inside the root)",
        ),
        (
            Optimizer(1e-3, "adam", epsilon_place="uncorrected", bias_correction="dtype"),
            "Adam at 0.001 (ε before the bias correction, bias correction in the run's dtype)",
        ),
        (Optimizer(1e-3, "adam", bias_correction="none"), "Adam at 0.001 (no bias correction)"),
        (Optimizer(1e-3, "adamw"), "AdamW at 0.001"),
        (Optimizer(1e-3, "adamw", weight_decay=0), "AdamW at 0.001 (weight decay 0.0)"),
    ],
)
def test_an_optimizer_is_told_with_what_is_not_its_default(one: Optimizer, told: str) -> None:
    assert str(one) == told


def test_the_optimizers_of_the_tests_are_told_apart_by_their_words() -> None:
    assert len({str(one) for one in NAMED.values()}) == len(NAMED)
