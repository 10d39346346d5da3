"""The update at the end of a step, made again: rounded twice, or fused and rounded once.

Only plain descent, w - η g, is made again here; a backend's own `update` is asked, on the step's
numbers and on random ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.backend import Array, Backend, OptimizerState, Params
from shared.certificate.fused import fused
from shared.explain.bits import differing, same_bits
from shared.explain.differences import Difference, Why
from shared.explain.probing import PROBES
from shared.optimizer import Optimizer

TWICE, FUSED = "w - (η·g)", "fma(-η, g, w)"
"""The ways of plain descent."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What a backend's update made of its gradient.

    way
        TWICE or FUSED; "" where neither gives the backend's bits. TWICE where both do, as they
        must if η is a power of two.
    """

    backend: str
    after: Params
    way: str


def moved(backend: Backend, name: str, params: Params, grads: Params, rate: Array) -> Moved:
    """Let a backend update, and find the way in which it does."""
    after, _ = backend.update(params, grads, OptimizerState())
    draw = np.random.RandomState(0)
    probes = [
        tuple(tuple(draw.normal(size=w.shape).astype(w.dtype) for w in params) for _ in "wg")
        for _ in range(PROBES)
    ]
    seen = [(params, grads, after)]
    seen += [(w, g, backend.update(w, g, OptimizerState())[0]) for w, g in probes]
    ways = (way for way in (TWICE, FUSED) if all(_gives(way, *one, rate) for one in seen))
    return Moved(name, after, next(ways, ""))


def differences_after(
    params: Params, names: Sequence[str], reference: Moved, other: Moved, grads: Params, rate: Array
) -> tuple[Difference, ...]:
    """Say where a backend's parameters part from the reference's in the update, and why.

    Shapes: grads are the other backend's own.
    """
    found, unknown = [], not (reference.way and other.way)
    for name, w, g, ours, theirs in zip(
        names, params, grads, reference.after, other.after, strict=True
    ):
        here = differing(ours, theirs)
        crossed = _made(reference.way or TWICE, w, g, rate)
        born, inherited = differing(crossed, theirs), differing(ours, crossed)
        if here.any() or born.any():
            why, evidence = _cause(reference, other) if born.any() or unknown else (None, "")
            found.append(
                Difference(
                    f"new {name}", other.backend, reference.backend,
                    here, born, inherited, crossed, None, why, evidence,
                )
            )  # fmt: skip
    return tuple(found)


def _cause(reference: Moved, other: Moved) -> tuple[Why, str]:
    unknown = [one.backend for one in (reference, other) if not one.way]
    if unknown:
        return Why.UNEXPLAINED, f"neither {TWICE} nor {FUSED} gives the bits of {unknown[0]}"
    said = (
        f"{other.backend}'s bits come from {other.way}; {reference.backend}'s from {reference.way}"
    )
    return Why.FUSED, said


def learning_rate(optimizer: Optimizer, dtype: np.dtype[Any]) -> Array:
    """Return η as the parameters' dtype has it."""
    return np.asarray(optimizer.learning_rate, dtype)


def _gives(way: str, params: Params, grads: Params, after: Params, rate: Array) -> bool:
    made = [_made(way, w, g, rate) for w, g in zip(params, grads, strict=True)]
    return all(same_bits(one, w) for one, w in zip(made, after, strict=True))


def _made(way: str, w: Array, g: Array, rate: Array) -> Array:
    with np.errstate(all="ignore"):
        if way == FUSED:
            return fused(-rate, g, w, w.dtype.name)
        return np.asarray(w - rate * g)
