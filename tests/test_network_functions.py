"""Which activations, outputs and losses there are, and which of them go together."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest

from shared.errors import UsageError
from shared.network import ACTIVATIONS, LOSSES, OUTPUTS, Network
from tests.kinds import OUTPUT_AND_LOSS


@pytest.mark.parametrize(
    ("field", "name", "message"),
    [
        (
            "activation",
            "sigmoyd",
            "unknown activation 'sigmoyd'; known: sigmoid, tanh, relu. Did you mean 'sigmoid'?",
        ),
        ("activation", "softmax", "unknown activation 'softmax'; known: sigmoid, tanh, relu."),
        ("activation", "identity", "unknown activation 'identity'; known: sigmoid, tanh, relu."),
        ("output", "relu", "unknown output 'relu'; known: sigmoid, identity, softmax."),
        (
            "output",
            "sofmax",
            "known: sigmoid, identity, softmax. Did you mean 'softmax'?",
        ),
        (
            "loss",
            "mean_square_error",
            "unknown loss 'mean_square_error'; known: mean_squared_error, quadratic_cost, binary_",
        ),
        ("loss", "mean_square_error", "entropy. Did you mean 'mean_squared_error'?"),
        ("loss", "cross_entropy", "Did you mean 'binary_cross_entropy'?"),
        ("activation", None, "unknown activation None; known: sigmoid, tanh, relu."),
        ("loss", ["mean_squared_error"], "unknown loss ['mean_squared_error']; known:"),
    ],
)
def test_a_function_that_is_not_known_is_refused(field: str, name: Any, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        Network((2, 2, 1), **{field: name})


def test_no_suggestion_is_made_where_nothing_is_near() -> None:
    with pytest.raises(UsageError, match=r"known: sigmoid, tanh, relu\.$"):
        Network((2, 2, 1), activation="cosine")


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("output", "loss"), OUTPUT_AND_LOSS)
def test_functions_that_go_together_make_a_network(activation: str, output: str, loss: str) -> None:
    network = Network((3, 4, 2), activation, output, loss)
    assert (network.activation, network.output, network.loss) == (activation, output, loss)


@pytest.mark.parametrize(
    ("output", "loss"), sorted({*itertools.product(OUTPUTS, LOSSES)} - {*OUTPUT_AND_LOSS})
)
def test_an_output_and_a_loss_that_do_not_go_together_are_refused(output: str, loss: str) -> None:
    with pytest.raises(UsageError, match=r"logits of a|goes with categorical_cross_entropy"):
        Network((3, 4, 2), output=output, loss=loss)


VANISHES = "its gradient vanishes where the network is surely wrong."
CONSTANT = (
    "a softmax of one output is 1 whatever the network does; expected two outputs or more, or a "
    "sigmoid output with binary_cross_entropy."
)
FROM_LOGITS = (
    "{} is computed from the logits of a {} output, so that no logarithm of zero arises; got "
    "output {!r}. Expected {!r}."
)
BINARY, CATEGORICAL = "binary_cross_entropy", "categorical_cross_entropy"


@pytest.mark.parametrize(
    ("sizes", "output", "loss", "message"),
    [
        ((2, 3), "softmax", "mean_squared_error", f"got mean_squared_error: {VANISHES}"),
        ((2, 3), "softmax", "quadratic_cost", f"got quadratic_cost: {VANISHES}"),
        ((2, 1), "softmax", CATEGORICAL, CONSTANT),
        (
            (2, 3), "sigmoid", CATEGORICAL,
            FROM_LOGITS.format(CATEGORICAL, "softmax", "sigmoid", "softmax"),
        ),
        ((2, 1), "identity", BINARY, FROM_LOGITS.format(BINARY, "sigmoid", "identity", "sigmoid")),
        ((2, 3), "softmax", BINARY, FROM_LOGITS.format(BINARY, "sigmoid", "softmax", "sigmoid")),
    ],
)  # fmt: skip
def test_a_refusal_says_why(sizes: tuple[int, ...], output: str, loss: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        Network(sizes, output=output, loss=loss)


@pytest.mark.parametrize(
    ("output", "loss", "from_logits"),
    [
        ("sigmoid", "mean_squared_error", False),
        ("identity", "quadratic_cost", False),
        ("sigmoid", "binary_cross_entropy", True),
        ("softmax", "categorical_cross_entropy", True),
    ],
)
def test_cross_entropies_are_computed_from_logits(
    output: str, loss: str, from_logits: bool
) -> None:
    assert Network((2, 2), output=output, loss=loss).from_logits is from_logits


@pytest.mark.parametrize(
    ("key", "name"),
    [("activation", "tanh"), ("output", "identity"), ("loss", "quadratic_cost")],
)
def test_another_function_does_not_come_back_as_the_same_network(key: str, name: str) -> None:
    network = Network((2, 2, 1))
    assert Network.from_json(network.to_json() | {key: name}) != network


def test_functions_that_do_not_go_together_are_refused_in_json_too() -> None:
    with pytest.raises(UsageError, match="goes with categorical_cross_entropy"):
        Network.from_json({"sizes": [2, 3], "output": "softmax"})
