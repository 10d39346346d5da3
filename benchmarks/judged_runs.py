"""Backends trained side by side and judged at every step, with the seconds that each took."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from shared.certificate.findings import BackendCertificate
from shared.certificate.judge import Judge
from shared.certificate.sampling import sampling
from shared.network import Network
from shared.problems import Problem
from shared.registry import load, sources
from shared.training import Trainee, lockstep, prepare


@dataclass(frozen=True, slots=True)
class Run:
    """Backends judged side by side; the seconds of judging them all, and of training each.

    steps
        Of every backend, those of all seeds together.
    compile_s
        Of all backends together.
    """

    title: str
    dtype: str
    network: Network
    steps: int
    certificates: tuple[BackendCertificate, ...]
    judging_s: float
    training_s: dict[str, float]
    compile_s: float


def prepared(trained: Problem, dtype: str) -> list[Trainee]:
    """Make every backend; all have to be installed."""
    trainees, missing = prepare([load(source) for source in sources()], trained, dtype)
    if missing:
        raise RuntimeError(missing[0].reason)
    return trainees


def judged(trained: Problem, seeds: int | Sequence[int], dtype: str) -> Run:
    """Train every backend from the seeds, several of them as replicas, and judge every step."""
    print(f"benchmarks: judging {trained.name} in {dtype}", file=sys.stderr, flush=True)
    return judged_beside(prepared(trained, dtype), seeds)


def judged_beside(trainees: Sequence[Trainee], seeds: int | Sequence[int]) -> Run:
    """Do the same with backends that are there."""
    trained, dtype, judging_s = trainees[0].problem, trainees[0].dtype, 0.0
    for trainee in trainees:
        trainee.start(seeds)
    compiled = sum(one.compile_s for one in trainees)
    before = {one.name: one.train_s for one in trainees}
    every = sampling(trained, seeds, one_in=1)
    judges = [Judge(one.name, trained, dtype, seeds, every) for one in trainees]
    for recordings in lockstep(trainees, every=1):
        started = time.perf_counter()
        for judge, recording in zip(judges, recordings, strict=True):
            judge.add(recording)
        judging_s += time.perf_counter() - started
    count = 1 if isinstance(seeds, int) else len(seeds)
    return Run(
        f"{trained.name} x {count}", dtype, trained.network, trained.step_count * count,
        tuple(judge.finish() for judge in judges), judging_s,
        {one.name: one.train_s - before[one.name] for one in trainees},
        sum(one.compile_s for one in trainees) - compiled,
    )  # fmt: skip
