"""What a fault is: data that can be listed, injected into a backend, and looked for.

A harness that has only seen correct programs has shown nothing. So this room holds wrong ones:
each fault has a story, ways to bring it into a backend, and what is expected of whoever looks.
Some are changes at the border of any backend; others are changes of the backends' own source,
since a record made of nothing but one's own definitions would prove little.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from shared.backend import Array, OptimizerState, Params, StepBackend, StepGradients
from shared.network import Network
from shared.optimizer import Optimizer


class Expected(Enum):
    """What a harness has to say of a fault that is there.

    FLAGGED
        It changes the function that is computed: it must be found.
    BENIGN
        It is the same function in another right form: it must not be flagged.
    BELOW
        It is smaller than what rounding may do: either answer is right.
    """

    FLAGGED = "flagged"
    BENIGN = "benign"
    BELOW = "below resolution"


@dataclass(frozen=True, slots=True)
class Moment:
    """What a change may look at while a step is made.

    inner
        The backend that is right, for its verbs.
    step
        The number of the step, from 1.
    size
        The fault's size, 0 where it has none.
    memory
        What the fault itself keeps from step to step, empty at the start of a run.
    """

    inner: StepBackend
    network: Network
    optimizer: Optimizer
    dtype: str
    step: int
    size: float
    memory: dict[str, Any]


StartChange: TypeAlias = Callable[[Moment, Params], Params]
"""(moment, first parameters) -> those that the run begins with."""

OrderChange: TypeAlias = Callable[[Moment, Array, int], Array]
"""(moment, samples of one step (m,), how many there are) -> the samples that it sees instead."""

GradientsChange: TypeAlias = Callable[[Moment, Params, Array, Array], StepGradients]
"""(moment, params, x, y) -> what `gradients` returns instead."""

UpdateChange: TypeAlias = Callable[
    [Moment, Params, Params, OptimizerState], tuple[Params, OptimizerState]
]
"""(moment, params, grads, state) -> what `update` returns instead."""


@dataclass(frozen=True, slots=True)
class AtBorder:
    """A fault at the border of any backend: one of its verbs, or what it is given, is changed.

    stage, tensors
        Where a run shows it first: see `shared.faults.places`.
    hidden_deltas
        Whether recorded ∂L/∂z are left out, where they would tell that only the gradients handed
        over are wrong, and not how.
    """

    stage: str
    tensors: tuple[str, ...]
    start: StartChange | None = None
    order: OrderChange | None = None
    gradients: GradientsChange | None = None
    update: UpdateChange | None = None
    hidden_deltas: bool = False


@dataclass(frozen=True, slots=True)
class Replacement:
    """A piece of a file in impls/ that occurs there once, and what stands there instead.

    `SIZE` in the new piece becomes the fault's size.
    """

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class InSource:
    """A fault in the source of one backend, brought into a copy of its files.

    backend
        The backend's name, as the registry has it.
    stage, tensors
        As in AtBorder.
    """

    backend: str
    stage: str
    tensors: tuple[str, ...]
    replacements: tuple[Replacement, ...]


LAST = 0
"""Stands for the number of a run's last step."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, or only looks wrong.

    name
        In lower case with hyphens, as the command line takes it.
    story
        One line: what happened, in the words of someone who found it in their code.
    stage
        data, init, forward, loss, backward or update: the part of a step that it belongs to.
    at_border, in_source
        The ways to inject it; at the border it fits any backend.
    sizes
        The sizes it is tried with, the first one where none is said; empty if it has none.
    smaller_is_less
        Whether a smaller size is a smaller fault. Of a limit that nothing may exceed it is not.
    resolution
        By dtype, the smallest size that has to be found; below it either answer is right.
    starts
        The first steps it is tried from, the first one where none is said; LAST is a run's last.
    lasting
        In how many steps it acts; None for all from its start on.
    source
        Where such a fault was met, if somewhere it is on record.
    """

    name: str
    story: str
    stage: str
    expected: Expected = Expected.FLAGGED
    at_border: AtBorder | None = None
    in_source: tuple[InSource, ...] = ()
    sizes: tuple[float, ...] = ()
    smaller_is_less: bool = True
    resolution: Mapping[str, float] = field(default_factory=dict)
    starts: tuple[int, ...] = (1,)
    lasting: int | None = None
    source: str = ""

    def expected_of(self, dtype: str, size: float | None) -> Expected:
        """Return what is expected of a fault of a size in runs of a dtype."""
        tiny = size is not None and abs(size) < self.resolution.get(dtype, 0.0)
        return Expected.BELOW if tiny and self.expected is Expected.FLAGGED else self.expected


Injection: TypeAlias = AtBorder | InSource


@dataclass(frozen=True, slots=True)
class ChosenFault:
    """A fault with its size (None if it has none) and the first step in which it acts."""

    fault: Fault
    size: float | None
    start: int

    def __str__(self) -> str:
        size = "" if self.size is None else f":{self.size!r}"
        return f"{self.fault.name}{size}@{self.start}"

    @property
    def stop(self) -> int | None:
        """The first step in which it acts no more, if any."""
        lasting = self.fault.lasting
        return None if lasting is None else self.start + lasting

    def acts_in(self, step: int) -> bool:
        """Whether it acts in a step."""
        return self.start <= step and (self.stop is None or step < self.stop)
