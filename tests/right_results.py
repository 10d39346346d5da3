"""Results that hold the contract of a 2-3-1 network, all zeros, to be spoilt array by array."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from shared.backend import Array, Evaluation, Params, StepGradients
from shared.contract import Contract
from shared.errors import ContractError
from shared.network import Network

NETWORK = Network((2, 3, 1))
M = 4
LEADS: list[tuple[int, ...]] = [(), (5,), (2, 3)]
every_lead = pytest.mark.parametrize("lead", LEADS)
CONTRACT = Contract("mine", NETWORK, "float64")


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


def refused(message: str) -> Any:
    """Expect a refusal that contains the message, word for word."""
    return pytest.raises(ContractError, match=re.escape(message))
