"""Wrong backends, of which only every K-th state is known: placed where they are wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array
from shared.certificate.decision import Verdict
from shared.certificate.findings import CARRIED, START, BackendCertificate, StageSummary
from shared.certificate.judge import Judge
from shared.certificate.stages import BACKWARD, UPDATE
from shared.errors import UsageError
from shared.optimizer import Optimizer
from shared.sparse import bound as bounds
from shared.sparse.blocks import calls
from shared.sparse.findings import Repetition
from shared.sparse.judge import settled
from shared.training import Trainee
from shared.truth.tube import step_bounds
from tests.form_backends import Writing, written
from tests.sparse_runs import (
    NUMPY,
    CountsAllCalls,
    CountsItsCalls,
    FasterLater,
    FlipsABit,
    Growing,
    Scaled,
    StartsElsewhere,
    blocks,
    certificate,
    compared,
    digits,
    own,
    people,
)
from tests.written_forms import by_tanh

ALL = {"W1", "b1", "W2", "b2"}
PLACES: dict[type[NumpyBackprop], tuple[int, str, set[str]]] = {
    Scaled: (37, BACKWARD, ALL),
    FasterLater: (100, UPDATE, ALL),
    FlipsABit: (50, UPDATE, {"W1"}),
}
"""The step in which each is wrong first, the stage, and the tensors."""


@pytest.mark.parametrize(
    ("every", "dtype"), [(1, "float64"), (1, "float32"), (16, "float64"), (16, "float32"),
                         (112, "float64")],
)  # fmt: skip
@pytest.mark.parametrize("kind", PLACES, ids=lambda kind: kind.__name__)
def test_a_fault_is_placed_at_its_step(kind: type[NumpyBackprop], every: int, dtype: str) -> None:
    found = certificate(people(7), every, kind, dtype=dtype)
    step, stage, tensors = PLACES[kind]
    assert found.verdict == Verdict.DIFFERENT
    block = found.first
    assert block is not None
    assert block.again.repeated
    assert (block.first, block.last) == ((step - 1) // every * every + 1, -(-step // every) * every)
    assert block.placement is not None
    assert (block.placement.step, block.placement.stage) == (step, stage)
    assert set(block.placement.tensors) == tensors


def test_later_blocks_are_judged_from_where_they_begin() -> None:
    once, lasting = (certificate(people(9), 16, kind) for kind in (Scaled, FasterLater))
    assert (once.by_bound, once.different) == (8, 1)
    assert (lasting.by_bound, lasting.different) == (6, 3)


def test_what_is_within_the_bound_of_its_block_is_placed_once_a_later_one_is_not() -> None:
    found = certificate(people(5), 16, Growing)
    assert found.first is not None
    assert (found.first.first, found.by_bound) == (65, 4)
    assert found.first.from_seed is not None
    assert found.first.from_seed.repeated
    assert found.first.placement is not None
    assert found.first.placement.step == 20


def test_what_is_smaller_than_the_resolution_is_explained() -> None:
    found = certificate(people(4), 16, Growing)
    assert found.certified
    assert found.of_move is not None
    assert found.of_move > Growing.at_first


def test_a_start_of_its_own_is_found_in_the_first_block(dtype: str) -> None:
    found = certificate(people(1), 8, StartsElsewhere, dtype=dtype)
    assert found.first is not None
    assert found.first.placement is not None
    assert (found.first.placement.step, found.first.placement.stage) == (1, START)


@pytest.mark.parametrize("every", [1, 16])
def test_what_does_not_repeat_is_placed_in_its_block_and_no_closer(every: int, dtype: str) -> None:
    found = certificate(people(6), every, CountsAllCalls, dtype=dtype)
    assert found.verdict == Verdict.DIFFERENT
    block = found.first
    assert block is not None
    assert block.first <= 75 <= block.last < block.first + every
    assert not block.repeats
    assert block.again.apart_ulps > 1000
    assert block.placement is None
    assert block.again.certificate.certified


def test_what_repeats_from_the_seed_alone_is_placed_so() -> None:
    block = certificate(people(6), 16, CountsItsCalls).first
    assert block is not None
    assert not block.again.repeated
    assert block.repeats
    assert block.placement is not None
    assert block.placement.step == 75


@pytest.mark.parametrize("every", [5, 16, 100])
def test_a_fault_of_a_large_network_is_placed_by_running_blocks_again(
    every: int, dtype: str
) -> None:
    one = digits().changed(epochs=6)
    found = certificate(one, every, Scaled, dtype=dtype)
    assert (found.different, found.by_steps) == (1, 36 // every)
    assert found.unjudged == found.blocks - found.by_steps - 1
    assert found.first is not None
    assert found.first.placement is not None
    assert (found.first.placement.step, found.first.placement.stage) == (37, BACKWARD)


def test_where_a_sample_finds_a_fault_all_steps_of_the_block_are_judged() -> None:
    class From37(Scaled):
        def scale(self) -> float:
            return 1.001 if self.at >= 37 else 1.0

    found = certificate(digits().changed(epochs=6), 42, From37, one_in=6)
    assert found.first is not None
    assert found.first.placement is not None
    assert found.first.placement.step == 37


def test_a_large_network_that_does_not_repeat_is_undecided() -> None:
    found = certificate(digits().changed(epochs=12), 21, CountsAllCalls)
    assert found.verdict == Verdict.UNDECIDED
    assert (found.by_steps, found.undecided) == (3, 1)
    assert found.unsure is not None
    assert (found.unsure.first, found.unsure.last) == (64, 84)
    assert found.unsure.times is None


@pytest.mark.parametrize("name", ["momentum", "adam"])
def test_a_fault_with_another_optimizer_is_placed(name: str) -> None:
    one = replace(people(4), optimizer=Optimizer(0.05, name))
    found = certificate(one, 10, Scaled)
    assert found.first is not None
    assert found.first.placement is not None
    assert (found.first.placement.step, found.first.placement.stage) == (37, BACKWARD)


def test_numbers_that_are_none_are_placed() -> None:
    class Breaks(Scaled):
        def scale(self) -> float:
            return float("nan") if self.at == 37 else 1.0

    found = certificate(people(4), 16, Breaks)
    assert found.first is not None
    assert found.first.placement is not None
    assert (found.first.placement.step, found.first.placement.stage) == (37, BACKWARD)
    assert (found.by_bound, found.different) == (2, 2)


def scaled_bounds(factor: float) -> Callable[..., Array]:
    return lambda *given: factor * step_bounds(*given)


def test_a_bound_that_is_exceeded_though_all_steps_are_right_is_undecided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bounds, "step_bounds", scaled_bounds(1e-3))
    found = certificate(people(1), 8)
    assert found.verdict == Verdict.UNDECIDED
    assert found.undecided == found.blocks == 2
    assert found.unsure is not None
    assert found.unsure.times is not None
    assert found.unsure.times > 1
    assert found.unsure.again.certificate.certified


def test_a_bound_that_is_too_wide_leaves_it_to_the_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "step_bounds", scaled_bounds(1e15))
    found = certificate(people(1), 8)
    assert found.certified
    assert (found.by_bound, found.by_steps, found.judged_steps) == (0, 2, 16)
    wrong = certificate(people(3), 8, Scaled)
    assert wrong.first is not None
    assert wrong.first.placement is not None
    assert wrong.first.placement.step == 37


def test_another_form_of_a_function_is_explained_step_by_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bound that is exceeded is then no contradiction: it is one of the declared form."""
    monkeypatch.setattr(bounds, "step_bounds", scaled_bounds(1e-3))
    found = certificate(people(2), 8, written(Writing(sigmoid=by_tanh(np.tanh))))
    assert found.by_steps >= 1


def test_two_backends_are_decided_each_for_itself() -> None:
    found = compared(people(3), 16, NUMPY, own(Scaled))
    assert [one.certified for one in found.certificates] == [True, False]
    assert found.verdict == Verdict.DIFFERENT


def test_an_interrupt_tells_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.sparse.bound.CHUNK_BYTES", 1)

    def stop(steps: int) -> None:
        if steps >= 16:
            raise KeyboardInterrupt

    found = compared(people(3), 4, NUMPY, progress=stop)
    assert found.interrupted
    assert (found.steps, found.certificates[0].by_bound) == (16, 4)


def test_one_that_is_interrupted_at_once_is_undecided() -> None:
    class Interrupted(Scaled):
        def scale(self) -> float:
            raise KeyboardInterrupt

    found = certificate(people(1), 4, Interrupted)
    assert (found.blocks, found.verdict) == (0, Verdict.UNDECIDED)


@pytest.mark.parametrize("every", [0, -1, True, 2.0, "16"])
def test_what_is_no_number_of_steps_is_refused(every: object) -> None:
    with pytest.raises(UsageError, match="whole number of steps"):
        compared(people(1), every)  # type: ignore[arg-type]


def judged_from(step: int, nudged: bool) -> list[str]:
    """Judge the second half of a run from where the first has left it, or from beside it."""
    one = people(1)
    (first,) = blocks(one, [step])
    trainee = Trainee(NUMPY, one, "float64")
    trainee.start(4)
    trainee.params, trainee.state = first.end
    beside = tuple(np.nextafter(w, 9) for w in first.end[0]) if nudged else first.end[0]
    judge = Judge("numpy", one, "float64", 4, start=(beside, first.end[1]))
    for batches in calls(trainee, 16):
        judge.add(trainee.train(batches, 1))
    certificate = judge.finish()
    assert certificate.judged_steps == 16 - step
    return [f"{finding.step} {finding.stage}" for finding in certificate.findings]


def test_steps_are_judged_from_any_state_that_others_left() -> None:
    assert judged_from(7, nudged=False) == []


def test_steps_that_begin_beside_that_state_are_found() -> None:
    assert judged_from(7, nudged=True) == [f"8 {CARRIED}"] * 9


def came_of(again: Verdict, repeated: bool = True, form: str = "") -> Repetition:
    stages = StageSummary("backward", "W1", (0, 1, 0, 0, 0), 0.5, 1, 0.5, 1e-16, 1e-15)
    judged = BackendCertificate(
        "mine", 1, 1, 1, (replace(stages, forms={form: 1} if form else {}),), (),
        int(again >= Verdict.UNDECIDED), again, 0, 0,
    )  # fmt: skip
    return Repetition(repeated, 0 if repeated else 5, judged)


@pytest.mark.parametrize(
    ("by_bound", "again", "expected"),
    [
        (Verdict.VACUOUS, came_of(Verdict.EXPLAINED), Verdict.EXPLAINED),
        (None, came_of(Verdict.EXPLAINED), Verdict.EXPLAINED),
        (Verdict.DIFFERENT, came_of(Verdict.EXPLAINED), Verdict.UNDECIDED),
        (Verdict.DIFFERENT, came_of(Verdict.EXPLAINED, form="a - a²"), Verdict.EXPLAINED),
        (Verdict.VACUOUS, came_of(Verdict.UNDECIDED), Verdict.UNDECIDED),
        (Verdict.DIFFERENT, came_of(Verdict.UNDECIDED), Verdict.UNDECIDED),
        (Verdict.VACUOUS, came_of(Verdict.DIFFERENT), Verdict.DIFFERENT),
        (Verdict.DIFFERENT, came_of(Verdict.DIFFERENT), Verdict.DIFFERENT),
        (Verdict.DIFFERENT, came_of(Verdict.EXPLAINED, repeated=False), Verdict.DIFFERENT),
        (Verdict.VACUOUS, came_of(Verdict.EXPLAINED, repeated=False), Verdict.UNDECIDED),
        (None, came_of(Verdict.EXPLAINED, repeated=False), Verdict.UNDECIDED),
        (None, came_of(Verdict.DIFFERENT, repeated=False), Verdict.DIFFERENT),
    ],
)
def test_a_block_is_decided_by_its_bound_and_by_running_it_again(
    by_bound: Verdict | None, again: Repetition, expected: Verdict
) -> None:
    assert settled(by_bound, again) == expected
