"""The decision on single values, what is counted of it, and the fallback end to end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shared.certificate.arithmetic import LongDouble
from shared.certificate.audit import Auditor
from shared.certificate.backward import judge_backward
from shared.certificate.decision import Judged, Verdict, decide
from shared.certificate.findings import BackendCertificate, Finding
from shared.certificate.judge import reference_for, total
from shared.certificate.tally import Tally
from shared.named_problems import problem
from tests.certified_exact import beside
from tests.certified_forms import beyond_all, whole_step
from tests.certified_runs import general, gradients_of, judgements, put, seen_by, trained

SHARPNESS = 2.0**-11
HALF_A_BIN = 1 / 16
"""Medians are told to an eighth of an octave, by the middle of it."""
NAN, INF = float("nan"), float("inf")


def verdict(
    value: float, exact: float, error: float, bound: float, sharpness: float = SHARPNESS
) -> Verdict:
    v, e, d, b = (np.array([number]) for number in (value, exact, error, bound))
    return Verdict(int(decide("loss", "loss", v, e, d, b, sharpness).verdict[0]))


@pytest.mark.parametrize(
    ("value", "exact", "error", "bound", "expected"),
    [
        (1.0, 1.0, 1e-17, 1e-15, Verdict.BIT_EQUAL),
        (1.0, 1.0, 1e-17, 5.0, Verdict.BIT_EQUAL),  # before VACUOUS
        (0.0, 0.0, 0.0, 1e-300, Verdict.BIT_EQUAL),  # an exact zero is not vacuous
        (0.0, 0.0, 0.0, 0.0, Verdict.BIT_EQUAL),
        (-0.0, 0.0, 0.0, 1e-300, Verdict.BIT_EQUAL),
        (1.0, 1.1, 0.1, 0.2, Verdict.EXPLAINED),
        (1.0, 1.1, 0.1, 0.1, Verdict.EXPLAINED),
        (0.1, 0.2, 0.1, 0.2, Verdict.VACUOUS),
        (0.1, 0.2, 0.1, 0.1, Verdict.VACUOUS),
        (-0.1, 0.2, 0.3, 0.3, Verdict.VACUOUS),
        (0.0, 1e-320, 1e-320, 1e-308, Verdict.VACUOUS),
        (1.0, 1.1, 0.1 * (1 + 3.9 * SHARPNESS), 0.1, Verdict.UNDECIDED),
        (1.0, 1.1, 0.1 * (1 + 4.1 * SHARPNESS), 0.1, Verdict.DIFFERENT),
        (1.0, 1.1, np.nextafter(0.1, 1), 0.1, Verdict.UNDECIDED),
        (1.0, 2.0, 1.0, 0.1, Verdict.DIFFERENT),
        (1e-300, 0.0, 1e-300, 0.0, Verdict.DIFFERENT),
        (NAN, 1.0, NAN, 0.1, Verdict.DIFFERENT),
        (1.0, NAN, NAN, 0.1, Verdict.DIFFERENT),
        (1.0, 1.1, 0.1, NAN, Verdict.DIFFERENT),
        (NAN, NAN, NAN, NAN, Verdict.DIFFERENT),
        (NAN, NAN, NAN, INF, Verdict.DIFFERENT),
        (INF, 1.0, INF, 0.1, Verdict.DIFFERENT),
        (INF, INF, NAN, 0.1, Verdict.DIFFERENT),
        (-INF, 1.0, INF, 1e300, Verdict.DIFFERENT),
        # A bound that has overflowed explains no infinity.
        (INF, 1.0, INF, INF, Verdict.DIFFERENT),
    ],
)
def test_every_verdict(
    value: float, exact: float, error: float, bound: float, expected: Verdict
) -> None:
    assert verdict(value, exact, error, bound) == expected


def test_a_perfect_reference_leaves_nothing_undecided() -> None:
    assert verdict(1.0, 1.1, np.nextafter(0.1, 1), 0.1, sharpness=0.0) == Verdict.DIFFERENT


def test_bit_equal_is_decided_in_the_dtype_of_the_run() -> None:
    value, exact, bound = np.array([np.float64(np.float32(0.1))]), np.array([0.1]), np.zeros(1)
    assert value != exact
    verdicts = [
        decide(
            "loss", "loss", value, exact, abs(value - exact), bound, SHARPNESS, dtype
        ).verdict.tolist()
        for dtype in ("float32", "float64")
    ]
    assert verdicts == [[Verdict.BIT_EQUAL], [Verdict.DIFFERENT]]


def drawn(steps: int, seed: int = 0) -> Judged:
    random = np.random.RandomState(seed)
    value = random.normal(size=(steps, 3))
    bound = np.full((steps, 3), 1e-3)
    error = bound * random.uniform(0, 1.02, size=(steps, 3))
    return decide("backward", "W1", value, value + error, error, bound, SHARPNESS)


def part(judged: Judged, start: int, stop: int) -> Judged:
    names = ("value", "exact", "error", "bound", "verdict")
    return replace(judged, **{name: getattr(judged, name)[start:stop] for name in names})


@pytest.mark.parametrize("size", [1, 7, 50])
@pytest.mark.parametrize("broken", [False, True], ids=["honest", "with a NaN"])
def test_what_is_counted_does_not_depend_on_the_chunks(size: int, broken: bool) -> None:
    judged, steps = drawn(100), np.arange(1, 101)
    if broken:
        judged.error[30, 1] = np.nan
        judged.value[30, 1] = np.nan
    whole, parts = Tally(judged), Tally(judged)
    whole.add(judged, steps)
    for start in range(0, 100, size):
        parts.add(part(judged, start, start + size), steps[start : start + size])
    assert parts.summary() == whole.summary()


def test_the_summary_says_what_was_seen() -> None:
    judged, steps = drawn(101), np.arange(5, 106)
    tally = Tally(judged)
    tally.add(judged, steps)
    summary = tally.summary()
    ratio = judged.error / judged.bound
    assert (summary.stage, summary.tensor) == ("backward", "W1")
    assert summary.counts == tuple((judged.verdict == v).sum() for v in Verdict)
    assert sum(summary.counts) == 303
    assert summary.worst == ratio.max()
    assert summary.worst_step == 5 + int(ratio.max(axis=1).argmax())
    assert summary.median == pytest.approx(float(np.median(ratio)), rel=HALF_A_BIN)
    tested = judged.verdict != Verdict.VACUOUS
    resolution = ((judged.bound + judged.error) / abs(judged.value))[tested]
    assert summary.resolution == pytest.approx(float(np.median(resolution)), rel=HALF_A_BIN)
    assert summary.worst_resolution == resolution.max()


def test_what_is_decided_by_its_bits_has_no_resolution() -> None:
    judged = replace(drawn(101), bitwise=True)
    tally = Tally(judged)
    tally.add(judged, np.arange(5, 106))
    assert (tally.summary().resolution, tally.summary().worst_resolution) == (None, None)


def test_an_error_without_a_bound_is_the_worst_there_is() -> None:
    zero = np.zeros((1, 2))
    value = np.array([[0.0, 1e-9]])
    judged = decide("loss", "loss", value, zero, value, zero, 0.0)
    tally = Tally(judged)
    tally.add(judged, np.array([9]))
    assert (tally.summary().worst, tally.summary().worst_step) == (INF, 9)
    assert tally.summary().median == 0.0


def finding(verdict: Verdict) -> Finding:
    return Finding(1, 1, (0,), "loss", "loss", (), "loss", 1.0, 2.0, 1.0, 0.1, 9, verdict)


def test_the_verdict_on_a_backend_and_on_all_is_the_worst() -> None:
    def certificate(*verdicts: Verdict) -> BackendCertificate:
        found = tuple(map(finding, verdicts))
        worst = max(verdicts, default=Verdict.EXPLAINED)
        return BackendCertificate("one", 1, 1, 1, (), found, len(found), worst, 0, 0)

    clean, unsure = certificate(), certificate(Verdict.UNDECIDED)
    wrong = certificate(Verdict.UNDECIDED, Verdict.DIFFERENT)
    assert clean.certified
    assert not unsure.certified
    assert (clean.verdict, unsure.verdict) == (Verdict.EXPLAINED, Verdict.UNDECIDED)
    assert wrong.verdict == Verdict.DIFFERENT
    assert total([clean, wrong, unsure]) == Verdict.DIFFERENT
    assert total([clean, unsure]) == Verdict.UNDECIDED
    assert total([clean]) == total([]) == Verdict.EXPLAINED


def test_a_difference_behind_many_doubts_is_still_a_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More undecided values than findings are kept, and then one that is wrong."""
    # A reference of one bit more than the backend doubts up to three times the bound.
    monkeypatch.setattr(LongDouble, "unit_roundoff", 2.0**-54)
    # The audit would take the doubt away.
    monkeypatch.setattr(Auditor, "audited", lambda _self, _block, pieces, _failures: list(pieces))
    run = trained(problem("people16").changed(epochs=3))
    honest, recording = judgements(run)["loss", "loss"], run.whole
    for row in range(30):
        value = float(honest.exact[row] + 2 * honest.bound[row])
        recording = put(recording, "loss", 0, (row,), value)
    unsure = run.with_chunks(recording).judged()
    assert (unsure.found, unsure.verdict) == (30, Verdict.UNDECIDED)
    wrong = run.with_chunks(put(recording, "loss", 0, (47,), 7.0)).judged()
    assert (wrong.found, wrong.verdict) == (31, Verdict.DIFFERENT)


def test_gradients_of_activations_that_were_not_recorded_are_undecided() -> None:
    """As where a compiler computes an activation twice, and rounds it twice in different ways.

    With forty inputs the activation may be further off than the product with it may round.
    """
    run = trained(general((40, 6, 1), 9, 1, 3)).without_deltas()
    recording = run.whole
    assert recording.evaluation.activations is not None
    hidden = np.array(recording.evaluation.activations[0])
    bound = judgements(run)["forward", "a1"].bound
    exact = judgements(run)["forward", "a1"].exact
    # Away from the exact value, as far as the bound allows: the gradients belong to the others.
    away = exact + np.where(hidden >= exact, 1, -1) * bound * 0.9
    away = np.where(abs(away - exact) + np.spacing(exact) < bound, away, hidden)
    assert (away != hidden).any()
    output = recording.evaluation.activations[1]
    evaluation = replace(recording.evaluation, activations=(away, output))
    certificate = run.with_chunks(replace(recording, evaluation=evaluation)).judged()
    assert certificate.found > 5
    assert certificate.verdict == Verdict.UNDECIDED
    assert {found.stage for found in certificate.findings} == {"backward"}
    assert all(found.note.startswith("From end to end it holds") for found in certificate.findings)


def test_what_only_holds_end_to_end_is_shown_with_its_own_bound() -> None:
    run = trained(problem("people16").changed(epochs=2)).without_deltas()
    seen, reference = seen_by(run), reference_for("float64")
    honest, place = judgements(run)["backward", "W1"], (3, 0, 0)
    ends = whole_step(seen, "backward", "W1", place)
    assert ends is not None
    value, _ = beside(ends[0], float(ends[1]), 1)
    assert value > beyond_all(seen, gradients_of(run), "backward", "W1", place, 1)
    grads = put(run.whole, "grads", 0, place, value).grads
    judged = next(j for j in judge_backward(reference, seen, grads) if j.tensor == "W1")
    assert judged.verdict[place] == Verdict.UNDECIDED
    assert judged.bound[place] == honest.bound[place]
    assert judged.exact[place] == honest.exact[place]
    assert judged.form == ""
    others = np.ones(judged.value.shape, bool)
    others[place] = False
    for name in ("exact", "error", "bound", "verdict"):
        assert (getattr(judged, name)[others] == getattr(honest, name)[others]).all()
