"""Memory: a judge keeps counts, and of no run an array that grows with it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest

from shared.backend import Recording
from shared.certificate.judge import Judge
from shared.certificate.ledger import KEPT
from shared.certificate.sampling import sampling
from shared.problems import Problem
from tests.certified_kinds import KINDS, wide
from tests.certified_runs import Run, certificate, trained
from tests.classifiers import NUMPY

PROBLEMS = {
    "screened": wide(epochs=84),
    "in batches": replace(KINDS["relu, classes"], epochs=84),
    "one by one": replace(KINDS["tanh, quantities, one by one"], epochs=84),
}
every_problem = pytest.mark.parametrize("one", PROBLEMS.values(), ids=PROBLEMS)


def chunked(one: Problem, monkeypatch: pytest.MonkeyPatch, chunks: int = 21) -> Run:
    monkeypatch.setattr("shared.training.CHUNK_STEPS", one.step_count // chunks)
    run = trained(one, 5)
    assert len(run.chunks) == chunks
    return run


def arrays(thing: Any, seen: set[int]) -> Iterator[np.ndarray[Any, Any]]:
    """Every array that can be reached from a thing, each once."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        yield thing
    elif isinstance(thing, dict):
        for value in thing.values():
            yield from arrays(value, seen)
    elif isinstance(thing, (list, tuple, set)):
        for value in thing:
            yield from arrays(value, seen)
    elif is_dataclass(thing):
        for field in fields(thing):
            yield from arrays(getattr(thing, field.name), seen)
    elif hasattr(thing, "__dict__"):
        yield from arrays(vars(thing), seen)


def kept(judge: Judge) -> int:
    """How many numbers the judge's arrays hold, whatever they are views of."""
    roots = {id(base): base for base in map(root, arrays(judge, set()))}
    return sum(base.size for base in roots.values())


def root(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


@every_problem
@pytest.mark.parametrize("wrong", [False, True], ids=["honest", "wrong everywhere"])
def test_a_judge_keeps_as_much_of_one_chunk_as_of_twenty(
    one: Problem, wrong: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = chunked(one, monkeypatch)
    judge = Judge("numpy", one, "float64", run.seeds)
    sizes = []
    for chunk in run.chunks:
        judge.add(spoiled(chunk) if wrong else chunk)
        sizes.append(kept(judge))
    assert sizes[0] == sizes[1] == sizes[-1]
    assert len(judge.finish().findings) == (KEPT if wrong else 0)


def spoiled(chunk: Recording) -> Recording:
    return replace(chunk, grads=tuple(2 * g for g in chunk.grads))


def test_a_judge_that_kept_a_chunk_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    run = chunked(PROBLEMS["in batches"], monkeypatch)
    judge = Judge("numpy", run.problem, "float64", run.seeds)
    judge.add(run.chunks[0])
    before = kept(judge)
    judge.memory = [run.chunks[1].grads[0][2:3]]  # type: ignore[attr-defined]
    assert kept(judge) == before + run.chunks[1].grads[0].size


@every_problem
def test_judging_takes_as_much_memory_in_the_last_chunk_as_in_the_first(
    one: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = chunked(one, monkeypatch)
    judge = Judge("numpy", one, "float64", run.seeds)
    for chunk in run.chunks[:3]:  # what is made once, and kept by Python itself, is made now
        judge.add(chunk)
    tracemalloc.start()
    try:
        peaks = []
        for chunk in run.chunks[3:]:
            tracemalloc.reset_peak()
            start, _ = tracemalloc.get_traced_memory()
            judge.add(chunk)
            peaks.append(tracemalloc.get_traced_memory()[1] - start)
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    size = sum(a.nbytes for a in arrays(run.chunks[1], set()))
    # Nothing of eighteen chunks is left that would fill one.
    assert left < size
    assert max(peaks[10:]) < 1.5 * max(peaks[:10])


def test_the_curve_is_judged_in_equal_memory_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Marks are judged in blocks, so more of them keep no more."""
    held = []

    class Watched(Judge):
        def add_evaluation(self, *arguments: Any, **named: Any) -> None:
            super().add_evaluation(*arguments, **named)
            held.append(kept(self))

    monkeypatch.setattr("tests.certified_runs.Judge", Watched)
    monkeypatch.setattr("shared.evaluation.BLOCK_BYTES", 2**14)
    one = replace(KINDS["relu, classes"], epochs=60, curve_every=1)
    assert certificate(NUMPY, one, 3, sampling(one, 3)).certified
    assert len(held) > 10
    assert held[1] == held[-1]
