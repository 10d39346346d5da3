"""How torch's operators are seen, what they are called, and how its tensors lie in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from shared.backend import Array


def dispatch_mode(torch: Any, ran: Callable[[Any, Any, Any, Any], None]) -> Any:
    """Return a context in which every operator is seen: its arguments, options and result."""

    class Dispatched(torch.utils._python_dispatch.TorchDispatchMode):  # type: ignore[misc]
        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            # Else torch loads its compiler, which takes longer than all the rest.
            return False

        def __torch_dispatch__(
            self, operator: Any, types: Any, args: Any = (), options: Any = None
        ) -> Any:
            result = operator(*args, **(options or {}))
            ran(operator, args, options or {}, result)
            return result

    return Dispatched()


def repeated_once(shape: Sequence[int], stride: Sequence[int]) -> list[int]:
    """Return the shape of what is there once, of an array that repeats numbers by steps of 0."""
    return [n if step else 1 for n, step in zip(shape, stride, strict=True)]


def copied(array: Array) -> Array:
    """Return a copy that lies in memory as the array does, and repeats what that repeats."""
    once = array[tuple(slice(n) for n in repeated_once(array.shape, array.strides))]
    return np.broadcast_to(once.copy(order="K"), array.shape)


def operator_name(operator: Any, args: Any) -> str:
    """Name an operator as torch does, less its overload; a power with its exponent."""
    namespace, _, name = operator.name().partition("::")
    name = f"{namespace}.{name.partition('.')[0]}"
    return f"{name}[{args[1]}]" if name == "aten.pow" else name


def summed_axes(name: str, args: Any, tensors: Sequence[Any]) -> Sequence[int]:
    """Return the axes that are summed over, counted from the end."""
    if name in ("aten::mm", "aten::addmm"):
        return (-1, -2)
    if name.startswith(("aten::sum", "aten::mean")):
        rank = tensors[0].dim()
        return [one % rank - rank for one in (args[1] if len(args) > 1 else range(rank))]
    return ()
