"""Where a reader writes its values and operations down, in the order in which they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from shared.backend import Array, Params
from shared.explain.reading import Again, Node, Operation, Place, Reading, Value
from shared.explain.vocabulary import meaning


class Notebook:
    """The values and the operations of a step so far."""

    def __init__(self, framework: str) -> None:
        self.framework = framework
        self.values: list[Value] = []
        self.operations: list[Operation] = []
        self.results: dict[str, int] = {}
        self.is_backward = False

    def value(self, array: Array, name: str = "", is_constant: bool = False) -> int:
        """Take a value down and return its index. What is handed in must not change afterwards."""
        index = len(self.values)
        self.values.append(Value(index, name or f"v{index}", array, is_constant))
        return index

    def lies_in(self, index: int, array: Array) -> None:
        """Say where the numbers of a value lie from now on."""
        self.values[index] = replace(self.values[index], array=array)

    def constant(self, number: float | Array) -> int:
        """Take a number down that stands in the program."""
        array = np.asarray(number)
        text = f"{array.item():g}" if array.ndim == 0 else "constant"
        return self.value(array, text, is_constant=True)

    def operation(
        self,
        name: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        *,
        written: str,
        mark: str,
        again: Again,
        axes: Sequence[int] = (),
        place: Place | None = None,
    ) -> int:
        """Take an operation down and return its index."""
        index = len(self.operations)
        one = Operation(
            index, name, meaning(self.framework, name), self.is_backward,
            tuple(inputs), tuple(outputs), written, mark, again, tuple(axes), place,
        )  # fmt: skip
        self.operations.append(one)
        return index

    def handed_over(self, params: Sequence[int], x: int, y: int) -> None:
        """Name what a step begins with."""
        self.results |= {"x": x, "y": y, **_by_layer("Wb", params)}

    def handed_out(self, activations: Mapping[str, int], grads: Sequence[int]) -> None:
        """Name what came out: a1, ..., the loss, dL/dW1, ..."""
        self.results |= activations
        self.results |= {f"dL/d{name}": index for name, index in _by_layer("Wb", grads).items()}

    def reading(
        self, backend: str, version: str, gradients: Params, nodes: Sequence[Node] = ()
    ) -> Reading:
        """Return all that was written down."""
        return Reading(
            backend, self.framework, version, tuple(self.values), tuple(self.operations),
            dict(self.results), gradients, tuple(nodes),
        )  # fmt: skip


def _by_layer(kinds: str, indices: Sequence[int]) -> dict[str, int]:
    """Name the tensors of the layers: W1, b1, W2, b2, ..."""
    each = len(kinds)
    return {f"{kinds[i % each]}{i // each + 1}": index for i, index in enumerate(indices)}
