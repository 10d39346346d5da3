"""The update decided once more: what a definition in fractions allows, and nothing else."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shared.certificate.update
from shared.backend import Array
from shared.certificate.rounding import Rounding
from shared.certificate.update import admissible
from shared.certificate.update_audit import is_admissible, nearest
from shared.named_problems import problem
from tests.certified_runs import Place, Run, put, put_state, trained
from tests.exact_rounding import rounded
from tests.recordings import repeatably

BITS = {"float64": (np.uint64, 64), "float32": (np.uint32, 32)}
COUNT = 1000


def ordinary(draw: np.random.RandomState, dtype: str) -> Array:
    return draw.normal(size=COUNT).astype(dtype)


def of_any_bits(draw: np.random.RandomState, dtype: str) -> Array:
    """All exponents alike, subnormals and numbers near the largest among them."""
    kind, bits = BITS[dtype]
    values = np.frombuffer(draw.bytes(COUNT * bits // 8), kind).view(dtype).copy()
    values[~np.isfinite(values)] = 0
    return values


def tiny(draw: np.random.RandomState, dtype: str) -> Array:
    """Subnormals and the smallest normal numbers."""
    info = np.finfo(dtype)
    scale = np.ldexp(1.0, draw.randint(info.minexp - info.nmant, info.minexp + 3, size=COUNT))
    return (draw.normal(size=COUNT) * scale).astype(dtype)


def few_bits(draw: np.random.RandomState, dtype: str) -> Array:
    """Small whole numbers over powers of two: sums and products of these end in ties."""
    size = np.ldexp(1.0, draw.randint(-np.finfo(dtype).nmant - 2, 3, size=COUNT))
    return (draw.randint(-9, 10, size=COUNT) * size).astype(dtype)


DRAWN: list[Callable[[np.random.RandomState, str], Array]] = [
    ordinary, of_any_bits, tiny, few_bits,
]  # fmt: skip
every_kind = pytest.mark.parametrize("drawn", DRAWN)


@pytest.fixture(autouse=True)
def _silently() -> Iterator[None]:
    """As the judge asks: nothing that over- or underflows is worth a word."""
    with np.errstate(all="ignore"):
        yield


def exactly(a: Array) -> list[Fraction]:
    return [Fraction(float(v)) for v in a]


@every_kind
@pytest.mark.parametrize("operation", ["-", "*"])
def test_rounding_is_that_of_the_machine(
    drawn: Callable[[np.random.RandomState, str], Array], operation: str, dtype: str
) -> None:
    draw = np.random.RandomState(1)
    a, b = drawn(draw, dtype), drawn(draw, dtype)
    with np.errstate(all="ignore"):
        wanted = a - b if operation == "-" else a * b
    pairs = zip(exactly(a), exactly(b), strict=True)
    found = [nearest(x - y if operation == "-" else x * y, dtype) for x, y in pairs]
    assert found == wanted.tolist()


@every_kind
def test_rounding_is_that_of_the_definition(
    drawn: Callable[[np.random.RandomState, str], Array], dtype: str
) -> None:
    """Of sums that no float64 holds, halves of the last place among them."""
    draw = np.random.RandomState(2)
    a, b = drawn(draw, dtype), drawn(draw, dtype)
    halves = np.spacing(a).astype(np.float64) / 2
    for x, y, half in zip(exactly(a), exactly(b), exactly(halves), strict=True):
        for exact in (x + y * Fraction(2) ** -70, x + half, x + half * (1 + Fraction(2) ** -80)):
            assert nearest(exact, dtype) == rounded(exact, dtype)


def middle_beyond_the_largest(dtype: str) -> Fraction:
    info = np.finfo(dtype)
    unit = Fraction(2) ** (int(info.maxexp) - int(info.nmant) - 1)
    return Fraction(float(info.max)) + unit / 2


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("factor", [1, 2, 2**900])
def test_from_the_middle_beyond_the_largest_float_on_all_is_infinite(
    factor: int, side: int, dtype: str
) -> None:
    exact = side * factor * middle_beyond_the_largest(dtype)
    assert nearest(exact, dtype) == side * np.inf == rounded(exact, dtype)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("kind", ["float64", "float32"])
def test_just_below_that_middle_it_is_the_largest_float(side: int, kind: str) -> None:
    exact = side * (middle_beyond_the_largest(kind) - 1)
    assert rounded(exact, kind) == side * float(np.finfo(kind).max)
    assert nearest(exact, kind) == side * float(np.finfo(kind).max)


def allowed(w: float, g: float, rate: float, dtype: str) -> set[float]:
    """Every result that two roundings, one, and flushing anywhere can give."""
    omega = float(np.finfo(dtype).smallest_normal)

    def flushed(v: float) -> float:
        return 0.0 if abs(v) < omega else v

    results = set()
    for start, slope in itertools.product({w, flushed(w)}, {g, flushed(g)}):
        product = Fraction(rate) * Fraction(slope)
        rounded_product = rounded(product, dtype)
        steps = [product]
        if np.isfinite(rounded_product):
            steps += [Fraction(rounded_product), Fraction(flushed(rounded_product))]
        for step in steps:
            result = rounded(Fraction(start) - step, dtype)
            results |= {result, flushed(result)}
            if abs(Fraction(start) - step) < Fraction(omega):
                results.add(0.0)
    return {result for result in results if np.isfinite(result)}


def beside(results: set[float], dtype: str) -> Iterator[float]:
    """The floats next to what is allowed."""
    kind = np.dtype(dtype).type
    with np.errstate(all="ignore"):
        for result in results:
            for end in (-np.inf, np.inf):
                yield float(np.nextafter(kind(result), kind(end)))


@every_kind
@pytest.mark.parametrize("rate", [0.05, 1.0, 1e-3, 3.0])
def test_what_the_definition_allows_and_no_neighbour(
    drawn: Callable[[np.random.RandomState, str], Array], rate: float, dtype: str
) -> None:
    rounding, draw = Rounding.of(dtype), np.random.RandomState(3)
    eta = float(np.dtype(dtype).type(rate))
    numbers = zip(drawn(draw, dtype)[:50].tolist(), drawn(draw, dtype)[:50].tolist(), strict=True)
    for w, g in numbers:
        right = allowed(w, g, eta, dtype)
        for after in {*right, *beside(right, dtype), 0.0, w}:
            assert is_admissible(rounding, w, g, eta, after) == (after in right)


@every_kind
@pytest.mark.parametrize("rate", [0.05, 1e-3, 2.0**-60])
def test_the_fast_decision_is_the_same(
    drawn: Callable[[np.random.RandomState, str], Array], rate: float, dtype: str
) -> None:
    rounding, draw = Rounding.of(dtype), np.random.RandomState(4)
    eta = np.dtype(dtype).type(rate)
    w, g = drawn(draw, dtype)[:150], drawn(draw, dtype)[:150]
    with np.errstate(all="ignore"):
        after = w - eta * g
        tried = [after, np.nextafter(after, -after), np.nextafter(after, 2 * after), 0 * after]
    for value in tried:
        told = admissible(rounding, w, g, eta, value).tolist()
        columns = zip(w.tolist(), g.tolist(), value.tolist(), strict=True)
        slow = [is_admissible(rounding, x, y, float(eta), z) for x, y, z in columns]
        assert told == slow


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", range(3), ids=["w", "g", "after"])
def test_nothing_follows_from_what_is_no_number(value: float, which: int, dtype: str) -> None:
    numbers = [1.0, 1.0, 0.5]
    numbers[which] = value
    w, g, after = numbers
    assert not is_admissible(Rounding.of(dtype), w, g, 0.5, after)


@repeatably
@given(st.floats(-1, 1, width=32), st.floats(-1, 1, width=32))
def test_an_underflowing_step_may_leave_the_parameter_alone(w: float, g: float) -> None:
    assert is_admissible(Rounding.of("float32"), w, g, 2.0**-149, w)


RUNS = {
    dtype: trained(problem("people16").changed(epochs=2), 5, dtype=dtype)
    for dtype in ("float64", "float32")
}
PLACE = (9, 1, 0)


def refusing(monkeypatch: pytest.MonkeyPatch, run: Run, place: Place, count: int = 1) -> None:
    """Let the fast decision refuse some parameters of W1, whatever they are."""
    whole = shared.certificate.update.admissible

    def refused(rounding: Rounding, w: Array, g: Array, rate: np.floating, after: Array) -> Array:
        passed = np.array(whole(rounding, w, g, rate, after))
        if after.shape == run.whole.after[0].shape:
            passed[place[0] : place[0] + count, place[1], place[2]] = False
        return passed

    monkeypatch.setattr(shared.certificate.update, "admissible", refused)


def test_a_right_parameter_that_is_refused_is_acquitted(
    dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RUNS[dtype]
    refusing(monkeypatch, run, PLACE)
    certificate = run.judged()
    assert certificate.certified
    assert (certificate.audit.failed, certificate.audit.overturned) == (1, 1)


@pytest.mark.parametrize("count", [20, 21, 22])
def test_as_many_as_are_refused_are_acquitted(
    count: int, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing(monkeypatch, RUNS[dtype], PLACE, count)
    certificate = RUNS[dtype].judged()
    assert certificate.certified
    assert certificate.audit.overturned == count


def test_a_wrong_parameter_is_not_acquitted(dtype: str) -> None:
    run, kind = RUNS[dtype], np.dtype(dtype).type
    value = run.whole.after[0][PLACE]
    for _ in range(2):
        value = np.nextafter(value, kind(np.inf))
    moved = run.with_chunks(put_state(run.whole, 0, PLACE, float(value)))
    certificate = moved.judged()
    found = certificate.findings[0]
    assert (found.stage, found.step, found.element) == ("update", PLACE[0] + 1, PLACE[1:])
    assert certificate.audit.overturned == 0


def test_of_many_wrong_parameters_twenty_of_a_tensor_are_audited(dtype: str) -> None:
    recording = RUNS[dtype].whole
    for row in range(25):
        recording = put(recording, "after", 1, (row, 0), 9.0)
    certificate = RUNS[dtype].with_chunks(recording).judged()
    assert certificate.audit.failed == 20
    updates = [one for one in certificate.findings if one.stage == "update"]
    assert updates[0].step == 1
