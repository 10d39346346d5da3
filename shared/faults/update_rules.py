"""Faults of the rule by which parameters move: another optimizer, another gradient, other bits."""

from __future__ import annotations

from shared.faults import update_changes as changes
from shared.faults.fault import AtBorder, Fault, InSource
from shared.faults.in_backend import Pair, each_descent, in_backend, lines
from shared.faults.places import PARAMETERS, UPDATE

_NUMPY_STEP = "move_all(self.move, params, grads, slots, step)"
_TORCH_STEP = "after = move(leaves, grads, slots, step)"
_JAX_STEP = "w, slots = self.moved(w, gradient, slots, learning_rate, tick)"


def _moved_by(*new: str) -> tuple[InSource, ...]:
    """Return steps of `train` that move by something else in NumPy's file and in torch's.

    The lines make it of `grads` and of `old`, which is what they were made of in the step before,
    and keep what the next step has to know.
    """
    start = 'number, old = getattr(self, "held", (0, ()))'
    since = "old = old if number == step - 1 and old else None"
    found = []
    for backend, indent, move in (("numpy", 16, _NUMPY_STEP), ("torch", 8, _TORCH_STEP)):
        moved = move.replace("grads", "pushed")
        pair: Pair = (move, lines(indent, start, since, *new, moved))
        found.append(in_backend(backend, UPDATE, PARAMETERS, pair))
    return tuple(found)


_VELOCITY = (
    "velocity = [SIZE * v + g for v, g in zip(old, grads)] if old else list(grads)",
    "self.held = step, velocity",
)

RULE_FAULTS = (
    Fault(
        "step-uphill",
        "Parameters move along the gradient instead of against it.",
        "update",
        at_border=AtBorder(UPDATE, PARAMETERS, update=changes.uphill),
        in_source=each_descent(
            numpy="w += eta * g",
            torch="w.add(g, alpha=optimizer.learning_rate)",
            jax="w + eta * g",
        ),
    ),
    Fault(
        "step-made-twice",
        "The optimizer is asked for its step twice, once by the trainer and once by the loop.",
        "update",
        at_border=AtBorder(UPDATE, PARAMETERS, update=changes.twice),
        in_source=(
            in_backend(
                "numpy",
                UPDATE,
                PARAMETERS,
                (
                    "        move(w, g, own, step)\n",
                    "        move(w, g, own, step)\n        move(w, g, own, step)\n",
                ),
            ),
            in_backend(
                "torch",
                UPDATE,
                PARAMETERS,
                (
                    _TORCH_STEP,
                    f"{_TORCH_STEP}\n        after = move(after[0], grads, after[1], step)",
                ),
            ),
            in_backend(
                "jax", UPDATE, PARAMETERS, (_JAX_STEP, f"{_JAX_STEP}\n            {_JAX_STEP}")
            ),
        ),
        source="mzolfaghari/ECO-pytorch#1",
    ),
    Fault(
        "last-bias-frozen",
        "The last bias is on no optimizer's list.",
        "update",
        at_border=AtBorder(UPDATE, ("bL",), update=changes.last_bias_frozen),
        in_source=(
            in_backend(
                "numpy",
                UPDATE,
                ("bL",),
                (
                    "for w, g, own in zip(params, grads, carried, strict=True):",
                    "for w, g, own in list(zip(params, grads, carried, strict=True))[:-1]:",
                ),
            ),
        ),
        source="lmnt-com/haste#34",
    ),
    Fault(
        "decay-coupled",
        "The optimizer came with a weight decay of its own, added to the gradient.",
        "update",
        at_border=AtBorder(UPDATE, PARAMETERS, update=changes.decayed_with_gradient),
        in_source=each_descent(
            numpy="w -= eta * (g + number(SIZE) * w)",
            torch="w.sub(g.add(w, alpha=SIZE), alpha=optimizer.learning_rate)",
            jax="w - eta * (g + SIZE * w)",
        ),
        sizes=(1e-4, 1e-9),
        resolution={"float64": 1e-14, "float32": 5e-6},
        source="DeepCrime, RAW",
    ),
    Fault(
        "decay-decoupled",
        "The optimizer came with a weight decay of its own, which shrinks the parameters.",
        "update",
        at_border=AtBorder(UPDATE, PARAMETERS, update=changes.decayed_apart),
        in_source=each_descent(
            numpy="w *= number(1 - optimizer.learning_rate * SIZE)\nw -= eta * g",
            torch="w.mul(1 - optimizer.learning_rate * SIZE).sub(g, alpha=optimizer.learning_rate)",
            jax="(1 - optimizer.learning_rate * SIZE) * w - eta * g",
        ),
        sizes=(1e-4, 1e-9),
        resolution={"float64": 1e-14, "float32": 5e-6},
        source="DeepCrime, RAW",
    ),
    Fault(
        "momentum-hidden",
        "A velocity is kept where plain descent was asked for.",
        "update",
        at_border=AtBorder(UPDATE, PARAMETERS, update=changes.with_momentum),
        in_source=_moved_by(*_VELOCITY, "pushed = velocity"),
        sizes=(0.9, 1e-9),
        resolution={"float64": 1e-13, "float32": 1e-4},
        source="DeepCrime, OCH",
    ),
    Fault(
        "nesterov-hidden",
        "Nesterov's look ahead was left on where plain descent was asked for.",
        "update",
        at_border=AtBorder(UPDATE, PARAMETERS, update=changes.with_nesterov),
        in_source=_moved_by(*_VELOCITY, "pushed = [g + SIZE * v for g, v in zip(grads, velocity)]"),
        sizes=(0.9,),
        source="DeepCrime, OCH",
    ),
    Fault(
        "step-by-the-gradient-before",
        "Parameters move by the gradient of the step before: the new one comes too late.",
        "update",
        at_border=AtBorder(UPDATE, PARAMETERS, update=changes.by_the_gradient_before),
        in_source=_moved_by(
            "pushed, self.held = old or list(grads), (step, list(grads))",
        ),
    ),
    Fault(
        "parameters-clipped",
        "Parameters are held between minus the size and the size.",
        "update",
        at_border=AtBorder(UPDATE, PARAMETERS, update=changes.clipped),
        in_source=each_descent(
            numpy="w -= eta * g\nnp.clip(w, -SIZE, SIZE, out=w)",
            torch="w.sub(g, alpha=optimizer.learning_rate).clamp(-SIZE, SIZE)",
            jax="(w - eta * g).clip(-SIZE, SIZE)",
        ),
        sizes=(3.0,),
        smaller_is_less=False,
    ),
    Fault(
        "parameters-through-float32",
        "After one step the parameters were saved in float32, and read back.",
        "update",
        at_border=AtBorder(UPDATE, PARAMETERS, update=changes.through_float32),
        in_source=each_descent(
            numpy="w -= eta * g\nw[...] = w.astype(np.float32)",
            torch="w.sub(g, alpha=optimizer.learning_rate).float().to(w.dtype)",
            jax="(w - eta * g).astype('float32').astype(w.dtype)",
        ),
        starts=(100,),
        lasting=1,
    ),
    Fault(
        "step-by-a-float32-gradient",
        "The optimizer reads the gradient in float32, and moves parameters of float64.",
        "update",
        at_border=AtBorder(UPDATE, PARAMETERS, update=changes.by_float32_gradient),
        in_source=each_descent(
            numpy="w -= eta * g.astype(np.float32)",
            torch="w.sub(g.float().to(w.dtype), alpha=optimizer.learning_rate)",
            jax="w - eta * g.astype('float32').astype(w.dtype)",
        ),
    ),
    Fault(
        "one-bit-flipped",
        "In one step a bit of one weight fell over, as bits in memory do.",
        "update",
        at_border=AtBorder(UPDATE, ("W1",), update=changes.one_bit_flipped),
        sizes=(1024.0, 1.0),
        starts=(100,),
        lasting=1,
    ),
)
