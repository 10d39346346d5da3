"""What is said of a run of which only every K-th state is known, in words and as data."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from shared.report.data import write_json
from shared.report.sparse_data import sparse_data
from shared.report.sparse_text import print_sparse
from shared.sparse import bound as bounds
from shared.sparse.findings import SparseComparison
from shared.training import Missing
from shared.truth.tube import step_bounds
from tests.sparse_runs import (
    NUMPY,
    CountsAllCalls,
    CountsItsCalls,
    FasterLater,
    Growing,
    Scaled,
    compared,
    digits,
    own,
    people,
)


def text_of(comparison: SparseComparison) -> str:
    """Everything that is printed, as one line."""
    page = io.StringIO()
    print_sparse(Console(file=page, width=88, highlight=False), comparison)
    return " ".join(page.getvalue().split())


def test_a_right_run_is_certified_block_by_block() -> None:
    told = text_of(compared(people(3), 16))
    assert (
        "Certified block by block: 3 blocks of numpy, known by the state after every 16th step. "
        "Each ends where right steps lead, up to rounding; a fault present moves half of the "
        "weights by less than one part in 10^14, and half of what a block moves by less than one "
        "part in 10^"
    ) in told
    assert "within their bounds 3 explained step by step 0 undecided 0 different 0" in told
    assert "Recorded was nothing but the state after every 16th step." in told
    assert "which samples a step saw, shows only in what becomes of the parameters." in told


@pytest.mark.parametrize(
    ("every", "told"),
    [(1, "every step"), (2, "every 2nd step"), (3, "every 3rd step"), (11, "every 11th step"),
     (21, "every 21st step"), (1000, "every 1,000th step")],
)  # fmt: skip
def test_recorded_steps_are_told_by_their_number(every: int, told: str) -> None:
    assert f"the state after {told}." in text_of(compared(people(1), every))


def test_of_moves_that_rounding_swallows_no_resolution_is_told() -> None:
    told = text_of(compared(people(1), 16, dtype="float32"))
    assert "of the weights by less than one part in 10^5." in told


def test_of_a_large_network_it_says_how_it_was_judged() -> None:
    told = text_of(compared(digits(), 16))
    assert "changes half of the gradients by less than one part in 10^14, stage by stage" in told
    assert "no bound for steps of so large a network, or of so long a run. So each block" in told
    assert "whose steps are right: 21 were judged one by one." in told
    assert "resolution of moves" not in told


def test_a_fault_is_told_with_its_place_and_its_block() -> None:
    told = text_of(compared(people(4), 16, NUMPY, own(Scaled)))
    assert "DIFFERENT: mine, step 37 (epoch 3, sample 5), backward, b3." in told
    assert "All that differs in that step: backward b3, w5, w6, b1, b2, w1, w2, w3, w4." in told
    assert "The block of steps 33 to 48 ended" in told
    assert "it ended at the same bits, and its steps were judged one by one." in told
    assert "All steps before it were run again, too, and each is right by itself." in told
    assert "Certified block by block: numpy." in told


def test_later_blocks_are_counted() -> None:
    told = text_of(compared(people(9), 16, own(FasterLater)))
    assert "Judged from where they begin, 2 later blocks left their bounds." in told


def test_a_step_before_the_block_is_told_as_such() -> None:
    told = text_of(compared(people(5), 16, own(Growing)))
    assert "DIFFERENT: mine, step 20 (epoch 2, sample 4), backward" in told
    assert "The block of steps 65 to 80 ended" in told
    assert "Before it, step 20 was found by running all steps again" in told


def test_what_does_not_repeat_is_placed_in_its_block_and_no_closer() -> None:
    told = text_of(compared(people(6), 16, own(CountsAllCalls)))
    assert "DIFFERENT: mine, steps 65 to 80, and no closer." in told
    assert "The block did not repeat: run again from its recorded start, it ended els" in told
    assert "Nor did all steps from the seed's start on." in told
    assert "Each of the steps made then is right by itself." in told


def test_what_repeats_from_the_seed_alone_is_said_to_keep_something() -> None:
    told = text_of(compared(people(6), 16, own(CountsItsCalls)))
    assert "DIFFERENT: mine, step 75 (epoch 5, sample 11), backward" in told
    assert "All steps from the seed's start on did: what a step does depends on more" in told


def test_undecided_blocks_say_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "step_bounds", lambda *given: 1e-3 * step_bounds(*given))
    told = text_of(compared(people(1), 8))
    assert "UNDECIDED: numpy, steps 1 to 8, and no closer." in told
    assert "each of its steps is right by itself: whether the bound errs is open." in told
    assert "Undecided in all: 2 blocks." in told


def test_a_bound_that_says_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "step_bounds", lambda *given: 1e15 * step_bounds(*given))
    told = text_of(compared(people(3), 16, own(Scaled)))
    assert "The block of steps 33 to 48 has a bound that is too wide to say anything" in told
    assert "within their bounds 0 explained step by step 2 undecided 0 different 1" in told


def test_an_interrupted_run_and_missing_backends_are_told() -> None:
    whole = compared(people(1), 8, missing=[Missing("jax", "jax is not installed.")])
    told = text_of(replace(whole, interrupted=True, steps=8))
    assert "Interrupted after 8 of 16 steps; what follows is known so far." in told
    assert "Not compared: jax is not installed." in told


@pytest.mark.parametrize("kind", [Scaled, CountsAllCalls], ids=lambda kind: kind.__name__)
def test_all_of_it_is_written_as_json(kind: type[Scaled], tmp_path: Path) -> None:
    comparison = compared(people(6), 16, NUMPY, own(kind))
    path = tmp_path / "sparse.json"
    write_json(path, sparse_data(comparison, "python compare.py"))
    data = json.loads(path.read_text("utf-8"))
    assert (data["kind"], data["every"], data["steps"]) == ("sparse comparison", 16, 96)
    assert (data["verdict"], data["certified"]) == ("DIFFERENT", False)
    right, wrong = data["certificates"]
    assert (right["explained_by_their_bounds"], right["first_different"]) == (6, None)
    assert wrong["different"] == 1
    block = wrong["first_different"]
    assert block["last_step"] - block["first_step"] == 15
    assert block["repeats"] == (kind is Scaled)
    found = block["run_again"]["certificate"]["findings"]
    assert [one["step"] for one in found] == ([37] * len(found) if kind is Scaled else [])
    assert set(data["backends"][0]["params"]) == set(people().network.element_names)
