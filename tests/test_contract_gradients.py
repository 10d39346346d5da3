"""What gradients may return: the right thing passes, each wrong thing is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.backend import Evaluation
from shared.contract import Contract
from shared.errors import ContractError
from tests.right_results import (
    CONTRACT,
    NETWORK,
    M,
    every_lead,
    gradients,
    params,
    refused,
    units,
    with_one,
    zeros,
)


@every_lead
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_gradients_pass(lead: tuple[int, ...], dtype: str) -> None:
    Contract("mine", NETWORK, dtype).require_gradients(
        gradients(*lead, dtype=dtype), lead, M, "gradients"
    )


@every_lead
def test_right_deltas_pass(lead: tuple[int, ...]) -> None:
    CONTRACT.require_gradients(replace(gradients(*lead), deltas=units(*lead)), lead, M, "gradients")


RIGHT = gradients()
WRONG_GRADIENTS: list[tuple[Any, str]] = [
    (None, "StepGradients; got a NoneType."),
    (params(), "StepGradients; got a tuple."),
    (replace(RIGHT, evaluation=None), "Evaluation; got a NoneType."),  # type: ignore[arg-type]
    (
        replace(RIGHT, evaluation=Evaluation(units(m=1), None, zeros())),
        "expected activations of layer 1 of shape (4, 3); got shape (1, 3).",
    ),
    (
        replace(RIGHT, grads=params()[:3]),
        "expected 4 arrays (gradient W1, gradient b1, gradient W2, gradient b2); got 3.",
    ),
    (
        replace(RIGHT, grads=iter(params())),  # type: ignore[arg-type]
        "tuple of gradient W1, gradient b1, gradient W2, gradient b2; got tuple_iterator.",
    ),
    (
        replace(RIGHT, grads=with_one(params(), 0, zeros(2, 3))),
        "gradient W1 of shape (3, 2); got shape (2, 3). W is stored (n_out, n_in), as torch.nn.",
    ),
    (
        replace(RIGHT, grads=with_one(params(), 1, zeros(3, 1))),
        "expected gradient b1 of shape (3,); got shape (3, 1).",
    ),
    (
        replace(RIGHT, grads=with_one(params(), 2, zeros(3))),
        "expected gradient W2 of shape (1, 3); got shape (3,).",
    ),
    (
        replace(RIGHT, grads=with_one(params(), 3, zeros())),
        "expected gradient b2 of shape (1,); got shape ().",
    ),
    (
        replace(RIGHT, grads=with_one(params(), 3, zeros(1, dtype="float32"))),
        "expected gradient b2 in float64; got float32.",
    ),
    (
        replace(RIGHT, grads=with_one(params(), 3, None)),
        "expected gradient b2 as a NumPy array; got NoneType.",
    ),
    (replace(RIGHT, deltas=units()[:1]), "expected 2 arrays ("),
    (replace(RIGHT, deltas=units(m=1)), "of shape (4, 3); got shape (1, 3)."),
    (replace(RIGHT, deltas=units(dtype="float32")), "in float64; got float32."),
    (replace(RIGHT, deltas=3), "got int."),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(
    ("wrong", "message"), WRONG_GRADIENTS, ids=[message for _, message in WRONG_GRADIENTS]
)
def test_wrong_gradients_are_named(wrong: Any, message: str) -> None:
    with refused(message):
        CONTRACT.require_gradients(wrong, (), M, "gradients")


@pytest.mark.parametrize(
    ("index", "shape", "hinted"),
    [(0, (5, 2, 3), True), (0, (5, 3, 3), False), (1, (3, 5), False), (2, (5, 3, 1), True)],
)
def test_a_transposed_matrix_is_hinted_at(index: int, shape: tuple[int, ...], hinted: bool) -> None:
    wrong = replace(gradients(5), grads=with_one(params(5), index, zeros(*shape)))
    with pytest.raises(ContractError) as refusal:
        CONTRACT.require_gradients(wrong, (5,), M, "gradients")
    assert ("return the transpose" in str(refusal.value)) is hinted
