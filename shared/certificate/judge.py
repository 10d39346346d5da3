"""One backend's run under judgement, chunk by chunk, beside the training or from a file."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from shared.backend import Array, Evaluation, OptimizerState, Params, Recording
from shared.certificate.arithmetic import Double, DoubleDoubles, LongDouble
from shared.certificate.audit import Auditor
from shared.certificate.audit_choice import Block, drawn_steps, rows_drawn
from shared.certificate.backward import judge_backward
from shared.certificate.chain import Chain, require_whole
from shared.certificate.convention import told_apart
from shared.certificate.decision import Judged, Verdict
from shared.certificate.findings import SHAPE, BackendCertificate, Basis
from shared.certificate.forward import judge_forward
from shared.certificate.ledger import Ledger, Rows
from shared.certificate.optimizer_update import Moves, judge_moves
from shared.certificate.profile import HostProfile, Profile, tight, wide
from shared.certificate.rounding import Rounding
from shared.certificate.sampling import Sampling, sampling
from shared.certificate.screening import IN_FULL_ONE_IN
from shared.certificate.stages import Evaluated, Gradients, Reference
from shared.errors import ContractError
from shared.problems import Problem

CURVE = "curve "

BLOCK_NUMBERS = 2**17
"""Steps are judged in blocks with about as many activations, so that memory stays flat."""


def reference_for(dtype: str, profile: Profile | None = None) -> Reference:
    """Return what runs of a dtype are judged by; the tight profile if not said otherwise."""
    profile = profile or tight(dtype)
    if dtype == "float32":
        return Reference(Double(), Rounding.of(dtype), profile)
    wider = LongDouble() if LongDouble.is_wide_enough() else DoubleDoubles()
    return Reference(wider, Rounding.of(dtype), profile)


class Judge:
    """Follows one backend from its start; seeds are one, or one for each replica.

    start
        Parameters and optimizer's state that earlier steps have left, to begin there instead.
    elapsed_s
        Seconds that judging has taken so far.

    Shapes: recordings with replicas are judged as they are, all axes at once.
    """

    def __init__(
        self,
        name: str,
        problem: Problem,
        dtype: str,
        seeds: int | Sequence[int],
        sample: Sampling | None = None,
        host: HostProfile | None = None,
        reference: Reference | None = None,
        start: tuple[Params, OptimizerState] | None = None,
    ) -> None:
        self._host = host or HostProfile(tight(dtype))
        self._reference = reference or reference_for(dtype, self._host.profile)
        self._name, self._problem, self._dtype = name, problem, dtype
        data = problem.dataset(dtype)
        self._x, self._y = data.x, data.y
        self._optimizer = problem.optimizer_in(dtype)
        self._sample = sample or sampling(problem, seeds)
        self._in_full = replace(self._sample, one_in=IN_FULL_ONE_IN)
        self._drawn = drawn_steps(problem, self._sample)
        self._auditor = Auditor(self._reference, self._sample.seed)
        self._ledger = Ledger(problem, dtype)
        self._chain = Chain(problem, seeds, dtype, self._ledger, start)
        self._steps = self._judged_steps = self._close_calls = self._kinks = 0
        self._expected_step = start[1].step + 1 if start else 1
        self.elapsed_s = 0.0

    def add(self, recording: Recording) -> None:
        """Judge one chunk in which every step was recorded."""
        with self._timed():
            self._add(recording)

    def _add(self, recording: Recording) -> None:
        first = self._expected_step
        self._expected_step = recording.final[1].step + 1
        try:
            require_whole(self._name, self._problem, self._dtype, recording, first)
        except ContractError as error:
            self._ledger.say(first, SHAPE, str(error))
            return
        with np.errstate(all="ignore"):
            self._chain.judge_params(recording)
            batches = self._chain.judge_samples(recording)
            rows = np.flatnonzero(self._sample.chosen(recording.steps))
            for start in range(0, len(rows), self._block(recording)):
                self._judge_steps(recording, batches, rows[start : start + self._block(recording)])
        self._steps += len(recording.steps)
        self._judged_steps += len(rows)

    def _judge_steps(self, recording: Recording, batches: Array, rows: Array) -> None:
        # Rows in a row are a view; others have to be gathered.
        chosen = slice(rows[0], rows[-1] + 1) if rows[-1] - rows[0] + 1 == len(rows) else rows
        evaluation = recording.evaluation
        before, after, grads = (
            tuple(w[chosen] for w in params)
            for params in (recording.before, recording.after, recording.grads)
        )
        seen = Evaluated(
            self._problem.network, _all_held(before),
            (
                _held(self._x[batches[chosen]]),
                *(_held(a[chosen]) for a in evaluation.activations or ()),
            ),
            self._logits(evaluation, chosen),
            _held(self._y[batches[chosen]]), _held(np.asarray(evaluation.loss)[chosen]),
        )  # fmt: skip
        deltas = recording.deltas and tuple(_held(d[chosen]) for d in recording.deltas)
        held, names = _all_held(grads), self._problem.network.param_names
        in_full = self._in_full.chosen(recording.steps[chosen])
        judged_all = [*judge_forward(self._reference, seen, in_full)]
        gradients = judge_backward(self._reference, seen, held, deltas, in_full=in_full)
        judged_all += told_apart(self._reference, seen, held, deltas, gradients)
        drawn = rows_drawn(recording.steps[chosen], self._sample, self._drawn)
        block = Block(seen, Gradients(held, deltas), drawn)
        reported = self._ledger.may_keep(int(recording.steps[chosen][0]))
        judged_all = self._auditor.audited(block, judged_all, reported)
        moves = Moves(
            recording.steps[chosen], before, grads, after,
            _rows_of(recording.state_before, chosen), _rows_of(recording.state_after, chosen),
            recording.batches.shape[-1],
        )  # fmt: skip
        updated = list(judge_moves(self._reference, self._optimizer, names, moves, reported))
        judged_all += self._auditor.audited_update(self._optimizer, names, moves, updated, reported)
        for rank, judged in enumerate(judged_all, start=1):
            self._kinks += judged.kinks
            at = Rows(recording.steps[chosen], recording.batches[chosen], rank)
            self._ledger.count(judged, at)

    def add_evaluation(
        self,
        epochs: Sequence[int],
        params: Params,
        x: Array,
        y: Array,
        evaluation: Evaluation,
        count: int,
    ) -> None:
        """Judge the network's answers to data at the first `count` marks of a block.

        Shapes: params (q, *R, ...) for q marks, q at least count; x (N, n_0), y (N, n_L).
        """
        steps = np.array(epochs) * self._problem.steps_per_epoch
        with self._timed(), np.errstate(all="ignore"):
            widest = max(a[:1].size for a in evaluation.activations or ())
            together = max(1, BLOCK_NUMBERS // widest)
            for start in range(0, count, together):
                marks = slice(start, min(start + together, count))
                logits = self._logits(evaluation, marks)
                seen = _answers(self._problem, marks, params, x, y, evaluation, logits)
                judged_all = list(judge_forward(self._reference, seen))
                reported = self._ledger.may_keep(int(steps[marks][0]))
                judged_all = self._auditor.audited(Block(seen), judged_all, reported)
                for judged in judged_all:
                    named = replace(judged, stage=CURVE + judged.stage)
                    self._ledger.count(named, Rows(steps[marks], None, 1000))
                output = f"a{len(seen.functions)}"
                self._close_calls += sum(
                    _close_calls(one) for one in judged_all if one.tensor == output
                )

    def finish(self) -> BackendCertificate:
        """Return what was decided."""
        ledger = self._ledger
        return BackendCertificate(
            backend=self._name,
            steps=self._steps,
            judged_steps=self._judged_steps,
            one_in=self._sample.one_in,
            stages=tuple(tally.summary() for tally in ledger.tallies.values()),
            findings=ledger.first,
            found=ledger.found,
            verdict=ledger.worst if self._judged_steps or ledger.found else Verdict.UNDECIDED,
            close_calls=self._close_calls,
            kinks=self._kinks,
            basis=Basis(
                arithmetic=self._reference.arithmetic.name,
                rounding_bits=round(-math.log2(self._reference.rounding.u)),
                profile=self._reference.profile,
                wide=wide(self._dtype),
                measured=self._host.measured,
                beyond=self._host.beyond,
            ),
            audit=self._auditor.result(),
            placement=ledger.placement,
            earliest=ledger.earliest,
        )

    def _logits(self, evaluation: Evaluation, rows: slice | Array) -> Array | None:
        """Return the logits of some rows, if anything is computed from them."""
        if evaluation.logits is None or not self._problem.network.from_logits:
            return None
        return _held(evaluation.logits[rows])

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.elapsed_s += time.perf_counter() - started

    def _block(self, recording: Recording) -> int:
        m = int(recording.batches[0].size)
        return max(1, BLOCK_NUMBERS // (m * max(self._problem.network.sizes)))


def _answers(
    problem: Problem,
    marks: slice,
    params: Params,
    x: Array,
    y: Array,
    evaluation: Evaluation,
    logits: Array | None,
) -> Evaluated:
    """Take some marks out of an evaluated block."""
    loss = _held(np.asarray(evaluation.loss)[marks])
    shared, activations = (1,) * loss.ndim, evaluation.activations or ()
    return Evaluated(
        problem.network,
        _all_held(tuple(w[marks] for w in params)),
        (_held(x).reshape(*shared, *x.shape), *(_held(a[marks]) for a in activations)),
        logits,
        np.broadcast_to(_held(y), (*loss.shape, *y.shape)),
        loss,
    )


def _rows_of(slots: Mapping[str, Params], rows: slice | Array) -> dict[str, Params]:
    return {name: tuple(w[rows] for w in params) for name, params in slots.items()}


def _held(a: Array) -> Array:
    """Return the same numbers as float64: bounds are computed in it, whatever the dtype."""
    held: Array = a.astype(np.float64, copy=False)
    return held


def _all_held(arrays: Params) -> Params:
    return tuple(map(_held, arrays))


def _close_calls(output: Judged) -> int:
    """Count the answers that rounding could change."""
    if output.exact.shape[-1] == 1:
        near = abs(output.exact - 0.5) <= output.bound
    else:
        order = output.exact.argsort(axis=-1)[..., -2:]
        exact = np.take_along_axis(output.exact, order, axis=-1)
        reach = np.take_along_axis(output.bound, order, axis=-1).sum(axis=-1)
        near = exact[..., 1] - exact[..., 0] <= reach
    return int(np.count_nonzero(near))


def total(certificates: Iterable[BackendCertificate]) -> Verdict:
    """Return the worst verdict of all."""
    return max((one.verdict for one in certificates), default=Verdict.EXPLAINED)
