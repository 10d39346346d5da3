"""Screened layers: nothing beyond its bound is settled, and no verdict is another with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backend import Array
from shared.certificate import bounds, exact
from shared.certificate.decision import Judged, Verdict
from shared.certificate.forward import judge_forward
from shared.certificate.judge import reference_for
from shared.certificate.profile import tight
from shared.certificate.rounding import Rounding
from shared.certificate.screened_layer import UnsettledLayer, is_wide_layer, unsettled_layer
from tests.certified_kinds import wide
from tests.certified_runs import Run, put, seen_by, trained
from tests.recordings import repeatably

TIGHT = tight("float64")
DOUBLE, REFERENCE = Rounding.of("float64"), reference_for("float64")
ARITHMETIC = REFERENCE.arithmetic
NAMES = ("sigmoid", "relu", "identity")
every_name = pytest.mark.parametrize("name", NAMES)
RUNS = {
    name: trained(replace(wide(), network=replace(wide().network, activation=name)), 3)
    for name in ("sigmoid", "relu")
}
every_run = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)


@dataclass(frozen=True)
class Drawn:
    """f(a Wᵀ + b) for a (1, m, n), W (1, k, n), b (1, k); its exact values, and their bound."""

    name: str
    a: Array
    W: Array
    b: Array

    @property
    def exact(self) -> Array:
        value: Array = exact.activation(ARITHMETIC, self.name, self.z).value
        return value

    @property
    def z(self) -> Array:
        wide: Array = self.a.astype(np.longdouble) @ np.swapaxes(self.W, -1, -2)
        return wide + self.b[..., None, :]

    @property
    def bound(self) -> Array:
        true = exact.activation(ARITHMETIC, self.name, self.z)
        value = ARITHMETIC.lower(true.value)
        rest = value if true.rest is None else ARITHMETIC.lower(true.rest)
        z_error = bounds.affine(DOUBLE, self.a, self.W, self.b)
        return bounds.activation(DOUBLE, TIGHT, self.name, value, rest, z_error)

    def screened(self, value: Array) -> UnsettledLayer:
        return unsettled_layer(REFERENCE, self.name, self.a, self.W, self.b, value)

    def beyond(self, share: float, side: Array) -> Array:
        """Floats at least at a share of the bound from the exact value."""
        least = np.longdouble(share) * self.bound
        value = (self.exact + side * least).astype(np.float64)
        short = abs(value - self.exact) < least
        moved: Array = np.where(short, np.nextafter(value, side * np.inf), value)
        return moved


@st.composite
def drawn(draw: st.DrawFn) -> Drawn:
    """Sums of any size, some of which cancel; units that are saturated at either end."""
    m, n, k = draw(st.integers(1, 5)), draw(st.integers(32, 120)), draw(st.integers(1, 6))
    random = np.random.RandomState(draw(st.integers(0, 2**32 - 1)))
    size = draw(st.sampled_from([1e-9, 0.1, 1.0, 5.0]))
    a, W = random.normal(size=(1, m, n)), size * random.normal(size=(1, k, n))
    if draw(st.booleans()):
        W[..., n // 2 :] = -W[..., : n - n // 2] * (1 + 1e-13 * random.normal())
        a[..., n // 2 :] = a[..., : n - n // 2]
    return Drawn(draw(st.sampled_from(NAMES)), a, W, size * random.normal(size=(1, k)))


@repeatably
@given(drawn(), st.sampled_from([1 + 1e-6, 1.01, 2.0, 1e9]), st.integers(0, 2**32 - 1))
def test_nothing_beyond_its_bound_is_settled(case: Drawn, share: float, seed: int) -> None:
    side = np.random.RandomState(seed).choice([-1.0, 1.0], size=case.exact.shape)
    left = case.screened(case.beyond(share, side))
    assert len(left.places[0]) == side.size


@repeatably
@given(drawn())
def test_what_is_left_is_exact(case: Drawn) -> None:
    left = case.screened(np.full(case.exact.shape, np.nan))
    z_error = bounds.affine(DOUBLE, case.a, case.W, case.b)[left.places]
    assert (abs(left.z - case.z[left.places]) <= REFERENCE.sharpness * z_error).all()
    assert (left.z_error == z_error).all()


@every_name
def test_what_is_nearly_exact_is_settled(name: str) -> None:
    random = np.random.RandomState(4)
    case = Drawn(
        name, random.normal(size=(1, 4, 90)), random.normal(size=(1, 5, 90)), np.zeros((1, 5))
    )
    assert len(case.screened(case.exact.astype(np.float64)).places[0]) == 0


@every_name
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf], ids=str)
def test_what_is_no_number_is_never_settled(name: str, value: float) -> None:
    random = np.random.RandomState(4)
    case = Drawn(
        name, random.normal(size=(1, 4, 90)), random.normal(size=(1, 5, 90)), np.zeros((1, 5))
    )
    recorded = case.exact.astype(np.float64)
    recorded[0, 2, 3] = value
    left = case.screened(recorded)
    assert (0, 2, 3) in set(zip(*(axis.tolist() for axis in left.places), strict=True))


@pytest.mark.parametrize("name", ["relu", "identity"])
def test_sums_that_overflow_settle_nothing(name: str) -> None:
    case = Drawn(name, np.full((1, 2, 40), 1e200), np.full((1, 3, 40), 1e200), np.zeros((1, 3)))
    with np.errstate(all="ignore"):
        left = case.screened(np.ones((1, 2, 3)))
    assert len(left.places[0]) == 6


def test_a_sum_that_may_be_zero_is_left_to_be_known() -> None:
    """The slope of a relu hangs on it, and a sum in float64 may miss a zero by its roundings."""
    little = 1.5 * 2.0**-53
    a, W = np.ones((1, 1, 40)), np.zeros((1, 1, 40))
    W[0, 0, [0, 1, 39]] = 1.0, little, -1.0
    case = Drawn("relu", a, W, np.full((1, 1), -little))
    assert case.z[0, 0, 0] == 0
    assert float(a[0, 0] @ W[0, 0] + case.b[0, 0]) != 0
    assert len(case.screened(np.zeros((1, 1, 1))).places[0]) == 1


@pytest.mark.parametrize(
    ("name", "shape", "inputs", "expected"),
    [
        ("sigmoid", (5, 12, 8), 24, True),
        ("relu", (5, 2, 6, 8), 40, True),
        ("identity", (5, 12, 8), 23, False),
        ("sigmoid", (5, 5, 19), 24, False),
        ("tanh", (5, 32, 32), 64, False),
        ("relu", (0, 32, 32), 64, False),
    ],
)
def test_what_counts_as_wide(
    name: str, shape: tuple[int, ...], inputs: int, expected: bool
) -> None:
    assert is_wide_layer(name, np.zeros(shape), inputs) == expected


def judged(run: Run, in_full: bool) -> list[Judged]:
    """All pieces of a_1."""
    rows = np.full(len(run.whole.steps), in_full)
    return [one for one in judge_forward(REFERENCE, seen_by(run), rows) if one.tensor == "a1"]


def failures(pieces: list[Judged]) -> set[tuple[int, ...]]:
    found = set()
    for piece in pieces:
        for place in np.argwhere(piece.verdict >= Verdict.UNDECIDED).tolist():
            verdict = int(piece.verdict[tuple(place)])
            if piece.places is not None:
                place = [int(axis[place[0]]) for axis in piece.places]
            rows = np.arange(10_000)[piece.rows]
            found.add((verdict, int(rows[place[0]]), *place[1:]))
    return found


@every_run
def test_most_of_an_honest_layer_is_settled(run: Run) -> None:
    pieces = judged(run, in_full=False)
    size = seen_by(run).activations[1].size
    settled = sum(piece.settled for piece in pieces)
    assert size / 2 < settled < size or settled == size
    assert settled + sum(piece.verdict.size for piece in pieces) == size
    assert failures(pieces) == failures(judged(run, in_full=True)) == set()


@every_run
def test_what_fails_without_it_fails_with_it_and_the_same_way(run: Run) -> None:
    (honest,) = judged(run, in_full=True)
    recording = run.whole
    for row, share in enumerate((0.99, 1.01, 2.0, 1e6), start=3):
        place = (row, *(n // 2 for n in honest.value.shape[1:]))
        value = float(honest.exact[place] + share * honest.bound[place])
        recording = put(recording, "activations", 0, place, value)
    altered = run.with_chunks(recording)
    expected = failures(judged(altered, in_full=True))
    assert {row for _, row, *_ in expected} >= {5, 6}
    assert 3 not in {row for _, row, *_ in expected}
    assert failures(judged(altered, in_full=False)) == expected
