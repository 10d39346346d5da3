"""Faults in how a gradient is put together: what is summed, averaged, transposed, or left out."""

from __future__ import annotations

from shared.faults import backward_changes as changes
from shared.faults.fault import AtBorder, Fault
from shared.faults.in_backend import GRADIENT, followed, in_backend, lines
from shared.faults.places import BACKWARD, GRADIENTS

_BIAS = "grads.append(delta.sum(axis=-2))"
_WEIGHT = "grads.append(delta.mT @ a_below)"
_BELOW = "slope = delta @ params[2 * (layer - 1)]"
_UNUSED = GRADIENT["torch"].replace("params)", "params, allow_unused=True, materialize_grads=True)")
_RATE = "np.dtype(dtype).type(optimizer.learning_rate)"
_RESULT = ") -> tuple[Params, tuple[Array, ...]]:"
_CALL = "grads, deltas = backward(self.network, params, activations, y"
_CALLS = (
    "loss, activations, logits = self.loss(params, x, y)\n        ",
    "activations, z = forward(self.network, params, x)\n                ",
)

SUM_FAULTS = (
    Fault(
        "bias-gradient-averaged",
        "The gradients of the biases were averaged over the batch, though δ holds its 1/m already.",
        "backward",
        at_border=AtBorder(BACKWARD, ("b*",), gradients=changes.biases_averaged),
        in_source=(
            in_backend("numpy", BACKWARD, ("b*",), (_BIAS, "grads.append(delta.mean(axis=-2))")),
        ),
    ),
    Fault(
        "bias-gradients-reversed",
        "The gradients of a layer's biases came in the opposite order.",
        "backward",
        at_border=AtBorder(BACKWARD, ("b*",), gradients=changes.biases_reversed),
        in_source=(
            in_backend(
                "numpy", BACKWARD, ("b*",), (_BIAS, "grads.append(delta.sum(axis=-2)[..., ::-1])")
            ),
        ),
    ),
    Fault(
        "first-bias-without-gradient",
        "∂L/∂b1 is 0: the first bias had been cut off from the graph.",
        "backward",
        in_source=(
            in_backend(
                "numpy",
                BACKWARD,
                ("b1",),
                (_BIAS, "grads.append((delta if layer > 1 else 0 * delta).sum(axis=-2))"),
            ),
            in_backend(
                "torch",
                BACKWARD,
                ("b1",),
                (
                    "a = self.activation(self._affine(a, params[i], params[i + 1]))",
                    lines(
                        12,
                        "b = params[i + 1] if i else params[i + 1].detach()",
                        "a = self.activation(self._affine(a, params[i], b))",
                    ),
                ),
                (GRADIENT["torch"], _UNUSED),
            ),
            in_backend(
                "jax",
                BACKWARD,
                ("b1",),
                (
                    "z = self._product(a, W) + b[..., None, :]",
                    lines(
                        12,
                        "b = b if layer > 1 else self.jax.lax.stop_gradient(b)",
                        "z = self._product(a, W) + b[..., None, :]",
                    ),
                ),
            ),
        ),
    ),
    Fault(
        "weight-gradient-transposed",
        "∂L/∂W1 is transposed; where W1 is square no shape tells.",
        "backward",
        at_border=AtBorder(BACKWARD, ("W1",), gradients=changes.first_weights_transposed),
        in_source=(
            in_backend(
                "numpy",
                BACKWARD,
                ("W1",),
                (
                    _WEIGHT,
                    lines(
                        8,
                        "W, product = params[2 * (layer - 1)], a_below.mT @ delta",
                        "grads.append(product.mT if layer > 1 else product.reshape(W.shape))",
                    ),
                ),
            ),
            in_backend(
                "jax",
                BACKWARD,
                ("W1",),
                followed(
                    8, GRADIENT["jax"], "grads = [grads[0].mT.reshape(grads[0].shape), *grads[1:]]"
                ),
            ),
        ),
    ),
    Fault(
        "gradient-of-last-sample",
        "The loop over the batch assigned the gradient where it should have added to it.",
        "backward",
        at_border=AtBorder(BACKWARD, GRADIENTS, gradients=changes.of_the_last_sample),
        in_source=(
            in_backend(
                "numpy",
                BACKWARD,
                GRADIENTS,
                (_BIAS, "grads.append(delta[..., -1:, :].sum(axis=-2))"),
                (_WEIGHT, "grads.append(delta[..., -1:, :].mT @ a_below[..., -1:, :])"),
            ),
        ),
    ),
    Fault(
        "gradient-of-the-sum",
        "The loss is a mean over the batch, and the gradient that of the sum.",
        "backward",
        at_border=AtBorder(BACKWARD, GRADIENTS, gradients=changes.of_the_sum),
        in_source=(
            in_backend(
                "numpy",
                BACKWARD,
                ("δL",),
                ("error: Array = output - y", "error: Array = (output - y) * m"),
            ),
            in_backend(
                "jax",
                BACKWARD,
                GRADIENTS,
                (
                    "return loss.sum(), (seen, loss)",
                    "return loss.sum() * y.shape[-2], (seen, loss)",
                ),
            ),
        ),
        source="hirofumi0810/neural_sp#168",
    ),
    Fault(
        "hidden-layers-detached",
        "The output layer was fed a copy without history: no hidden layer ever learns.",
        "backward",
        in_source=(
            in_backend("numpy", BACKWARD, ("δh",), (_BELOW, f"{_BELOW} * 0")),
            in_backend(
                "torch",
                BACKWARD,
                ("Wh", "bh"),
                ("hidden.append(a)", "hidden.append(a)\n            a = a.detach()"),
                (GRADIENT["torch"], _UNUSED),
            ),
            in_backend(
                "jax",
                BACKWARD,
                ("Wh", "bh"),
                (
                    "activations.append(a)\n",
                    "activations.append(a)\n            a = self.jax.lax.stop_gradient(a)\n",
                ),
            ),
        ),
    ),
    Fault(
        "weights-missing-on-the-way-back",
        "δ went down to the hidden units as a plain sum, not weighted by W.",
        "backward",
        in_source=(
            in_backend(
                "numpy",
                BACKWARD,
                ("δh",),
                (_BELOW, "slope = delta @ np.ones_like(params[2 * (layer - 1)])"),
            ),
        ),
    ),
    Fault(
        "output-weights-moved-first",
        "Weights made their step before the error was carried back through them.",
        "backward",
        at_border=AtBorder(
            BACKWARD, ("Wh", "bh"), gradients=changes.by_moved_output_weights, hidden_deltas=True
        ),
        in_source=(
            in_backend(
                "numpy",
                BACKWARD,
                ("δh",),
                followed(8, "self.network = network", f"self.rate = {_RATE}"),
                (f"y: Array\n{_RESULT}", f"y: Array, rate: Array\n{_RESULT}"),
                *((f"{start}{_CALL})", f"{start}{_CALL}, self.rate)") for start in _CALLS),
                (_BELOW, "slope = delta @ (params[2 * (layer - 1)] - rate * grads[-1])"),
            ),
            in_backend(
                "torch",
                BACKWARD,
                ("Wh", "bh"),
                (
                    GRADIENT["torch"],
                    lines(
                        8,
                        "of, total = self.torch.autograd.grad, loss.sum()",
                        "last = of(total, params[-2:], retain_graph=True)",
                        "W, kept = params[-2].data, params[-2].data.clone()",
                        "W.sub_(last[0], alpha=self.learning_rate)",
                        "grads = [*of(total, params[:-2]), *last]",
                        "W.copy_(kept)",
                        "return grads",
                    ),
                ),
            ),
        ),
    ),
)
