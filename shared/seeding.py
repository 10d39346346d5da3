"""From a seed to starting parameters, and to the order of the samples.

Everything random comes from NumPy, once, before any backend runs: all of them start from the
same bits and see the same samples in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from shared.backend import Array, OptimizerState, Params
from shared.errors import UsageError
from shared.network import Network
from shared.problems import INITIALIZATIONS, Problem

LARGEST_SEED = 2**32 - 1


def require_seed(seed: int) -> int:
    """Return the seed, or raise UsageError where NumPy's RandomState could not take it."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= LARGEST_SEED:
        raise UsageError(f"seed {seed!r} cannot be used; expected a whole number 0 to 2^32 - 1.")
    return seed


def initial_params(
    network: Network, seed: int, dtype: str, initialization: str = "standard_normal"
) -> Params:
    """Draw where the parameters start, in float64, rounded once.

    `standard_normal`: all from N(0, 1), first the weights, layer by layer, then the biases; for the
    2-2-1 network that is w1, ..., w6, b1, b2, b3. `fan_in_normal`: the weights from N(0, 1/n_in),
    so that a wide layer's sums are no larger than a narrow one's; the biases are 0.
    """
    random = np.random.RandomState(require_seed(seed))
    draws = from_textbook_order(network, random.normal(size=network.param_count))
    if initialization not in INITIALIZATIONS:
        raise UsageError(
            f"initialization is {initialization!r}; known: {', '.join(INITIALIZATIONS)}."
        )
    if initialization == "fan_in_normal":
        draws = tuple(w / np.sqrt(w.shape[1]) if w.ndim == 2 else np.zeros_like(w) for w in draws)
    return tuple(w.astype(dtype) for w in draws)


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


def starting_params(problem: Problem, seeds: int | Sequence[int], dtype: str) -> Params:
    """Return where a problem starts from one seed, or from several along a replica axis."""
    if isinstance(seeds, int):
        return initial_params(problem.network, seeds, dtype, problem.initialization)
    each = [initial_params(problem.network, seed, dtype, problem.initialization) for seed in seeds]
    return tuple(np.stack(tensors) for tensors in zip(*each, strict=True))


def starting_state(problem: Problem, params: Params) -> OptimizerState:
    """Return what the problem's optimizer carries before the first step: zeros."""
    names = problem.optimizer.slots
    return OptimizerState(0, {name: tuple(map(np.zeros_like, params)) for name in names})


def batch_runs(
    problem: Problem, seeds: int | Sequence[int], first: int, stop: int
) -> Iterator[tuple[int, Array]]:
    """Yield steps first, ..., stop - 1, counted from 0, as pairs (first step, batches).

    Shapes: batches (k, m), or (k, R, m) for R seeds: indices of samples.

    Samples come in file order, or in an order that each seed draws anew for every epoch. Where the
    batch size does not divide the data, the last batch of an epoch is smaller and stands alone, or
    is dropped.
    """
    m, last = problem.batch_size, problem.steps_per_epoch - 1
    while first < stop:
        epoch, position = divmod(first, problem.steps_per_epoch)
        if not problem.is_ragged:
            yield first, _full_batches(problem, seeds, first, stop)
            return
        if position == last:
            yield first, _order(problem, seeds, epoch)[None, ..., last * m :]
            first += 1
        else:
            until = min(stop, first - position + last)
            yield first, _full_batches(problem, seeds, first, until)
            first = until


def _full_batches(problem: Problem, seeds: int | Sequence[int], first: int, stop: int) -> Array:
    """Return the batches (k, *R, m) of steps that all have the full size."""
    m, per_epoch = problem.batch_size, problem.steps_per_epoch
    parts = []
    for epoch in range(first // per_epoch, (stop - 1) // per_epoch + 1):
        order = _order(problem, seeds, epoch)
        full = order[..., : order.shape[-1] // m * m].reshape(*order.shape[:-1], -1, m)
        batches = np.moveaxis(full, -2, 0)
        parts.append(batches[max(first - epoch * per_epoch, 0) : stop - epoch * per_epoch])
    joined: Array = np.concatenate(parts)
    return joined


def _order(problem: Problem, seeds: int | Sequence[int], epoch: int) -> Array:
    """Return the samples in the order of an epoch, counted from 0: (N,), or (R, N) for R seeds."""
    n = len(problem.x)
    if problem.order == "file":
        return np.arange(n) if isinstance(seeds, int) else np.tile(np.arange(n), (len(seeds), 1))
    if not isinstance(seeds, int):
        return np.stack([_order(problem, seed, epoch) for seed in seeds])
    return _shuffled(n, seeds, epoch)


@lru_cache(maxsize=64)
def _shuffled(n: int, seed: int, epoch: int) -> Array:
    """Draw an order; it is asked for by every backend, and by the certificate again."""
    # A pair of numbers: RandomState(seed) alone has drawn the parameters.
    order = np.random.RandomState([seed, epoch]).permutation(n)
    order.flags.writeable = False
    return order
