"""Optimizers of every kind, each choice of each field in one of them at least, by short names."""

from __future__ import annotations

from shared.optimizer import DECOUPLED, DTYPE, INSIDE, NONE, UNCORRECTED, Optimizer

OPTIMIZERS = {
    "sgd": Optimizer(0.05),
    "sgd, coupled": Optimizer(0.05, weight_decay=0.03),
    "sgd, decoupled": Optimizer(0.05, weight_decay=0.03, decay=DECOUPLED),
    "momentum": Optimizer(0.02, "momentum"),
    "momentum, inside, decoupled": Optimizer(
        0.02, "momentum", momentum=0.8, rate_place=INSIDE, weight_decay=0.1, decay=DECOUPLED
    ),
    "nesterov, coupled": Optimizer(0.02, "momentum", nesterov=True, weight_decay=0.03),
    "nesterov, inside": Optimizer(0.02, "momentum", nesterov=True, rate_place=INSIDE),
    "nesterov, decoupled": Optimizer(
        0.02, "momentum", nesterov=True, weight_decay=0.1, decay=DECOUPLED
    ),
    "rmsprop": Optimizer(0.01, "rmsprop"),
    "rmsprop, inside, coupled": Optimizer(
        0.01, "rmsprop", epsilon=1e-3, epsilon_place=INSIDE, weight_decay=0.03
    ),
    "adam": Optimizer(0.01, "adam"),
    "adam, inside, in dtype": Optimizer(
        0.01, "adam", beta1=0.25, epsilon=1e-3, epsilon_place=INSIDE, bias_correction=DTYPE
    ),
    "adam, uncorrected, coupled": Optimizer(
        0.01, "adam", epsilon=1e-3, epsilon_place=UNCORRECTED, weight_decay=0.03
    ),
    "adam, no correction": Optimizer(0.01, "adam", bias_correction=NONE),
    "adamw": Optimizer(0.01, "adamw", weight_decay=0.1),
    "adamw, uncorrected, in dtype": Optimizer(
        0.01, "adamw", epsilon=1e-3, epsilon_place=UNCORRECTED, bias_correction=DTYPE
    ),
}  # fmt: skip
