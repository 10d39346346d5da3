"""A small problem whose targets are degrees: nothing in it can be counted as right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shared.backend import Array
from shared.network import Network
from shared.optimizer import Optimizer
from shared.problems import Feature, HeldOut, Problem

HOUR, RAIN = Feature("hour", "h", 12.0, 6.0), Feature("rain", "mm", 1 / 3)


def degrees(x: Array) -> Array:
    """What the weather does, (N, 1) of inputs (N, 2)."""
    return 15.0 + 4.0 * x[:, :1] - 2.0 * x[:, :1] * x[:, 1:]


def weather(epochs: int = 5) -> Problem:
    """Nine samples to train on, four held out; three steps to an epoch, a mark after each."""
    x = np.random.RandomState(1).normal(size=(13, 2))
    return Problem(
        name="weather",
        title="degrees by hour and rain",
        origin="made up",
        features=(HOUR, RAIN),
        classes=(),
        people=(),
        x=x[:9],
        y=degrees(x[:9]),
        network=Network((2, 3, 1), "tanh", "identity"),
        optimizer=Optimizer(0.02),
        epochs=epochs,
        batch_size=3,
        curve_every=1,
        held_out=HeldOut(x[9:], degrees(x[9:]), split="by date"),
        initialization="fan_in_normal",
        order="shuffled",
    )


def all_trained_on(epochs: int = 5) -> Problem:
    return replace(weather(epochs), held_out=None)


def named(one: Problem) -> Problem:
    """The same, as if the sides of one half were classes."""
    return replace(one, classes=("cold", "warm"))
