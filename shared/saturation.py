"""Which hidden units are saturated: so near an end of their range that hardly any slope is left.

A unit that gives the same end to every sample tells none of them apart, and hardly any gradient
reaches the weights below it. `shared.evaluation` asks this of one network, and of replicas.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from shared.backend import Array

SATURATED_WITHIN = 0.01
"""A sigmoid or tanh is at an end of its range where it is nearer to it than this; a relu at 0."""


def saturated_units(
    activations: Sequence[Array], activation: str
) -> tuple[tuple[int, int, int], ...]:
    """Name the hidden units of one network that are at one end for every sample.

    Each is (layer, unit, end), layer and unit from 1.

    Shapes: activations a_1, ..., a_L, each (N, n_l).
    """
    return tuple(sorted(
        (layer, unit + 1, end)
        for layer, end, saturated in _at_ends(activations, activation)
        for unit in np.flatnonzero(saturated).tolist()
    ))  # fmt: skip


def count_saturated(activations: Sequence[Array], activation: str) -> Array:
    """Count such units of each replica. A NaN is at no end.

    Shapes: activations a_1, ..., a_L, each (*R, N, n_l); result (*R,).
    """
    count = np.zeros(activations[-1].shape[:-2], dtype=np.intp)
    for *_, saturated in _at_ends(activations, activation):
        count += saturated.sum(axis=-1)
    return count


def _at_ends(activations: Sequence[Array], activation: str) -> Iterator[tuple[int, int, Array]]:
    """Yield layer, end, and which hidden units (*R, n_l) are at that end for every sample."""
    for layer, a in enumerate(activations[:-1], start=1):
        if activation == "relu":
            close = {0: a <= 0}
        else:
            low = -1 if activation == "tanh" else 0
            close = {low: a < low + SATURATED_WITHIN, 1: a > 1 - SATURATED_WITHIN}
        for end, members in close.items():
            yield layer, end, np.asarray(members.all(axis=-2))
