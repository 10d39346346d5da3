"""Screening: no verdict is another with it, and nothing beyond its bound is ever settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backend import Array, Params
from shared.certificate import bounds
from shared.certificate.backward import judge_backward
from shared.certificate.bounds import Slope
from shared.certificate.decision import Judged, Verdict
from shared.certificate.judge import reference_for
from shared.certificate.rounding import Rounding
from shared.certificate.screening import Unsettled, is_wide, unsettled
from tests.certified_kinds import wide
from tests.certified_runs import Run, judgements, seen_by, trained
from tests.recordings import repeatably

DOUBLE, REFERENCE = Rounding.of("float64"), reference_for("float64")
RUNS = {
    "one network": trained(wide(), 3),
    "two networks": trained(wide(), (1, 2)),
    "no deltas": trained(wide(), 4).without_deltas(),
}
every_run = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)


def judged(run: Run, in_full: Array | None, grads: Params | None = None) -> list[Judged]:
    """W1's verdicts, in as many pieces as it was judged in."""
    recording = run.whole
    every = judge_backward(
        REFERENCE, seen_by(run), grads or recording.grads, recording.deltas, in_full=in_full
    )
    return [one for one in every if one.tensor == "W1"]


def failures(pieces: Sequence[Judged]) -> set[tuple[int, ...]]:
    """The places in W1 (s, *R, ...) that were undecided or different, with the verdict first."""
    found = set()
    for piece in pieces:
        for place in np.argwhere(piece.verdict >= Verdict.UNDECIDED).tolist():
            verdict = int(piece.verdict[tuple(place)])
            if piece.places is not None:
                place = [int(axis[place[0]]) for axis in piece.places]
            rows = np.arange(10_000)[piece.rows]
            found.add((verdict, int(rows[place[0]]), *place[1:]))
    return found


def tampered(run: Run) -> Params:
    """Some numbers of W1 at 0.99 of their bounds, some at 1.01, some far away, one a NaN."""
    one = judgements(run)["backward", "W1"]
    draw = np.random.RandomState(5)
    value, exact = np.array(one.value), one.exact
    for share in (0.99, 1.01, 1e6):
        chosen = draw.uniform(size=value.shape) < 0.01
        # In every third step only, so that some have nothing wrong.
        chosen[np.arange(len(value)) % 3 > 0] = False
        value[chosen] = (exact + share * one.bound)[chosen]
    value.reshape(-1)[7] = np.nan
    return (value, *run.whole.grads[1:])


def none(run: Run) -> Array:
    return np.zeros(len(run.whole.steps), dtype=bool)


@every_run
def test_nothing_fails_with_it_in_an_honest_run(run: Run) -> None:
    assert failures(judged(run, None)) == set()
    assert failures(judged(run, none(run))) == set()


@every_run
def test_what_fails_without_it_fails_with_it_and_the_same_way(run: Run) -> None:
    grads = tampered(run)
    expected = failures(judged(run, None, grads))
    assert len(expected) > 10
    assert failures(judged(run, none(run), grads)) == expected


@every_run
@pytest.mark.parametrize("honest", [True, False], ids=["honest", "tampered"])
def test_settled_and_counted_numbers_are_all_there_are(run: Run, honest: bool) -> None:
    pieces = judged(run, none(run), None if honest else tampered(run))
    settled = sum(piece.settled for piece in pieces)
    assert settled + sum(piece.verdict.size for piece in pieces) == run.whole.grads[0].size
    assert (settled > 0) == honest


@every_run
def test_steps_in_full_are_decided_to_the_bit_as_without_it(run: Run) -> None:
    in_full = np.arange(len(run.whole.steps)) % 3 == 1
    (whole,) = judged(run, None)
    (exactly,) = (piece for piece in judged(run, in_full) if piece.places is None)
    assert np.arange(len(in_full))[exactly.rows].tolist() == np.flatnonzero(in_full).tolist()
    for name in ("value", "exact", "error", "bound", "verdict"):
        assert getattr(exactly, name).tobytes() == getattr(whole, name)[in_full].tobytes()


@pytest.mark.parametrize("name", ["one network", "two networks"])
def test_what_is_not_settled_has_the_bound_and_the_error_of_a_step_in_full(name: str) -> None:
    """Two ways to sum the same numbers: they agree to some digits, and the bounds to nine."""
    run = RUNS[name]
    (whole,), (screened,) = judged(run, None), judged(run, none(run))
    assert screened.places is not None
    rows = np.arange(len(whole.value))[screened.rows]
    at = (rows[screened.places[0]], *screened.places[1:])
    assert len(screened.value) > 0
    assert (screened.value == whole.value[at]).all()
    assert (abs(screened.bound - whole.bound[at]) <= 1e-9 * whole.bound[at]).all()
    assert (abs(screened.error - whole.error[at]) <= REFERENCE.sharpness * whole.bound[at]).all()


@pytest.mark.parametrize(
    ("shape", "samples", "expected"),
    [
        ((5, 32, 32), 9, True),
        ((5, 32, 32), 8, False),  # so short a sum is formed exactly at once
        ((5, 33, 31), 9, False),
        ((5, 2, 32, 16), 9, True),
        ((0, 64, 64), 9, False),
    ],
)
def test_what_counts_as_wide(shape: tuple[int, ...], samples: int, expected: bool) -> None:
    assert is_wide(np.zeros(shape), samples) == expected


@dataclass(frozen=True)
class Drawn:
    """δ (1, m, n), known to an error, and a (1, m, k) below it; the exact ∂L/∂W and its bound."""

    delta: Slope
    below: Array

    @property
    def exact(self) -> Array:
        wide: Array = np.swapaxes(self.delta.exact, -1, -2) @ self.below.astype(np.longdouble)
        return wide

    @property
    def bound(self) -> Array:
        """As the certificate has it, but in longdouble throughout."""
        m, slope = self.below.shape[-2], self.delta
        size, error = abs(slope.exact), slope.error.astype(np.longdouble)
        spread = np.swapaxes(error + np.longdouble(DOUBLE.gamma(m)) * (size + error), -1, -2)
        underflow = (slope.roundings + m) * m * DOUBLE.omega * slope.reach * bounds.top(self.below)
        wide: Array = spread @ abs(self.below).astype(np.longdouble) + underflow
        return wide

    def screened(self, value: Array) -> Unsettled:
        return unsettled(REFERENCE, self.delta, self.below, value)

    def at(self, share: float, side: Array) -> Array:
        """Floats at a share of the bound from the exact value, or beyond it where they are few."""
        away = self.exact + side * np.longdouble(share) * self.bound
        value = away.astype(np.float64)
        short = abs(value - self.exact) < np.longdouble(share) * self.bound
        moved: Array = np.where(short, np.nextafter(value, side * np.inf), value)
        return moved


@st.composite
def drawn(draw: st.DrawFn) -> Drawn:
    """Sums that cancel or do not, of sizes near each other or far apart; errors of any size."""
    m, n, k = draw(st.integers(9, 70)), draw(st.integers(1, 6)), draw(st.integers(1, 6))
    random = np.random.RandomState(draw(st.integers(0, 2**32 - 1)))
    spread = draw(st.sampled_from([0.0, 3.0, 40.0]))
    delta = random.normal(size=(1, m, n)) * np.exp(spread * random.normal(size=(1, m, n)))
    below = random.normal(size=(1, m, k)) * np.exp(spread * random.normal(size=(1, m, k)))
    if draw(st.booleans()):
        delta[:, m // 2 :] = -delta[:, : m - m // 2] * (1 + 1e-12 * random.normal())
        below[:, m // 2 :] = below[:, : m - m // 2]
    exact = delta.astype(np.longdouble) * (1 + np.longdouble(2.0**-55) * random.normal())
    size = abs(exact).astype(np.float64)
    error = draw(st.sampled_from([0.0, 1.0, 50.0, 1e6])) * DOUBLE.u * size * random.uniform()
    reach = np.full((1, 1, 1), draw(st.sampled_from([1.0, 1e3])))
    return Drawn(Slope(exact, size, error, draw(st.integers(0, 9)), reach), below)


@repeatably
@given(drawn(), st.sampled_from([1 + 1e-6, 1.01, 2.0, 1e9]), st.integers(0, 2**32 - 1))
def test_nothing_beyond_its_bound_is_settled(case: Drawn, share: float, seed: int) -> None:
    side = np.random.RandomState(seed).choice([-1.0, 1.0], size=case.exact.shape)
    value = case.at(share, side)
    left = case.screened(value)
    assert len(left.places[0]) == value.size


@repeatably
@given(drawn())
def test_what_is_left_is_exact_and_has_its_own_bound(case: Drawn) -> None:
    left = case.screened(np.full(case.exact.shape, np.nan))
    exact, bound = case.exact[left.places], case.bound[left.places]
    assert (abs(left.exact - exact) <= bound * REFERENCE.sharpness).all()
    assert (abs(left.bound - bound) <= 1e-12 * bound).all()


@pytest.mark.parametrize("seed", range(5))
def test_what_is_nearly_exact_is_settled(seed: int) -> None:
    """A program that rounds a few times among many samples is far within the bound."""
    random = np.random.RandomState(seed)
    exact = random.normal(size=(1, 64, 5)).astype(np.longdouble)
    size = abs(exact).astype(np.float64)
    delta = Slope(exact, size, 2 * DOUBLE.u * size, 3, np.ones((1, 1, 1)))
    case = Drawn(delta, random.normal(size=(1, 64, 7)))
    assert len(case.screened(case.exact.astype(np.float64)).places[0]) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("group", ["value", "δ", "below"])
def test_what_is_no_number_is_never_settled(value: float, group: str) -> None:
    random = np.random.RandomState(1)
    arrays = {"δ": random.normal(size=(1, 12, 4)), "below": random.normal(size=(1, 12, 3))}
    arrays["value"] = np.swapaxes(arrays["δ"], -1, -2) @ arrays["below"]
    arrays[group][0, 2, 1] = value
    delta = arrays["δ"]
    none, reach = np.zeros_like(delta), np.ones((1, 1, 1))
    slope = Slope(delta.astype(np.longdouble), abs(delta), none, 0, reach)
    with np.errstate(all="ignore"):
        left = Drawn(slope, arrays["below"]).screened(arrays["value"])
    places = set(zip(*(axis.tolist() for axis in left.places), strict=True))
    meets = {"value": {(0, 2, 1)}, "δ": {(0, 1, j) for j in range(3)},
             "below": {(0, i, 1) for i in range(4)}}  # fmt: skip
    assert meets[group] <= places


def test_sums_that_overflow_settle_nothing() -> None:
    """The exact gradient is beyond all floats; what was recorded is a small number."""
    delta, below = np.full((1, 12, 4), 1e200), np.full((1, 12, 3), 1e200)
    reach = np.ones((1, 1, 1))
    slope = Slope(delta.astype(np.longdouble), delta, np.zeros_like(delta), 0, reach)
    with np.errstate(all="ignore"):
        left = Drawn(slope, below).screened(np.ones((1, 4, 3)))
    assert len(left.places[0]) == 12
