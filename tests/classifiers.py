"""Small classifiers: pictures of 2 x 2 pixels, some of them held out, and one label that is wrong.

The held-out picture 4 shows "left" and is labelled "right", so that every network that has learned
is surely wrong about it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shared.backend import Array
from shared.network import Network
from shared.optimizer import Optimizer
from shared.problems import HeldOut, Problem
from shared.registry import Loaded, Source, find, load

CLASSES = ("left", "right", "top")
SHAPES = ((1.0, 0.0, 1.0, 0.0), (0.0, 1.0, 0.0, 1.0), (1.0, 1.0, 0.0, 0.0))
NUMPY = load(find("numpy"))
OTHER = Loaded(Source("other", "other"), NUMPY.kind, NUMPY.version)
MISLABELLED = 4


def shapes(shown: str, shade: float) -> Array:
    """One picture for each letter, l, r or t, in this shade."""
    return shade * np.array([SHAPES["lrt".index(one)] for one in shown])


def labels(named: str) -> Array:
    return np.array([[float(one == letter) for letter in "lrt"] for one in named])


def pictures(epochs: int = 20) -> Problem:
    """Nine pictures to train on, six held out; three steps to an epoch, a mark after each."""
    return Problem(
        name="pictures",
        title="pictures of 2 x 2 pixels",
        origin="made up",
        features=(),
        classes=CLASSES,
        people=(),
        x=np.concatenate([shapes("lrtlrt", 1.0), shapes("lrt", 0.5)]),
        y=labels("lrtlrtlrt"),
        network=Network((4, 3, 3), output="softmax", loss="categorical_cross_entropy"),
        optimizer=Optimizer(2.0),
        epochs=epochs,
        batch_size=3,
        curve_every=1,
        held_out=HeldOut(shapes("lrtrlt", 0.75), labels("lrtrrt"), split="by hand"),
        image=(2, 2),
        initialization="fan_in_normal",
        order="shuffled",
    )


def none_held_out(epochs: int = 20) -> Problem:
    return replace(pictures(epochs), held_out=None)


def one_output(epochs: int = 20) -> Problem:
    """Left or right, told by one output."""
    return replace(
        pictures(epochs),
        classes=CLASSES[:2],
        x=shapes("lrlr", 1.0),
        y=np.array([[0.0], [1.0], [0.0], [1.0]]),
        network=Network((4, 3, 1), loss="binary_cross_entropy"),
        held_out=HeldOut(shapes("lrr", 0.75), np.array([[0.0], [1.0], [0.0]]), split="by hand"),
    )
