"""What faults of the data change at a backend's border: the samples of a step, or their numbers."""

from __future__ import annotations

import numpy as np

from shared.backend import Array, Params, StepGradients
from shared.faults.fault import Moment


def label_of_another_class(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Take 1 for 0 and 0 for 1, or, of several classes, the next one."""
    wrong = 1 - y if y.shape[-1] == 1 else np.roll(y, 1, axis=-1)
    return moment.inner.gradients(params, x, wrong)


def inputs_scaled(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Multiply the inputs by 1 + size."""
    return moment.inner.gradients(params, x * x.dtype.type(1 + moment.size), y)


def inputs_noisy(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Add noise of a standard deviation of size to the inputs, drawn anew in each step."""
    noise = np.random.RandomState(moment.step).normal(0, moment.size, x.shape)
    return moment.inner.gradients(params, (x + noise).astype(x.dtype), y)


def inputs_dropped(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Let each input through by a throw of a coin, and double those that pass."""
    passed = np.random.RandomState(moment.step).randint(0, 2, x.shape)
    return moment.inner.gradients(params, x * (2 * passed).astype(x.dtype), y)


def labels_smoothed(moment: Moment, params: Params, x: Array, y: Array) -> StepGradients:
    """Take a share of size from the right class, and spread it over all of them."""
    classes = max(2, y.shape[-1])
    soft = y * y.dtype.type(1 - moment.size) + y.dtype.type(moment.size / classes)
    return moment.inner.gradients(params, x, soft)


def last_never(_: Moment, batch: Array, count: int) -> Array:
    """See the first sample where the last one should come."""
    return np.where(batch == count - 1, 0, batch)


def two_swapped(_: Moment, batch: Array, __: int) -> Array:
    """See the fourth sample for the third, and the third for the fourth."""
    return np.where(batch == 2, 3, np.where(batch == 3, 2, batch))


def two_swapped_once(moment: Moment, batch: Array, count: int) -> Array:
    """See in the first step the samples that follow, and in the next one those left out."""
    skipped: Array = moment.memory.setdefault("skipped", batch)
    following: Array = (batch + len(batch)) % count
    return following if skipped is batch else skipped[: len(batch)]


def shuffled(_: Moment, batch: Array, count: int) -> Array:
    """See the samples in an order of its own."""
    order: Array = np.random.RandomState(0).permutation(count)
    return order[batch]


def always_the_first(moment: Moment, batch: Array, _: int) -> Array:
    """See the first batch in every step."""
    first: Array = moment.memory.setdefault("first", batch)
    return first[: len(batch)]


def seen_again(moment: Moment, batch: Array, _: int) -> Array:
    """See the batch of the step before once more."""
    last: Array = moment.memory.get("last", batch)
    moment.memory["last"] = batch
    return last if last.shape == batch.shape else batch


def ragged_never(moment: Moment, batch: Array, _: int) -> Array:
    """See the first samples where a batch is smaller than the others."""
    usual = moment.memory.setdefault("usual", len(batch))
    return np.arange(len(batch)) if len(batch) < usual else batch
