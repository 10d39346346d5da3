"""Faults of the start: first parameters that are not those of the seed."""

from __future__ import annotations

import numpy as np

from shared.backend import Params
from shared.faults.fault import AtBorder, Fault, Moment
from shared.faults.in_train import in_train
from shared.faults.places import PARAMETERS, START
from shared.seeding import initial_params

OTHER_SEED = 2024

RENAMED = ("W1", "b1", "W2")
"""What holds the hidden units of the first layer, in whatever order."""


def drawn_otherwise(moment: Moment, params: Params) -> Params:
    """Draw them from a seed of its own, in the way that the run draws them."""
    starts_at_0 = not any(b.any() for b in params[1::2])
    way = "fan_in_normal" if starts_at_0 else "standard_normal"
    return initial_params(moment.network, OTHER_SEED, moment.dtype, way)


def units_reversed(_: Moment, params: Params) -> Params:
    """Turn the order of the first layer's units around: the same function of the inputs."""
    if len(params) < 4:
        return params
    W1, b1, W2, *others = params
    return (W1[::-1].copy(), b1[::-1].copy(), W2[:, ::-1].copy(), *others)


def biases_zero(_: Moment, params: Params) -> Params:
    """Set the biases to 0."""
    return tuple(w if w.ndim == 2 else np.zeros_like(w) for w in params)


INIT_FAULTS = (
    Fault(
        "other-seed",
        "It drew its first parameters itself, from another seed.",
        "init",
        at_border=AtBorder(START, PARAMETERS, start=drawn_otherwise),
        lasting=1,
    ),
    Fault(
        "default-initialization",
        "The framework's own first parameters were left in place, uniform by a unit's inputs.",
        "init",
        in_source=in_train(
            START,
            PARAMETERS,
            "draw = np.random.RandomState(7).uniform",
            "bounds = np.repeat([w.shape[-1] ** -0.5 for w in params[0::2]], 2)",
            "params = tuple(",
            "    draw(-c, c, w.shape).astype(w.dtype) for c, w in zip(bounds, params, strict=True)",
            ")",
        ),
        lasting=1,
        source="DeepCrime, change_weights_initialisation",
    ),
    Fault(
        "start-transposed",
        "W1 was read column by column, and had been written row by row; the shape is right.",
        "init",
        in_source=in_train(
            START,
            ("W1",),
            "W1 = np.ravel(params[0]).reshape(params[0].shape, order='F')",
            "params = (np.ascontiguousarray(W1), *params[1:])",
        ),
        lasting=1,
    ),
    Fault(
        "units-reordered",
        "The hidden units stand in another order, weights and all: the same function, renamed.",
        "init",
        at_border=AtBorder(START, RENAMED, start=units_reversed),
        in_source=in_train(
            START,
            RENAMED,
            "W1, b1, W2, *others = params",
            "params = (W1[::-1].copy(), b1[::-1].copy(), W2[:, ::-1].copy(), *others)",
        ),
        lasting=1,
    ),
    Fault(
        "start-without-biases",
        "The biases start at 0, where the run draws them.",
        "init",
        at_border=AtBorder(START, ("b*",), start=biases_zero),
        in_source=in_train(
            START,
            ("b*",),
            "params = tuple(w if w.ndim == 2 else np.zeros_like(w) for w in params)",
        ),
        lasting=1,
        source="DeepCrime, change_weights_initialisation",
    ),
    Fault(
        "start-printed",
        "The first parameters came through a text file with six digits behind the point.",
        "init",
        in_source=in_train(
            START,
            PARAMETERS,
            "params = tuple(np.round(w.astype(np.float64), 6).astype(w.dtype) for w in params)",
        ),
        lasting=1,
    ),
)
