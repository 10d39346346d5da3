"""Files that hold a backend of one's own: one that does nothing, and one that trains 2-2-1."""

from __future__ import annotations

from pathlib import Path

from shared.registry import Source, find

EMPTY = """
from shared.backend import StepBackend

class Mine(StepBackend):
    framework = "numpy"

    def __init__(self, network, optimizer, dtype, device="cpu"):
        pass

    def evaluate(self, params, x, y):
        pass

    def gradients(self, params, x, y):
        pass

    def update(self, params, grads, state):
        pass
"""

TRAINING = """
import numpy as np

from shared.backend import Backend, Evaluation, OptimizerState, StepBackend, StepGradients


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Mine(StepBackend):
    def __init__(self, network, optimizer, dtype, device="cpu"):
        self.rate = np.dtype(dtype).type(optimizer.learning_rate)

    def evaluate(self, params, x, y):
        W1, b1, W2, b2 = params
        h = sigmoid(x @ W1.T + b1)
        o = sigmoid(h @ W2.T + b2)
        loss = np.mean((o - y) ** 2)
        return Evaluation(activations=(h, o), logits=None, loss=loss)

    def gradients(self, params, x, y):
        evaluation = self.evaluate(params, x, y)
        h, o = evaluation.activations
        d2 = 2 * (o - y) / o.size * o * (1 - o)
        d1 = d2 @ params[2] * h * (1 - h)
        grads = d1.T @ x, d1.sum(0), d2.T @ h, d2.sum(0)
        return StepGradients(evaluation, grads)

    def update(self, params, grads, state):
        after = tuple(w - self.rate * g for w, g in zip(params, grads))
        return after, OptimizerState(state.step + 1)
"""


def write(folder: Path, source: str | bytes, name: str = "mine.py") -> Path:
    """Write a backend of one's own and return its path."""
    path = folder / name
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    return path


def write_training(folder: Path, *replaced: tuple[str, str], name: str = "mine.py") -> Path:
    """Write the backend that trains, with pieces of it replaced."""
    source = TRAINING
    for old, new in replaced:
        assert old in source
        source = source.replace(old, new)
    return write(folder, source, name)


def inserted(before: str, line: str) -> tuple[str, str]:
    """Put a line of a verb before another."""
    return f"        {before}", f"        {line}\n        {before}"


def own(path: Path) -> Source:
    return find(str(path))
