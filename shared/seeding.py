"""From a seed to starting parameters, and from step numbers to batches.

Everything random comes from NumPy, once, before any backend runs: all of them start from the
same bits and see the same samples in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from shared.backend import Array, Params
from shared.errors import UsageError
from shared.network import Network
from shared.problems import Problem

LARGEST_SEED = 2**32 - 1


def require_seed(seed: int) -> int:
    """Return the seed, or raise UsageError where NumPy's RandomState could not take it."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= LARGEST_SEED:
        raise UsageError(f"seed {seed!r} cannot be used; expected a whole number 0 to 2^32 - 1.")
    return seed


def initial_params(network: Network, seed: int, dtype: str) -> Params:
    """Draw every parameter from N(0, 1): first all weights, layer by layer, then all biases.

    For the 2-2-1 network that is w1, ..., w6, b1, b2, b3. The draws are float64, rounded once.
    """
    draws = np.random.RandomState(require_seed(seed)).normal(size=network.param_count)
    return from_textbook_order(network, draws.astype(dtype))


def from_textbook_order(network: Network, numbers: Array) -> Params:
    """Cut numbers (P,) that hold all weights, then all biases, into W1, b1, W2, b2, ..."""
    shapes = network.param_shapes
    weights: list[Array] = []
    biases: list[Array] = []
    start = 0
    for kept, chosen in ((weights, shapes[0::2]), (biases, shapes[1::2])):
        for shape in chosen:
            stop = start + math.prod(shape)
            kept.append(numbers[start:stop].reshape(shape).copy())
            start = stop
    return tuple(array for pair in zip(weights, biases, strict=True) for array in pair)


def initial_replicas(network: Network, seeds: Sequence[int], dtype: str) -> Params:
    """Stack the starting parameters of several seeds along a leading replica axis."""
    each = [initial_params(network, seed, dtype) for seed in seeds]
    return tuple(np.stack(tensors) for tensors in zip(*each, strict=True))


def batch_runs(problem: Problem, first: int, stop: int) -> Iterator[tuple[int, Array]]:
    """Yield steps first, ..., stop - 1, counted from 0, as pairs (first step, batches (k, m)).

    Samples come in file order. Where the batch size does not divide the data, the last batch of
    an epoch is smaller and stands alone.
    """
    n, m, per_epoch = len(problem.x), problem.batch_size, problem.steps_per_epoch
    if n % m == 0 and first < stop:
        yield first, _batches(np.arange(first, stop), m, n)
        return
    while first < stop:
        position = first % per_epoch
        last_full = first - position + per_epoch - 1
        if position == per_epoch - 1:
            yield first, np.arange(position * m, n)[None]
            first += 1
        else:
            until = min(stop, last_full)
            yield first, _batches(np.arange(first, until), m, per_epoch * m)
            first = until


def _batches(steps: Array, m: int, n: int) -> Array:
    batches: Array = (steps[:, None] * m + np.arange(m)) % n
    return batches
