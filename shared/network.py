"""What is trained, as plain data.

A `Network` names things; it computes nothing. Every backend reads the same object and writes the
formulas in its own way, so nothing here can make two backends agree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from shared.errors import UsageError
from shared.fields import from_json, require_known

ACTIVATIONS = ("sigmoid", "tanh", "relu")
OUTPUTS = ("sigmoid", "identity", "softmax")
LOSSES = (
    "mean_squared_error",
    "quadratic_cost",
    "binary_cross_entropy",
    "categorical_cross_entropy",
)

_CROSS_ENTROPY_OUTPUT = {"binary_cross_entropy": "sigmoid", "categorical_cross_entropy": "softmax"}


@dataclass(frozen=True, slots=True)
class Network:
    """A fully connected network: `z_l = a_{l-1} W_lᵀ + b_l`, `a_l = f(z_l)`, and a loss.

    Parameters
    ----------
    sizes
        Units per layer, inputs first: (2, 2, 1) is two inputs, two hidden units, one output.
    activation
        f of the hidden layers: `sigmoid`, `tanh` or `relu`. relu'(0) = 0.
    output
        f of the last layer: `sigmoid`, `identity` or `softmax`.
    loss
        Of m samples with n outputs each, a_L = o the output, y the target:

        - `mean_squared_error`: (1/mn) Σ (o - y)²
        - `quadratic_cost`: (1/2m) Σ (o - y)²
        - `binary_cross_entropy`: -(1/mn) Σ (y ln o + (1 - y) ln(1 - o)), o a sigmoid
        - `categorical_cross_entropy`: -(1/m) Σ y ln o, o a softmax

        The last two are computed from the logits z_L, so that no logarithm of zero arises.

    Raises
    ------
    UsageError
        Fewer than two layers, a layer without units, a name that is not known, an output and a
        loss that do not go together.
    """

    sizes: tuple[int, ...]
    activation: str = "sigmoid"
    output: str = "sigmoid"
    loss: str = "mean_squared_error"

    def __post_init__(self) -> None:
        if isinstance(self.sizes, str) or not isinstance(self.sizes, Sequence):
            raise UsageError(f"sizes is {self.sizes!r}; expected whole numbers, such as [2, 2, 1].")
        object.__setattr__(self, "sizes", tuple(self.sizes))
        if len(self.sizes) < 2:
            raise UsageError(
                f"sizes {self.sizes} has {len(self.sizes)} layer(s); a network needs an input and "
                "an output layer at least, as in (2, 2, 1)."
            )
        for size in self.sizes:
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise UsageError(
                    f"sizes {self.sizes} holds {size!r}; every layer needs a whole number of "
                    "units, 1 or more."
                )
        require_known("activation", self.activation, ACTIVATIONS)
        require_known("output", self.output, OUTPUTS)
        require_known("loss", self.loss, LOSSES)
        self._require_matching_output()

    def _require_matching_output(self) -> None:
        wanted = _CROSS_ENTROPY_OUTPUT.get(self.loss)
        if wanted and self.output != wanted:
            raise UsageError(
                f"{self.loss} is computed from the logits of a {wanted} output, so that no "
                f"logarithm of zero arises; got output {self.output!r}. Expected {wanted!r}."
            )
        if self.output == "softmax":
            if not wanted:
                raise UsageError(
                    f"a softmax output goes with categorical_cross_entropy; got {self.loss}: its "
                    "gradient vanishes where the network is surely wrong."
                )
            if self.sizes[-1] == 1:
                raise UsageError(
                    "a softmax of one output is 1 whatever the network does; expected two outputs "
                    "or more, or a sigmoid output with binary_cross_entropy."
                )

    @property
    def from_logits(self) -> bool:
        """Whether the loss is computed from z_L rather than from a_L."""
        return self.loss in _CROSS_ENTROPY_OUTPUT

    @property
    def param_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of W1, b1, W2, b2, ...: W is (n_out, n_in), as in torch.nn.Linear."""
        return tuple(
            shape
            for n_in, n_out in zip(self.sizes, self.sizes[1:], strict=False)
            for shape in ((n_out, n_in), (n_out,))
        )

    @property
    def param_names(self) -> tuple[str, ...]:
        """The names of the parameter tensors: W1, b1, W2, b2, ..."""
        return tuple(f"{kind}{layer}" for layer in range(1, len(self.sizes)) for kind in "Wb")

    @property
    def param_count(self) -> int:
        """How many numbers the parameters hold together."""
        return sum(math.prod(shape) for shape in self.param_shapes)

    @property
    def element_names(self) -> tuple[str, ...]:
        """One name per number, in the order of the flattened tensors W1, b1, W2, b2, ...

        The 2-2-1 network has its textbook names (hidden weights w1 to w4, output weights w5 and
        w6, biases b1, b2 and b3); any other has indexed ones.

        Examples
        --------
        >>> Network((2, 2, 1)).element_names
        ('w1', 'w2', 'w3', 'w4', 'b1', 'b2', 'w5', 'w6', 'b3')
        >>> Network((1, 2)).element_names
        ('W1[0,0]', 'W1[1,0]', 'b1[0]', 'b1[1]')
        """
        if self.sizes == (2, 2, 1):
            return ("w1", "w2", "w3", "w4", "b1", "b2", "w5", "w6", "b3")
        return tuple(
            f"{name}[{index}]"
            for name, shape in zip(self.param_names, self.param_shapes, strict=True)
            for index in _indices(shape)
        )

    def to_json(self) -> dict[str, Any]:
        """Return the network as JSON-ready data."""
        return {**asdict(self), "sizes": list(self.sizes)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Network:
        """Read what `to_json` wrote. Raises UsageError on a missing or unknown field."""
        return from_json(cls, data, required=("sizes",))

    def __str__(self) -> str:
        functions = (
            self.activation
            if self.activation == self.output
            else f"{self.activation}/{self.output}"
        )
        return f"{'-'.join(map(str, self.sizes))} {functions}"


def _indices(shape: tuple[int, ...]) -> list[str]:
    if len(shape) == 1:
        return [str(i) for i in range(shape[0])]
    return [f"{i},{j}" for i in range(shape[0]) for j in range(shape[1])]
