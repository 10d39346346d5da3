"""A network and an optimizer as data: what is refused, what is derived, what is saved."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import UsageError
from shared.network import Network
from shared.optimizer import Optimizer
from tests.kinds import HIDDEN, OUTPUT_AND_LOSS

repeatably = settings(derandomize=True, deadline=None)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Any sizes with any functions that go together."""
    hidden = draw(st.sampled_from(HIDDEN))
    output, loss = draw(st.sampled_from(OUTPUT_AND_LOSS))
    inner = draw(st.lists(st.integers(1, 10**9), min_size=1, max_size=5))
    last = draw(st.integers(2 if output == "softmax" else 1, 10**9))
    return Network((*inner, last), hidden, output, loss)


NETWORKS = networks()
SMALL_NETWORKS = st.lists(st.integers(1, 5), min_size=2, max_size=5).map(
    lambda s: Network(tuple(s))
)
RATES = st.floats(0, exclude_min=True, allow_infinity=False, allow_nan=False)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ("221", "sizes is '221'; expected whole numbers, such as [2, 2, 1]."),
        (5, "sizes is 5; expected whole numbers, such as [2, 2, 1]."),
        (None, "sizes is None; expected whole numbers, such as [2, 2, 1]."),
        ((), "sizes () has 0 layer(s); a network needs an input and an output layer at least"),
        ((2,), "sizes (2,) has 1 layer(s); a network needs an input and an output layer at least"),
        ((2, 0, 1), "sizes (2, 0, 1) holds 0; every layer needs a whole number of units"),
        ((2, -3), "sizes (2, -3) holds -3; every layer needs a whole number of units, 1 or more."),
        ((2, 2.0), "sizes (2, 2.0) holds 2.0; every layer needs a whole number of units"),
        ((2, True), "sizes (2, True) holds True; every layer needs a whole number of units"),
        ((2, "1"), "sizes (2, '1') holds '1'; every layer needs a whole number of units"),
    ],
)
def test_sizes_that_make_no_network_are_refused(sizes: Any, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        Network(sizes)


def test_a_list_of_sizes_becomes_a_tuple() -> None:
    sizes: Any = [2, 2, 1]
    assert Network(sizes) == Network((2, 2, 1))


def test_a_network_cannot_be_changed() -> None:
    network: Any = Network((2, 2, 1))
    with pytest.raises(dataclasses.FrozenInstanceError):
        network.sizes = (3, 1)


@pytest.mark.parametrize(
    ("sizes", "shapes"),
    [
        ((2, 2, 1), ((2, 2), (2,), (1, 2), (1,))),
        ((3, 2), ((2, 3), (2,))),
        ((2, 3, 4, 1), ((3, 2), (3,), (4, 3), (4,), (1, 4), (1,))),
    ],
)
def test_a_weight_is_n_out_by_n_in(
    sizes: tuple[int, ...], shapes: tuple[tuple[int, ...], ...]
) -> None:
    assert Network(sizes).param_shapes == shapes


@pytest.mark.parametrize(
    ("sizes", "names"),
    [
        ((3, 2), ("W1", "b1")),
        ((2, 2, 1), ("W1", "b1", "W2", "b2")),
        ((2, 3, 4, 1), ("W1", "b1", "W2", "b2", "W3", "b3")),
    ],
)
def test_tensors_are_named_by_kind_and_layer(
    sizes: tuple[int, ...], names: tuple[str, ...]
) -> None:
    assert Network(sizes).param_names == names


@pytest.mark.parametrize(
    ("sizes", "count"), [((2, 2, 1), 9), ((3, 2), 8), ((64, 30, 10), 2260), ((1, 1), 2)]
)
def test_weights_and_biases_are_counted(sizes: tuple[int, ...], count: int) -> None:
    assert Network(sizes).param_count == count


def test_the_2_2_1_network_has_its_textbook_names() -> None:
    names = ("w1", "w2", "w3", "w4", "b1", "b2", "w5", "w6", "b3")
    assert Network((2, 2, 1)).element_names == names


def test_any_other_network_has_indexed_names() -> None:
    names = ("W1[0,0]", "W1[0,1]", "W1[1,0]", "W1[1,1]", "b1[0]", "b1[1]")
    assert Network((2, 2)).element_names == names


@repeatably
@given(SMALL_NETWORKS)
def test_every_number_has_a_name_of_its_own(network: Network) -> None:
    assert len(set(network.element_names)) == len(network.element_names) == network.param_count


@repeatably
@given(SMALL_NETWORKS)
def test_names_and_shapes_go_together(network: Network) -> None:
    counts = map(math.prod, network.param_shapes)
    first_letters = "".join(
        name[0] * count for name, count in zip(network.param_names, counts, strict=True)
    )
    assert "".join(name[0] for name in network.element_names).lower() == first_letters.lower()


@pytest.mark.parametrize(
    ("network", "text"),
    [
        (Network((2, 2, 1)), "2-2-1 sigmoid"),
        (Network((64, 30, 10)), "64-30-10 sigmoid"),
        (Network((2, 2, 1), loss="binary_cross_entropy"), "2-2-1 sigmoid"),
        (Network((2, 3, 1), "tanh"), "2-3-1 tanh/sigmoid"),
        (Network((2, 3, 1), "relu", "identity"), "2-3-1 relu/identity"),
        (
            Network((64, 30, 10), output="softmax", loss="categorical_cross_entropy"),
            "64-30-10 sigmoid/softmax",
        ),
    ],
    ids=str,
)
def test_a_network_is_worded_by_its_sizes_and_functions(network: Network, text: str) -> None:
    assert str(network) == text


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (0, "learning rate 0 cannot be used; expected a finite number above 0, such as 0.05."),
        (0.0, "learning rate 0.0 cannot be used"),
        (-0.1, "learning rate -0.1 cannot be used"),
        (math.inf, "learning rate inf cannot be used"),
        (math.nan, "learning rate nan cannot be used"),
        (10**400, "cannot be used"),
        (True, "learning rate True is no number; expected one such as 0.05."),
        ("0.05", "learning rate '0.05' is no number; expected one such as 0.05."),
        (None, "learning rate None is no number"),
        (0.05j, "learning rate 0.05j is no number"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_learning_rate_that_moves_nothing_sensibly_is_refused(rate: Any, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        Optimizer(rate)


def test_an_optimizer_that_is_not_known_is_refused() -> None:
    message = r"unknown optimizer 'sdg'; known: sgd, .*, adamw\. Did you mean 'sgd'\?"
    with pytest.raises(UsageError, match=message):
        Optimizer(0.05, "sdg")


def test_a_whole_learning_rate_becomes_a_float() -> None:
    assert type(Optimizer(1).learning_rate) is float


def test_an_optimizer_is_worded_by_its_rate() -> None:
    assert str(Optimizer(0.05)) == "SGD at 0.05"


@repeatably
@given(NETWORKS)
def test_a_network_comes_back_from_json(network: Network) -> None:
    assert Network.from_json(json.loads(json.dumps(network.to_json()))) == network


@repeatably
@given(RATES)
def test_an_optimizer_comes_back_from_json(rate: float) -> None:
    optimizer = Optimizer(rate)
    assert Optimizer.from_json(json.loads(json.dumps(optimizer.to_json()))) == optimizer


@repeatably
@given(NETWORKS, st.integers(0, 5))
def test_another_size_does_not_come_back_as_the_same_network(network: Network, layer: int) -> None:
    data = network.to_json()
    data["sizes"][layer % len(data["sizes"])] += 1
    assert Network.from_json(data) != network


@repeatably
@given(RATES.filter(lambda rate: rate < 1e308))
def test_the_next_learning_rate_does_not_come_back_as_the_same(rate: float) -> None:
    data = Optimizer(rate).to_json() | {"learning_rate": math.nextafter(rate, math.inf)}
    assert Optimizer.from_json(json.loads(json.dumps(data))) != Optimizer(rate)


def test_the_functions_may_be_left_out_of_the_json() -> None:
    assert Network.from_json({"sizes": [2, 2, 1]}) == Network((2, 2, 1))


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        (Network, {}, "network lacks the field 'sizes'."),
        (Network, {"loss": "mean_squared_error"}, "network lacks the field 'sizes'."),
        (Optimizer, {"name": "sgd"}, "optimizer lacks the field 'learning_rate'."),
        (
            Network,
            {"sizes": [2, 1], "activatoin": "sigmoid"},
            "'activatoin'; known are sizes, activation, output, loss. Did you mean 'activation'?",
        ),
        (
            Optimizer,
            {"learning_rat": 0.05},
            "an unknown field 'learning_rat'; known are learning_rate, name, momentum, nesterov,",
        ),
        (
            Optimizer,
            {"learning_rat": 0.05},
            "bias_correction, weight_decay, decay. Did you mean 'learning_rate'?",
        ),
        (Network, {"sizes": [2, 1], 7: 1}, "network has an unknown field 7; known are"),
        (Network, [2, 2, 1], "network is [2, 2, 1]; expected an object with sizes."),
        (Optimizer, 0.05, "optimizer is 0.05; expected an object with learning_rate."),
        (Network, {"sizes": "221"}, "sizes is '221'; expected whole numbers"),
        (Network, {"sizes": [2, 2.5, 1]}, "sizes (2, 2.5, 1) holds 2.5; every layer needs"),
        (Optimizer, {"learning_rate": math.inf}, "learning rate inf cannot be used"),
    ],
)
def test_json_that_says_something_else_is_refused(
    kind: type[Network] | type[Optimizer], data: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        kind.from_json(data)
