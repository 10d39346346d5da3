"""Runs of the study of power, recorded whole and judged: correct ones, and ones with a fault."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from shared.backend import Recording
from shared.certificate.findings import BackendCertificate
from shared.certificate.judge import Judge
from shared.errors import BackendUnavailable
from shared.evaluation import CurveTaker
from shared.faults.acting import ActWatch
from shared.faults.injected import with_fault
from shared.faults.seen import fault_seen
from shared.power.rules import RULES, Run
from shared.power.scores import Score
from shared.power.trials import BACKENDS, Trial
from shared.problems import Problem
from shared.registry import find, load
from shared.training import Trainee, lockstep

PARTNERS = {"numpy": ("jax", "torch"), "torch": ("numpy", "jax"), "jax": ("numpy", "torch")}
"""What the rules of other tools compare a faulty backend with: the first of these that is there."""


def available() -> tuple[str, ...]:
    """Return the backends that can take part here."""
    names = []
    for name in BACKENDS:
        with suppress(BackendUnavailable):
            names.append(load(find(name)).name)
    return tuple(names)


@dataclass(frozen=True, slots=True)
class Judged:
    """A run as the rules see it, and what the certificate says of it."""

    run: Run
    certificate: BackendCertificate


class Bench:
    """Makes runs, and keeps the correct ones, which many comparisons share."""

    def __init__(self) -> None:
        self._trainees: dict[tuple[str, str, int, str], Trainee] = {}
        self._correct: dict[tuple[str, str, int, str, int], Judged] = {}
        self._available = available()

    def correct(self, backend: str, problem: Problem, dtype: str, seed: int) -> Judged:
        """Return the run of a correct backend."""
        kind = (backend, problem.name, problem.epochs, dtype)
        key = (*kind, seed)
        if key not in self._correct:
            if kind not in self._trainees:
                self._trainees[kind] = Trainee(load(find(backend)), problem, dtype)
            self._correct[key] = judged_run(self._trainees[kind], seed)
        return self._correct[key]

    def scores(self, trial: Trial) -> tuple[Score, ...]:
        """Run a trial from every seed, and score what was said."""
        problem, loaded = trial.problem(), load(find(trial.backend))
        faulty = with_fault(loaded, trial.chosen(), trial.injection())
        trainee = Trainee(faulty.wrong, problem, trial.dtype)
        right = loaded.create(problem.network, problem.optimizer_in(trial.dtype), trial.dtype)
        scored = []
        for seed in trial.slice.seeds:
            watch = ActWatch(right, problem, seed, trial.dtype, faulty.chosen.start)
            judged = judged_run(trainee, seed, watch.add)
            seen = fault_seen(faulty, problem.network, trial.dtype, watch.act, judged.certificate)
            said = self.said(judged.run, trial.backend, problem, seed)
            scored.append(Score.of(trial, seed, seen, judged.certificate.verdict.name, said))
        return tuple(scored)

    def said(self, run: Run, backend: str, problem: Problem, seed: int) -> dict[str, bool]:
        """Ask every rule about a run of a backend; none where there is nothing to compare with."""
        partner = next((one for one in PARTNERS[backend] if one in self._available), None)
        if partner is None:
            return {}
        other = self.correct(partner, problem, run.dtype, seed).run
        with np.errstate(all="ignore"):
            return {rule.name: rule.differs(run, other) for rule in RULES}


def judged_run(
    trainee: Trainee, seed: int, watch: Callable[[Recording], None] = lambda _: None
) -> Judged:
    """Train from a seed, with every step recorded and judged."""
    trainee.start(seed)
    problem, dtype = trainee.problem, trainee.dtype
    judge, curve = Judge(trainee.name, problem, dtype, seed), CurveTaker(trainee)
    recordings = []
    for (recording,) in lockstep([trainee]):
        judge.add(recording)
        curve.add(recording)
        watch(recording)
        recordings.append(recording)
    run = Run(tuple(recordings), curve.finish().loss, dtype)
    return Judged(run, judge.finish())
