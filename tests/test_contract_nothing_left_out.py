"""A recording that leaves out more than a part is held to the contract like any other."""

from __future__ import annotations

import pytest

from shared.backend import StepGradients
from shared.contract import Contract
from shared.errors import ContractError
from shared.named_problems import problem
from shared.registry import find, load
from shared.seeding import starting_params
from tests.certified_runs import trained

SHORT = problem("people16").changed(epochs=1)
CONTRACT = Contract("numpy", SHORT.network, "float64", ())


def test_no_delta_at_all_is_not_all_of_them() -> None:
    backend = load(find("numpy")).create(SHORT.network, SHORT.optimizer, "float64")
    data = SHORT.dataset("float64")
    whole = backend.gradients(starting_params(SHORT, 42, "float64"), data.x[:1], data.y[:1])
    CONTRACT.require_gradients(whole, (), 1, "gradients")
    none = StepGradients(whole.evaluation, whole.grads, deltas=())
    with pytest.raises(ContractError, match=r"expected 2 arrays \(delta of layer 1"):
        CONTRACT.require_gradients(none, (), 1, "gradients")


def test_batches_of_another_size_are_not_the_steps_batches() -> None:
    recording = trained(SHORT).whole
    steps = len(recording.steps)
    CONTRACT.require_recording(recording, 1, (steps, 1), every=1)
    with pytest.raises(ContractError, match=r"expected batches of shape \(16, 2\)"):
        CONTRACT.require_recording(recording, 1, (steps, 2), every=1)
