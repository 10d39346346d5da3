"""What train may return: the right thing passes, each wrong thing is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shared.backend import OptimizerState, Recording
from tests.right_results import (
    CONTRACT,
    LEADS,
    M,
    evaluation,
    params,
    refused,
    units,
    with_one,
    zeros,
)


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


@pytest.mark.parametrize("replicas", LEADS)
@pytest.mark.parametrize("every", [0, 1, 3, 100])
@pytest.mark.parametrize("first", [1, 5])
def test_a_right_recording_passes(replicas: tuple[int, ...], every: int, first: int) -> None:
    CONTRACT.require_recording(
        recording(*replicas, first=first, every=every), first, (6, *replicas, M), every
    )


Slots = tuple[str, ...]
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
def test_a_wrong_recording_is_named(change: Change, message: str) -> None:
    with refused(message):
        CONTRACT.require_recording(change(recording(5, every=3)), 1, (6, 5, M), 3)


SLOTTED = replace(CONTRACT, slots=("m", "v"))


def with_slots(before: Slots, after: Slots, final: Slots) -> Recording:
    """A recording of six steps of an optimizer that carries something."""
    lead = (6, 5)
    return replace(
        recording(5),
        state_before=dict.fromkeys(before, params(*lead)),
        state_after=dict.fromkeys(after, params(*lead)),
        final=(params(5), OptimizerState(6, dict.fromkeys(final, params(5)))),
    )


def test_the_slots_of_the_optimizer_pass() -> None:
    right = with_slots(("m", "v"), ("v", "m"), ("m", "v"))
    SLOTTED.require_recording(right, 1, (6, 5, M), 1)


@pytest.mark.parametrize("place", range(3), ids=["before", "after", "final"])
@pytest.mark.parametrize(
    ("came", "told"),
    [
        (("m", "w"), "'m', 'w'"),
        (("m",), "'m'"),
        ((), "none"),
        (("m", "v", "velocity"), "'m', 'v', 'velocity'"),
    ],
    ids=["wrong", "one is missing", "all are missing", "one more"],
)
def test_slots_that_are_not_the_optimizers_are_named(place: int, came: Slots, told: str) -> None:
    sides: list[Slots] = [("m", "v"), ("m", "v"), ("m", "v")]
    sides[place] = came
    with refused(f"mine, steps 1 to 6: expected the optimizer's slots ('m', 'v'); got {told}."):
        SLOTTED.require_recording(with_slots(*sides), 1, (6, 5, M), 1)


def test_a_recording_is_placed_by_its_steps() -> None:
    with refused("mine, steps 33 to 38: expected a Recording; got a NoneType."):
        wrong: Any = None
        CONTRACT.require_recording(wrong, 33, (6, M), 1)


def test_steps_where_none_should_be_are_noticed() -> None:
    with refused("expected 0 recorded steps (every = 0); got 6, or other numbers."):
        CONTRACT.require_recording(recording(every=1), 1, (6, M), 0)
