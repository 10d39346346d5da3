"""What update may return: the right thing passes, each wrong thing is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.backend import OptimizerState, Params
from shared.contract import Contract
from shared.optimizer import SLOTS
from tests.right_results import CONTRACT, NETWORK, every_lead, params, refused, with_one, zeros

SLOTTED: list[dict[str, Params]] = [{}, {"m": params()}, {"m": params(), "v": params()}]


@every_lead
def test_a_right_update_passes(lead: tuple[int, ...]) -> None:
    CONTRACT.require_update((params(*lead), OptimizerState(3)), lead, 3, "update")


@pytest.mark.parametrize("slots", SLOTTED, ids=["no slot", "one slot", "two slots"])
def test_slots_of_the_right_shape_pass(slots: dict[str, Params]) -> None:
    CONTRACT.require_update((params(), OptimizerState(3, slots)), (), 3, "update")


def of_an_optimizer(slots: tuple[str, ...]) -> Contract:
    return Contract("mine", NETWORK, "float64", slots)


@pytest.mark.parametrize("names", SLOTS.values(), ids=SLOTS.keys())
def test_the_slots_of_the_optimizer_pass(names: tuple[str, ...]) -> None:
    slots = dict.fromkeys(reversed(names), params())
    of_an_optimizer(names).require_update((params(), OptimizerState(3, slots)), (), 3, "update")


@pytest.mark.parametrize(
    ("names", "came", "message"),
    [
        (("velocity",), ("m",), "expected the optimizer's slots ('velocity'); got 'm'."),
        (("velocity",), ("Velocity",), "slots ('velocity'); got 'Velocity'."),
        (("m", "v"), ("v",), "expected the optimizer's slots ('m', 'v'); got 'v'."),
        (("m", "v"), (), "expected the optimizer's slots ('m', 'v'); got none."),
        (("m", "v"), ("v", "t", "m"), "slots ('m', 'v'); got 'm', 't', 'v'."),
        ((), ("velocity",), "expected the optimizer's slots (none); got 'velocity'."),
    ],
    ids=["wrong", "almost", "one is missing", "both are missing", "one more", "one where none is"],
)
def test_slots_that_are_not_the_optimizers_are_named(
    names: tuple[str, ...], came: tuple[str, ...], message: str
) -> None:
    result = params(), OptimizerState(3, dict.fromkeys(came, params()))
    with refused(message):
        of_an_optimizer(names).require_update(result, (), 3, "update")


def test_where_the_slots_are_named_is_told() -> None:
    contract = replace(CONTRACT, slots=("velocity",))
    with refused("What an optimizer carries is named in shared/optimizer.py."):
        contract.require_update((params(), OptimizerState(3)), (), 3, "update")


@pytest.mark.parametrize(
    "came",
    [
        (3, "velocity"),
        (None,),
    ],
    ids=["a number", "nothing"],
)
def test_a_slot_whose_name_is_no_word_is_refused_calmly(came: tuple[Any, ...]) -> None:
    result = params(), OptimizerState(3, dict.fromkeys(came, params()))
    with refused("expected the optimizer's slots ('velocity'); got "):
        of_an_optimizer(("velocity",)).require_update(result, (), 3, "update")


WRONG_UPDATES: list[tuple[Any, str]] = [
    (None, "expected a pair (params, state); got NoneType."),
    (params(), "expected a pair (params, state); got tuple."),
    ([params(), OptimizerState(3)], "expected a pair (params, state); got list."),
    ((params(), OptimizerState(3), {}), "expected a pair (params, state); got tuple."),
    ((OptimizerState(3), params()), "expected a tuple of parameter W1, parameter b1, parameter W2"),
    ((params(), 3), "OptimizerState; got a int."),
    (
        (params()[1:], OptimizerState(3)),
        "expected 4 arrays (parameter W1, parameter b1, parameter W2, parameter b2); got 3.",
    ),
    (
        (with_one(params(), 0, zeros(2, 3)), OptimizerState(3)),
        "expected parameter W1 of shape (3, 2); got shape (2, 3). W is stored (n_out, n_in)",
    ),
    (
        (params(dtype="float32"), OptimizerState(3)),
        "expected parameter W1 in float64; got float32.",
    ),
    (
        (params(), OptimizerState(2)),
        "a state with step 3; got one with step 2. update returns OptimizerState(state.step + 1).",
    ),
    ((params(), OptimizerState(4)), "expected a state with step 3; got one with step 4."),
    ((params(), OptimizerState(3, {"m": 0.9})), "got float."),  # type: ignore[dict-item]
    ((params(), OptimizerState(3, {"m": params()[:3]})), "expected 4 arrays ("),
    ((params(), OptimizerState(3, {"m": params(5)})), "got shape (5, 3, 2)."),
    ((params(), OptimizerState(3, {"m": params(dtype="float32")})), "in float64; got float32."),
    ((params(), OptimizerState(3, {"m": params(), "v": ()})), "expected 4 arrays ("),
    ((params(), OptimizerState(3, None)), "NoneType"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(
    ("wrong", "message"),
    WRONG_UPDATES,
    ids=[f"{i} {message}" for i, (_, message) in enumerate(WRONG_UPDATES)],
)
def test_a_wrong_update_is_named(wrong: Any, message: str) -> None:
    with refused(message):
        CONTRACT.require_update(wrong, (), 3, "update")
