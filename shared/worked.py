"""The two worked steps: gradients small enough to follow by hand, with their exact values.

Every backend takes them through `gradients`, the same verb that trains; beside its numbers stands
the value to 40 digits.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np

from shared.backend import Array, Backend, Params
from shared.contract import Contract
from shared.network import Network
from shared.seeding import from_textbook_order
from shared.ulp import ulp_distance

NETWORK = Network((2, 2, 1))


@dataclass(frozen=True, slots=True)
class WorkedStep:
    """One step of the 2-2-1 network with a single sample.

    params, x, y
        Float64 numbers: W1, b1, W2, b2; (1, 2); (1, 1).
    exact
        Decimal strings of 40 digits, by name: h1, h2, o1, loss, dL/dw1, ..., dL/db3.
    """

    name: str
    story: str
    params: Params
    x: Array
    y: Array
    exact: dict[str, str]


@dataclass(frozen=True, slots=True)
class WorkedAnswer:
    """What one backend says to one derivative of a worked step.

    ulps
        The distance to the exact value, rounded to the dtype.
    """

    step: str
    quantity: str
    exact: str
    backend: str
    value: float
    ulps: int


def worked_steps() -> tuple[WorkedStep, ...]:
    """Return the worked steps: the symmetric one of the textbook, and an asymmetric one."""
    text = resources.files("shared.data").joinpath("worked_steps.json").read_text("utf-8")
    return tuple(
        WorkedStep(
            name=name,
            story=step["story"],
            params=from_textbook_order(NETWORK, np.array(step["params"])),
            x=np.array([step["x"]]),
            y=np.array([[step["y"]]]),
            exact=step["exact"],
        )
        for name, step in json.loads(text)["steps"].items()
    )


def answers(
    backends: Sequence[tuple[str, Backend]], element: str, dtype: str
) -> tuple[WorkedAnswer, ...]:
    """Ask each backend (made for NETWORK and the dtype) for ∂L/∂element of each worked step."""
    index = NETWORK.element_names.index(element)
    found = []
    for step in worked_steps():
        params = tuple(w.astype(dtype) for w in step.params)
        exact = step.exact[f"dL/d{element}"]
        nearest = np.array([float(exact)]).astype(dtype)
        for name, backend in backends:
            result = backend.gradients(params, step.x.astype(dtype), step.y.astype(dtype))
            Contract(name, NETWORK, dtype).require_gradients(result, (), 1, f"{step.name} step")
            value = np.concatenate([g.reshape(-1) for g in result.grads])[index : index + 1]
            ulps = int(ulp_distance(value, nearest)[0])
            found.append(
                WorkedAnswer(step.name, f"dL/d{element}", exact, name, float(value[0]), ulps)
            )
    return tuple(found)
