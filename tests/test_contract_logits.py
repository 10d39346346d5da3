"""Where the loss is computed from logits, logits are part of what a backend returns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, Evaluation, OptimizerState, Recording, StepGradients
from shared.contract import Contract
from shared.network import Network
from shared.optimizer import Optimizer
from tests.kinds import KINDS, Kind, batches
from tests.right_results import LEADS, M, refused, zeros

BINARY = Network((2, 3, 1), loss="binary_cross_entropy")
SOFTMAX = Network((2, 3, 4), output="softmax", loss="categorical_cross_entropy")
both = pytest.mark.parametrize("network", [BINARY, SOFTMAX], ids=lambda n: n.loss)
every_lead = pytest.mark.parametrize("lead", LEADS)
NEEDED = [kind for kind in KINDS if kind.network.from_logits]
UNNEEDED = [kind for kind in KINDS if not kind.network.from_logits]


def answer(network: Network, lead: tuple[int, ...], logits: Array | None) -> Evaluation:
    activations = tuple(zeros(*lead, M, n) for n in network.sizes[1:])
    return Evaluation(activations, logits, zeros(*lead))


def held(network: Network, evaluation: Evaluation, lead: tuple[int, ...] = ()) -> None:
    Contract("mine", network, "float64").require_evaluation(evaluation, lead, M, "step 3")


@both
@every_lead
def test_logits_of_the_output_pass(network: Network, lead: tuple[int, ...]) -> None:
    held(network, answer(network, lead, zeros(*lead, M, network.sizes[-1])), lead)


@both
@every_lead
def test_logits_that_the_loss_needs_may_not_be_missing(
    network: Network, lead: tuple[int, ...]
) -> None:
    with refused(
        f"mine, step 3: expected logits, from which {network.loss} is computed; got None. "
        "Return z_L, the output layer before its activation function."
    ):
        held(network, answer(network, lead, None), lead)


@both
def test_a_backend_that_keeps_its_activations_may_keep_its_logits(network: Network) -> None:
    held(network, Evaluation(None, None, zeros()))


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (zeros(M, 3), "expected logits of shape (4, 4); got shape (4, 3)."),
        (zeros(M), "expected logits of shape (4, 4); got shape (4,)."),
        (zeros(1, M, 4), "expected logits of shape (4, 4); got shape (1, 4, 4)."),
        (zeros(M, 4, dtype="float32"), "expected logits in float64; got float32."),
    ],
)
def test_wrong_logits_are_named(logits: Array, message: str) -> None:
    with refused(message):
        held(SOFTMAX, answer(SOFTMAX, (), logits))


def test_logits_of_one_network_are_not_those_of_all_replicas() -> None:
    with refused("expected logits of shape (5, 4, 4); got shape (4, 4)."):
        held(SOFTMAX, answer(SOFTMAX, (5,), zeros(M, 4)), (5,))


@pytest.mark.parametrize("kind", UNNEEDED, ids=str)
def test_no_logits_are_asked_of_squares(kind: Kind) -> None:
    held(kind.network, answer(kind.network, (), None))


def recorded(kind: Kind) -> tuple[Contract, StepGradients, Recording]:
    """What NumPy's backend returns of a step, and of five."""
    backend = NumpyBackprop(kind.network, Optimizer(0.1), "float64")
    data, params = kind.data("float64"), kind.params("float64")
    result = backend.gradients(params, data.x, data.y)
    recording = backend.train(params, OptimizerState(), data, batches(5))
    return Contract("numpy", kind.network, "float64"), result, recording


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_what_a_backend_returns_of_any_kind_passes(kind: Kind) -> None:
    contract, result, recording = recorded(kind)
    contract.require_gradients(result, (), len(kind.data("float64").x), "gradients")
    contract.require_recording(recording, 1, (5, 5), every=1)


@pytest.mark.parametrize("kind", NEEDED, ids=str)
def test_a_recording_without_the_logits_is_refused(kind: Kind) -> None:
    contract, result, recording = recorded(kind)
    silent = replace(recording, evaluation=replace(recording.evaluation, logits=None))
    with refused("numpy, steps 1 to 5: expected logits, from which"):
        contract.require_recording(silent, 1, (5, 5), every=1)
    with refused("numpy, gradients: expected logits, from which"):
        contract.require_gradients(
            replace(result, evaluation=replace(result.evaluation, logits=None)),
            (), len(kind.data("float64").x), "gradients",
        )  # fmt: skip


def test_logits_of_fewer_steps_than_recorded_are_refused() -> None:
    contract, _, recording = recorded(NEEDED[0])
    assert recording.evaluation.logits is not None
    fewer = replace(recording.evaluation, logits=np.array(recording.evaluation.logits[1:]))
    with refused("expected logits of shape (5, 5, 2); got shape (4, 5, 2)."):
        contract.require_recording(replace(recording, evaluation=fewer), 1, (5, 5), every=1)
