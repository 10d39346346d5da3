"""One backend under check: made once for each case, called as it is, trained as the harness does.

Its verbs are called without the wrappers that the harness puts around a class of one's own: those
copy what it returns and make its arguments read-only, and so hide what is to be seen here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeGuard

from shared.backend import OptimizerState, StepBackend, replica_axes_of
from shared.certificate.findings import BackendCertificate
from shared.certificate.judge import Judge
from shared.checking import guarded
from shared.contract import Contract
from shared.errors import BackendError, BackendUnusable, IsogradError
from shared.evaluation import CurveTaker
from shared.network import Network
from shared.optimizer import Optimizer
from shared.registry import Loaded, Source, load
from shared.training import Trainee, lockstep
from tests.conformance.arrays import Arguments
from tests.conformance.cases import Case, Wanted


class Kept(Loaded):
    """A loaded backend that is made once for each case: its verbs are pure, and making it, or
    compiling, takes time."""

    __slots__ = ()

    @cache  # noqa: B019  (as long as the process)
    def _made(self, network: Network, optimizer: Optimizer, dtype: str, device: str) -> StepBackend:
        return super()._made(network, optimizer, dtype, device)


@cache
def kept(source: Source) -> Kept:
    """Load a backend. Raises BackendUnusable and BackendUnavailable as `load` does."""
    loaded = load(source)
    return Kept(loaded.source, loaded.kind, loaded.version)


@dataclass(frozen=True, slots=True)
class Subject:
    """A backend and a case that it supports."""

    loaded: Kept
    case: Case

    @property
    def name(self) -> str:
        return self.loaded.name

    @property
    def network(self) -> Network:
        return self.case.problem.network

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer as the harness hands it over: its rate rounded to the dtype."""
        return self.case.problem.optimizer_in(self.case.dtype)

    @property
    def verbs(self) -> StepBackend:
        """The object of the backend's own class, with nothing around it."""
        return self.loaded._made(self.network, self.optimizer, self.case.dtype, "cpu")

    def contract(self, slots: Iterable[str] | None = None) -> Contract:
        """What the backend has promised; of an update, perhaps with other slots."""
        named = self.optimizer.slots if slots is None else tuple(slots)
        return Contract(self.name, self.network, self.case.dtype, named)

    def call(self, verb: str, given: Arguments) -> Any:
        """Call a verb and hold what it returns to the shapes and dtypes of the contract.

        Raises
        ------
        BackendError
            It raised an exception, or returned something else.
        """
        own, lead = self.verbs, replica_axes_of(given[0])
        result = guarded(self.name, own, verb, getattr(own, verb), *given)
        if verb == "update":
            # Whether it has counted the step, and has all the slots, is another check.
            state = result[-1] if isinstance(result, tuple) and result else None
            step, slots = (state.step, state.slots) if _is_state(state) else (-1, ())
            self.contract(slots).require_update(result, lead, step, verb)
        elif verb == "gradients":
            self.contract().require_gradients(result, lead, given[1].shape[-2], verb)
        else:
            self.contract().require_evaluation(result, lead, given[1].shape[-2], verb)
        return result


@cache
def refusal(loaded: Kept, case: Case) -> str:
    """Make the backend; return why it refuses the case, or nothing if it does not.

    Raises
    ------
    IsogradError
        Its constructor raised something else than a BackendUnusable.
    """
    problem = case.problem
    try:
        loaded.create(problem.network, problem.optimizer_in(case.dtype), case.dtype)
    except BackendUnusable as refused:
        # The report is about this backend, and names it once.
        return str(refused).removeprefix(f"{loaded.name}: ") or "it gave no reason"
    return ""


def supported(loaded: Kept, wanted: Wanted) -> Case | str:
    """Return the first case that the backend supports, or why it refuses the preferred one.

    Raises IsogradError where none is supported and a constructor failed.
    """
    reasons: list[str] = []
    failed: IsogradError | None = None
    for case in wanted.cases():
        try:
            reasons.append(refusal(loaded, case))
        except IsogradError as error:
            failed = failed or error
            continue
        if not reasons[-1]:
            return case
    if failed:
        raise failed
    return reasons[0]


@dataclass(frozen=True, slots=True)
class Trained:
    """What was found in the steps of a training, and in its loss curve.

    They are judged apart: the first findings alone are kept, and the one would hide the other.
    """

    steps: BackendCertificate
    curve: BackendCertificate


@cache
def trained(loaded: Kept, case: Case, seeds: int | tuple[int, ...]) -> Trained | BackendError:
    """Train as the harness does, every step and the loss curve judged; or say why it cannot be."""
    one, dtype = case.problem, case.dtype
    steps, curve = (Judge(loaded.name, one, dtype, seeds) for _ in range(2))
    try:
        trainee = Trainee(loaded, one, dtype)
        trainee.start(seeds)
        taker = CurveTaker(trainee, curve)
        for (recording,) in lockstep([trainee]):
            steps.add(recording)
            taker.add(recording)
        taker.finish()
    except BackendError as error:
        return error
    return Trained(steps.finish(), curve.finish())


def _is_state(state: object) -> TypeGuard[OptimizerState]:
    return isinstance(state, OptimizerState) and isinstance(state.slots, Mapping)
