"""What evaluate may return: the right thing passes, each wrong thing is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shared.backend import Evaluation
from shared.contract import Contract
from shared.errors import ContractError
from tests.right_results import (
    CONTRACT,
    LEADS,
    NETWORK,
    M,
    evaluation,
    every_lead,
    refused,
    units,
    with_one,
    zeros,
)


@every_lead
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_right_evaluation_passes(lead: tuple[int, ...], dtype: str) -> None:
    Contract("mine", NETWORK, dtype).require_evaluation(
        evaluation(*lead, dtype=dtype), lead, M, "evaluate"
    )


def test_activations_may_be_left_out() -> None:
    CONTRACT.require_evaluation(Evaluation(None, None, zeros()), (), M, "evaluate")


def test_a_list_of_arrays_passes() -> None:
    listed: Any = list(units())
    CONTRACT.require_evaluation(Evaluation(listed, None, zeros()), (), M, "evaluate")


def test_a_numpy_scalar_passes_as_a_loss() -> None:
    loss: Any = np.float64(0.25)
    CONTRACT.require_evaluation(Evaluation(units(), None, loss), (), M, "evaluate")


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_no_value_is_looked_at(value: float) -> None:
    CONTRACT.require_evaluation(Evaluation(units(), None, np.array(value)), (), M, "evaluate")


WRONG_EVALUATIONS: list[tuple[Any, str]] = [
    (None, "Evaluation; got a NoneType."),
    ((units(), None, zeros()), "Evaluation; got a tuple."),
    (
        Evaluation(zeros(2, M, 1), None, zeros()),  # type: ignore[arg-type]
        "expected a tuple of activations of layer 1, activations of layer 2; got ndarray.",
    ),
    (
        Evaluation(units()[:1], None, zeros()),
        "expected 2 arrays (activations of layer 1, activations of layer 2); got 1.",
    ),
    (
        Evaluation((zeros(M, 2), *units()), None, zeros()),
        "expected 2 arrays (activations of layer 1, activations of layer 2); got 3.",
    ),
    (
        Evaluation(with_one(units(), 0, zeros(3, M)), None, zeros()),
        "expected activations of layer 1 of shape (4, 3); got shape (3, 4).",
    ),
    (
        Evaluation(with_one(units(), 1, zeros(M)), None, zeros()),
        "expected activations of layer 2 of shape (4, 1); got shape (4,).",
    ),
    (
        Evaluation(with_one(units(), 1, zeros(M, 1).tolist()), None, zeros()),
        "expected activations of layer 2 as a NumPy array; got list. Convert it at the border",
    ),
    (
        Evaluation(units(dtype="float32"), None, zeros()),
        "expected activations of layer 1 in float64; got float32.",
    ),
    (
        Evaluation(units(), None, 0.25),  # type: ignore[arg-type]
        "expected loss as a NumPy array; got float. Convert it at the border of your backend.",
    ),
    (
        Evaluation(units(), None, zeros(M)),
        "expected loss of shape (); got shape (4,). The loss is one number per network: the mean",
    ),
    (
        Evaluation(units(), None, zeros(dtype="float32")),
        "expected loss in float64; got float32. In NumPy a np.float64 times",
    ),
    (Evaluation(units(), None, np.zeros((), np.int64)), "expected loss in float64; got int64."),
    (Evaluation(units(), None, np.zeros((), object)), "expected loss in float64; got object."),
    (Evaluation(units(), zeros(M, 2), zeros()), "logits of shape (4, 1); got shape (4, 2)."),
    (
        Evaluation(units(), zeros(M, 1, dtype="float32"), zeros()),
        "logits in float64; got float32.",
    ),
    (
        Evaluation(units(), "none", zeros()),  # type: ignore[arg-type]
        "logits as a NumPy array; got str.",
    ),
]


@pytest.mark.parametrize(
    ("wrong", "message"), WRONG_EVALUATIONS, ids=[message for _, message in WRONG_EVALUATIONS]
)
def test_a_wrong_evaluation_is_named(wrong: Any, message: str) -> None:
    with refused(message):
        CONTRACT.require_evaluation(wrong, (), M, "evaluate")


def test_logits_of_the_right_shape_pass() -> None:
    CONTRACT.require_evaluation(Evaluation(units(), zeros(M, 1), zeros()), (), M, "evaluate")


@pytest.mark.parametrize("lead", LEADS[1:])
@pytest.mark.parametrize(
    "wrong",
    [evaluation(), Evaluation(None, None, zeros()), Evaluation(None, None, zeros(5, 1))],
    ids=["no replicas", "one loss for all", "a loss with an axis more"],
)
def test_replicas_left_out_are_noticed(lead: tuple[int, ...], wrong: Evaluation) -> None:
    with pytest.raises(ContractError, match=r"of shape .* got shape"):
        CONTRACT.require_evaluation(wrong, lead, M, "evaluate")


def test_a_message_says_who_and_where() -> None:
    with refused("torch, the loss curve: expected"):
        wrong: Any = 3
        Contract("torch", NETWORK, "float64").require_evaluation(wrong, (), M, "the loss curve")
