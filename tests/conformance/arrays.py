"""The arrays that go into a verb and come out of it, each under a name for a reader.

The checks compare them by their bits; what differs is told by these names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from shared.backend import Array, Evaluation, OptimizerState, Params, Recording, StepGradients
from shared.network import Network
from tests.conformance.cases import BATCH_SIZE, Case

VERBS = ("evaluate", "gradients", "update")

Arguments: TypeAlias = tuple[Any, ...]
"""(params, x, y), or, of update, (params, grads, state)."""

Bits: TypeAlias = dict[str, bytes]

STEP = 4
"""The step that a drawn state has come to: not the first, so that forgetting shows."""


def arguments(
    verb: str, case: Case, draw: int, m: int = BATCH_SIZE, lead: tuple[int, ...] = ()
) -> Arguments:
    """Draw arguments of a verb: the same for the same draw, in memory of their own."""
    random, network = np.random.RandomState(draw), case.problem.network

    def drawn(*shape: int) -> Array:
        return random.normal(size=(*lead, *shape)).astype(case.dtype)

    params = tuple(drawn(*shape) for shape in network.param_shapes)
    if verb != "update":
        data = case.problem.dataset(case.dtype)
        rows = random.randint(0, len(data.x), size=(*lead, m))
        return params, data.x[rows], data.y[rows]
    grads = tuple(drawn(*shape) for shape in network.param_shapes)
    slots = {
        name: tuple(abs(drawn(*shape)) for shape in network.param_shapes)
        for name in case.problem.optimizer.slots
    }
    return params, grads, OptimizerState(STEP, slots)


def of_arguments(network: Network, given: Arguments) -> dict[str, Array]:
    """Name the arrays of arguments: `params W1`, `x`, `slot m W1`, ..."""
    params, second, third = given
    if isinstance(third, OptimizerState):
        return {
            **_named("params", network.param_names, params),
            **_named("grads", network.param_names, second),
            **_slots(network, third.slots),
        }
    return {**_named("params", network.param_names, params), "x": second, "y": third}


def of_result(network: Network, result: Any) -> dict[str, Array]:
    """Name the arrays of what a verb returned: `gradient W1`, `loss`, `parameter W1`, ..."""
    if isinstance(result, Evaluation):
        logits = {} if result.logits is None else {"logits": result.logits}
        return {
            **_layers("activations", network, result.activations),
            **logits,
            "loss": result.loss,
        }
    if isinstance(result, StepGradients):
        return {
            **of_result(network, result.evaluation),
            **_named("gradient", network.param_names, result.grads),
            **_layers("delta", network, result.deltas),
        }
    params, state = result
    return {
        **_named("parameter", network.param_names, params),
        **_slots(network, state.slots),
    }


def of_recording(network: Network, recording: Recording) -> dict[str, Array]:
    """Name the arrays of a recording, each with a row per step; the end is another question."""
    names = network.param_names
    return {
        **_named("parameter before", names, recording.before),
        **of_result(network, StepGradients(recording.evaluation, recording.grads)),
        **_named("parameter after", names, recording.after),
        **_slots(network, recording.state_before, "before"),
        **_slots(network, recording.state_after, "after"),
    }


def of_end(network: Network, recording: Recording) -> dict[str, Array]:
    """Name the parameters and slots after the last step."""
    return of_result(network, recording.final)


def bits(arrays: Mapping[str, Array]) -> Bits:
    """Return the bytes of each array, which nobody changes any more."""
    return {name: np.asarray(array).tobytes() for name, array in arrays.items()}


def different(one: Bits, other: Bits) -> list[str]:
    """Name what differs in its bits, or is on one side only."""
    return [name for name in {**one, **other} if one.get(name) != other.get(name)]


def _named(kind: str, names: Sequence[str], arrays: Sequence[Array]) -> dict[str, Array]:
    return {f"{kind} {name}": array for name, array in zip(names, arrays, strict=True)}


def _layers(kind: str, network: Network, arrays: Sequence[Array] | None) -> dict[str, Array]:
    if arrays is None:
        return {}
    return _named(f"{kind} of layer", [str(i + 1) for i in range(len(network.sizes) - 1)], arrays)


def _slots(network: Network, slots: Mapping[str, Params], when: str = "of") -> dict[str, Array]:
    return {
        name: array
        for slot, params in slots.items()
        for name, array in _named(f"slot {slot} {when}", network.param_names, params).items()
    }
