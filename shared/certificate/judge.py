"""One backend's run under judgement, chunk by chunk, beside the training or from a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from shared.backend import Array, Evaluation, Params, Recording
from shared.certificate.arithmetic import LongDouble
from shared.certificate.decision import Judged, Verdict
from shared.certificate.findings import (
    CARRIED,
    SAMPLES,
    SHAPE,
    START,
    BackendCertificate,
    Finding,
)
from shared.certificate.rounding import TIGHT, Rounding
from shared.certificate.stages import (
    UPDATE,
    Evaluated,
    Reference,
    judge_backward,
    judge_forward,
    judge_update,
)
from shared.certificate.tally import Tally
from shared.contract import Contract
from shared.errors import ContractError, UsageError
from shared.problems import Problem
from shared.seeding import batch_runs
from shared.ulp import bits_differ, ulp_distance

KEPT = 20
"""As many findings are kept, the first in the order of execution; all are counted."""

CURVE = "curve "


def reference_for(dtype: str) -> Reference:
    """Return what runs of a dtype are judged by.

    Raises
    ------
    UsageError
        The dtype cannot be judged yet, or this platform's longdouble is too narrow.
    """
    if dtype != "float64":
        raise UsageError(f"runs in {dtype} are not judged yet; expected float64.")
    return Reference(LongDouble(), Rounding.of(dtype), TIGHT)


class Judge:
    """Follows one backend from its start.

    Shapes: recordings with replicas are judged as they are, all axes at once.
    """

    def __init__(self, name: str, problem: Problem, dtype: str, start: Params) -> None:
        self._reference = reference_for(dtype)
        self._name, self._problem, self._dtype = name, problem, dtype
        self._data = problem.dataset(dtype)
        self._rate = np.dtype(dtype).type(problem.optimizer.learning_rate)
        self._expected, self._link = start, START
        self._tallies: dict[tuple[str, str], Tally] = {}
        self._found: list[tuple[int, int, Finding]] = []
        self._count = 0
        self._worst = Verdict.EXPLAINED
        self._steps = 0
        self._close_calls = 0
        self._expected_step = 1

    def add(self, recording: Recording) -> None:
        """Judge one chunk in which every step was recorded."""
        first = self._expected_step
        self._expected_step = recording.final[1].step + 1
        try:
            self._require_whole(recording, first)
        except ContractError as error:
            self._misshaped(first, str(error))
            return
        steps = recording.steps
        with np.errstate(all="ignore"):
            self._judge_chain(recording)
            batches = self._judge_samples(recording)
            seen = Evaluated(
                recording.before,
                (self._data.x[batches], *(recording.evaluation.activations or ())),
                self._data.y[batches],
                np.asarray(recording.evaluation.loss),
            )
            stages = [
                judge_forward(self._reference, seen),
                judge_backward(self._reference, seen, recording.grads),
                judge_update(
                    self._reference, self._problem.network.param_names, recording.before,
                    recording.grads, recording.after, self._rate,
                ),
            ]  # fmt: skip
            for rank, judged in enumerate(j for stage in stages for j in stage):
                self._count_in(judged, steps, rank + 1, recording.batches)
        self._steps += len(steps)
        # Only the first are told, so that a run that fails everywhere takes no more memory.
        self._found = _first(self._found)

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
        params = tuple(w[:count] for w in params)
        loss = np.asarray(evaluation.loss)[:count]
        axes = (1,) * loss.ndim
        seen = Evaluated(
            params,
            (x.reshape(*axes, *x.shape), *(a[:count] for a in evaluation.activations or ())),
            np.broadcast_to(y, (*loss.shape, *y.shape)),
            loss,
        )
        with np.errstate(all="ignore"):
            judged_all = list(judge_forward(self._reference, seen))
            for judged in judged_all:
                named = Judged(
                    CURVE + judged.stage, judged.tensor, judged.value, judged.exact, judged.error,
                    judged.bound, judged.verdict,
                )  # fmt: skip
                self._count_in(named, steps, 1000, None)
            output = judged_all[-2]
            if output.value.shape[-1] == 1:
                self._close_calls += int((abs(output.exact - 0.5) <= output.bound).sum())

    def finish(self) -> BackendCertificate:
        """Return what was decided."""
        first = _first(self._found)
        return BackendCertificate(
            backend=self._name,
            steps=self._steps,
            stages=tuple(
                tally.summary(bitwise=stage == UPDATE)
                for (stage, _), tally in self._tallies.items()
            ),
            findings=tuple(finding for _, _, finding in first),
            found=self._count,
            verdict=self._worst if self._steps or self._count else Verdict.UNDECIDED,
            close_calls=self._close_calls,
        )

    def _count_in(self, judged: Judged, steps: Array, rank: int, batches: Array | None) -> None:
        key = (judged.stage, judged.tensor)
        self._tallies.setdefault(key, Tally(judged)).add(judged, steps)
        bad = np.argwhere(judged.verdict >= Verdict.UNDECIDED)
        self._count += len(bad)
        if len(bad):
            self._worst = max(self._worst, Verdict(int(judged.verdict.max())))
        for index in bad[:KEPT].tolist():
            place = tuple(index)
            samples = () if batches is None else tuple(batches[place[: batches.ndim - 1]].tolist())
            self._keep(judged, place, int(steps[place[0]]), rank, samples)

    def _keep(
        self, judged: Judged, place: tuple[int, ...], step: int, rank: int, samples: tuple[int, ...]
    ) -> None:
        value = np.asarray(judged.value[place])
        exact = np.asarray(judged.exact[place])
        finding = Finding(
            step=step,
            epoch=self._epoch(step),
            samples=samples,
            stage=judged.stage,
            tensor=judged.tensor,
            element=place[1:],
            name=self._name_of(judged.tensor, place[1:]),
            value=float(value),
            exact=float(exact),
            error=float(judged.error[place]),
            bound=float(judged.bound[place]),
            ulps=int(ulp_distance(value.reshape(1), exact.astype(value.dtype).reshape(1))[0]),
            verdict=Verdict(int(judged.verdict[place])),
        )
        self._found.append((step, rank, finding))

    def _require_whole(self, recording: Recording, first: int) -> None:
        contract = Contract(self._name, self._problem.network, self._dtype)
        contract.require_recording(recording, first, recording.batches.shape, every=1)
        if recording.evaluation.activations is None:
            raise ContractError(f"{self._name}: the activations were not recorded.")

    def _misshaped(self, step: int, why: str) -> None:
        self._say(step, SHAPE, why, ())

    def _say(self, step: int, stage: str, note: str, samples: tuple[int, ...]) -> None:
        """Keep a finding that no number describes."""
        nan = float("nan")
        self._note_all(1)
        finding = Finding(
            step=step, epoch=self._epoch(step), samples=samples, stage=stage, tensor="",
            element=(), name="", value=nan, exact=nan, error=nan, bound=0.0, ulps=0,
            verdict=Verdict.DIFFERENT, note=note,
        )  # fmt: skip
        self._found.append((step, -1, finding))

    def _note_all(self, count: int) -> None:
        self._count += count
        if count:
            self._worst = Verdict.DIFFERENT

    def _judge_samples(self, recording: Recording) -> Array:
        """Hold the samples to the problem's order, and return them, those that do not exist aside.

        Shapes: (s, *R, m).
        """
        first, last = int(recording.steps[0]), int(recording.steps[-1])
        runs = [batches for _, batches in batch_runs(self._problem, first - 1, last)]
        seen = recording.batches
        if len(runs) != 1 or runs[0].shape != (len(seen), seen.shape[-1]):
            self._say(first, SAMPLES, "The batches have another size than the problem's.", ())
            return seen % len(self._data.x)
        order = runs[0].reshape(len(seen), *(1,) * (seen.ndim - 2), -1)
        wrong = np.flatnonzero((seen != order).reshape(len(seen), -1).any(axis=1))
        for row in wrong[:KEPT].tolist():
            expected = tuple(runs[0][row].tolist())
            self._say(
                first + row, SAMPLES,
                f"It saw other samples than the order gives: {[i + 1 for i in expected]}.",
                tuple(np.unique(seen[row]).tolist()),
            )  # fmt: skip
        self._note_all(max(0, len(wrong) - KEPT))
        return seen % len(self._data.x)

    def _judge_chain(self, recording: Recording) -> None:
        """Each step starts at the bits the last one left; the first at the problem's own."""
        names = self._problem.network.param_names
        for i, name in enumerate(names):
            before, after = recording.before[i], recording.after[i]
            expected = np.concatenate([self._expected[i][None], after[:-1]])
            first = int(recording.steps[0])
            broken = np.argwhere(bits_differ(before, expected))
            self._note_all(len(broken))
            for index in broken[:KEPT].tolist():
                stage = self._link if index[0] == 0 else CARRIED
                self._broken(stage, name, tuple(index), first + index[0], before, expected)
            final = recording.final[0][i][None]
            broken = np.argwhere(bits_differ(final, after[-1:]))
            self._note_all(len(broken))
            for index in broken[:KEPT].tolist():
                last = int(recording.steps[-1])
                self._broken(CARRIED, name, tuple(index), last, final, after[-1:])
        self._expected, self._link = recording.final[0], CARRIED

    def _broken(
        self, stage: str, name: str, place: tuple[int, ...], step: int, got: Array, expected: Array
    ) -> None:
        value, wanted = got[place], expected[place]
        finding = Finding(
            step=step,
            epoch=self._epoch(step),
            samples=(),
            stage=stage,
            tensor=name,
            element=place[1:],
            name=self._name_of(name, place[1:]),
            value=float(value),
            exact=float(wanted),
            error=float(abs(value - wanted)),
            bound=0.0,
            ulps=int(ulp_distance(np.array([value]), np.array([wanted]))[0]),
            verdict=Verdict.DIFFERENT,
        )
        self._found.append((step, 0, finding))

    def _epoch(self, step: int) -> int:
        per_epoch = self._problem.steps_per_epoch
        return -(-step // per_epoch)

    def _name_of(self, tensor: str, element: tuple[int, ...]) -> str:
        """Name a parameter's element as the network does; anything else by its index."""
        network = self._problem.network
        if tensor in network.param_names:
            i = network.param_names.index(tensor)
            shape = network.param_shapes[i]
            start = sum(int(np.prod(s)) for s in network.param_shapes[:i])
            inner = element[len(element) - len(shape) :]
            return network.element_names[start + int(np.ravel_multi_index(inner, shape))]
        return f"{tensor}[{','.join(map(str, element))}]" if element else tensor


def _first(found: list[tuple[int, int, Finding]]) -> list[tuple[int, int, Finding]]:
    """Return the first findings in the order of execution: by step, then by stage."""
    return sorted(found, key=lambda item: item[:2])[:KEPT]


def total(certificates: Iterable[BackendCertificate]) -> Verdict:
    """Return the worst verdict of all."""
    return max((one.verdict for one in certificates), default=Verdict.EXPLAINED)
