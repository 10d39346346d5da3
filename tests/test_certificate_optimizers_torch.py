"""torch's own optimizers, with each of their kernels, are admissible under their formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from shared.backend import Array
from shared.certificate.judge import reference_for
from shared.certificate.optimizer_update import decide_tensor
from shared.certificate.update_numbers import Numbers
from shared.certificate.update_ways import PARAMETER
from shared.optimizer import Optimizer
from shared.registry import find
from tests.conftest import load_or_skip

NUMBERS, STEPS, RATE = 60, 6, 2.0**-7


@dataclass(frozen=True)
class Call:
    """A class of torch.optim with its arguments, and the formula that it has."""

    kind: str
    arguments: Mapping[str, Any]
    one: Optimizer

    @property
    def names(self) -> dict[str, str]:
        """What torch calls the slots."""
        square = "square_avg" if self.kind == "RMSprop" else "exp_avg_sq"
        return {"velocity": "momentum_buffer", "m": "exp_avg", "v": square}


CALLS = {
    "SGD with momentum": Call("SGD", {"momentum": 0.9}, Optimizer(RATE, "momentum")),
    "SGD with Nesterov and decay": Call(
        "SGD", {"momentum": 0.8, "nesterov": True, "weight_decay": 0.03},
        Optimizer(RATE, "momentum", momentum=0.8, nesterov=True, weight_decay=0.03),
    ),
    "SGD with decay": Call("SGD", {"weight_decay": 0.03}, Optimizer(RATE, weight_decay=0.03)),
    "Adam": Call("Adam", {}, Optimizer(RATE, "adam")),
    "Adam with decay": Call(
        "Adam", {"betas": (0.4, 0.99), "weight_decay": 0.03},
        Optimizer(RATE, "adam", beta1=0.4, beta2=0.99, weight_decay=0.03),
    ),
    "AdamW": Call("AdamW", {"weight_decay": 0.1}, Optimizer(RATE, "adamw", weight_decay=0.1)),
    "RMSprop": Call("RMSprop", {}, Optimizer(RATE, "rmsprop")),
    "RMSprop with decay": Call(
        "RMSprop", {"weight_decay": 0.03}, Optimizer(RATE, "rmsprop", weight_decay=0.03)
    ),
}  # fmt: skip
KERNELS: dict[str, Mapping[str, bool]] = {
    "one by one": {"foreach": False}, "together": {"foreach": True}, "fused": {"fused": True},
}  # fmt: skip
CASES = [
    pytest.param(call, kernel, id=f"{name}, {how}")
    for name, call in CALLS.items()
    for how, kernel in KERNELS.items()
    if not (how == "fused" and call.kind == "RMSprop")
]


def failed(call: Call, kernel: Mapping[str, bool], held: Optimizer, dtype: str) -> list[str]:
    """Make steps with torch, and name what is not admissible under a formula."""
    load_or_skip(find("torch"))
    import torch

    random, reference = np.random.RandomState(4), reference_for(dtype)
    w = torch.tensor(random.normal(size=NUMBERS).astype(dtype), requires_grad=True)
    optimizer = getattr(torch.optim, call.kind)([w], lr=RATE, **call.arguments, **kernel)

    def carried() -> dict[str, Array]:
        state = optimizer.state.get(w, {})
        zero = torch.zeros_like(w)
        return {slot: _array(state.get(call.names[slot], zero)) for slot in call.one.slots}

    complaints = []
    for step in range(1, STEPS + 1):
        size = 10.0 ** random.randint(-3, 2, NUMBERS)
        w.grad = torch.tensor((size * random.normal(size=NUMBERS)).astype(dtype))
        start, slope, before = _array(w), _array(w.grad), carried()
        optimizer.step()
        known = Numbers(start, slope, before, carried())
        for slot in (*call.one.slots, PARAMETER):
            value = known.after[slot] if slot else _array(w)
            judged = decide_tensor(reference, held, slot, "W1", np.array([step]), known, value)
            complaints += [f"{slot or 'w'} in step {step}"] * judged.any_failed
    return complaints


def _array(tensor: Any) -> Array:
    """A copy with one step in front."""
    return np.array(tensor.numpy(force=True))[None]


@pytest.mark.parametrize(("call", "kernel"), CASES)
def test_a_kernel_of_torch_computes_the_formula(
    call: Call, kernel: Mapping[str, bool], dtype: str
) -> None:
    assert failed(call, kernel, call.one, dtype) == []


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("Adam", Optimizer(RATE, "adam", bias_correction="none")),
        ("Adam", Optimizer(RATE, "adam", epsilon=1e-6)),
        ("AdamW", Optimizer(RATE, "adam", weight_decay=0.1)),
        ("RMSprop", Optimizer(RATE, "rmsprop", beta2=0.9)),
        ("SGD with momentum", Optimizer(RATE, "momentum", nesterov=True)),
    ],
)
def test_another_formula_is_not_what_it_computes(name: str, held: Optimizer, dtype: str) -> None:
    assert failed(CALLS[name], KERNELS["one by one"], held, dtype)
