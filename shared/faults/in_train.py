"""Faults that are a few lines at the beginning of a backend's `train`, before its first step.

All of the files in impls/ cut their steps up with the same line there, and hold params, data and
batches by these names, so the same slip can be made in each of them.
"""

from __future__ import annotations

from shared.faults.fault import InSource, Replacement

FILES = {"numpy": "numpy_backprop", "torch": "torch_autograd", "jax": "jax_grad"}
"""A backend's name, and its file in impls/ without the ending."""

_FIRST = "recorded = numbers % every == 0 if every else np.zeros(len(batches), dtype=bool)"


def in_train(stage: str, tensors: tuple[str, ...], *lines: str) -> tuple[InSource, ...]:
    """Return the fault that some lines make at the beginning of `train`, in each backend."""
    new = "\n        ".join((*lines, _FIRST))
    return tuple(
        InSource(backend, stage, tensors, (Replacement(file, _FIRST, new),))
        for backend, file in FILES.items()
    )
