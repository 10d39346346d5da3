"""Other ways to write sigmoid, its slope, tanh's, and cross-entropies; and problems for them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from impls.numpy_backprop import FUNCTIONS
from shared.backend import Array
from shared.named_problems import problem
from shared.network import Network
from shared.problems import Problem
from tests.certified_kinds import BINARY, CATEGORICAL, made
from tests.certified_runs import general
from tests.form_backends import AtLogits, Function, Slope


def two_branches(z: Array) -> Array:
    """σ(z) = e^z / (1 + e^z) below zero, where e^-z might overflow."""
    e = np.exp(-abs(z))
    branches: Array = np.where(z >= 0, 1 / (1 + e), e / (1 + e))
    return branches


def by_tanh(tanh: Function) -> Function:
    """σ(z) = (1 + tanh(z/2)) / 2."""

    def own(z: Array) -> Array:
        return np.asarray((1 + tanh(z / 2)) / 2, z.dtype)

    return own


def in_python(z: Array) -> Array:
    """The tanh of C's library, number by number."""
    return np.array([math.tanh(v) for v in z.ravel().tolist()], z.dtype).reshape(z.shape)


def in_torch(z: Array) -> Array:
    import torch

    result: Array = torch.tanh(torch.from_numpy(np.array(z))).numpy()
    return result


def in_jax(z: Array) -> Array:
    import jax

    with jax.enable_x64(True):
        result: Array = np.asarray(jax.numpy.tanh(z))
    return result


def some_units_off(z: Array) -> Array:
    """A tanh that is nearly as wrong as is declared."""
    eps = np.finfo(z.dtype).eps
    result: Array = np.tanh(z) * (1 - 4 * eps)
    return result


def difference(_: Array, a: Array) -> Array:
    """σ' = a - a²."""
    slope: Array = a - a * a
    return slope


def of_exponential(z: Array, _: Array) -> Array:
    """σ' = e^-|z| / (1 + e^-|z|)²."""
    e = np.exp(-abs(z))
    slope: Array = e / (1 + e) ** 2
    return slope


def of_both_sides(z: Array, _: Array) -> Array:
    """σ' = σ(z) σ(-z)."""
    slope: Array = FUNCTIONS["sigmoid"](z) * FUNCTIONS["sigmoid"](-z)
    return slope


def of_cosh(z: Array, _: Array) -> Array:
    """tanh' = 1 / cosh² z."""
    slope: Array = 1 / np.cosh(z) ** 2
    return slope


def log_sum(z: Array) -> Array:
    """ln Σ e^z."""
    highest = z.max(axis=-1, keepdims=True)
    total: Array = highest + np.log(np.exp(z - highest).sum(axis=-1, keepdims=True))
    return total


def softplus(z: Array) -> Array:
    """ln(1 + e^z)."""
    value: Array = np.maximum(z, 0) + np.log1p(np.exp(-abs(z)))
    return value


def of_log_softmax(z: Array, y: Array) -> tuple[Array, Array, Array]:
    """As automatic differentiation has it: s is the exponential of a logarithm."""
    d = z - z.max(axis=-1, keepdims=True)
    logarithm = d - np.log(np.exp(d).sum(axis=-1, keepdims=True))
    s = np.exp(logarithm)
    return s, -(y * logarithm), s * y.sum(axis=-1, keepdims=True) - y


def of_log_sum(z: Array, y: Array) -> tuple[Array, Array, Array]:
    """L = ln Σ e^z - Σ y z."""
    s = np.exp(z - log_sum(z))
    return s, log_sum(z) - (y * z).sum(axis=-1, keepdims=True), s - y


def of_logarithms(z: Array, y: Array) -> tuple[Array, Array, Array]:
    """L = -Σ y ln s."""
    s = FUNCTIONS["softmax"](z)
    return s, -(y * np.log(s)), s - y


def of_both_answers(z: Array, y: Array) -> tuple[Array, Array, Array]:
    """L = -y ln σ(z) - (1 - y) ln σ(-z), each part with a slope of its own."""
    slope = (1 - y) * np.exp(-softplus(-z)) - y * np.exp(-softplus(z))
    return FUNCTIONS["sigmoid"](z), y * softplus(-z) + (1 - y) * softplus(z), slope


def of_softplus(z: Array, y: Array) -> tuple[Array, Array, Array]:
    """L = (1 - y) z + ln(1 + e^-z)."""
    s = two_branches(z)
    return s, (1 - y) * z + softplus(-z), s - y


def of_power(z: Array, y: Array) -> tuple[Array, Array, Array]:
    """σ(z) = e^(z - ln(1 + e^z))."""
    s = np.exp(z - np.logaddexp(z.dtype.type(0), z))
    return FUNCTIONS["sigmoid"](z), np.logaddexp(z.dtype.type(0), z) - z * y, s - y


CLASSES: dict[str, AtLogits] = {
    "log-softmax": of_log_softmax,
    "log of a sum": of_log_sum,
    "logarithms": of_logarithms,
}
ANSWERS: dict[str, AtLogits] = {
    "both answers": of_both_answers,
    "softplus": of_softplus,
    "power": of_power,
}
TANH: dict[str, Function] = {
    "numpy": np.tanh,
    "python": in_python,
    "torch": in_torch,
    "jax": in_jax,
}
SLOPES_OF: dict[str, tuple[str, Slope, str]] = {
    "a - a²": ("sigmoid", difference, "σ'(z) as a - a²"),
    "e / (1 + e)²": ("sigmoid", of_exponential, "σ'(z) from z"),
    "σ(z) σ(-z)": ("sigmoid", of_both_sides, "σ'(z) from z"),
    "1 / cosh²": ("tanh", of_cosh, "tanh'(z) from z"),
}
"""Of which function they are the slope, the slope, and what a certificate calls it."""


def scaled(one: Problem, factor: float) -> Problem:
    """The same with larger inputs, which saturate the units."""
    return replace(one, x=factor * one.x)


def network(hidden: str, output: str, loss: str) -> Problem:
    return made(Network((12, 9, 5), hidden, output, loss), 40, 10, 0.1, epochs=8)


PEOPLE = problem("people16").changed(epochs=15)
DEEP = general((5, 4, 3, 2), 140, 7, 4)
SQUARES = "mean_squared_error"

RUNS: dict[str, tuple[Problem, int]] = {
    "2-2-1, seed 0": (PEOPLE, 0),
    "2-2-1, seed 5": (PEOPLE, 5),
    "2-2-1, seed 42": (PEOPLE, 42),
    "2-2-1, saturated": (scaled(PEOPLE, 64), 5),
    "5-4-3-2": (DEEP, 1),
    "5-4-3-2, saturated": (scaled(DEEP, 16), 1),
    "12-9-5, squares": (network("sigmoid", "sigmoid", SQUARES), 1),
    "12-9-5, quantities, saturated": (scaled(network("sigmoid", "identity", SQUARES), 8), 1),
    "12-9-5, answers": (network("sigmoid", "sigmoid", BINARY), 1),
    "12-9-5, classes, saturated": (scaled(network("sigmoid", "softmax", CATEGORICAL), 8), 1),
    "12-9-5, tanh, squares": (network("tanh", "sigmoid", SQUARES), 1),
    "12-9-5, tanh, squares, saturated": (scaled(network("tanh", "sigmoid", SQUARES), 8), 1),
    "12-9-5, tanh, classes, saturated": (scaled(network("tanh", "softmax", CATEGORICAL), 8), 1),
}
"""A problem, and the seed its training starts from."""
