"""What a backend may return: the right thing passes, each wrong thing is named."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shared.backend import Array, Evaluation, OptimizerState, Params, Recording, StepGradients
from shared.contract import Contract
from shared.errors import ContractError
from shared.network import Network

NETWORK = Network((2, 3, 1))
M = 4
LEADS: list[tuple[int, ...]] = [(), (5,), (2, 3)]
every_lead = pytest.mark.parametrize("lead", LEADS)


@pytest.fixture
def contract() -> Contract:
    return Contract("mine", NETWORK, "float64")


def zeros(*shape: int, dtype: str = "float64") -> Array:
    return np.zeros(shape, dtype)


def params(*lead: int, dtype: str = "float64") -> Params:
    return tuple(zeros(*lead, *shape, dtype=dtype) for shape in NETWORK.param_shapes)


def units(*lead: int, m: int = M, dtype: str = "float64") -> tuple[Array, ...]:
    """One array for each layer but the input."""
    return tuple(zeros(*lead, m, n, dtype=dtype) for n in NETWORK.sizes[1:])


def evaluation(*lead: int, dtype: str = "float64") -> Evaluation:
    return Evaluation(units(*lead, dtype=dtype), None, zeros(*lead, dtype=dtype))


def gradients(*lead: int, dtype: str = "float64") -> StepGradients:
    return StepGradients(evaluation(*lead, dtype=dtype), params(*lead, dtype=dtype))


def with_one(arrays: tuple[Array, ...], index: int, array: Any) -> tuple[Array, ...]:
    """Exchange one array of several."""
    return (*arrays[:index], array, *arrays[index + 1 :])


def recording(*replicas: int, first: int = 1, count: int = 6, every: int = 1) -> Recording:
    """Make a recording that holds the contract."""
    numbers = np.arange(first, first + count)
    steps = numbers[numbers % every == 0] if every else numbers[:0]
    lead = (len(steps), *replicas)
    return Recording(
        steps=steps,
        batches=np.zeros((*lead, M), np.int64),
        before=params(*lead),
        after=params(*lead),
        state_before={},
        state_after={},
        evaluation=evaluation(*lead),
        grads=params(*lead),
        deltas=None,
        final=(params(*replicas), OptimizerState(first + count - 1)),
    )


def refused(message: str) -> Any:
    """Expect a refusal that contains the message, word for word."""
    return pytest.raises(ContractError, match=re.escape(message))


@every_lead
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_right_evaluation_passes(lead: tuple[int, ...], dtype: str) -> None:
    Contract("mine", NETWORK, dtype).require_evaluation(
        evaluation(*lead, dtype=dtype), lead, M, "evaluate"
    )


def test_activations_may_be_left_out(contract: Contract) -> None:
    contract.require_evaluation(Evaluation(None, None, zeros()), (), M, "evaluate")


def test_a_list_of_arrays_passes(contract: Contract) -> None:
    listed: Any = list(units())
    contract.require_evaluation(Evaluation(listed, None, zeros()), (), M, "evaluate")


def test_a_numpy_scalar_passes_as_a_loss(contract: Contract) -> None:
    loss: Any = np.float64(0.25)
    contract.require_evaluation(Evaluation(units(), None, loss), (), M, "evaluate")


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_no_value_is_looked_at(contract: Contract, value: float) -> None:
    contract.require_evaluation(Evaluation(units(), None, np.array(value)), (), M, "evaluate")


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
        "expected loss in float64; got float32. A float64 number times a float32 array is float64",
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
def test_a_wrong_evaluation_is_named(contract: Contract, wrong: Any, message: str) -> None:
    with refused(message):
        contract.require_evaluation(wrong, (), M, "evaluate")


def test_logits_of_the_right_shape_pass(contract: Contract) -> None:
    contract.require_evaluation(Evaluation(units(), zeros(M, 1), zeros()), (), M, "evaluate")


@pytest.mark.parametrize("lead", LEADS[1:])
@pytest.mark.parametrize(
    "wrong",
    [evaluation(), Evaluation(None, None, zeros()), Evaluation(None, None, zeros(5, 1))],
    ids=["no replicas", "one loss for all", "a loss with an axis more"],
)
def test_replicas_left_out_are_noticed(
    contract: Contract, lead: tuple[int, ...], wrong: Evaluation
) -> None:
    with pytest.raises(ContractError, match=r"of shape .* got shape"):
        contract.require_evaluation(wrong, lead, M, "evaluate")


def test_a_message_says_who_and_where() -> None:
    with refused("torch, the loss curve: expected"):
        wrong: Any = 3
        Contract("torch", NETWORK, "float64").require_evaluation(wrong, (), M, "the loss curve")


@every_lead
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_gradients_pass(lead: tuple[int, ...], dtype: str) -> None:
    Contract("mine", NETWORK, dtype).require_gradients(
        gradients(*lead, dtype=dtype), lead, M, "gradients"
    )


@every_lead
def test_right_deltas_pass(contract: Contract, lead: tuple[int, ...]) -> None:
    contract.require_gradients(replace(gradients(*lead), deltas=units(*lead)), lead, M, "gradients")


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
def test_wrong_gradients_are_named(contract: Contract, wrong: Any, message: str) -> None:
    with refused(message):
        contract.require_gradients(wrong, (), M, "gradients")


@pytest.mark.parametrize(
    ("index", "shape", "hinted"),
    [(0, (5, 2, 3), True), (0, (5, 3, 3), False), (1, (3, 5), False), (2, (5, 3, 1), True)],
)
def test_a_transposed_matrix_is_hinted_at(
    contract: Contract, index: int, shape: tuple[int, ...], hinted: bool
) -> None:
    wrong = replace(gradients(5), grads=with_one(params(5), index, zeros(*shape)))
    with pytest.raises(ContractError) as refusal:
        contract.require_gradients(wrong, (5,), M, "gradients")
    assert ("return the transpose" in str(refusal.value)) is hinted


SLOTTED: list[dict[str, Params]] = [{}, {"m": params()}, {"m": params(), "v": params()}]


@every_lead
def test_a_right_update_passes(contract: Contract, lead: tuple[int, ...]) -> None:
    contract.require_update((params(*lead), OptimizerState(3)), lead, 3, "update")


@pytest.mark.parametrize("slots", SLOTTED, ids=["no slot", "one slot", "two slots"])
def test_slots_of_the_right_shape_pass(contract: Contract, slots: dict[str, Params]) -> None:
    contract.require_update((params(), OptimizerState(3, slots)), (), 3, "update")


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
def test_a_wrong_update_is_named(contract: Contract, wrong: Any, message: str) -> None:
    with refused(message):
        contract.require_update(wrong, (), 3, "update")


@pytest.mark.parametrize("replicas", LEADS)
@pytest.mark.parametrize("every", [0, 1, 3, 100])
@pytest.mark.parametrize("first", [1, 5])
def test_a_right_recording_passes(
    contract: Contract, replicas: tuple[int, ...], every: int, first: int
) -> None:
    contract.require_recording(
        recording(*replicas, first=first, every=every), first, (6, *replicas, M), every
    )


Change = Callable[[Recording], Any]
WRONG_RECORDINGS: list[tuple[Change, str]] = [
    (lambda _: None, "Recording; got a NoneType."),
    (lambda r: r.final, "Recording; got a tuple."),
    (lambda r: replace(r, steps=r.steps[:-1]), "expected 2 recorded steps (every = 3); got 1, or"),
    (lambda r: replace(r, steps=r.steps - 1), "expected 2 recorded steps (every = 3); got 2, or"),
    (lambda r: replace(r, steps=r.steps[::-1]), "expected 2 recorded steps (every = 3); got 2, or"),
    (lambda r: replace(r, before=r.before[:3]), "expected 4 arrays (parameter before W1"),
    (lambda r: replace(r, before=params()), "parameter before W1 of shape (2, 5, 3, 2); got shape"),
    (
        lambda r: replace(r, after=params(6, 5)),
        "parameter after W1 of shape (2, 5, 3, 2); got shape (6, 5, 3, 2).",
    ),
    (
        lambda r: replace(r, after=with_one(r.after, 1, zeros(2, 5, 3, dtype="float32"))),
        "parameter after b1 in float64; got float32.",
    ),
    (
        lambda r: replace(r, grads=with_one(r.grads, 0, zeros(2, 5, 2, 3))),
        "gradient W1 of shape (2, 5, 3, 2); got shape (2, 5, 2, 3). W is stored (n_out, n_in)",
    ),
    (
        lambda r: replace(r, evaluation=evaluation(2)),
        "activations of layer 1 of shape (2, 5, 4, 3); got shape (2, 4, 3).",
    ),
    (
        lambda r: replace(r, evaluation=replace(r.evaluation, loss=zeros(2))),
        "loss of shape (2, 5); got shape (2,). The loss is one number per network",
    ),
    (
        lambda r: replace(r, batches=r.batches[:1]),
        "batches of shape (2, 5, 4); got shape (1, 5, 4).",
    ),
    (lambda r: replace(r, deltas=units(2)), "of shape (2, 5, 4, 3); got shape (2, 4, 3)."),
    (lambda r: replace(r, state_before={"m": params()}), "of shape (2, 5, 3, 2); got shape (3, 2)"),
    (lambda r: replace(r, state_after={"m": params()}), "of shape (2, 5, 3, 2); got shape (3, 2)"),
    (lambda r: replace(r, final=r.final[0]), "expected a pair (params, state); got tuple."),  # type: ignore[arg-type]
    (
        lambda r: replace(r, final=(params(2, 5), r.final[1])),
        "parameter W1 of shape (5, 3, 2); got shape (2, 5, 3, 2).",
    ),
    (
        lambda r: replace(r, final=(r.final[0], OptimizerState(5))),
        "expected a state with step 6; got one with step 5.",
    ),
]


@pytest.mark.parametrize(
    ("change", "message"),
    WRONG_RECORDINGS,
    ids=[f"{i} {message}" for i, (_, message) in enumerate(WRONG_RECORDINGS)],
)
def test_a_wrong_recording_is_named(contract: Contract, change: Change, message: str) -> None:
    with refused(message):
        contract.require_recording(change(recording(5, every=3)), 1, (6, 5, M), 3)


def test_a_recording_is_placed_by_its_steps(contract: Contract) -> None:
    with refused("mine, steps 33 to 38: expected a Recording; got a NoneType."):
        wrong: Any = None
        contract.require_recording(wrong, 33, (6, M), 1)


def test_steps_where_none_should_be_are_noticed(contract: Contract) -> None:
    with refused("expected 0 recorded steps (every = 0); got 6, or other numbers."):
        contract.require_recording(recording(every=1), 1, (6, M), 0)
