"""Right backends, of which only every K-th state is known: every block is explained."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.certificate.decision import Verdict
from shared.certificate.rounding import Rounding
from shared.optimizer import Optimizer
from shared.problems import Problem
from shared.registry import Loaded
from shared.sparse.bound import Unbounded
from tests.followed import of_kind, wide
from tests.kinds import COVERING, Kind
from tests.sparse_runs import certificate, compared, digits, people

SEEDS = (4, 13, 7, 1, 29)
"""The last one is chaotic."""


@pytest.mark.parametrize("every", [1, 7, 16])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_block_of_a_right_run_is_within_its_bound(seed: int, every: int, dtype: str) -> None:
    found = certificate(people(4), every, seed=seed, dtype=dtype)
    assert found.certified
    assert (found.steps, found.by_bound) == (64, -(-64 // every))
    # Neither is a bound so wide that it would hold anything.
    assert 0.02 < found.worst <= 1


@pytest.mark.parametrize("seed", [4, 29])
def test_so_is_one_block_of_ten_epochs(seed: int, dtype: str) -> None:
    found = certificate(people(), 160, seed=seed, dtype=dtype)
    assert found.certified
    assert found.blocks == 1
    assert 0.005 < found.worst <= 1


@pytest.mark.parametrize("every", [1, 16])
def test_every_backend_is_certified_block_by_block(all_loaded: list[Loaded], every: int) -> None:
    found = compared(people(1), every, *all_loaded)
    assert found.verdict == Verdict.EXPLAINED
    assert [one.blocks for one in found.certificates] == [16 // every] * len(all_loaded)


@pytest.mark.parametrize("kind", COVERING, ids=str)
def test_every_kind_of_network_has_bounds_on_its_blocks(kind: Kind, dtype: str) -> None:
    """Batches of 4, 4 and 3 samples, in another order in every epoch."""
    found = certificate(of_kind(kind, epochs=6), 7, seed=5, dtype=dtype)
    assert found.certified
    assert found.blocks == 3
    assert found.by_bound >= 2


@pytest.mark.parametrize("every", [3, 16, 100])
def test_a_large_network_is_run_again_and_judged_step_by_step(every: int, dtype: str) -> None:
    """Its epochs end in a smaller batch."""
    found = certificate(digits(), every, dtype=dtype)
    assert found.certified
    assert found.unbounded == "size"
    assert found.by_steps == found.blocks == -(-21 // every)
    assert found.judged_steps == 21
    assert found.step_resolution is not None
    assert found.resolution is None


@pytest.mark.parametrize(
    ("one", "every", "why"),
    [
        (wide(), 8, "size"),
        (people(70), 1100, "length"),
        (replace(people(1), optimizer=Optimizer(0.05, "momentum")), 5, "optimizer"),
        (replace(people(1), optimizer=Optimizer(0.05, "adam")), 5, "optimizer"),
    ],
    ids=["size", "length", "momentum", "adam"],
)
def test_what_has_no_bound_says_why(one: Problem, every: int, why: Unbounded) -> None:
    found = certificate(one, every)
    assert found.certified
    assert found.unbounded == why
    assert found.by_steps == found.blocks


@pytest.mark.parametrize(
    ("every", "lengths"), [(7, [7] * 6 + [6]), (48, [48]), (1000, [48])], ids=str
)
def test_the_last_block_may_be_shorter(every: int, lengths: list[int]) -> None:
    found = certificate(people(3), every)
    assert found.certified
    assert (found.blocks, found.steps) == (len(lengths), sum(lengths))


@pytest.mark.parametrize(("every", "most"), [(1, 2.5), (16, 40)])
def test_the_resolution_is_some_roundings_for_each_step(
    every: int, most: float, dtype: str
) -> None:
    found = certificate(people(), every, dtype=dtype)
    assert found.resolution is not None
    assert found.of_move is not None
    assert every <= found.resolution / Rounding.of(dtype).u <= most
    assert found.of_move > found.resolution


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = certificate(people(3), 4)
    monkeypatch.setattr("shared.sparse.bound.CHUNK_BYTES", 1)
    single = certificate(people(3), 4)
    assert (whole.by_bound, whole.worst) == (single.by_bound, single.worst)
    assert whole.resolution == single.resolution


@pytest.mark.parametrize("every", [5, 16])
def test_recording_less_changes_no_bit(every: int) -> None:
    often, seldom = (compared(people(3), k).backends[0].params for k in (1, every))
    assert all((a == b).all() for a, b in zip(often, seldom, strict=True))


def test_a_double_double_reference_decides_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = certificate(people(3), 16)
    monkeypatch.setattr(
        "shared.certificate.arithmetic.LongDouble.is_wide_enough", staticmethod(lambda: False)
    )
    other = certificate(people(3), 16)
    assert other.by_bound == usual.by_bound
    assert abs(other.worst - usual.worst) < 0.01 * usual.worst
