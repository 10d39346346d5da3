"""Faults brought into backends that the registry has loaded."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.backend import StepBackend
from shared.errors import UsageError
from shared.faults.fault import ChosenFault, Injection, InSource
from shared.faults.faulty import FaultyAtBorder, FaultyInSource
from shared.faults.patched import patched_kind
from shared.network import Network
from shared.optimizer import Optimizer
from shared.registry import Loaded


@dataclass(frozen=True, slots=True)
class FaultyBackend:
    """A backend with a fault in it, the same one without, and how it was brought in."""

    right: Loaded
    wrong: Loaded
    chosen: ChosenFault
    way: Injection


def injections(loaded: Loaded, chosen: ChosenFault) -> tuple[Injection, ...]:
    """Return the ways to bring a fault into a backend; a change of its own source comes first."""
    fault = chosen.fault
    own = () if loaded.source.path else fault.in_source
    in_source = tuple(one for one in own if one.backend == loaded.name)
    return (*in_source, *([fault.at_border] if fault.at_border else ()))


def with_fault(loaded: Loaded, chosen: ChosenFault, way: Injection | None = None) -> FaultyBackend:
    """Return a backend with a fault in it, in the first way that there is if none is named.

    Raises
    ------
    UsageError
        The fault cannot be brought into this backend.
    """
    if way is None:
        ways = injections(loaded, chosen)
        if not ways:
            known = ", ".join(one.backend for one in chosen.fault.in_source)
            raise UsageError(
                f"fault {chosen.fault.name!r} cannot be brought into {loaded.name}: it is a change "
                f"in the source of {known}."
            )
        way = ways[0]
    wrong = replace(loaded, kind=_kind(loaded, chosen, way))
    return FaultyBackend(loaded, wrong, chosen, way)


def _kind(loaded: Loaded, chosen: ChosenFault, way: Injection) -> type[StepBackend]:
    """Return a class that can be made as the registry makes backends."""
    if isinstance(way, InSource):
        wrong = replace(loaded, kind=patched_kind(loaded.source, way.replacements, chosen.size))

        class ChangedInSource(FaultyInSource):
            framework = loaded.kind.framework

            def __init__(
                self, network: Network, optimizer: Optimizer, dtype: str, device: str = "cpu"
            ) -> None:
                right, changed = (
                    one.create(network, optimizer, dtype, device) for one in (loaded, wrong)
                )
                super().__init__(right, changed, chosen)

        return ChangedInSource

    at_border = way

    class ChangedAtBorder(FaultyAtBorder):
        framework = loaded.kind.framework

        def __init__(
            self, network: Network, optimizer: Optimizer, dtype: str, device: str = "cpu"
        ) -> None:
            inner = loaded.create(network, optimizer, dtype, device)
            super().__init__(inner, chosen, at_border, network, optimizer, dtype)

    return ChangedAtBorder
