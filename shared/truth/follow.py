"""The exact trajectory of a run, and how far from it each backend is: the pipeline.

A walk whose radius grows too large is begun again with more bits; where the most bits are not
enough either, the trajectory is known up to a step, and that is said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np

from shared.backend import Array
from shared.certificate.arithmetic import Double
from shared.certificate.exact_step import mean_loss
from shared.classification import predicted, right
from shared.errors import UsageError
from shared.interrupts import interrupts_deferred
from shared.problems import Problem
from shared.truth.account import accounts, likenesses, ulp_of
from shared.truth.findings import TrueMark, Truth
from shared.truth.flow import Flow
from shared.truth.residuals import ResidualTaker, most_steps
from shared.truth.rows import in_tensors

BITS = (512, 960)
"""Precisions to be tried. Radii are kept as floats, which end at 2^-1074."""

MOST_PARAMS = 64
"""The derivatives of networks with more parameters cost too much; they are estimated."""

MOST_WORK = 2**26
"""Steps times samples times parameters: some seven minutes. Longer runs are estimated, too."""

MARKS_TOGETHER = 64


def require_followable(problem: Problem) -> None:
    """Raise UsageError unless the problem's optimizer is one whose steps can be differentiated."""
    if not problem.optimizer.is_plain:
        raise UsageError(
            f"the exact trajectory is followed of plain gradient descent only; {problem.name} is "
            f"trained by {problem.optimizer}. Every step of it is judged without --truth, too."
        )


def can_follow(problem: Problem) -> bool:
    """Whether the exact trajectory of such a run can be followed: is it little enough work?"""
    size = problem.network.param_count
    steps = min(problem.step_count, most_steps(problem))
    work = steps * problem.largest_batch * size
    return size <= MOST_PARAMS and work <= MOST_WORK


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
    stopped = None if wanted == steps else "room"
    best: Flow | None = None
    try:
        for bits in BITS:
            flow = Flow(problem, seed, dtype, bits, [one.residuals() for one in takers], wanted)
            best = best or flow
            flow.walk(progress)
            best = flow if flow.certified >= best.certified else best
            if best.certified == wanted:
                break
        else:
            stopped = "precision"
    except KeyboardInterrupt:
        stopped = stopped if best and best.certified == wanted else "interrupted"
    # An interrupt that comes so late takes nothing away.
    with suppress(KeyboardInterrupt), interrupts_deferred(), np.errstate(all="ignore"):
        best = best or Flow(problem, seed, dtype, BITS[0], [], wanted)
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
    losses = [flow.path.loss(passed.exact) for passed in flow.passed]
    marks = tuple(
        TrueMark(
            passed.step, loss, float(passed.radius.max()), passed.sensitivity_log10,
            float((passed.tube / ulp_of(passed.weights, dtype)).max()),
        )
        for passed, (loss, _) in zip(flow.passed, losses, strict=True)
    )  # fmt: skip
    epochs, curve = _curve(problem, dtype, flow)
    if marks and marks[-1].step == epochs[-1] * problem.steps_per_epoch:
        curve[-1] = marks[-1].loss
    carried = flow.carried
    growth, (since, until) = carried.largest_growth
    return Truth(
        steps=flow.certified,
        asked=asked,
        stopped=stopped,
        bits=flow.bits,
        radius=flow.radius,
        radius_ulps=flow.radius_ulps,
        weights=flow.path.digits(flow.passed[-1].exact, flow.passed[-1].radius) if marks else (),
        marks=marks,
        curve_epochs=epochs,
        curve_loss=curve,
        correct=_correct(problem, [output for _, output in losses[-1:]]),
        samples=len(problem.y),
        peak_log10=carried.sensitivity.peak_log10,
        peak_step=carried.sensitivity.peak_step,
        growth_log10=growth,
        growth_from=since,
        growth_to=until,
        widest_tube=max((width for _, width in carried.widths), default=0.0),
        chaotic_since=carried.chaotic_since,
        backends=tuple(accounts(flow, takers, dtype)),
        likenesses=tuple(likenesses(takers)),
        elapsed_s=time.perf_counter() - started,
    )


def _correct(problem: Problem, ends: Sequence[Array]) -> int | None:
    """Count the samples that the last outputs (N, n_L) put on their right side.

    None where the targets are quantities, which have no sides; 0 where no outputs are known.
    """
    if not problem.classes:
        return None
    return sum(int(right(predicted(end), predicted(problem.y)).sum()) for end in ends)


def _curve(problem: Problem, dtype: str, flow: Flow) -> tuple[Array, Array]:
    """Return the epochs of the loss curve as far as it is certified, and the losses there.

    They are exact up to float64's roundings; the first is exactly rounded.
    """
    data, network, arithmetic = problem.dataset(dtype), problem.network, Double()
    x, y = data.x.astype(np.float64), data.y.astype(np.float64)
    per_epoch = problem.steps_per_epoch
    epochs = np.array([e for e in problem.curve_epochs if e * per_epoch <= flow.certified])
    points = flow.trajectory[epochs * per_epoch]
    losses = [
        mean_loss(arithmetic, network, in_tensors(network, points[i : i + MARKS_TOGETHER]), x, y)[0]
        for i in range(0, len(points), MARKS_TOGETHER)
    ]
    curve = np.concatenate(losses)
    curve[0], _ = flow.path.loss(flow.path.exact_start)
    return epochs, curve
