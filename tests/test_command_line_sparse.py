"""`run --every K`: parameters alone are recorded, and a block that is wrong is made again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import run

NUMPY = ("--backends", "numpy", "--epochs", "10", "--seed", "4")


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_what_is_right_is_certified_block_by_block() -> None:
    ran = run(*NUMPY, "--every", "7")
    assert ran.code == 0
    assert "Certified block by block: 23 blocks of numpy" in squeezed(ran.text)


def test_a_fault_is_placed_in_its_step_though_few_states_are_known(tmp_path: Path) -> None:
    path = tmp_path / "sparse.json"
    ran = run(*NUMPY, "--every", "16", "--fault", "gradient-doubled@45", "--json", path)
    assert ran.code == 1
    text = squeezed(ran.text)
    assert "Brought into numpy from step 45 on" in text
    assert "DIFFERENT: numpy, step 45" in text
    assert "Was the fault found? numpy was flagged." in text
    data = json.loads(path.read_text("utf-8"))
    assert data["kind"] == "sparse comparison"
    assert "--every 16" in data["command"]


def test_a_fault_that_never_reaches_the_parameters_is_said_not_to_be_flagged() -> None:
    ran = run(*NUMPY, "--every", "16", "--fault", "loss-after-update")
    assert ran.code == 0
    assert "numpy was not flagged." in squeezed(ran.text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--every", "0"), "expected a whole number of steps, 1 or above"),
        (("--every", "often"), "no whole number"),
        (("--every", "4", "--seeds", "0-3"), "expected no --seeds"),
        (("--every", "4", "--truth"), "expected no --truth"),
        (("--every", "4", "--record", "DIR"), "expected no --record"),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    typed = [str(tmp_path / "new") if word == "DIR" else word for word in arguments]
    ran = run("--backends", "numpy", "--epochs", "3", *typed)
    assert ran.code == 2
    assert message in ran.errors
    assert not (tmp_path / "new").exists()
