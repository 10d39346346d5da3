"""Handwritten digits: 1,797 pictures of 8 x 8 pixels, to be told apart by a 64-30-10 network.

They are loaded through scikit-learn, which ships them; nothing is downloaded. The network, the cost
and the training are those of a well-known first digit recogniser (M. Nielsen, Neural Networks and
Deep Learning, 2015, chapter 1), which has 784 inputs there.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from shared.backend import Array
from shared.errors import ProblemUnavailable
from shared.network import Network
from shared.optimizer import Optimizer
from shared.problems import HeldOut, Problem
from shared.samples import samples

SPLIT_SEED = 0
HELD_OUT_SHARE = 0.2
CLASSES = tuple("0123456789")


def digits() -> Problem:
    """Return the digits with sigmoid outputs and the quadratic cost."""
    train, held_out = _split()
    return Problem(
        name="digits",
        title="handwritten digits, 8 x 8 pixels / 16",
        origin="E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (1998), as "
        "scikit-learn ships it",
        features=(),
        classes=CLASSES,
        people=(),
        x=train[0],
        y=train[1],
        network=Network((64, 30, 10), loss="quadratic_cost"),
        optimizer=Optimizer(3.0),
        epochs=30,
        batch_size=10,
        curve_every=1,
        held_out=HeldOut(
            *held_out,
            split=f"stratified, scikit-learn's train_test_split with random_state {SPLIT_SEED}",
        ),
        image=(8, 8),
        initialization="fan_in_normal",
        order="shuffled",
    )


def digits_softmax() -> Problem:
    """Return the digits with softmax outputs and cross-entropy."""
    return replace(
        digits(),
        name="digits-softmax",
        network=Network((64, 30, 10), output="softmax", loss="categorical_cross_entropy"),
        optimizer=Optimizer(0.5),
    )


@cache
def _split() -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Return inputs and one-hot targets of the samples to train on, and of those held out."""
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError as error:
        raise ProblemUnavailable(
            "the digits come with scikit-learn, which is not installed here. "
            "Install it with: pip install scikit-learn"
        ) from error
    pictures, labels = load_digits(return_X_y=True)
    x, held_x, y, held_y = train_test_split(
        pictures / 16, labels, test_size=HELD_OUT_SHARE, stratify=labels, random_state=SPLIT_SEED
    )
    one_hot = np.eye(len(CLASSES))
    return (
        (samples(x, "inputs"), samples(one_hot[y], "targets")),
        (samples(held_x, "held-out inputs"), samples(one_hot[held_y], "held-out targets")),
    )
