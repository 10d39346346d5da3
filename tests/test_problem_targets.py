"""Targets that a loss cannot use are refused before anybody trains on them."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from shared.errors import UsageError
from shared.named_problems import problem
from shared.network import Network
from shared.problems import HeldOut, Problem

BINARY = Network((2, 2, 1), loss="binary_cross_entropy")
THREE = Network((2, 2, 3), output="softmax", loss="categorical_cross_entropy")
THREE_BINARY = Network((2, 2, 3), loss="binary_cross_entropy")


def with_targets(network: Network, target: tuple[float, ...]) -> Problem:
    one = problem("people16")
    return dataclasses.replace(one, network=network, y=np.tile(target, (16, 1)), classes=())


@pytest.mark.parametrize(
    ("network", "target"),
    [
        (BINARY, (0.0,)),
        (BINARY, (1.0,)),
        (BINARY, (0.3,)),
        (THREE_BINARY, (1.0, 1.0, 0.5)),
        (THREE, (0.0, 1.0, 0.0)),
        (THREE, (0.25, 0.25, 0.5)),
        (THREE, (0.1, 0.2, 0.7)),
        (Network((2, 2, 1)), (-7.0,)),
        (Network((2, 2, 1), "tanh", "identity", "quadratic_cost"), (170.0,)),
    ],
)
def test_targets_that_the_loss_can_use_are_accepted(
    network: Network, target: tuple[float, ...]
) -> None:
    assert with_targets(network, target).y.tolist() == [list(target)] * 16


@pytest.mark.parametrize(
    ("network", "target", "message"),
    [
        (BINARY, (1.5,), "binary_cross_entropy needs targets from 0 to 1; got others"),
        (BINARY, (-0.5,), "binary_cross_entropy needs targets from 0 to 1"),
        (BINARY, (math.nan,), "binary_cross_entropy needs targets from 0 to 1"),
        (THREE, (2.0, -1.0, 0.0), "categorical_cross_entropy needs targets from 0 to 1"),
        (THREE, (0.0, 0.0, 0.0), "targets that sum to 1 in each row, as one-hot rows do"),
        (THREE, (1.0, 1.0, 0.0), "targets that sum to 1 in each row"),
        (THREE, (0.5, 0.5, 0.25), "targets that sum to 1 in each row"),
    ],
)
def test_targets_that_the_loss_cannot_use_are_refused(
    network: Network, target: tuple[float, ...], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        with_targets(network, target)


def test_held_out_targets_that_the_loss_cannot_use_are_refused() -> None:
    held_out = HeldOut(np.array([[1.0, 2.0]]), np.array([[1.5]]), "one")
    with pytest.raises(UsageError, match="needs targets from 0 to 1"):
        dataclasses.replace(problem("people16"), network=BINARY, held_out=held_out)
