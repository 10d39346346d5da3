"""The names of tensors in the update stage: a slot's and the parameter's together, and apart."""

from __future__ import annotations


def tensor_name(slot: str, param: str) -> str:
    """Return what findings call a slot's tensor; of the parameter itself (no slot) its own name.

    Examples
    --------
    >>> tensor_name("velocity", "W1"), tensor_name("", "W1")
    ('velocity W1', 'W1')
    """
    return f"{slot} {param}" if slot else param


def slot_and_param(tensor: str) -> tuple[str, str]:
    """Return what `tensor_name` joined.

    Examples
    --------
    >>> slot_and_param("velocity W1"), slot_and_param("W1")
    (('velocity', 'W1'), ('', 'W1'))
    """
    slot, _, param = tensor.rpartition(" ")
    return slot, param
