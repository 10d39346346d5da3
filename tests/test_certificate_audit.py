"""The auditor's word stands: what a wrong arithmetic decides near a bound, or calls different."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from shared.backend import Array
from shared.certificate import audit, audit_choice
from shared.certificate.audit import Auditor
from shared.certificate.audit_choice import Block, drawn_steps
from shared.certificate.decision import Judged, Verdict
from shared.certificate.findings import Finding
from shared.certificate.sampling import Sampling, sampling
from tests.audited_runs import RUNS, Spot, judged_by, spot
from tests.certified_runs import Run

LAST = {name: f"a{len(run.problem.network.sizes) - 1}" for name, run in RUNS.items()}
TENSORS = [
    (name, *pair)
    for name in RUNS
    for pair in (
        ("forward", "a1"), ("forward", LAST[name]), ("loss", "loss"),
        ("backward", "b2"), ("backward", "W1"),
    )
]  # fmt: skip
LONG_SUMS = [case for case in TENSORS if case[2] in ("a1", "W1")]
"""Where a thousandth of a bound is still more than a float."""


def named(case: tuple[str, str, str]) -> str:
    return f"{case[0]}: {case[2]}"


every_tensor = pytest.mark.parametrize("case", TENSORS, ids=named)
every_long_sum = pytest.mark.parametrize("case", LONG_SUMS, ids=named)
both_sides = pytest.mark.parametrize("side", [1, -1], ids=["above", "below"])


@cache
def spot_of(case: tuple[str, str, str], step: int = 7) -> Spot:
    name, stage, tensor = case
    return spot(RUNS[name], stage, tensor, step)


def unaudited(self: Auditor, block: object, pieces: list[Judged], failures: bool) -> list[Judged]:
    del self, block, failures
    return list(pieces)


def require_found(found: Finding, at: Spot, value: float) -> None:
    assert (found.step, found.stage, found.tensor) == (at.step, at.stage, at.tensor)
    assert (found.element, found.value) == (at.place[1:], value)


def not_drawn(run: Run) -> int:
    """A step in the middle that is not drawn."""
    sample = sampling(run.problem, run.seeds)
    chosen = drawn_steps(run.problem, sample).chosen(run.whole.steps)
    return 1 + int(np.flatnonzero(~chosen)[3])


@every_tensor
def test_an_honest_value_that_is_called_different_is_acquitted(
    case: tuple[str, str, str],
) -> None:
    at = spot_of(case)
    right = at.at(0.5)
    certificate = judged_by(at.slipped(right), {right: 1e6 * at.bound})
    assert certificate.certified
    assert certificate.findings == ()
    assert (certificate.audit.failed, certificate.audit.overturned) == (1, 1)


@every_tensor
def test_without_the_audit_it_would_be_reported(
    case: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = spot_of(case)
    right = at.at(0.5)
    monkeypatch.setattr(Auditor, "audited", unaudited)
    (found,) = judged_by(at.slipped(right), {right: 1e6 * at.bound}).findings
    require_found(found, at, right)


@every_tensor
def test_a_wrong_value_stays_different(case: tuple[str, str, str]) -> None:
    at = spot_of(case)
    wrong = at.at(1e5)
    certificate = at.slipped(wrong).judged()
    (found,) = certificate.findings
    require_found(found, at, wrong)
    assert found.verdict == Verdict.DIFFERENT
    assert (certificate.audit.failed, certificate.audit.overturned) == (1, 0)


@every_long_sum
@both_sides
def test_a_wrong_value_that_is_explained_by_a_hair_is_found(
    case: tuple[str, str, str], side: int
) -> None:
    at = spot_of(case)
    wrong = at.at(side * 1.005)
    certificate = judged_by(at.slipped(wrong), {wrong: 0.995 * at.bound})
    (found,) = certificate.findings
    require_found(found, at, wrong)
    assert (certificate.found, certificate.certified) == (1, False)
    assert 1.004 < found.error / at.bound < 1.006 or found.bound > 1.01 * at.bound
    assert (certificate.audit.near, certificate.audit.overturned) == (1, 1)


@every_long_sum
def test_without_the_audit_it_would_be_certified(
    case: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = spot_of(case)
    wrong = at.at(1.005)
    monkeypatch.setattr(Auditor, "audited", unaudited)
    assert judged_by(at.slipped(wrong), {wrong: 0.995 * at.bound}).certified


@every_long_sum
@both_sides
def test_a_right_value_that_is_different_by_a_hair_is_acquitted(
    case: tuple[str, str, str], side: int
) -> None:
    at = spot_of(case)
    right = at.at(side * 0.995)
    certificate = judged_by(at.slipped(right), {right: 1.005 * at.bound})
    assert certificate.certified
    assert certificate.audit.near + certificate.audit.failed == 1
    assert certificate.audit.overturned == 1


@every_long_sum
def test_a_value_five_hundredths_inside_is_not_looked_at(
    case: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_choice, "MOST_STEPS", 1)
    at = spot_of(case, not_drawn(RUNS[case[0]]))
    wrong = at.at(1.05)
    certificate = judged_by(at.slipped(wrong), {wrong: 0.95 * at.bound})
    assert certificate.certified
    assert (certificate.audit.near, certificate.audit.overturned) == (0, 0)


@pytest.mark.parametrize("case", [case for case in LONG_SUMS if case[2] == "a1"][:1], ids=named)
@pytest.mark.parametrize("step", [1, 20], ids=["first", "last"])
def test_but_where_it_is_drawn_it_is_found(
    case: tuple[str, str, str], step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_choice, "MOST_STEPS", 1)
    monkeypatch.setattr(audit_choice, "DRAWN", 60)
    at = spot_of(case, step)
    wrong = at.at(1.05)
    certificate = judged_by(at.slipped(wrong), {wrong: 0.95 * at.bound})
    require_found(certificate.findings[0], at, wrong)
    assert (certificate.audit.near, certificate.audit.overturned) == (0, 1)


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("disagreement", [0.03, 0.3])
def test_the_furthest_disagreement_is_told(name: str, disagreement: float) -> None:
    """Of a value that passes both ways, in a step that is drawn."""
    at = spot_of((name, "loss", "loss"))
    right = at.at(0.5)
    run = at.slipped(right)
    assert judged_by(run, {}).audit.furthest < 1e-3
    error = float(abs(at.exact - Fraction(right)))
    told = judged_by(run, {right: error + disagreement * at.bound}).audit
    assert abs(told.furthest - disagreement) < 1e-6
    assert told.overturned == 0


@every_tensor
def test_what_more_bits_settle_is_settled(
    case: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With so few bits nothing is decided; the next ones do it."""
    monkeypatch.setattr(audit, "PRECISIONS", (12, 128))
    at = spot_of(case)
    right = at.at(0.5)
    certificate = judged_by(at.slipped(right), {right: 1e6 * at.bound})
    assert certificate.certified
    assert certificate.audit.bits == 128


@pytest.mark.parametrize("case", [case for case in LONG_SUMS if case[2] == "a1"], ids=named)
@pytest.mark.parametrize("bits", [512, 2048])
def test_many_bits_are_used_where_they_are_needed(
    case: tuple[str, str, str], bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "PRECISIONS", (12, 13, bits))
    at = spot_of(case)
    wrong = at.at(1.005)
    certificate = judged_by(at.slipped(wrong), {wrong: 0.995 * at.bound})
    assert certificate.findings[0].verdict == Verdict.DIFFERENT
    assert certificate.audit.bits == bits


@pytest.mark.parametrize("case", [case for case in TENSORS if case[2] != "a1"], ids=named)
def test_what_the_last_bits_leave_open_is_undecided(
    case: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "PRECISIONS", (8, 12))
    monkeypatch.setattr(audit_choice, "DRAWN", 0)
    at = spot_of(case)
    right = at.at(0.5)
    certificate = judged_by(at.slipped(right), {right: 1e6 * at.bound})
    assert not certificate.certified
    assert certificate.verdict == Verdict.UNDECIDED
    assert {one.verdict for one in certificate.findings} == {Verdict.UNDECIDED}
    assert certificate.audit.bits == 12


def test_what_is_decided_at_once_takes_no_more_bits() -> None:
    assert RUNS["classes"].judged().audit.bits == audit.PRECISIONS[0]


@pytest.mark.parametrize("one_in", [1, 5])
def test_a_sample_of_the_steps_is_audited_within_itself(one_in: int) -> None:
    run = RUNS["quantities"]
    sample = Sampling(one_in, 3, run.problem.step_count)
    certificate = judged_by(run, {}, sample)
    assert certificate.certified
    assert 0 < certificate.audit.drawn <= certificate.values


@pytest.mark.parametrize(
    ("case", "value"),
    [
        (("quantities", "backward", "W1"), float("nan")),
        (("no deltas", "forward", "a1"), float("nan")),
        (("no deltas", "forward", "a1"), float("inf")),
    ],
)
def test_what_is_no_number_is_not_decided_with_all_of_its_step(
    case: tuple[str, str, str], value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Array] = []

    def counted(self: Auditor, block: Block, rows: Array) -> list[Judged]:
        asked.append(rows)
        return decide(self, block, rows)

    decide = Auditor._whole
    monkeypatch.setattr(Auditor, "_whole", counted)
    at = spot_of(case)
    with np.errstate(all="ignore"):
        run = at.slipped(value)
    certificate = judged_by(run, {})
    assert certificate.findings[0].verdict == Verdict.DIFFERENT
    assert certificate.findings[0].step == at.step
    assert not asked
