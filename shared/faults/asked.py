"""What a command line asks for of faults: which one, where from, and in which backends."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from shared.arguments import parse_names
from shared.errors import UsageError
from shared.faults.injected import FaultyBackend, injections, with_fault
from shared.faults.named import chosen_fault
from shared.faults.places import UPDATE
from shared.problems import Problem
from shared.registry import Loaded, find


def asked_faults(
    chosen: Namespace, problem: Problem, loaded: Sequence[Loaded]
) -> tuple[FaultyBackend, ...]:
    """Return the backends that are to hold a fault: those named, or the first that can.

    Raises
    ------
    UsageError
        There is no such fault, step or backend, or that backend cannot hold this fault.
    """
    if chosen.fault is None:
        if chosen.into is not None:
            raise UsageError("--in says where a fault is brought in; expected --fault beside it.")
        return ()
    fault = chosen_fault(chosen.fault, problem.step_count)
    if fault.fault.stage == UPDATE and not problem.optimizer.is_plain:
        raise UsageError(
            f"fault {fault.fault.name!r} is one of plain gradient descent; {problem.name} is "
            f"trained by {problem.optimizer}."
        )
    if chosen.into is not None:
        return tuple(with_fault(one, fault) for one in _named(chosen.into, loaded))
    for one in loaded:
        if injections(one, fault):
            return (with_fault(one, fault),)
    names = ", ".join(one.name for one in loaded)
    known = ", ".join(way.backend for way in fault.fault.in_source)
    raise UsageError(
        f"fault {fault.fault.name!r} cannot be brought into {names}: it is a change in the source "
        f"of {known}. Those that `compare.py faults` says fit anywhere can."
    )


def _named(text: str, loaded: Sequence[Loaded]) -> list[Loaded]:
    named = []
    for name in parse_names(text):
        found = [one for one in loaded if one.name == name]
        found = found or [one for one in loaded if one.source == find(name)]
        if not found:
            names = ", ".join(one.name for one in loaded)
            raise UsageError(f"--in {name}: that backend takes no part here; expected of: {names}.")
        if found[0] in named:
            raise UsageError(f"--in {text}: {found[0].name!r} is named twice; expected each once.")
        named += found
    return named
