"""The interface that every backend fulfils, and the data that crosses it.

Arrays at this border are NumPy arrays, bit for bit what the framework computed; inside, each
backend is written as the framework's own users would write it. No formula stands here: what
this module holds, all backends share, and a shared formula could be wrong in all of them at once.

Letters: m samples in a batch, N in the data; layer l has n_l units, layer L is the output;
s recorded steps; `*R` replica axes, possibly none: R independent networks trained side by side.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import numpy.typing as npt

from shared.network import Network
from shared.optimizer import Optimizer

Array: TypeAlias = npt.NDArray[Any]
Params: TypeAlias = tuple[Array, ...]
"""W1 (*R, n_1, n_0), b1 (*R, n_1), W2 (*R, n_2, n_1), b2, ...: W is (n_out, n_in)."""

ELEMENTARY = ("exp", "log", "log1p", "sigmoid", "tanh")
"""The functions of a framework whose accuracy is measured."""


def replica_axes_of(params: Params) -> tuple[int, ...]:
    """Return *R, which the biases show: b1 is (*R, n_1)."""
    axes: tuple[int, ...] = params[1].shape[:-1]
    return axes


@dataclass(frozen=True, slots=True)
class OptimizerState:
    """What an optimizer carries from step to step.

    step
        How many steps have been made; step numbers count from 1, so the next one is `step + 1`.
    slots
        One Params per quantity carried: none for plain SGD.
    """

    step: int = 0
    slots: Mapping[str, Params] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The network's answer to a batch.

    activations
        a_1, ..., a_L, each (*R, m, n_l); the last one is the output. None if not recorded.
    logits
        z_L (*R, m, n_L) where the loss is computed from logits, else None.
    loss
        (*R,), the mean over the batch.
    """

    activations: tuple[Array, ...] | None
    logits: Array | None
    loss: Array


@dataclass(frozen=True, slots=True)
class StepGradients:
    """∂loss/∂parameter at the given parameters, and the evaluation they were computed with.

    grads
        In the order and the shapes of the Params.
    deltas
        ∂loss/∂z_l, each (*R, m, n_l), where the backend forms them; else None.
    """

    evaluation: Evaluation
    grads: Params
    deltas: tuple[Array, ...] | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """Samples in the dtype of the run: x (N, n_0), y (N, n_L)."""

    x: Array
    y: Array


@dataclass(frozen=True, slots=True)
class Recording:
    """What a backend did in consecutive steps, without a word on whether it was right.

    Every array leads with s, the number of recorded steps.

    steps
        (s,) their numbers, from 1: step t leads from the state after t - 1 steps to the next.
    batches
        (s, *R, m) indices of the samples each step saw.
    before, after
        Params (s, *R, ...) on both sides of each step. With every = 1 both are views of one
        (s + 1, *R, ...) array per tensor.
    state_before, state_after
        The optimizer's slots on both sides, likewise.
    evaluation, grads, deltas
        As in StepGradients, at the parameters `before`.
    final
        Parameters and state after the last step made, recorded or not.
    """

    steps: Array
    batches: Array
    before: Params
    after: Params
    state_before: Mapping[str, Params]
    state_after: Mapping[str, Params]
    evaluation: Evaluation
    grads: Params
    deltas: tuple[Array, ...] | None
    final: tuple[Params, OptimizerState]


class StepBackend(ABC):
    """Three verbs of one training step: what a backend of your own has to supply.

    Every verb is pure: it leaves its arguments unchanged, and equal arguments give equal bits.

    Class attributes
    ----------------
    framework
        The package whose presence makes the backend available, and whose version is reported.
    replica_axes
        Whether the verbs accept the leading axes *R. If not, the harness calls them once for
        each replica.
    """

    framework: ClassVar[str] = "numpy"
    replica_axes: ClassVar[bool] = False

    @abstractmethod
    def __init__(
        self, network: Network, optimizer: Optimizer, dtype: str, device: str = "cpu"
    ) -> None:
        """Import the framework and prepare.

        dtype is "float64" or "float32". A network, optimizer or device that the backend does not
        support is refused with a BackendUnusable.
        """

    @abstractmethod
    def evaluate(self, params: Params, x: Array, y: Array) -> Evaluation:
        """Run the network forward.

        Shapes: x (m, n_0) or (*R, m, n_0), y (m, n_L) or (*R, m, n_L).
        """

    @abstractmethod
    def gradients(self, params: Params, x: Array, y: Array) -> StepGradients:
        """Differentiate the loss of the batch by every parameter. Shapes as in `evaluate`."""

    @abstractmethod
    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        """Make one optimizer step. All gradients were taken before any parameter moves."""


class Backend(StepBackend):
    """A StepBackend that also trains: what impls/ supplies, and what the harness drives.

    compile_s
        Seconds that the verbs have spent on compiling so far, so that the harness can report
        them apart from training.
    """

    compile_s: float = 0.0

    @abstractmethod
    def train(
        self,
        params: Params,
        state: OptimizerState,
        data: Dataset,
        batches: Array,
        every: int = 1,
    ) -> Recording:
        """Make one step per row of batches, and record those whose number `every` divides.

        Shapes: batches (k, *R, m), indices of samples in data.

        The steps are those that `gradients` and `update` would make, one after the other; this
        is the place where a framework shows how it does many at once. `every = 0` records none,
        and what is recorded never changes what is computed.
        """


class Elementary(ABC):
    """Offers its framework's elementary functions, so that their accuracy can be measured.

    A backend may be one besides; a backend of your own need not.
    """

    @abstractmethod
    def elementary(self, name: str, x: Array) -> Array:
        """Return f(x) elementwise as this backend's framework computes it, in x's dtype.

        name is one of ELEMENTARY. Infinities and NaN are results like any other: nothing warns.

        Shapes: x (k,), float32 or float64, the dtype of the run; result likewise.
        """
