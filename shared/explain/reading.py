"""What a reader writes down of a step: values, and the operations that made them, in their order.

The three readers (`by_hand`, `tape`, `jaxpr`) fill the same few dataclasses from very different
objects, so that alignment and replay know nothing of frameworks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from shared.backend import Array, Params

Again: TypeAlias = "Callable[[Sequence[Array]], tuple[Array, ...]]"
"""Takes one array for each input of an operation, and makes the operation again, in its own
framework."""

LAYOUT = "layout"
"""What an operation does that moves numbers about and computes nothing."""


@dataclass(frozen=True, slots=True)
class Value:
    """A number or an array on its way through a step.

    name
        What it is called where it was read: a jaxpr's variable, or a number of its own.
    array
        As it lies in memory, transposed or not.
    is_constant
        Whether it stands in the program, as the 2 of 2e does.
    """

    index: int
    name: str
    array: Array
    is_constant: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line of source stands, and the part of it that was at work.

    file
        The file's name, without its folder.
    columns
        Where the part begins and ends in the line, in characters; None if unknown.
    """

    file: str
    line: int
    text: str
    columns: tuple[int, int] | None = None

    @property
    def part(self) -> str:
        """The part of the line that was at work."""
        if self.columns is None:
            return self.text.strip()
        return self.text[slice(*self.columns)]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a framework computed.

    index
        Its place in the order in which they ran.
    name
        What its framework calls it.
    does
        What it does, in the words that all readers share (`vocabulary`); "" if that has none.
    is_backward
        Whether it ran after the loss was known.
    inputs, outputs
        Indices of values.
    written
        How it stands where it was read: a piece of source, an equation.
    mark
        What its framework says about where it comes from: `jvp()`, `transpose(jvp())`, the node
        of the tape it was run by, the function it was called in.
    axes
        Of a matrix product the axis of each factor that is summed over; of a sum or a mean all
        that are; counted from the end, as -1, -2.
    place
        Its line of source, where there is one.
    """

    index: int
    name: str
    does: str
    is_backward: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    written: str
    mark: str
    again: Again = field(compare=False)
    axes: tuple[int, ...] = ()
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a tape.

    after
        The nodes that it hands its results to; None where nobody asks for one.
    saved
        What it kept from the forward pass: by name, the index of a value.
    arriving, leaving
        The values of the gradients that came in and went out; None where there was none.
    forward
        The operation that left it on the tape; None of a leaf.
    backward
        The operations that it ran.
    """

    index: int
    name: str
    after: tuple[int | None, ...]
    saved: Mapping[str, int]
    arriving: tuple[int | None, ...]
    leaving: tuple[int | None, ...]
    forward: int | None
    backward: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """All that one backend did in a step.

    results
        By role (`W1`, `x`, `a1`, `dL/dW1`), the index of the value that was handed in, or handed
        out, under that name. No other role is known to a reader.
    gradients
        What the backend's own `gradients` returned, as it trains: compiled, where it compiles.
    nodes
        Of a framework that has a tape.
    """

    backend: str
    framework: str
    version: str
    values: tuple[Value, ...]
    operations: tuple[Operation, ...]
    results: Mapping[str, int]
    gradients: Params
    nodes: tuple[Node, ...] = ()
