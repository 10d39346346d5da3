"""Both wide arithmetics decide alike, on every value of right runs and of wrong ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, OptimizerState
from shared.certificate.arithmetic import DoubleDoubles, LongDouble
from shared.certificate.backward import judge_backward
from shared.certificate.decision import Judged, Verdict
from shared.certificate.findings import BackendCertificate
from shared.certificate.forward import judge_forward
from shared.certificate.judge import Judge, reference_for
from shared.certificate.profile import tight
from shared.certificate.rounding import Rounding, half_steps
from shared.certificate.stages import Evaluated, Gradients, Reference
from shared.named_problems import problem
from shared.network import Network
from shared.optimizer import Optimizer
from tests.certified_kinds import KINDS as PROBLEMS
from tests.certified_kinds import wide
from tests.certified_runs import Run, general, gradients_of, held, judgements, seen_by, trained
from tests.certified_slips import Slip, slipped, some_place
from tests.kinds import KINDS, Kind, batches

ROUNDING, PROFILE = Rounding.of("float64"), tight("float64")
PAIRS = Reference(DoubleDoubles(), ROUNDING, PROFILE)
LONG = Reference(LongDouble(), ROUNDING, PROFILE)

needs_long = pytest.mark.skipif(
    not LongDouble.is_wide_enough(), reason="NumPy's longdouble is no wider than a double here"
)

RUNS = {
    "2-2-1": trained(problem("people16").changed(epochs=3), 5),
    "2-2-1 without deltas": trained(problem("people16").changed(epochs=3), 5).without_deltas(),
    "5-4-3-2, batch 7": trained(general((5, 4, 3, 2), 14, 7, 10), 3),
    "5-4-3-2, batch 7, without deltas": trained(general((5, 4, 3, 2), 14, 7, 10), 3)
    .without_deltas(),
    "4-6-3 with replicas": trained(general((4, 6, 3), 9, 3, 6), (1, 2)),
    "wide": trained(wide(), 3),
    "wide, sigmoid": trained(
        replace(wide(), network=replace(wide().network, activation="sigmoid")), 3
    ),
    "classes": trained(PROBLEMS["tanh twice, classes"], 3),
    "two answers": trained(PROBLEMS["relu, two answers"], 3),
}  # fmt: skip
every_run = pytest.mark.parametrize("name", RUNS)


def judged_by(run: Run, reference: Reference) -> BackendCertificate:
    judge = Judge("numpy", run.problem, run.dtype, run.seeds, reference=reference)
    for chunk in run.chunks:
        judge.add(chunk)
    return judge.finish()


def every_value(reference: Reference, seen: Evaluated, got: Gradients) -> Iterator[Judged]:
    with np.errstate(all="ignore"):
        yield from judge_forward(reference, seen)
        yield from judge_backward(reference, seen, got.grads, got.deltas)


def require_alike(seen: Evaluated, got: Gradients) -> int:
    """Verdicts decided alike, and errors that differ by no more than the sharpness; count them."""
    count = 0
    for long, pairs in zip(
        every_value(LONG, seen, got), every_value(PAIRS, seen, got), strict=True
    ):
        assert (long.stage, long.tensor, long.form) == (pairs.stage, pairs.tensor, pairs.form)
        assert decided_alike(long, pairs).all()
        assert (abs(long.error - pairs.error) <= 4 * LONG.sharpness * pairs.bound).all()
        assert (abs(long.bound - pairs.bound) <= 1e-9 * pairs.bound).all()
        count += long.verdict.size
    return count


def decided_alike(long: Judged, pairs: Judged) -> Array:
    """Whether verdicts are equal, or one has equal bits where the other may have them explained.

    It may where one error ends short of the middle between the recorded float and the next, and
    the other beyond it: then one exact value is rounded to the recorded float, the other is not.
    How far apart they may be goes with the bound, not with the spacing: of a sum that has cancelled
    the bound is hundreds of spacings, and the sharpness a large part of one.
    """
    best, worst = np.minimum(long.verdict, pairs.verdict), np.maximum(long.verdict, pairs.verdict)
    bits_alone = (best == Verdict.BIT_EQUAL) & (worst == Verdict.EXPLAINED)
    alike: Array = (best == worst) | (bits_alone & a_middle_lies_between(long, pairs))
    return alike


def a_middle_lies_between(long: Judged, pairs: Judged) -> Array:
    below, above = half_steps(ROUNDING, pairs.value)
    # Where bits are equal for one alone, the other's exact value tells which neighbour is meant.
    middle = np.where(np.maximum(long.exact, pairs.exact) > pairs.value, above, below)
    nearer, further = np.minimum(long.error, pairs.error), np.maximum(long.error, pairs.error)
    between: Array = (nearer <= middle) & (middle <= further)
    return between


def told(certificate: BackendCertificate) -> list[tuple[Any, ...]]:
    """What a report says of the findings, but for the last digits of error and bound."""
    return [
        (f.step, f.epoch, f.samples, f.stage, f.tensor, f.element, f.name, f.value, f.verdict,
         f.note, f"{f.error / f.bound:.2e}")
        for f in certificate.findings
    ]  # fmt: skip


def counts(certificate: BackendCertificate) -> dict[tuple[str, str], Any]:
    """How many values passed and failed; equal bits and explained ones may change places."""
    return {
        (s.stage, s.tensor): (s.counts[0] + s.counts[1], *s.counts[2:], set(s.forms))
        for s in certificate.stages
    }


@needs_long
@every_run
def test_an_honest_run_is_certified_by_both_to_the_last_value(name: str) -> None:
    long, pairs = (judged_by(RUNS[name], reference) for reference in (LONG, PAIRS))
    assert long.certified
    assert pairs.certified
    assert counts(long) == counts(pairs)
    assert [s.settled for s in long.stages] == [s.settled for s in pairs.stages]


@every_run
def test_an_honest_run_is_certified_in_pairs_of_floats(name: str) -> None:
    found = judged_by(RUNS[name], PAIRS)
    assert found.certified
    assert found.audit.overturned == 0
    assert found.basis is not None
    assert found.basis.arithmetic == "double-double"


@every_run
def test_pairs_of_floats_are_off_by_nothing_that_shows(name: str) -> None:
    """Products may be off by a share of their bound; nothing else is by more than 2^-30 of it."""
    furthest = judged_by(RUNS[name], PAIRS).audit.furthest
    wide_enough = name.startswith(("wide", "classes", "two answers"))
    assert furthest < (2.0**-11 if wide_enough else 2.0**-30)


@needs_long
@every_run
def test_every_value_of_an_honest_run(name: str) -> None:
    run = RUNS[name]
    count = require_alike(seen_by(run), gradients_of(run))
    assert count > 100


BITS, EXPLAINED, VACUOUS, DIFFERENT = (
    Verdict.BIT_EQUAL, Verdict.EXPLAINED, Verdict.VACUOUS, Verdict.DIFFERENT
)  # fmt: skip


def verdict_at(value: float, off: float, verdict: Verdict) -> Judged:
    """A verdict on a value whose exact one is off by so many spacings of [1, 2).

    Without equal bits that is rounded to the value's neighbour.
    """
    one, error = np.array([value]), np.array([abs(off) * 2.0**-52])
    exact = one if verdict == Verdict.BIT_EQUAL else np.nextafter(one, np.copysign(np.inf, off))
    return Judged("", "", one, exact, error, np.array([2.0**-40]), np.array([verdict]))


@pytest.mark.parametrize(
    ("value", "here", "there", "alike"),
    [
        (1.5, (0.3, BITS), (0.3, BITS), True),
        (1.5, (0.49, BITS), (0.51, EXPLAINED), True),
        (1.5, (-0.49, BITS), (-0.51, EXPLAINED), True),
        (1.5, (0.5, BITS), (0.51, EXPLAINED), True),
        (1.5, (0.48, BITS), (0.49, EXPLAINED), False),
        (1.5, (0.51, BITS), (0.52, EXPLAINED), False),
        (1.5, (0.49, BITS), (0.51, VACUOUS), False),
        (1.5, (0.49, BITS), (0.51, DIFFERENT), False),
        (1.5, (0.49, EXPLAINED), (0.51, DIFFERENT), False),
        (1.0, (0.49, BITS), (0.51, EXPLAINED), True),
        (1.0, (0.24, BITS), (0.26, EXPLAINED), False),
        (1.0, (-0.24, BITS), (-0.26, EXPLAINED), True),
        (1.0, (-0.49, BITS), (-0.51, EXPLAINED), False),
    ],
)
def test_bits_equal_for_one_alone_need_a_middle_between_both_errors(
    value: float, here: tuple[float, Verdict], there: tuple[float, Verdict], alike: bool
) -> None:
    """Floats below 1 lie half as far apart as those above it."""
    one, other = verdict_at(value, *here), verdict_at(value, *there)
    assert decided_alike(one, other).tolist() == [alike]
    assert decided_alike(other, one).tolist() == [alike]


def places(run: Run) -> list[tuple[str, str]]:
    return [key for key in judgements(run) if key[0] != "update"]


SLIPS = [(name, *key) for name, run in RUNS.items() for key in places(run)]
every_slip = pytest.mark.parametrize(
    ("name", "stage", "tensor"), SLIPS, ids=[f"{n}: {s} {t}" for n, s, t in SLIPS]
)


@needs_long
@every_slip
def test_a_wrong_number_is_found_by_both_alike(name: str, stage: str, tensor: str) -> None:
    """A thousand bounds aside, in the middle of the run."""
    run = RUNS[name]
    judged = judgements(run)[stage, tensor]
    step = len(run.whole.steps) // 2
    place = some_place(judged, step, replica=int(run.seeds == (1, 2)))
    value = float(judged.value[place]) * (1 + 1e-6) + 1000 * float(judged.bound[place])
    wrong = slipped(run, Slip(stage, tensor, step, place[1:], value))
    long, pairs = (judged_by(wrong, reference) for reference in (LONG, PAIRS))
    assert not long.certified
    assert told(long) == told(pairs)
    assert (long.found, long.verdict) == (pairs.found, pairs.verdict)
    assert counts(long) == counts(pairs)


@needs_long
@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("replicas", [(), (2,)], ids=["one network", "two networks"])
@pytest.mark.parametrize("off", [0.0, 1e-6], ids=["honest", "off"])
def test_every_value_of_every_kind_of_network(
    kind: Kind, replicas: tuple[int, ...], off: float
) -> None:
    """Off: the last gradient of a step by a millionth."""
    seen, got = recorded(kind, replicas)
    if off:
        grads = tuple(np.array(g) for g in got.grads)
        grads[-1][1] *= 1 + off
        got = Gradients(grads, got.deltas)
    require_alike(seen, got)


def recorded(kind: Kind, replicas: tuple[int, ...]) -> tuple[Evaluated, Gradients]:
    """Three steps of NumPy's backend."""
    data, which = kind.data("float64"), batches(3, *replicas)
    backend = NumpyBackprop(kind.network, Optimizer(0.1), "float64")
    params = kind.params("float64", *replicas)
    recording = backend.train(params, OptimizerState(), data, which)
    evaluation = recording.evaluation
    seen = Evaluated(
        kind.network, held(recording.before), (data.x[which], *(evaluation.activations or ())),
        evaluation.logits, data.y[which], evaluation.loss,
    )  # fmt: skip
    return seen, Gradients(recording.grads, recording.deltas)


@pytest.mark.parametrize("is_wide", [True, False])
def test_a_certificate_says_which_one_it_rests_on(
    is_wide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_wide and not LongDouble.is_wide_enough():
        pytest.skip("NumPy's longdouble is no wider than a double here")
    monkeypatch.setattr(LongDouble, "is_wide_enough", staticmethod(lambda: is_wide))
    run = RUNS["2-2-1"]
    basis = Judge("numpy", run.problem, "float64", 5).finish().basis
    assert basis is not None
    assert basis.arithmetic == ("80-bit longdouble" if is_wide else "double-double")
    assert reference_for("float64").arithmetic.name == basis.arithmetic


@pytest.mark.parametrize("is_wide", [True, False])
def test_float32_does_not_ask_for_a_wide_longdouble(
    is_wide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LongDouble, "is_wide_enough", staticmethod(lambda: is_wide))
    assert reference_for("float32").arithmetic.name == "float64"


ARITHMETICS = [
    pytest.param(LONG, id="longdouble", marks=needs_long),
    pytest.param(PAIRS, id="pairs"),
]


@pytest.mark.parametrize("reference", ARITHMETICS)
def test_what_it_tells_apart_is_less_than_a_bound(reference: Reference) -> None:
    """A bound is a unit roundoff at least; a thousandth of it is seen."""
    one = reference.arithmetic.lift(np.array([1.0]))
    third = one / 3
    error = abs(Fraction(1, 3) - as_fraction(third))
    assert error <= Fraction(reference.arithmetic.unit_roundoff)


def as_fraction(number: Any) -> Fraction:
    if hasattr(number, "high"):
        return Fraction(float(number.high[0])) + Fraction(float(number.low[0]))
    return Fraction(*number[0].as_integer_ratio())


@pytest.mark.parametrize("reference", ARITHMETICS)
@pytest.mark.parametrize("n", [1, 12])
def test_products_beyond_the_largest_float(reference: Reference, n: int) -> None:
    """σ of such a z is 1, whatever the arithmetic."""
    network = Network((n, 1))
    W: Array = np.full((1, 1, n), 1.7e308)
    x: Array = np.full((1, 1, n), 10.0)
    ones: Array = np.ones((1, 1, 1))
    seen = Evaluated(network, (W, np.zeros((1, 1))), (x, ones), None, ones, np.zeros(1))
    with np.errstate(all="ignore"):
        judged, _ = judge_forward(reference, seen)
    assert not judged.failed.any()
