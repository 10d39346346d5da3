"""scikit-learn's MLPClassifier, the network in NumPy that most people have installed.

`partial_fit` is called once, on samples that are already in the order of the batches: it then
cuts them into batches itself. That is faster than a call for each batch, and than its shuffling.
It computes the loss of every batch; apart from that nothing is recorded.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from shared.backend import Array, Params


def train(params: Params, x: Array, y: Array, batches: Array, learning_rate: float) -> Params:
    """Train from `params`, a step for each row of indices; return the last parameters."""
    sizes = (params[0].shape[1], *(b.size for b in params[1::2]))
    model = _model(sizes, batches.shape[1], learning_rate)
    model.coefs_ = [W.T.copy() for W in params[0::2]]
    model.intercepts_ = [b.copy() for b in params[1::2]]
    order = batches.ravel()
    model.partial_fit(x[order], y[order].argmax(axis=1))
    pairs = zip(model.coefs_, model.intercepts_, strict=True)
    return tuple(w for W, b in pairs for w in (W.T, b))


@cache
def _model(sizes: tuple[int, ...], batch_size: int, learning_rate: float) -> Any:
    """Return a model that has seen samples: before, it has no parameters that could be set."""
    model = MLPClassifier(
        sizes[1:-1], activation="logistic", solver="sgd", alpha=0, batch_size=batch_size,
        learning_rate_init=learning_rate, momentum=0, nesterovs_momentum=False, shuffle=False,
    )  # fmt: skip
    classes = np.arange(sizes[-1])
    samples = np.zeros((batch_size, sizes[0]))
    return model.partial_fit(samples, np.resize(classes, batch_size), classes=classes)
