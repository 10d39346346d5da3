"""Backends with a fault, watched while they are compared, and what became of each in the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.certificate.findings import BackendCertificate
from shared.faults.acting import ActWatch
from shared.faults.injected import FaultyBackend
from shared.faults.seen import FaultSeen, fault_seen
from shared.problems import Problem
from shared.training import Trainee


def watches_of(
    trainees: Sequence[Trainee], faulty: Sequence[FaultyBackend], seed: int
) -> dict[str, ActWatch]:
    """Return a watch for each backend with a fault that takes part, by its name."""
    held = {one.wrong.name: one for one in faulty}
    watches = {}
    for trainee in trainees:
        if trainee.name in held:
            one, problem, dtype = held[trainee.name], trainee.problem, trainee.dtype
            right = one.right.create(problem.network, problem.optimizer_in(dtype), dtype)
            watches[trainee.name] = ActWatch(right, problem, seed, dtype, one.chosen.start)
    return watches


def faults_seen(
    faulty: Sequence[FaultyBackend],
    problem: Problem,
    dtype: str,
    watches: Mapping[str, ActWatch],
    certificates: Sequence[BackendCertificate],
) -> tuple[FaultSeen, ...]:
    """Hold the certificate of each backend that was watched against its fault."""
    judged = {one.backend: one for one in certificates}
    return tuple(
        fault_seen(one, problem.network, dtype, watches[name].act, judged[name])
        for one in faulty
        if (name := one.wrong.name) in watches
    )
