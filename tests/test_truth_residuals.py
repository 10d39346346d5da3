"""What a step missed exact arithmetic by, and where a backend stood at the marks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache, partial

import flint
import numpy as np
import pytest
from flint import arb

from shared.backend import Array
from shared.certificate.ball import Balls
from shared.certificate.exact_step import step
from shared.truth import residuals
from shared.truth.residuals import ResidualTaker, mark_steps, most_steps
from tests.certified_runs import Run, put, trained
from tests.followed import of_kind, people, taken
from tests.kinds import COVERING

BALLS = Balls()
RUNS: dict[str, Callable[..., Run]] = {
    "people16": partial(trained, people()),
    "people4": partial(trained, people("people4", 40), 3),
    **{str(kind): partial(trained, of_kind(kind), 5) for kind in COVERING},
}
every_run = pytest.mark.parametrize("name", RUNS)


@cache
def run_of(name: str, dtype: str) -> Run:
    return RUNS[name](dtype=dtype)


def exact_misses(run: Run) -> Array:
    """(steps, P) new weights less exact ones, step by step in 300 bits, rounded in the end."""
    data, found = run.problem.dataset(run.dtype), []
    with flint.ctx.workprec(300):
        rate = arb(float(run.rate))
        for chunk in run.chunks:
            for row, batch in enumerate(chunk.batches):
                before = [BALLS.lift(w[row]) for w in chunk.before]
                x, y = BALLS.lift(data.x[batch]), BALLS.lift(data.y[batch])
                grads = step(BALLS, run.problem.network, before, x, y).grads
                found.append(np.concatenate([
                    (BALLS.lift(w[row]) - old + rate * g).ravel()
                    for w, old, g in zip(chunk.after, before, grads, strict=True)
                ]))  # fmt: skip
        return np.array([[float(v) for v in row] for row in found])


def ulps_of_after(run: Run) -> Array:
    rows = [
        np.concatenate([w.reshape(len(chunk.steps), -1) for w in chunk.after], axis=-1)
        for chunk in run.chunks
    ]
    ulps: Array = np.spacing(abs(np.concatenate(rows))).astype(np.float64)
    return ulps


@every_run
def test_a_residual_is_what_exact_arithmetic_finds_missing(name: str, dtype: str) -> None:
    """Pairs of floats hold the new weight's distance from the exact one to 2^-85 of the weight."""
    run = run_of(name, dtype)
    found, true = taken(run).residuals(), exact_misses(run)
    assert found.shape == true.shape == (run.problem.step_count, run.problem.network.param_count)
    size = ulps_of_after(run) * 2.0 ** (53 if dtype == "float64" else 24)
    assert (abs(found - true) <= 2.0**-85 * np.maximum(size, 1.0) + 2.0**-52 * abs(true)).all()


@every_run
def test_a_step_that_rounds_twice_misses_by_few_ulps(name: str, dtype: str) -> None:
    run = run_of(name, dtype)
    assert (abs(taken(run).residuals()) <= 16 * ulps_of_after(run).max()).all()


def test_an_exactly_rounded_step_misses_by_half_an_ulp() -> None:
    """Every number after a step replaced by the float nearest to the exact one."""
    run = run_of("people16", "float64")
    ideal = run.whole
    missed = exact_misses(run)
    at = 0
    after = []
    for w in ideal.after:
        flat = w.reshape(len(w), -1)
        part = missed[:, at : at + flat.shape[1]]
        after.append((flat - part).reshape(w.shape))
        at += flat.shape[1]
    rounded = run.with_chunks(replace(ideal, after=tuple(after)))
    assert (abs(taken(rounded).residuals()) <= 0.5001 * ulps_of_after(rounded)).all()


@pytest.mark.parametrize("element", [(0, 0), (1, 1)])
def test_a_number_moved_is_missing_in_its_step_alone(element: tuple[int, ...]) -> None:
    run = run_of("people16", "float64")
    honest = taken(run).residuals()
    old = float(run.whole.after[0][(99, *element)])
    wrong = run.with_chunks(put(run.whole, "after", 0, (99, *element), old + 1e-6))
    moved = taken(wrong).residuals() - honest
    column = 2 * element[0] + element[1]
    assert moved[99, column] == exact_difference(old + 1e-6, old)
    moved[99, column] = 0
    assert not moved.any()


def exact_difference(new: float, old: float) -> float:
    return float(Fraction(new) - Fraction(old))


@pytest.mark.parametrize("cuts", [1, 7, 100])
def test_residuals_do_not_depend_on_how_many_are_looked_at_together(
    cuts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of("people16", "float64")
    whole = taken(run).residuals()
    monkeypatch.setattr(residuals, "TOGETHER", cuts)
    assert taken(run).residuals().tobytes() == whole.tobytes()


@pytest.mark.parametrize("name", ["people16", str(COVERING[0])])
def test_where_it_stood_is_kept_at_the_marks(name: str, dtype: str) -> None:
    run = run_of(name, dtype)
    taker = taken(run)
    stood = [w for chunk in run.chunks for w in _rows(chunk.after)]
    for mark in mark_steps(run.problem.step_count):
        assert taker.weights_after(mark).tolist() == stood[mark - 1].tolist()
        assert taker.weights_after(mark).dtype == dtype


def _rows(after: tuple[Array, ...]) -> list[Array]:
    return [np.concatenate([w[row].ravel() for w in after]) for row in range(len(after[0]))]


@pytest.mark.parametrize("room", [1, 100, 399])
def test_no_more_is_kept_than_there_is_room_for(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of("people16", "float64")
    whole = taken(run).residuals()
    monkeypatch.setattr(residuals, "ROOM_BYTES", room * 72 + 71)
    assert most_steps(run.problem) == room
    cut = taken(run)
    assert len(cut.residuals()) == room
    assert cut.residuals().tolist() == whole[:room].tolist()
    assert len(cut.weights_after(room)) == 9


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf, -1e308])
def test_numbers_that_are_none_stay_in_their_steps(value: float) -> None:
    run = run_of("people16", "float64")
    wrong = run.with_chunks(put(run.whole, "after", 2, (9, 0, 0), value))
    found = taken(wrong).residuals()
    assert not abs(found[9]).max() < 1e300
    assert np.isfinite(np.delete(found, 9, axis=0)).all()


@pytest.mark.parametrize(
    ("steps", "marks"),
    [
        (0, ()), (1, (1,)), (9, (1, 9)), (10, (1, 10)), (11, (1, 10, 11)),
        (80000, (1, 10, 100, 1000, 10000, 80000)),
    ],
)  # fmt: skip
def test_marks_are_powers_of_ten_and_the_last_step(steps: int, marks: tuple[int, ...]) -> None:
    assert mark_steps(steps) == marks


def test_the_time_is_taken() -> None:
    taker = ResidualTaker("numpy", people(), "float64")
    assert taker.elapsed_s == 0
    taker.add(run_of("people16", "float64").whole)
    assert taker.elapsed_s > 0


def moves_of(taker: ResidualTaker, run: Run) -> Array:
    """(steps, P) by how many ULPs each weight should have moved, if it stood still."""
    before = [w.reshape(len(w), -1) for w in run.whole.before]
    moves: Array = -taker.residuals() / np.spacing(abs(np.concatenate(before, axis=-1)))
    return moves


def test_weights_that_stand_still_have_swallowed_their_moves(dtype: str) -> None:
    """At such a rate no step moves any of them by half an ULP."""
    run = trained(people(epochs=2).changed(learning_rate=1e-20), dtype=dtype)
    taker = taken(run)
    moves = moves_of(taker, run)
    assert taker.swallowed_steps.tolist() == [run.problem.step_count] * 9
    assert abs(taker.swallowed_ulps / moves.sum(axis=0) - 1).max() < 1e-12
    assert abs(moves).max() < 0.5


def test_a_weight_that_is_kept_from_moving_swallows_nothing() -> None:
    """That is a fault, not a rounding."""
    run = trained(people(epochs=2))
    chunk = run.whole
    still = replace(chunk, after=(*chunk.after[:-1], chunk.before[-1]))
    taker = taken(run.with_chunks(still))
    assert abs(moves_of(taker, run)[:, -1]).min() > 0.5
    assert (taker.swallowed_steps[-1], taker.swallowed_ulps[-1]) == (0, 0.0)


def test_a_weight_that_should_not_move_swallows_nothing() -> None:
    """w1 and w3 multiply a feature that is zero throughout."""
    one = people(epochs=2)
    x = one.x.copy()
    x[:, 0] = 0
    taker = taken(trained(replace(one, x=x)))
    assert taker.swallowed_steps[[0, 2]].tolist() == [0, 0]
    assert not taker.residuals()[:, [0, 2]].any()
