"""The exact trajectory is followed of plain gradient descent; of all others it is said that not."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from shared.errors import UsageError
from shared.named_problems import problem
from shared.optimizer import Optimizer
from shared.truth.follow import require_followable
from tests.optimizers import OPTIMIZERS

OTHERS = {name: one for name, one in OPTIMIZERS.items() if name != "sgd"}


@pytest.mark.parametrize("one", OTHERS.values(), ids=OTHERS.keys())
def test_what_is_not_plain_is_not_followed(one: Optimizer) -> None:
    asked = replace(problem("people4"), optimizer=one)
    told = (
        "the exact trajectory is followed of plain gradient descent only; people4 is trained by "
        f"{one}. Every step of it is judged without --truth, too."
    )
    with pytest.raises(UsageError, match=f"^{re.escape(told)}$"):
        require_followable(asked)


@pytest.mark.parametrize("one", [OPTIMIZERS["sgd"], Optimizer(0.1, decay="decoupled")], ids=str)
def test_plain_descent_is_followed(one: Optimizer) -> None:
    require_followable(replace(problem("people4"), optimizer=one))
