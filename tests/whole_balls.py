"""The trajectory of a 2-2-1 network in whole balls: nothing is cut off, so every ball is sure.

Written in single numbers and apart from shared/certificate: σ(z) = 1 / (1 + e^-z), the chain rule
by hand, batches of one sample, mean squared error. Balls grow from step to step, since ball
arithmetic forgets what belongs together; it takes many bits, and holds without any further proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import flint
from flint import arb

from shared.backend import Array
from shared.problems import Problem
from shared.seeding import batch_runs, starting_params

Numbers = tuple[arb, ...]


def walk(one: Problem, seed: int, dtype: str, bits: int, steps: int) -> Iterator[Numbers]:
    """Yield the nine weights after 0, 1, ..., steps steps: w1, ..., w4, b1, b2, w5, w6, b3."""
    data = one.dataset(dtype)
    rate = arb(one.optimizer_in(dtype).learning_rate)
    start = starting_params(one, seed, dtype)
    with flint.ctx.workprec(bits):
        samples = [
            (arb(float(x[0])), arb(float(x[1])), arb(float(y[0])))
            for x, y in zip(data.x, data.y, strict=True)
        ]
        now = tuple(arb(float(v)) for w in start for v in w.ravel())
        yield now
        for _, batches in batch_runs(one, seed, 0, steps):
            for (sample,) in batches.tolist():
                now = step(now, samples[sample], rate)
                yield now


def step(weights: Sequence[arb], sample: Sequence[arb], rate: arb) -> Numbers:
    """Make one step of gradient descent on (o - y)²."""
    w1, w2, w3, w4, b1, b2, w5, w6, b3 = weights
    x1, x2, y = sample
    h1 = sigmoid(w1 * x1 + w2 * x2 + b1)
    h2 = sigmoid(w3 * x1 + w4 * x2 + b2)
    o = sigmoid(w5 * h1 + w6 * h2 + b3)
    d3 = 2 * (o - y) * o * (1 - o)
    d1 = d3 * w5 * h1 * (1 - h1)
    d2 = d3 * w6 * h2 * (1 - h2)
    grads = (d1 * x1, d1 * x2, d2 * x1, d2 * x2, d1, d2, d3 * h1, d3 * h2, d3)
    return tuple(w - rate * g for w, g in zip(weights, grads, strict=True))


def sigmoid(z: arb) -> arb:
    """1 / (1 + e^-z)."""
    return 1 / (1 + (-z).exp())


def apart(balls: Sequence[arb], points: Sequence[arb], radius: Array) -> bool:
    """Whether any ball is sure to hold no number within the radius of its point."""
    reach = [arb(float(r)) for r in radius]
    return any(
        bool(abs(ball - point) > r) for ball, point, r in zip(balls, points, reach, strict=True)
    )


def widest(balls: Sequence[arb]) -> float:
    """The largest radius."""
    return max(float(ball.rad()) for ball in balls)
