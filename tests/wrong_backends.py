"""Right backends for one kind of network, and backends that are wrong in one thing each.

Each is a right one with a piece exchanged, beside the checks of tests/conformance that it has to
fail: these and no others.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

RIGHT = """
import numpy as np

from shared.backend import Backend, Evaluation, OptimizerState, StepBackend, StepGradients
from shared.errors import BackendUnusable
from shared.network import Network
from shared.stepwise import Stepwise


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Own(StepBackend):
    replica_axes = True

    def __init__(self, network, optimizer, dtype, device="cpu"):
        if network != Network((2, 2, 1)) or not optimizer.is_plain:
            raise BackendUnusable("it knows the 2-2-1 network and plain SGD only")
        self.rate = np.dtype(dtype).type(optimizer.learning_rate)
        self.calls = 0
        self.buffers = {}

    def evaluate(self, params, x, y):
        W1, b1, W2, b2 = params
        h = sigmoid(x @ W1.mT + b1[..., None, :])
        o = sigmoid(h @ W2.mT + b2[..., None, :])
        return Evaluation((h, o), None, np.mean((o - y) ** 2, axis=(-2, -1)))

    def gradients(self, params, x, y):
        seen = Own.evaluate(self, params, x, y)
        h, o = seen.activations
        d2 = 2 * (o - y) / o.shape[-2] * o * (1 - o)
        d1 = d2 @ params[2] * h * (1 - h)
        grads = d1.mT @ x, d1.sum(-2), d2.mT @ h, d2.sum(-2)
        return StepGradients(seen, grads)

    def update(self, params, grads, state):
        after = tuple(w - self.rate * g for w, g in zip(params, grads))
        return after, OptimizerState(state.step + 1)
"""

REFUSING = """        if network != Network((2, 2, 1)) or not optimizer.is_plain:
            raise BackendUnusable("it knows the 2-2-1 network and plain SGD only")
"""
UPDATE = RIGHT[RIGHT.index("    def update") :]

ADAM = RIGHT.replace(
    REFUSING,
    """        if network != Network((2, 2, 1)) or optimizer.name != "adam":
            raise BackendUnusable("it knows the 2-2-1 network and Adam only")
        self.optimizer, self.dtype = optimizer, np.dtype(dtype).type
""",
).replace(
    UPDATE,
    """    def update(self, params, grads, state):
        o, t = self.optimizer, state.step + 1
        grads = tuple(g + o.weight_decay * w for g, w in zip(grads, params))
        m = tuple(o.beta1 * m + (1 - o.beta1) * g for m, g in zip(state.slots["m"], grads))
        v = tuple(o.beta2 * v + (1 - o.beta2) * g * g for v, g in zip(state.slots["v"], grads))
        of1, of2 = (self.correction(beta, t) for beta in (o.beta1, o.beta2))
        after = tuple(
            w - self.rate * (m / of1 / self.divisor(v / of2, of2)) for w, m, v in zip(params, m, v)
        )
        return after, OptimizerState(t, {"m": m, "v": v})

    def correction(self, beta, t):
        if self.optimizer.bias_correction == "none":
            return self.dtype(1)
        number = self.dtype if self.optimizer.bias_correction == "dtype" else float
        return self.dtype(1 - number(beta) ** t)

    def divisor(self, v, of2):
        epsilon, place = self.optimizer.epsilon, self.optimizer.epsilon_place
        if place == "inside":
            return np.sqrt(v + epsilon)
        return np.sqrt(v) + (epsilon / np.sqrt(of2) if place == "uncorrected" else epsilon)
""",
)
"""The same network, with Adam and all its options."""

SEEN = "        return Evaluation((h, o)"
MADE = "        return StepGradients(seen, grads)"
AFTER = "        after = tuple("


@dataclass(frozen=True)
class Wrong:
    """A piece of a right backend, what stands there instead, and the checks that fail."""

    old: str
    new: str
    breaks: str
    right: str = RIGHT

    def write(self, path: Path) -> None:
        assert self.right.count(self.old) == 1
        path.write_text(self.right.replace(self.old, self.new), "utf-8")


ALL_STEPS = """(Backend):
    def train(self, params, state, data, batches, every=1):
        return Stepwise(self).train(params, state, data, batches, min(every, 1))
"""

ELSEWHERE = """(Backend):
    def train(self, params, state, data, batches, every=1):
        params = tuple(w / 2 for w in params)
        return Stepwise(self).train(params, state, data, batches, every)
"""

WRONG = {
    "writes_into_its_argument": Wrong(
        AFTER, "        for g in grads:\n            g *= 1.5\n" + AFTER, "arguments"
    ),
    "returns_a_buffer_again": Wrong(
        SEEN,
        "        h, new = self.buffers.setdefault(h.shape, np.empty_like(h)), h\n"
        "        h[...] = new\n" + SEEN,
        "results",
    ),
    "float64_in_a_float32_run": Wrong(
        MADE, "        grads = *grads[:3], grads[3].astype(float)\n" + MADE, "shapes"
    ),
    "raises_later": Wrong(AFTER, "        1 / (state.step - 6)\n" + AFTER, "training"),
    "transposed_gradient": Wrong("d1.mT @ x,", "x.mT @ d1,", "backward"),
    "counts_its_calls": Wrong(
        MADE,
        "        self.calls += 1\n        if self.calls % 2:\n"
        "            grads = *grads[:3], np.nextafter(grads[3], grads[3] + 1)\n" + MADE,
        "determinism",
    ),
    "factor_in_the_gradient": Wrong("2 * (o - y)", "(o - y)", "backward"),
    "rate_twice": Wrong("self.rate * g", "self.rate * self.rate * g", "update"),
    "forgets_the_step": Wrong("(state.step + 1)", "(state.step)", "state"),
    "sums_the_loss": Wrong(
        "        seen = Own.evaluate(self, params, x, y)",
        "        seen = Own.evaluate(self, params, x, y)\n"
        "        seen = Evaluation(seen.activations, None, seen.loss * len(x))",
        "loss",
    ),
    "another_function_in_evaluate": Wrong(
        SEEN, "        if len(x) == 6:\n            o = o * o\n" + SEEN, "curve"
    ),
    "another_function_forward": Wrong(
        "        o = sigmoid(", "        o = np.tanh(", "forward, curve"
    ),
    "records_other_steps": Wrong("(StepBackend):", ALL_STEPS, "train"),
    "starts_elsewhere": Wrong("(StepBackend):", ELSEWHERE, "train, training"),
    "mixes_its_replicas": Wrong(
        MADE,
        "        if x.ndim == 3:\n            grads = (grads[0] + grads[0][::-1], *grads[1:])\n"
        + MADE,
        "replicas",
    ),
    "raises_in_the_constructor": Wrong(
        "        self.rate =", "        1 / 0\n        self.rate =", "constructor"
    ),
    "refuses_everything": Wrong("or not optimizer.is_plain", "or True", "constructor"),
}

DECAYING = "        grads = tuple(g + o.weight_decay * w for g, w in zip(grads, params))\n"

WRONG_IN_AN_OPTION = {
    "ignores_its_decay": Wrong(DECAYING, "", "update", ADAM),
    "decays_apart": Wrong(
        DECAYING,
        "        params = tuple(w - self.rate * self.dtype(o.weight_decay) * w for w in params)\n",
        "update",
        ADAM,
    ),
    "ignores_the_place_of_epsilon": Wrong('place == "inside"', "False", "update", ADAM),
    "always_corrects": Wrong('bias_correction == "none"', 'name == "none"', "update", ADAM),
    "stands_still": Wrong("OptimizerState(t,", "OptimizerState(state.step,", "state", ADAM),
    "fails_in_an_option": Wrong(
        "            return np.sqrt(v + epsilon)", "            return 1 / 0", "training", ADAM
    ),
}
"""Wrong in what an option of the optimizer says; without it each is right."""
