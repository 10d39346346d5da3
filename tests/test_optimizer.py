"""The optimizer as data: its defaults, what it refuses, what it carries."""

from __future__ import annotations

import math
import re
from dataclasses import FrozenInstanceError, fields
from typing import Any

import numpy as np
import pytest

from shared.errors import UsageError
from shared.optimizer import OPTIMIZERS, SLOTS, Optimizer
from tests.optimizers import OPTIMIZERS as NAMED

every_name = pytest.mark.parametrize("name", OPTIMIZERS)
FIELDS = [field.name for field in fields(Optimizer) if field.name not in ("learning_rate", "name")]
INF, NAN = math.inf, math.nan


def refused(message: str) -> Any:
    """Expect a refusal that contains the message, word for word."""
    return pytest.raises(UsageError, match=re.escape(message))


def with_field(key: str, value: Any) -> Optimizer:
    """An optimizer with a value for a field that it has."""
    if key == "learning_rate":
        return Optimizer(value)
    return Optimizer(0.1, owner(key), **{key: value})


def owner(key: str) -> str:
    """An optimizer that has the field."""
    return next(name for name, own in OPTIMIZERS.items() if key in own)


@every_name
def test_every_optimizer_can_be_had_by_its_name_and_a_rate(name: str) -> None:
    one = Optimizer(0.5, name)
    assert (one.learning_rate, one.name) == (0.5, name)
    assert {key: getattr(one, key) for key in OPTIMIZERS[name]} == OPTIMIZERS[name]


@every_name
def test_what_an_optimizer_does_not_have_is_none(name: str) -> None:
    one = Optimizer(0.5, name)
    by_name = ["decay"] if name in ("adam", "adamw") else []
    others = [key for key in FIELDS if key not in OPTIMIZERS[name] and key not in by_name]
    assert [getattr(one, key) for key in others] == [None] * len(others)


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("momentum", {"momentum": 0.9, "nesterov": False, "rate_place": "outside"}),
        ("rmsprop", {"beta2": 0.99, "epsilon": 1e-8, "epsilon_place": "outside"}),
        ("adam", {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0}),
        ("adam", {"bias_correction": "float64", "epsilon_place": "outside", "decay": "coupled"}),
        ("adamw", {"weight_decay": 0.01, "decay": "decoupled"}),
        ("sgd", {"weight_decay": 0.0, "decay": "coupled"}),
    ],
)
def test_the_defaults_are_the_usual_ones(name: str, own: dict[str, Any]) -> None:
    one = Optimizer(0.5, name)
    assert {key: getattr(one, key) for key in own} == own


@pytest.mark.parametrize("one", NAMED.values(), ids=NAMED.keys())
def test_the_optimizers_of_the_tests_keep_what_they_are_given(one: Optimizer) -> None:
    assert one.slots == SLOTS[one.name]
    assert one.rounded("float32").rounded("float32") == one.rounded("float32")
    assert one.rounded("float64") == one


def test_the_optimizers_of_the_tests_cover_every_choice() -> None:
    chosen = {(key, getattr(one, key)) for one in NAMED.values() for key in FIELDS}
    for key, choices in {
        "nesterov": (False, True), "rate_place": ("outside", "inside"),
        "epsilon_place": ("outside", "inside", "uncorrected"),
        "bias_correction": ("float64", "dtype", "none"), "decay": ("coupled", "decoupled"),
    }.items():  # fmt: skip
        assert {value for one, value in chosen if one == key} >= set(choices)
    assert {one.name for one in NAMED.values()} == set(OPTIMIZERS)


@pytest.mark.parametrize("rate", [0, -0.1, INF, NAN, 10**400, 0.0])
def test_a_learning_rate_that_moves_nothing_sensibly_is_refused(rate: float) -> None:
    with refused(f"learning rate {rate!r} cannot be used; expected a finite number above 0"):
        Optimizer(rate, "adam")


NUMBERS: dict[str, tuple[list[float], str]] = {
    "momentum": ([-0.1, 1, 1.0, 2, INF, -INF, NAN, 10**400], "a number from 0 to below 1"),
    "beta1": ([-1e-300, 1, 1.5, INF, NAN], "a number from 0 to below 1"),
    "beta2": ([-1, 1, 1 - 2.0**-60, INF, NAN], "a number from 0 to below 1"),
    "epsilon": ([0, -1e-8, INF, NAN, -0.0], "a finite number above 0"),
    "weight_decay": ([-0.01, INF, NAN, 10**400], "a finite number, 0 or above"),
}
OUT_OF_RANGE = [(key, value, what) for key, (wrong, what) in NUMBERS.items() for value in wrong]


@pytest.mark.parametrize(("key", "value", "expected"), OUT_OF_RANGE)
def test_a_number_out_of_range_is_refused(key: str, value: float, expected: str) -> None:
    with refused(f"{key} is {value!r}; expected {expected}."):
        with_field(key, value)


@pytest.mark.parametrize("key", NUMBERS)
@pytest.mark.parametrize("value", ["0.9", True, False, [0.9], 1j, np.float32(0.5)])
def test_what_is_no_number_is_refused(key: str, value: Any) -> None:
    with refused(f"{key} {value!r} is no number; expected one such as "):
        with_field(key, value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("momentum", 0), ("momentum", 1 - 2.0**-53), ("beta1", 0.0), ("beta2", 0),
        ("epsilon", 5e-324), ("epsilon", 1e300), ("weight_decay", 0), ("weight_decay", 1e300),
    ],
)  # fmt: skip
def test_a_number_at_the_end_of_its_range_is_taken(key: str, value: float) -> None:
    taken = getattr(with_field(key, value), key)
    assert (type(taken), taken) == (float, value)


CHOICES = {
    "decay": "coupled, decoupled", "rate_place": "outside, inside",
    "epsilon_place": "outside, inside, uncorrected", "bias_correction": "float64, dtype, none",
}  # fmt: skip


@pytest.mark.parametrize("key", CHOICES)
@pytest.mark.parametrize("value", ["elsewhere", "", "Outside", 0, True, ["coupled"]])
def test_a_choice_that_there_is_not_is_refused(key: str, value: Any) -> None:
    with refused(f"unknown {key} {value!r}; known: {CHOICES[key]}."):
        with_field(key, value)


def test_the_nearest_choice_is_told() -> None:
    with refused("unknown epsilon_place 'insid'; known: outside, inside, uncorrected. Did you "):
        Optimizer(0.1, "adam", epsilon_place="insid")


@pytest.mark.parametrize("value", [1, 0, "true", 1.0, np.True_])
def test_nesterov_is_true_or_false(value: Any) -> None:
    with refused(f"nesterov is {value!r}; expected true or false."):
        Optimizer(0.1, "momentum", nesterov=value)


def foreign() -> list[tuple[str, str]]:
    """Every field beside every optimizer that does not have it."""
    return [
        (name, key)
        for name, own in OPTIMIZERS.items()
        for key in FIELDS
        if key not in own and not (key == "decay" and name in ("adam", "adamw"))
    ]


@pytest.mark.parametrize(("name", "key"), foreign())
def test_a_field_that_an_optimizer_does_not_have_is_refused(name: str, key: str) -> None:
    value = OPTIMIZERS[owner(key)][key]
    own = ", ".join(OPTIMIZERS[name])
    with refused(f"{name} has no field {key!r}; it has learning_rate, {own}."):
        Optimizer(0.1, name, **{key: value})


@pytest.mark.parametrize(
    ("name", "kind", "other", "wrong"),
    [
        ("adam", "coupled", "adamw", "decoupled"),
        ("adamw", "decoupled", "adam", "coupled"),
    ],
)
def test_adam_and_adamw_decay_by_name(name: str, kind: str, other: str, wrong: str) -> None:
    assert Optimizer(0.1, name, decay=kind) == Optimizer(0.1, name)
    with refused(f"{name} decays {kind} by name; for {wrong!r} decay take {other}."):
        Optimizer(0.1, name, decay=wrong)


@pytest.mark.parametrize(
    ("one", "coupled", "decoupled"),
    [
        (Optimizer(0.1), 0.0, 0.0),
        (Optimizer(0.1, weight_decay=0.5), 0.5, 0.0),
        (Optimizer(0.1, weight_decay=0.5, decay="decoupled"), 0.0, 0.5),
        (Optimizer(0.1, "adam", weight_decay=0.5), 0.5, 0.0),
        (Optimizer(0.1, "adamw", weight_decay=0.5), 0.0, 0.5),
        (Optimizer(0.1, "adamw"), 0.0, 0.01),
    ],
    ids=str,
)
def test_a_decay_is_one_of_two(one: Optimizer, coupled: float, decoupled: float) -> None:
    assert (one.coupled_decay, one.decoupled_decay) == (coupled, decoupled)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("rmsprop", {}),
        ("adam", {"bias_correction": "none"}),
        ("adamw", {"bias_correction": "none"}),
    ],
)
def test_an_epsilon_before_a_correction_that_is_not_made_is_refused(
    name: str, changes: dict[str, Any]
) -> None:
    with refused("epsilon_place is 'uncorrected', which is before the bias correction, and there"):
        Optimizer(0.1, name, epsilon_place="uncorrected", **changes)


@pytest.mark.parametrize("name", ["sgd", "momentum", "rmsprop"])
def test_where_nothing_decays_it_does_not_matter_how(name: str) -> None:
    assert Optimizer(0.1, name, decay="decoupled") == Optimizer(0.1, name)
    decaying = Optimizer(0.1, name, weight_decay=0.5, decay="decoupled")
    assert decaying != Optimizer(0.1, name, weight_decay=0.5)


@pytest.mark.parametrize(
    ("one", "plain"),
    [
        (Optimizer(0.1), True),
        (Optimizer(0.1, decay="decoupled"), True),
        (Optimizer(0.1, weight_decay=1e-300), False),
        (Optimizer(0.1, "momentum", momentum=0), False),
        (Optimizer(0.1, "adam"), False),
    ],
    ids=str,
)
def test_plain_is_gradient_descent_and_nothing_else(one: Optimizer, plain: bool) -> None:
    assert one.is_plain is plain


USELESS: list[tuple[str, float, str]] = [
    ("learning_rate", 1e-50, "0.0"), ("learning_rate", 1e39, "inf"), ("epsilon", 1e-50, "0.0"),
    ("epsilon", 1e39, "inf"), ("weight_decay", 1e-60, "0.0"), ("weight_decay", 1e39, "inf"),
    ("beta1", 1e-60, "0.0"), ("epsilon", 2.0**-127, str(2.0**-127)),
]  # fmt: skip
"""What float32 takes for nothing or for infinity; a subnormal ε programs may take for nothing."""


@pytest.mark.parametrize(("key", "value", "near"), USELESS)
def test_a_number_that_float32_makes_useless_is_refused_there(
    key: str, value: float, near: str
) -> None:
    one = with_field(key, value)
    assert one.rounded("float64") == one
    what = key.replace("_", " ")
    with refused(f"{what} {value!r} rounds to {near} in float32; expected one that float32 can"):
        one.rounded("float32")


@pytest.mark.parametrize("key", ["momentum", "beta1", "beta2"])
@pytest.mark.parametrize("value", [0.999999999, 1 - 2.0**-26])
def test_a_share_that_rounds_to_1_is_refused_there(key: str, value: float) -> None:
    one = with_field(key, value)
    assert one.rounded("float64") == one
    with refused(f"{key} {value!r} rounds to 1 in float32; expected one that is less than 1"):
        one.rounded("float32")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("beta2", 1 - 2.0**-24), ("epsilon", 2.0**-126), ("momentum", 0.0), ("beta1", 0.0),
        ("weight_decay", 0.0), ("weight_decay", 2.0**-126), ("learning_rate", 2.0**-126),
    ],
)  # fmt: skip
def test_a_number_that_float32_just_holds_is_taken(key: str, value: float) -> None:
    assert getattr(with_field(key, value).rounded("float32"), key) == value


def test_the_learning_rate_is_rounded_once_and_nothing_else() -> None:
    one = Optimizer(0.1, "adamw", beta1=0.7, weight_decay=0.3, epsilon=1e-7)
    rounded = one.rounded("float32")
    assert rounded.learning_rate == float(np.float32(0.1))
    assert rounded == Optimizer(
        float(np.float32(0.1)), "adamw", beta1=0.7, weight_decay=0.3, epsilon=1e-7
    )


def test_an_optimizer_cannot_be_changed() -> None:
    one: Any = Optimizer(0.1, "adam")
    with pytest.raises(FrozenInstanceError):
        one.beta1 = 0.5
