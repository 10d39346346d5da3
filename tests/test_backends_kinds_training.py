"""Training any kind of network: the bits of single steps, by every road, with and without replicas.

Compiling takes time, so these run the kinds that cover each function and each loss.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pytest

from impls import numpy_backprop
from impls.numpy_backprop import NumpyBackprop
from shared.backend import (
    Array,
    Backend,
    Evaluation,
    OptimizerState,
    Params,
    Recording,
    StepGradients,
)
from shared.optimizer import Optimizer
from tests.conftest import Make
from tests.gradient_check import Rules, excess
from tests.kinds import COVERING, WIDE, Kind, batches
from tests.test_backends import equal_bits

Axes: TypeAlias = tuple[int, ...]
STEPS = 12
every_kind = pytest.mark.parametrize("kind", COVERING, ids=str)
every_kind_and_axes = pytest.mark.parametrize(
    ("kind", "axes"),
    [(kind, axes) for axes in ((), (3,)) for kind in COVERING] + [(kind, ()) for kind in WIDE],
    ids=lambda value: str(value) if isinstance(value, Kind) else f"replicas {value}",
)
SOFTMAX = COVERING[-1]


def train(backend: Backend, kind: Kind, dtype: str, axes: Axes, every: int = 1) -> Recording:
    return backend.train(
        kind.params(dtype, *axes), OptimizerState(), kind.data(dtype), batches(STEPS, *axes), every
    )


def evaluated(evaluation: Evaluation) -> list[Array]:
    """All that an evaluation holds; logits where there are any."""
    logits = () if evaluation.logits is None else (evaluation.logits,)
    return [*(evaluation.activations or ()), *logits, np.asarray(evaluation.loss)]


def row(recording: Recording, t: int) -> list[Array]:
    """All that was recorded of one step."""
    groups = (recording.before, recording.grads, recording.after, recording.deltas or ())
    arrays = [a for group in groups for a in group] + evaluated(recording.evaluation)
    return [np.asarray(a[t]) for a in arrays]


@every_kind_and_axes
def test_train_makes_the_steps_of_gradients_and_update(
    make: Make, kind: Kind, axes: Axes, dtype: str
) -> None:
    backend, data = make(network=kind.network, dtype=dtype), kind.data(dtype)
    recording = train(backend, kind, dtype, axes)
    params, state = kind.params(dtype, *axes), OptimizerState()
    for t, batch in enumerate(batches(STEPS, *axes)):
        result = backend.gradients(params, data.x[batch], data.y[batch])
        after, state = backend.update(params, result.grads, state)
        step = [*params, *result.grads, *after, *(result.deltas or ())]
        assert equal_bits([*step, *evaluated(result.evaluation)], row(recording, t)), f"step {t}"
        params = after
    assert equal_bits(list(params), list(recording.final[0]))


@every_kind_and_axes
def test_recording_changes_no_bit(make: Make, kind: Kind, axes: Axes, dtype: str) -> None:
    backend = make(network=kind.network, dtype=dtype)
    with_records, without = (train(backend, kind, dtype, axes, every) for every in (1, 0))
    assert equal_bits(list(with_records.final[0]), list(without.final[0]))
    assert len(without.steps) == 0
    assert without.evaluation.loss.shape == (0, *axes)


def first_kept(params: Params) -> Params:
    """The same first replica beside others."""
    return tuple(np.concatenate([w[:1], 2 * w[1:]]) for w in params)


@every_kind
def test_a_replica_is_left_alone_by_the_others(make: Make, kind: Kind, dtype: str) -> None:
    backend, data = make(network=kind.network, dtype=dtype), kind.data(dtype)
    params, seen = kind.params(dtype, 3), batches(STEPS, 3)
    one = backend.train(params, OptimizerState(), data, seen)
    seen_elsewhere = np.concatenate([seen[:, :1], seen[:, 1:][::-1]], axis=1)
    two = backend.train(first_kept(params), OptimizerState(), data, seen_elsewhere)
    assert equal_bits([w[0] for w in one.final[0]], [w[0] for w in two.final[0]])
    assert not equal_bits([w[1] for w in one.final[0]], [w[1] for w in two.final[0]])


def test_a_softmax_across_replicas_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def across(z: Array) -> Array:
        powers = np.exp(z)
        shares: Array = powers / powers.sum(axis=(0, -1), keepdims=True)
        return shares

    monkeypatch.setitem(numpy_backprop.FUNCTIONS, "softmax", across)
    backend = NumpyBackprop(SOFTMAX.network, Optimizer(0.1), "float64")
    params, seen = SOFTMAX.params("float64", 3), batches(1, 3)
    one, two = (
        backend.train(w, OptimizerState(), SOFTMAX.data("float64"), seen)
        for w in (params, first_kept(params))
    )
    assert not equal_bits([w[0] for w in one.final[0]], [w[0] for w in two.final[0]])


@every_kind
def test_each_replica_has_the_gradient_of_its_own_batch(make: Make, kind: Kind, dtype: str) -> None:
    recording = train(make(network=kind.network, dtype=dtype), kind, dtype, (3,))
    assert max(excess_of(recording, kind, dtype, r) for r in range(3)) <= 1


def test_the_gradient_of_another_ones_batch_is_noticed() -> None:
    backend = NumpyBackprop(SOFTMAX.network, Optimizer(0.1), "float64")
    recording = train(backend, SOFTMAX, "float64", (3,))
    swapped = replace(recording, batches=np.roll(recording.batches, 1, axis=1))
    assert excess_of(swapped, SOFTMAX, "float64", 0) > 1


def excess_of(recording: Recording, kind: Kind, dtype: str, replica: int, t: int = 5) -> float:
    """How far the gradient of one step of one replica is from exact arithmetic."""

    def own(arrays: tuple[Array, ...]) -> Params:
        return tuple(a[t, replica] for a in arrays)

    evaluation, data = recording.evaluation, kind.data(dtype)
    seen = recording.batches[t, replica]
    result = StepGradients(
        Evaluation(
            own(evaluation.activations or ()),
            None if evaluation.logits is None else evaluation.logits[t, replica],
            evaluation.loss[t, replica],
        ),
        own(recording.grads),
        None if recording.deltas is None else own(recording.deltas),
    )
    rules = Rules.of(kind.network)
    return excess(own(recording.before), data.x[seen], data.y[seen], result, rules)


@pytest.mark.parametrize("every", [1, 0])
def test_batches_of_two_sizes_follow_each_other(make: Make, dtype: str, every: int) -> None:
    """The last batch of an epoch may be smaller; its step is the one that `gradients` describes."""
    backend, data = make(network=SOFTMAX.network, dtype=dtype), SOFTMAX.data(dtype)
    full, last = batches(STEPS), np.array([[4, 7]])
    first = backend.train(SOFTMAX.params(dtype), OptimizerState(), data, full, every)
    second = backend.train(*first.final, data, last, every)
    result = backend.gradients(first.final[0], data.x[last[0]], data.y[last[0]])
    after, _ = backend.update(first.final[0], result.grads, first.final[1])
    assert equal_bits(list(after), list(second.final[0]))
    assert second.final[1].step == STEPS + 1
    assert second.batches.shape == (every, 2)
    rules = Rules.of(SOFTMAX.network)
    assert excess(first.final[0], data.x[last[0]], data.y[last[0]], result, rules) <= 1
