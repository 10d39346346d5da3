"""What an estimate settled is audited in the steps that are drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

import shared.certificate.backward
import shared.certificate.forward
from shared.backend import Array
from shared.certificate import audit_choice
from shared.certificate.audit_choice import (
    DRAWN,
    Block,
    drawn_steps,
    rows_drawn,
    settled_places,
)
from shared.certificate.decision import Verdict
from shared.certificate.sampling import Sampling
from shared.certificate.screened_layer import UnsettledLayer
from shared.certificate.screening import IN_FULL_ONE_IN, Unsettled
from shared.named_problems import problem
from tests.certified_kinds import wide
from tests.certified_runs import Place, Run, gradients_of, judgements, seen_by, trained
from tests.certified_slips import Slip, slipped

WIDE = trained(wide(), 3)
SIGMOIDS = trained(replace(wide(), network=replace(wide().network, activation="sigmoid")), 3)


def drawn_but_screened(run: Run) -> int:
    """A step that is drawn, and not computed in full."""
    steps, sample = run.whole.steps, Sampling(1, 3, run.problem.step_count)
    drawn = rows_drawn(steps, sample, drawn_steps(run.problem, sample))
    full = replace(sample, one_in=IN_FULL_ONE_IN).chosen(steps)
    return next(step for step, row in drawn.items() if not full[row])


def place_drawn(run: Run, stage: str, tensor: str, step: int) -> Place:
    """A settled place that the audit draws, where the bound is smaller than the number."""
    judged = replace(judgements(run)[stage, tensor], settled=1)
    block = Block(seen_by(run), gradients_of(run), {step: step - 1})
    places = settled_places([judged], block, 3)[tensor]
    sharp = judged.bound[places] < abs(judged.value[places]) / 2
    first = int(np.flatnonzero(sharp)[0])
    return tuple(int(axis[first]) for axis in places)


def nothing(count: int) -> tuple[Array, ...]:
    return (np.zeros(0, dtype=np.intp),) * count


@contextmanager
def all_settled(monkeypatch: pytest.MonkeyPatch, wide_layers: bool) -> Iterator[None]:
    """An estimate that is content with everything."""
    with monkeypatch.context() as patch:
        if wide_layers:
            patch.setattr(
                shared.certificate.forward, "unsettled_layer",
                lambda *_: UnsettledLayer(nothing(3), np.zeros(0, np.longdouble), np.zeros(0)),
            )  # fmt: skip
        else:
            patch.setattr(
                shared.certificate.backward, "unsettled",
                lambda *_: Unsettled(nothing(3), np.zeros(0, np.longdouble), np.zeros(0)),
            )  # fmt: skip
        yield


SETTLED: Mapping[str, tuple[Run, str, str]] = {
    "wide gradient": (WIDE, "backward", "W1"),
    "wide layer": (SIGMOIDS, "forward", "a1"),
}
every_screened = pytest.mark.parametrize(("run", "stage", "tensor"), SETTLED.values(), ids=SETTLED)


@every_screened
def test_what_an_estimate_settled_wrongly_is_found_where_it_is_drawn(
    run: Run, stage: str, tensor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = drawn_but_screened(run)
    place = place_drawn(run, stage, tensor, step)
    value = float(judgements(run)[stage, tensor].value[place]) * (1 + 1e-6)
    wrong = slipped(run, Slip(stage, tensor, step, place[1:], value))
    with all_settled(monkeypatch, stage == "forward"):
        assert run.judged().certified
        certificate = wrong.judged()
    (found,) = certificate.findings
    assert (found.step, found.stage, found.tensor) == (step, stage, tensor)
    assert (found.element, found.value) == (place[1:], value)
    assert found.verdict in (Verdict.DIFFERENT, Verdict.UNDECIDED)
    assert certificate.audit.overturned == 1
    assert not certificate.certified


@every_screened
def test_where_nothing_is_drawn_it_is_not(
    run: Run, stage: str, tensor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = drawn_but_screened(run)
    place = place_drawn(run, stage, tensor, step)
    value = float(judgements(run)[stage, tensor].value[place]) * (1 + 1e-6)
    wrong = slipped(run, Slip(stage, tensor, step, place[1:], value))
    monkeypatch.setattr(audit_choice, "MOST_STEPS", 1)
    monkeypatch.setattr(audit_choice, "DRAWN", 0)
    with all_settled(monkeypatch, stage == "forward"):
        assert wrong.judged().certified


def test_equal_runs_are_audited_alike() -> None:
    assert WIDE.judged().audit == WIDE.judged().audit


def test_of_a_wide_tensor_a_few_values_are_drawn() -> None:
    """32 of the 1,200 at most, and settled ones besides."""
    certificate = WIDE.judged()
    steps, tensors = WIDE.problem.step_count, len(certificate.stages)
    assert 0 < certificate.audit.drawn <= steps * tensors * 2 * DRAWN


def test_the_audit_counts_what_it_drew() -> None:
    """Of small tensors all values of every drawn step: here of every step."""
    certificate = trained(problem("people16").changed(epochs=1), 3).judged()
    updates = sum(sum(s.counts) for s in certificate.stages if s.stage == "update")
    assert certificate.audit.drawn == certificate.values - updates
    assert certificate.audit.values == certificate.audit.drawn
