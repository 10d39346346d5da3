"""Records without deltas in which one number was moved, and nothing that follows from it."""

from __future__ import annotations

from fractions import Fraction

import pytest

from shared.certificate.decision import Verdict
from shared.certificate.findings import Finding
from shared.named_problems import problem
from tests.certified_exact import exact_value
from tests.certified_forms import beyond_all
from tests.certified_runs import (
    Place,
    Run,
    general,
    gradients_of,
    put,
    seen_by,
    trained,
)

RUNS = {
    "2-2-1": trained(problem("people16").changed(epochs=3)).without_deltas(),
    "4-6-3 with replicas": trained(general((4, 6, 3), 9, 3, 8), (1, 2)).without_deltas(),
}
ROWS = {"first": 0, "middle": 11, "last": -1}
every_run = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
every_row = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
both_sides = pytest.mark.parametrize("side", [1, -1], ids=["above", "below"])


def place_of(run: Run, row: int, inner: Place) -> Place:
    """The last replica's element in the row that counts from either end."""
    row %= len(run.whole.steps)
    return (row, *(n - 1 for n in run.whole.batches.shape[1:-1]), *inner)


def exact(run: Run, stage: str, tensor: str, place: Place) -> Fraction:
    return exact_value(seen_by(run), None, stage, tensor, place)


def beyond(run: Run, stage: str, tensor: str, place: Place, side: int) -> float:
    return beyond_all(seen_by(run), gradients_of(run), stage, tensor, place, side)


def require_place(found: Finding, run: Run, place: Place, stage: str, tensor: str) -> None:
    row, axes = place[0], run.whole.batches.ndim - 1
    assert (found.stage, found.tensor, found.element) == (stage, tensor, place[1:])
    assert found.step == row + 1
    assert found.epoch == run.epoch(row + 1)
    assert found.samples == tuple(run.whole.batches[place[:axes]].tolist())


def require_only(run: Run, place: Place, stage: str, tensor: str, *verdicts: Verdict) -> Finding:
    """Find one thing alone, at its place; DIFFERENT unless other verdicts are given."""
    certificate = run.judged()
    assert certificate.found == 1
    assert not certificate.certified
    (found,) = certificate.findings
    assert found.verdict == certificate.verdict
    assert found.verdict in (verdicts or (Verdict.DIFFERENT,))
    require_place(found, run, place, stage, tensor)
    return found


def moved(run: Run, group: str, tensor: int, place: Place, value: float) -> Run:
    return run.with_chunks(put(run.whole, group, tensor, place, value))
