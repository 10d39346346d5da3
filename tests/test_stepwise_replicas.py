"""Each replica gets what the class alone returns, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from shared.backend import Evaluation, OptimizerState, StepBackend, StepGradients
from shared.stepwise import PerReplica, Stepwise
from tests.three_verbs import (
    NETWORK,
    OPTIMIZER,
    M,
    Momentum,
    ThreeVerbs,
    batches,
    both_dtypes,
    cut,
    differing,
    every_axes,
    flat,
    made,
    one,
    samples,
    start,
)


@pytest.mark.parametrize(
    "other",
    [
        StepGradients(Evaluation(None, None, np.array(-0.0)), (np.zeros(2),)),
        StepGradients(Evaluation(None, None, np.array(0.0)), (np.array([0.0, 5e-324]),)),
        StepGradients(Evaluation(None, None, np.array(0.0)), (np.zeros((1, 2)),)),
        StepGradients(Evaluation(None, None, np.array(0.0)), (np.zeros(4, np.float32),)),
        StepGradients(Evaluation(None, None, np.array(0.0)), (np.zeros(2), np.zeros(2))),
        StepGradients(Evaluation(None, np.zeros(2), np.array(0.0)), (np.zeros(2),)),
    ],
    ids=["a sign of zero", "a last bit", "a shape", "a dtype", "an array more", "logits"],
)
def test_the_comparison_sees_every_difference(other: StepGradients) -> None:
    result = StepGradients(Evaluation(None, None, np.array(0.0)), (np.zeros(2),))
    assert differing(result, result) == []
    assert len(differing(result, other)) == 1


@every_axes
@both_dtypes
@pytest.mark.parametrize("shared_batch", [True, False])
def test_each_replica_gets_what_the_class_alone_returns(
    axes: tuple[int, ...], dtype: str, shared_batch: bool
) -> None:
    alone, whole = ThreeVerbs(NETWORK, OPTIMIZER, dtype), made(ThreeVerbs, dtype)
    params, data = start(axes, dtype), samples(dtype)
    rows = np.arange(M) if shared_batch else batches(axes)[0]
    x, y = data.x[rows], data.y[rows]
    evaluation, gradients = whole.evaluate(params, x, y), whole.gradients(params, x, y)
    for i in np.ndindex(axes):
        own = one(params, i), *((x, y) if shared_batch else (x[i], y[i]))
        assert differing(cut(evaluation, i), flat(alone.evaluate(*own))) == []
        assert differing(cut(gradients, i), flat(alone.gradients(*own))) == []


@every_axes
@both_dtypes
def test_each_replica_moves_as_the_class_alone_moves_it(axes: tuple[int, ...], dtype: str) -> None:
    alone, whole = Momentum(NETWORK, Momentum.optimizer, dtype), made(Momentum, dtype)
    params, grads = start(axes, dtype), tuple(w * w for w in start(axes, dtype))
    state = OptimizerState(4, {"velocity": tuple(w + 1 for w in params)})
    moved = whole.update(params, grads, state)
    assert moved[1].step == 5
    for i in np.ndindex(axes):
        own = OptimizerState(4, {"velocity": one(state.slots["velocity"], i)})
        expected = alone.update(one(params, i), one(grads, i), own)
        assert differing(cut(moved, i), flat(expected)) == []


def test_replicas_are_not_mixed_up() -> None:
    params, data = start((2, 3)), samples()
    losses = made(ThreeVerbs).evaluate(params, data.x, data.y).loss
    assert losses.shape == (2, 3)
    assert len(set(losses.ravel().tolist())) == 6


@pytest.mark.parametrize("wrapper", [PerReplica, Stepwise])
def test_the_wrappers_take_replicas(wrapper: type[StepBackend]) -> None:
    assert wrapper.replica_axes
