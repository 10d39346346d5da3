"""Bounds on whole blocks: what is carried from step to step, and what a block is held to."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from shared.backend import Array
from shared.certificate.decision import Verdict
from shared.problems import Problem
from shared.seeding import batch_runs
from shared.sparse import hull as hulls
from shared.sparse.alike import BatchTable
from shared.sparse.blocks import calls, have_equal_bits, held, ulps_apart
from shared.sparse.bound import BlockBounds, JudgedBlocks, blocks_together
from shared.sparse.hull import Hull
from shared.training import Trainee
from tests.followed import of_kind
from tests.kinds import Kind
from tests.sparse_runs import NUMPY, blocks, digits, people, with_end

SEED = 4


def drawn(steps: int = 20, walks: int = 3, size: int = 4) -> tuple[Array, Array]:
    random = np.random.RandomState(3)
    jacobians = np.eye(size) + 0.3 * random.normal(size=(steps, walks, size, size))
    return jacobians, random.uniform(size=(steps, walks, size))


def carried(jacobians: Array, made: Array, off: float = 0.0) -> Array:
    _, walks, size = made.shape
    hull = Hull(walks, size)
    for jacobian, one in zip(jacobians, made, strict=True):
        hull.add(jacobian, np.full_like(jacobian, off), one)
    return hull.close()


def by_definition(jacobians: Array, made: Array) -> Array:
    """Carry what each step adds on by all later steps, with its signs; then add sizes up."""
    total = np.zeros(made.shape[1:])
    for step in range(len(made)):
        later = np.broadcast_to(np.eye(made.shape[-1]), jacobians.shape[1:])
        for jacobian in jacobians[step + 1 :]:
            later = jacobian @ later
        total += (abs(later) @ made[step][..., None])[..., 0]
    return total


@pytest.mark.parametrize("steps", [1, 8, 20])
def test_steps_of_one_span_each_add_up_as_the_definition_says(
    steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    jacobians, made = drawn(steps)
    monkeypatch.setattr(hulls, "SPAN", 1)
    assert abs(carried(jacobians, made) / by_definition(jacobians, made) - 1).max() < 1e-7


@pytest.mark.parametrize("steps", [1, 7, 8, 9, 20])
def test_spans_never_make_it_narrower(steps: int) -> None:
    jacobians, made = drawn(steps)
    assert (carried(jacobians, made) >= by_definition(jacobians, made)).all()


def test_on_a_run_spans_hardly_make_it_wider(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = judged(people(3), 24, 2, "float64").resolution
    monkeypatch.setattr(hulls, "SPAN", 1)
    sharpest = judged(people(3), 24, 2, "float64").resolution
    assert (sharpest <= usual * (1 + 1e-6)).all()
    assert (usual < 1.1 * sharpest).all()


def test_the_hull_holds_every_walk_that_is_allowed() -> None:
    """Each with derivatives of its own, and with roundings of either sign."""
    jacobians, made = drawn(12, 1)
    off, random = 1e-3, np.random.RandomState(5)
    hull = Hull(1, 4)
    errors = np.zeros((200, 4, 1))
    for jacobian, one in zip(jacobians, made, strict=True):
        own = jacobian + off * random.choice([-1, 1], size=(200, 4, 4))
        errors = own @ errors + one[0][:, None] * random.choice([-1, 1], size=(200, 4, 1))
        hull.add(jacobian, np.full_like(jacobian, off), one)
        assert (abs(errors[..., 0]) <= hull.now).all()
    assert abs(errors).max() > 0.05 * hull.close().max()


def test_derivatives_that_may_be_off_make_it_wider() -> None:
    jacobians, made = drawn()
    assert (carried(jacobians, made, off=1e-3) > carried(jacobians, made)).all()


@pytest.mark.filterwarnings("error")
def test_what_overflows_is_further_than_anything() -> None:
    jacobians, made = drawn(16)
    with np.errstate(all="ignore"):
        found = carried(1e200 * jacobians, made)
    assert (found == np.inf).all()


def judged(one: Problem, length: int, count: int, dtype: str) -> JudgedBlocks:
    ends = [length * (i + 1) for i in range(count)]
    return BlockBounds(one, SEED, dtype).judge(blocks(one, ends, SEED, dtype))


def test_blocks_side_by_side_are_judged_as_each_alone(dtype: str) -> None:
    one = of_kind(Kind(), epochs=6)
    together = judged(one, 5, 3, dtype)
    bounds = BlockBounds(one, SEED, dtype)
    alone = [bounds.judge([block]) for block in blocks(one, [5, 10, 15], SEED, dtype)]
    worst = np.concatenate([a.worst for a in alone])
    assert abs(worst / together.worst - 1).max() < 1e-3
    assert [int(a.verdict[0]) for a in alone] == together.verdict.tolist()


@pytest.mark.parametrize("tensor", range(4))
@pytest.mark.parametrize(("share", "expected"), [(3.0, Verdict.DIFFERENT), (0.3, None)])
def test_a_block_that_ends_beyond_its_bound_is_different(
    tensor: int, share: float, expected: Verdict | None, dtype: str
) -> None:
    """A bound of 8 steps is some 8 roundings of each number, and more of the smallest."""
    one = people(1)
    (block,) = blocks(one, [8], SEED, dtype)
    bounds = BlockBounds(one, SEED, dtype)
    usual = bounds.judge([block])
    assert usual.verdict[0] == Verdict.EXPLAINED
    moved = [np.array(w) for w in block.end[0]]
    number = moved[tensor].reshape(-1)[:1]
    # Resolution is (bound + error) / |value| in the median: that much is beyond any bound here.
    number += number.dtype.type(share * 3 * usual.resolution[0]) * abs(number)
    found = bounds.judge([with_end(block, tuple(moved))])
    if expected is None:
        assert found.worst[0] > usual.worst[0]
    else:
        assert found.verdict[0] == expected
        assert found.worst[0] > 1


def test_a_number_that_is_none_is_different() -> None:
    one = people(1)
    (block,) = blocks(one, [8], SEED)
    broken = tuple(np.full_like(w, np.nan) for w in block.end[0])
    found = BlockBounds(one, SEED, "float64").judge([with_end(block, broken)])
    assert found.verdict.tolist() == [Verdict.DIFFERENT]
    assert found.worst.tolist() == [np.inf]


def test_the_batches_of_steps_are_the_problems() -> None:
    one = of_kind(Kind(), epochs=4)
    table = BatchTable(one, 5, 2, 11)
    seen = {}
    for rows, batches in table.alike(np.arange(3, 12)):
        seen.update(
            {int(row) + 3: batch.tolist() for row, batch in zip(rows, batches, strict=True)}
        )
    expected = itertools.chain(*(batches.tolist() for _, batches in batch_runs(one, 5, 2, 11)))
    assert [seen[step] for step in range(3, 12)] == list(expected)
    assert {len(batch) for batch in seen.values()} == {3, 4}


@pytest.mark.parametrize(("limit", "lengths"), [(4096, [16]), (5, [4, 4, 4, 4]), (1, [1] * 16)])
def test_a_call_has_no_more_steps_than_can_be_recorded(
    limit: int, lengths: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.sparse.blocks.CHUNK_STEPS", limit)
    trainee = Trainee(NUMPY, people(1), "float64")
    assert [len(batches) for batches in calls(trainee, 16)] == lengths


def test_where_batches_differ_in_size_few_lengths_occur() -> None:
    """Six steps of ten samples and one of three, by powers of two."""
    trainee = Trainee(NUMPY, digits(), "float64")
    found = [batches.shape for batches in calls(trainee, 11)]
    assert found == [(4, 10), (2, 10), (1, 3), (4, 10)]


def test_states_are_told_apart_by_their_bits() -> None:
    first, second = blocks(people(1), [1, 2])
    assert have_equal_bits(first.end, second.start)
    assert not have_equal_bits(first.end, second.end)
    assert ulps_apart(first.end, second.start) == 0
    assert ulps_apart(first.end, second.end) > 0


def test_what_is_held_cannot_be_changed() -> None:
    params, state = blocks(people(1), [1])[0].end
    mine = tuple(np.array(w) for w in params)
    kept, _ = held((mine, state))
    mine[0][...] = 0
    assert (kept[0] != 0).all()
    with pytest.raises(ValueError, match="read-only"):
        kept[0][...] = 0


def test_longer_blocks_are_walked_fewer_at_a_time() -> None:
    assert blocks_together(people(), 1) > blocks_together(people(), 1000) >= 1
