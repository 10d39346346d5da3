"""The page about specs holds: its example runs, and it lists the fields and defaults there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared.network import ACTIVATIONS, LOSSES, OUTPUTS
from shared.optimizer import OPTIMIZERS, Optimizer
from shared.problems import INITIALIZATIONS, LAST_BATCHES, ORDERS
from shared.spec.data import OF_A_PROBLEM, OF_A_TABLE
from shared.spec.read import FIELDS, LEARNING_RATES, SCHEDULE, read_spec
from shared.spec.scaling import SCALINGS
from tests.command_line import run, unwrapped

PAGE = (Path(__file__).parent.parent / "docs" / "spec.md").read_text("utf-8")


def fenced(kind: str) -> str:
    (block,) = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    return str(block)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The example's two files, saved as the page says."""
    (tmp_path / "beans.csv").write_text(fenced("csv"), "utf-8")
    path = tmp_path / "beans.json"
    path.write_text(fenced("json"), "utf-8")
    return path


def test_the_example_of_the_page_is_certified(example: Path) -> None:
    ran = run("--spec", example, "--backends", "numpy")
    assert (ran.code, ran.errors) == (0, "")
    for line in fenced("text").splitlines():
        assert line in ran.text
    assert "Certified: all 600 steps of numpy" in unwrapped(ran.text)


def test_the_example_of_the_page_is_refused_where_it_is_broken(example: Path) -> None:
    """Shows that the test above can fail."""
    example.write_text(fenced("json").replace('"state"', '"stat"'))
    ran = run("--spec", example, "--backends", "numpy")
    assert ran.code == 2
    assert "Did you mean 'state'?" in ran.errors


def rows(heading: str) -> dict[str, str]:
    """Return the fields that a section's table lists, and the rest of their rows."""
    section = PAGE.partition(f"\n{heading}\n")[2].partition("\n#")[0]
    table = [line for line in section.splitlines() if line.startswith("| `")]
    return {
        name: rest
        for line in table
        for first, _, rest in [line[2:].partition(" | ")]
        for name in re.findall(r"`(\w+)`", first)
    }


SECTIONS = ("data", "network", "optimizer", "schedule")


def test_every_field_is_on_the_page_and_no_other() -> None:
    optimizer = ["name", "learning_rate", *(key for own in OPTIMIZERS.values() for key in own)]
    assert set(rows("## The fields")) == set(FIELDS) - set(SECTIONS)
    assert set(rows("### data")) == set(OF_A_TABLE)
    assert set(rows("### network")) == {"sizes", "activation", "output", "loss"}
    assert set(rows("### optimizer")) == set(optimizer)
    assert set(rows("### schedule")) == set(SCHEDULE)
    assert all(f'"{key}": ' in PAGE for key in OF_A_PROBLEM)


CHOICES: list[tuple[str, str, Any]] = [
    ("network", "activation", ACTIVATIONS),
    ("network", "output", OUTPUTS),
    ("network", "loss", LOSSES),
    ("data", "scaling", SCALINGS),
    ("optimizer", "name", OPTIMIZERS),
    ("schedule", "order", ORDERS),
    ("schedule", "last_batch", LAST_BATCHES),
    ("schedule", "initialization", INITIALIZATIONS),
]


@pytest.mark.parametrize(("section", "field", "choices"), CHOICES)
def test_every_choice_is_on_the_page_and_no_other(section: str, field: str, choices: Any) -> None:
    assert set(re.findall(r'"(\w+)"', rows(f"### {section}")[field])) == set(choices)


@pytest.mark.parametrize("field", [key for key, value in SCHEDULE.items() if value is not None])
def test_the_defaults_of_the_schedule_are_those_of_the_page(field: str) -> None:
    default = rows("### schedule")[field].rstrip(" |").rpartition(" | ")[2].strip('`"')
    assert default == str(SCHEDULE[field])


def test_the_defaults_of_the_optimizers_are_those_of_the_page() -> None:
    told = rows("### optimizer")
    assert "0.1 of sgd, 0.01 of momentum, else 0.001" in told["learning_rate"]
    assert {"sgd": 0.1, "momentum": 0.01, **dict.fromkeys(
        ("rmsprop", "adam", "adamw"), 0.001)} == LEARNING_RATES  # fmt: skip
    momentum, adam = Optimizer(1, "momentum"), Optimizer(1, "adam")
    assert '0.9, `false`, `"outside"`' in told["momentum"]
    assert (momentum.momentum, momentum.nesterov, momentum.rate_place) == (0.9, False, "outside")
    assert "0.9, 0.999 (of rmsprop 0.99), 1e-8" in told["beta1"]
    assert (adam.beta1, adam.beta2, adam.epsilon) == (0.9, 0.999, 1e-8)
    assert Optimizer(1, "rmsprop").beta2 == 0.99
    assert (Optimizer(1, "adamw").weight_decay, adam.weight_decay) == (0.01, 0)


def test_the_example_says_nothing_that_is_a_default(example: Path) -> None:
    spec = json.loads(example.read_text("utf-8"))
    assert read_spec(example).seed == 42
    assert "seed" not in spec
