"""The exact trajectory of a run, and how far from it each backend is: the pipeline.

A walk whose radius grows too large is begun again with more bits; where the most bits are not
enough either, the trajectory is known up to a step, and that is said.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import numpy as np

from shared.backend import Array
from shared.certificate.arithmetic import Double
from shared.certificate.exact_step import mean_loss
from shared.classification import predicted, right
from shared.interrupts import interrupts_deferred
from shared.problems import Problem
from shared.truth.findings import BackendTruth, Contribution, Likeness, TrueMark, Truth
from shared.truth.flow import NEAR_ZERO, Flow
from shared.truth.jacobian import in_tensors
from shared.truth.residuals import ResidualTaker, most_steps
from shared.ulp import ulp_distance

BITS = (512, 960)
"""Precisions to be tried. Radii are kept as floats, which end at 2^-1074."""

MOST_PARAMS = 64
"""The derivatives of networks with more parameters cost too much; they are estimated."""

FIRST_ORDER = 0.01
"""Where residuals, carried on, leave more than this share of a drift open, it is no longer small:
what they add up to then explains nothing."""

CONTRIBUTIONS = 10
MARKS_TOGETHER = 64


def can_follow(problem: Problem) -> bool:
    """Whether the exact trajectory of such a run can be followed: SGD, and few parameters."""
    return problem.optimizer.name == "sgd" and problem.network.param_count <= MOST_PARAMS


def follow(
    problem: Problem,
    seed: int,
    dtype: str,
    takers: Sequence[ResidualTaker],
    steps: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Truth:
    """Follow the exact trajectory for as many steps as the backends have made.

    progress
        Called with the number of steps that are certified; it may begin again.

    Ctrl-C ends it, and is no error: what is certified by then is told.
    """
    started = time.perf_counter()
    wanted = min(steps, most_steps(problem))
    residuals = [taker.residuals() for taker in takers]
    stopped = None if wanted == steps else "room"
    flows: list[Flow] = []
    try:
        for bits in BITS:
            flows.append(Flow(problem, seed, dtype, bits, residuals))
            flows[-1].walk(wanted, progress)
            if flows[-1].certified == wanted:
                break
        else:
            stopped = "precision"
    except KeyboardInterrupt:
        stopped = "interrupted" if not flows or flows[-1].certified < wanted else stopped
    # An interrupt that comes so late takes nothing away.
    with suppress(KeyboardInterrupt), interrupts_deferred(), np.errstate(all="ignore"):
        flows = flows or [Flow(problem, seed, dtype, BITS[0], residuals)]
        best = max(flows, key=lambda flow: (flow.certified, flow.bits))
        truth = _truth(problem, dtype, best, takers, steps, stopped, started)
    return truth


def _truth(
    problem: Problem,
    dtype: str,
    flow: Flow,
    takers: Sequence[ResidualTaker],
    asked: int,
    stopped: str | None,
    started: float,
) -> Truth:
    marks = []
    output = np.empty((0, 1))
    for passed in flow.passed:
        loss, output = flow.path.loss(passed.exact)
        marks.append(
            TrueMark(
                passed.step, loss, float(passed.radius.max()), passed.sensitivity_log10,
                float((passed.tube / _ulp(passed.weights, dtype)).max()),
            )
        )  # fmt: skip
    epochs, losses = _curve(problem, dtype, flow)
    last = flow.passed[-1].exact if flow.passed else ()
    y = np.array(problem.y)
    return Truth(
        steps=flow.certified,
        asked=asked,
        stopped=stopped,
        bits=flow.bits,
        radius=flow.radius,
        radius_ulps=flow.radius_ulps,
        weights=flow.path.digits(last),
        marks=tuple(marks),
        curve_epochs=epochs,
        curve_loss=losses,
        correct=int(right(predicted(output), predicted(y)).sum()) if marks else 0,
        samples=len(y),
        peak_log10=flow.sensitivity.peak_log10,
        peak_step=flow.sensitivity.peak_step,
        widest_tube=max((width for _, width in flow.widths), default=0.0),
        chaotic_since=flow.chaotic_since,
        backends=tuple(_backends(dtype, flow, takers)),
        likenesses=tuple(_likenesses(takers)),
        elapsed_s=time.perf_counter() - started,
    )


def _backends(dtype: str, flow: Flow, takers: Sequence[ResidualTaker]) -> list[BackendTruth]:
    if not flow.passed:
        return []
    found = []
    for i, (taker, became) in enumerate(zip(takers, flow.contributions(), strict=True)):
        ulps, differences, unexplained = [], [], []
        for passed in flow.passed:
            stood = taker.weights_after(passed.step)
            apart = ulp_distance(passed.weights.astype(dtype), stood)
            drift = flow.path.differences(stood, passed.exact)
            unit = _ulp(passed.weights, dtype)
            left = abs((drift - passed.predicted[i]) / unit).max()
            size = abs(drift / unit).max()
            ulps.append(int(apart.max()))
            differences.append(float(abs(drift).max()))
            unexplained.append(float(left / size) if size else 0.0)
        shares = _shares(drift / unit, became / unit) if unexplained[-1] <= FIRST_ORDER else None
        found.append(BackendTruth(
            taker.name, tuple(ulps), tuple(differences), tuple(unexplained),
            tuple(apart.tolist()), None if shares is None else float(shares.sum()),
            () if shares is None else _largest(shares),
            tuple(taker.swallowed_steps.tolist()), tuple(taker.swallowed_ulps.tolist()),
        ))  # fmt: skip
    return found


def _likenesses(takers: Sequence[ResidualTaker]) -> Iterator[Likeness]:
    """Correlate the residuals of every pair of backends, where there is anything to correlate."""
    missed = [(taker.name, taker.residuals().ravel()) for taker in takers]
    for (left, of_left), (other, of_other) in itertools.combinations(missed, 2):
        with np.errstate(all="ignore"):
            correlation = float(np.corrcoef(of_left, of_other)[0, 1])
        yield Likeness(left, other, correlation if math.isfinite(correlation) else None)


def _shares(drift: Array, became: Array) -> Array | None:
    """Return (steps,) how much of a drift (P,) each of (steps, P) is, along it; None of none."""
    total = float(drift @ drift)
    shares: Array | None = became @ drift / total if total else None
    return shares


def _largest(shares: Array) -> tuple[Contribution, ...]:
    order = np.argsort(-abs(shares), kind="stable")[:CONTRIBUTIONS]
    return tuple(Contribution(int(row) + 1, float(shares[row])) for row in order if shares[row])


def _ulp(weights: Array, dtype: str) -> Array:
    """Return the ULP of each weight; those next to zero count as NEAR_ZERO of the largest."""
    size = np.maximum(abs(weights), NEAR_ZERO * abs(weights).max(initial=0.0))
    unit: Array = np.spacing(size.astype(dtype)).astype(np.float64)
    return unit


def _curve(problem: Problem, dtype: str, flow: Flow) -> tuple[Array, Array]:
    """Return the epochs of the loss curve as far as it is certified, and the exact losses there."""
    data, network, arithmetic = problem.dataset(dtype), problem.network, Double()
    x, y = data.x.astype(np.float64), data.y.astype(np.float64)
    per_epoch = problem.steps_per_epoch
    epochs = np.array([e for e in problem.curve_epochs if e * per_epoch <= flow.certified])
    points = flow.trajectory[epochs * per_epoch]
    losses = [
        mean_loss(arithmetic, network, in_tensors(network, points[i : i + MARKS_TOGETHER]), x, y)[0]
        for i in range(0, len(points), MARKS_TOGETHER)
    ]
    return epochs, np.concatenate(losses)
