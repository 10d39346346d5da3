"""A network's parameters as tensors, and as one row of numbers in the network's element order."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from shared.backend import Array
from shared.network import Network


def in_tensors(network: Network, numbers: Any) -> Sequence[Any]:
    """Cut numbers (..., P) in element order into W1 (..., n_1, n_0), b1 (..., n_1), W2, ..."""
    lead = numbers.shape[:-1]
    return [numbers[..., part].reshape(*lead, *shape) for part, shape in _places(network)]


def in_rows(tensors: Sequence[Array]) -> Array:
    """Put tensors (s, ...) together again, (s, P)."""
    return np.concatenate([w.reshape(len(w), -1) for w in tensors], axis=-1)


@lru_cache(maxsize=8)
def _places(network: Network) -> tuple[tuple[slice, tuple[int, ...]], ...]:
    """Return where each tensor's numbers stand, and its shape."""
    sizes = [math.prod(shape) for shape in network.param_shapes]
    ends = itertools.accumulate(sizes)
    return tuple(
        (slice(end - size, end), shape)
        for end, size, shape in zip(ends, sizes, network.param_shapes, strict=True)
    )
