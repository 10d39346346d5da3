"""Faults of the loss: another function, another factor, or the right one told at another time."""

from __future__ import annotations

from shared.faults import loss_changes as changes
from shared.faults.fault import AtBorder, Fault, InSource
from shared.faults.in_backend import DESCENT, Pair, followed, in_backend, lines
from shared.faults.places import LOSS

TOLD = ("loss",)

_SQUARES = {
    "numpy": "(output - y) ** 2",
    "torch": "squares = (activations[-1] - y).square()",
    "jax": "squares = (activations[-1] - y) ** 2",
}
"""The squares of both losses that have some: in NumPy's file they stand twice."""

_MEAN = {
    "numpy": f"return _sum({_SQUARES['numpy']}, m * n)",
    "torch": "return squares.mean(dim=(-2, -1)), activations, z",
    "jax": "return jnp.mean(squares, axis=(-2, -1)), activations",
}
_COST = {
    "numpy": f"return _sum({_SQUARES['numpy']}, 2 * m)",
    "torch": "return squares.sum(dim=(-2, -1)) / (2 * y.shape[-2]), activations, z",
    "jax": "return jnp.mean(squares.sum(axis=-1), axis=-1) / 2, activations",
}
"""Where each backend has the mean squared error, and where the quadratic cost."""

_NUMPYS = "loss = total_loss(self.network, outputs[-1], logits, data.y[batches[recorded]])"
"""Where NumPy's backend takes the losses of all recorded steps at once."""

_SLOPE = 'slope = 2 * error / (m * n) if network.loss == "mean_squared_error" else error / m'


def _told(backend: str, *pairs: Pair, updates: tuple[Pair, ...] = ()) -> InSource:
    return in_backend(backend, LOSS, TOLD, *pairs, updates=updates)


def _slope(mean: str, cost: str) -> Pair:
    """Return the slope by the output that NumPy's backend has by hand, for either loss."""
    return _SLOPE, f'slope = {mean} if network.loss == "mean_squared_error" else {cost}'


LOSS_FAULTS = (
    Fault(
        "loss-summed",
        "The loss is the sum over the batch, where the mean was meant.",
        "loss",
        in_source=(
            _told(
                "numpy",
                (_MEAN["numpy"], "return _sum((output - y) ** 2, 1)"),
                (_COST["numpy"], "return _sum((output - y) ** 2, 2)"),
                _slope("2 * error", "error"),
            ),
            _told(
                "torch",
                (_MEAN["torch"], "return squares.sum(dim=(-2, -1)), activations, z"),
                (_COST["torch"], "return squares.sum(dim=(-2, -1)) / 2, activations, z"),
            ),
            _told(
                "jax",
                (_MEAN["jax"], "return jnp.sum(squares, axis=(-2, -1)), activations"),
                (_COST["jax"], "return jnp.sum(squares, axis=(-2, -1)) / 2, activations"),
            ),
        ),
    ),
    Fault(
        "loss-halved",
        "The loss has a factor 1/2 that it should not have.",
        "loss",
        at_border=AtBorder(LOSS, TOLD, gradients=changes.halved),
        in_source=(
            _told(
                "numpy",
                (_MEAN["numpy"], "return _sum((output - y) ** 2, 2 * m * n)"),
                (_COST["numpy"], "return _sum((output - y) ** 2, 4 * m)"),
                _slope("error / (m * n)", "error / (2 * m)"),
            ),
            _told("torch", (_SQUARES["torch"], f"{_SQUARES['torch']} / 2")),
            _told("jax", (_SQUARES["jax"], f"{_SQUARES['jax']} / 2")),
        ),
    ),
    Fault(
        "absolute-error",
        "The loss adds up distances, where it should add up their squares.",
        "loss",
        in_source=(
            _told(
                "numpy",
                (_MEAN["numpy"], "return _sum(abs(output - y), m * n)"),
                (_COST["numpy"], "return _sum(abs(output - y), 2 * m)"),
                _slope("np.sign(error) / (m * n)", "np.sign(error) / (2 * m)"),
            ),
            _told("torch", (_SQUARES["torch"], "squares = (activations[-1] - y).abs()")),
            _told("jax", (_SQUARES["jax"], "squares = jnp.abs(activations[-1] - y)")),
        ),
        source="DeepCrime, change_loss_function",
    ),
    Fault(
        "loss-after-update",
        "The loss was logged after the update, and belongs to the next parameters.",
        "loss",
        in_source=(
            _told(
                "numpy",
                (
                    _NUMPYS,
                    lines(
                        12,
                        "moved, seen = tuple(after[: len(params)]), batches[recorded]",
                        "late, z = forward(self.network, moved, data.x[seen])",
                        "loss = total_loss(self.network, late[-1], z, data.y[seen])",
                    ),
                ),
            ),
            _told(
                "torch",
                followed(
                    8,
                    "after = move(leaves, grads, slots, step)",
                    "loss = self.loss(after[0], x, y)[0].detach()",
                ),
            ),
            _told(
                "jax",
                followed(
                    12,
                    "w, slots = self.moved(w, gradient, slots, learning_rate, tick)",
                    "loss = self.loss(self._params(w), *samples)[0]",
                ),
            ),
        ),
    ),
    Fault(
        "loss-doubled-rate-halved",
        "Twice the loss and half the learning rate: the weights agree, and the gradients do not.",
        "loss",
        in_source=(
            _told(
                "numpy",
                (_MEAN["numpy"], "return _sum(2 * (output - y) ** 2, m * n)"),
                (_COST["numpy"], "return _sum(2 * (output - y) ** 2, 2 * m)"),
                _slope("4 * error / (m * n)", "2 * error / m"),
                updates=((DESCENT["numpy"], "w -= eta / 2 * g\n"),),
            ),
            _told(
                "torch",
                (_SQUARES["torch"], "squares = 2 * (activations[-1] - y).square()"),
                (
                    "tensor.sub_(gradient, alpha=self.learning_rate)",
                    "tensor.sub_(gradient, alpha=self.learning_rate / 2)",
                ),
                updates=(
                    (
                        DESCENT["torch"],
                        DESCENT["torch"].replace(
                            "optimizer.learning_rate", "optimizer.learning_rate / 2"
                        ),
                    ),
                ),
            ),
            _told(
                "jax",
                (_SQUARES["jax"], "squares = 2 * (activations[-1] - y) ** 2"),
                updates=((DESCENT["jax"], DESCENT["jax"].replace("eta", "eta / 2")),),
            ),
        ),
    ),
    Fault(
        "loss-float32",
        "The loss is added up in float32, in the middle of a float64 run.",
        "loss",
        in_source=(
            _told(
                "numpy",
                (
                    "return np.asarray(total / divisor)",
                    "return np.asarray(total / divisor).astype(np.float32).astype(terms.dtype)",
                ),
            ),
            _told("torch", (_SQUARES["torch"], f"{_SQUARES['torch']}.float().to(y.dtype)")),
            _told(
                "jax",
                (
                    _SQUARES["jax"],
                    'squares = ((activations[-1] - y).astype("float32") ** 2).astype(y.dtype)',
                ),
            ),
        ),
    ),
    Fault(
        "loss-smoothed",
        "What is called the loss is its running mean, as a progress bar shows it.",
        "loss",
        at_border=AtBorder(LOSS, TOLD, gradients=changes.smoothed),
    ),
    Fault(
        "loss-with-penalty",
        "The squares of the weights are part of the loss.",
        "loss",
        at_border=AtBorder(LOSS, TOLD, gradients=changes.with_penalty),
        in_source=tuple(
            _told(
                backend,
                *(
                    (old, old.replace(", activations", " + penalty, activations"))
                    for old in (_MEAN[backend], _COST[backend])
                ),
                (
                    _SQUARES[backend],
                    lines(
                        8,
                        f"penalty = SIZE * sum((W**2).sum(({axes})) for W in params[0::2])",
                        _SQUARES[backend],
                    ),
                ),
            )
            for backend, axes in (("torch", "-2, -1"), ("jax", "-2, -1"))
        ),
        sizes=(1e-4, 1e-9),
        resolution={"float64": 1e-14, "float32": 2e-6},
        source="DeepCrime, add_weights_regularisation",
    ),
)
