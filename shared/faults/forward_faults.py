"""Faults of the forward pass: what goes into a layer's sums, and what becomes of its units."""

from __future__ import annotations

from shared.faults import forward_changes as changes
from shared.faults.data_changes import inputs_dropped
from shared.faults.fault import AtBorder, Fault
from shared.faults.forward_functions import FUNCTION_FAULTS
from shared.faults.forward_pieces import ALL, APPLIED, FIRST, SUM, functions, sums
from shared.faults.forward_precision import PRECISION_FAULTS
from shared.faults.in_backend import lines
from shared.faults.places import FORWARD

SUM_FAULTS = (
    Fault(
        "bias-ignored",
        "The biases are never added.",
        "forward",
        at_border=AtBorder(FORWARD, ALL, gradients=changes.without_biases),
        in_source=(sums("numpy", (SUM["numpy"], "z = activations[-1] @ W.mT")),),
        source="DeepCrime, remove_bias",
    ),
    Fault(
        "reshaped-for-transposed",
        "W1 was reshaped, where it should have been transposed: the shape is right.",
        "forward",
        in_source=(
            sums(
                "numpy",
                (
                    SUM["numpy"],
                    lines(
                        8,
                        "turned = W.mT if layer > 1 else W.reshape(W.mT.shape)",
                        "z = activations[-1] @ turned + b[..., None, :]",
                    ),
                ),
                tensors=FIRST,
            ),
            sums(
                "torch",
                (
                    "hidden: list[Tensor] = []",
                    lines(
                        8,
                        "turned = params[0].reshape(params[0].mT.shape).mT",
                        "params, hidden = [turned, *params[1:]], []",
                    ),
                ),
                tensors=FIRST,
            ),
            sums(
                "jax",
                (
                    SUM["jax"],
                    lines(12, "W = W if layer > 1 else W.reshape(W.mT.shape).mT", SUM["jax"]),
                ),
                tensors=FIRST,
            ),
        ),
    ),
)

UNIT_FAULTS = (
    Fault(
        "unit-stuck-at-0",
        "The first hidden unit says 0, whatever comes in.",
        "forward",
        in_source=(
            functions(
                "numpy",
                (
                    APPLIED["numpy"],
                    lines(
                        8,
                        "a = f(z)",
                        "if layer < last:",
                        "    a[..., 0] = 0",
                        "activations.append(a)",
                    ),
                ),
            ),
            functions(
                "torch",
                (
                    APPLIED["torch"],
                    lines(
                        12,
                        APPLIED["torch"],
                        "a = self.torch.cat([0 * a[..., :1], a[..., 1:]], dim=-1)",
                    ),
                ),
            ),
            functions(
                "jax",
                (
                    APPLIED["jax"],
                    lines(12, APPLIED["jax"], "a = a if layer == last else a.at[..., 0].set(0)"),
                ),
            ),
        ),
    ),
    Fault(
        "dropout-left-on",
        "Dropout was never switched off: some of what a layer receives is lost, the rest doubled.",
        "forward",
        at_border=AtBorder(FORWARD, FIRST, gradients=inputs_dropped),
        in_source=(
            functions(
                "numpy",
                (
                    APPLIED["numpy"],
                    lines(
                        8,
                        "a = f(z)",
                        "if layer < last:",
                        "    # a coin for each unit, thrown by what the samples hold",
                        "    coins = np.random.RandomState(int(abs(x).sum() * 1000) % 2**32)",
                        "    a *= 2 * coins.randint(0, 2, a.shape[-1]).astype(a.dtype)",
                        "activations.append(a)",
                    ),
                ),
            ),
        ),
    ),
    Fault(
        "parameters-late",
        "The forward pass runs on the parameters from before the last step.",
        "forward",
        at_border=AtBorder(FORWARD, ALL, gradients=changes.one_step_late),
        starts=(1, 776),
    ),
    Fault(
        "parameters-averaged",
        "The running average that is meant for evaluation is trained on.",
        "forward",
        at_border=AtBorder(FORWARD, ALL, gradients=changes.averaged),
    ),
)

FORWARD_FAULTS = (*SUM_FAULTS, *PRECISION_FAULTS, *FUNCTION_FAULTS, *UNIT_FAULTS)
