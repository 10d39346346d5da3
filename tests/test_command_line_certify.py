"""--certify N: one step in N is judged, the report says so, and what is no such number is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.command_line import ENDLESS, FAST, Ran, complaint, read, run, unwrapped

ONE_IN_7 = (
    r"Certified: (\d+) of 48 steps \(1 in 7, drawn from the seed, the first and the last among "
    r"them; that each step starts where the last one ended was checked for all\) of numpy"
)
REFUSED = [
    ("0", "certify 0 cannot be used; expected 1 for every step, or more."),
    ("-1", "certify -1 cannot be used; expected 1 for every step, or more."),
    ("x", "certify 'x' is no whole number"),
    ("1.5", "certify '1.5' is no whole number"),
    ("", "certify '' is no whole number"),
    ("1e3", "certify '1e3' is no whole number"),
]
refused = pytest.mark.parametrize(("number", "reason"), REFUSED)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certify")


@pytest.fixture(scope="module")
def sampled(folder: Path) -> Ran:
    """A run of 48 steps, one in seven judged, that is recorded as well."""
    written = "--json", folder / "run.json", "--record", folder / "recordings"
    return run(*FAST, "--certify", "7", *written)


@pytest.fixture(scope="module")
def judged(folder: Path, sampled: Ran) -> Ran:
    """Its recording, judged likewise."""
    assert sampled.code == 0
    recording = folder / "recordings" / "numpy.npz"
    return run("judge", recording, "--certify", "7", "--json", folder / "judged.json")


def judged_steps(ran: Ran) -> int:
    assert ran.code == 0
    found = re.search(ONE_IN_7, unwrapped(ran.text))
    assert found, ran.text
    return int(found[1])


def test_a_sampled_run_is_certified_and_says_one_in_how_many(sampled: Ran) -> None:
    assert 7 <= judged_steps(sampled) <= 9


def test_a_sampled_file_is_certified_and_says_the_same(sampled: Ran, judged: Ran) -> None:
    assert judged_steps(judged) == judged_steps(sampled)


def test_every_step_may_be_asked_for() -> None:
    ran = run(*FAST, "--certify", "1")
    assert ran.code == 0
    assert "Certified: all 48 steps of numpy" in unwrapped(ran.text)
    assert "1 in" not in ran.text


def test_more_than_there_are_steps_leaves_the_first_and_the_last() -> None:
    ran = run(*FAST, "--certify", "100000")
    assert ran.code == 0
    assert re.search(r"Certified: [23] of 48 steps \(1 in 100,000, drawn", unwrapped(ran.text))


def test_a_judged_file_says_what_was_trained(sampled: Ran, judged: Ran) -> None:
    trained = "2-2-1 sigmoid, mean squared error, SGD at"
    assert trained in unwrapped(sampled.text)
    assert trained in unwrapped(judged.text)


def test_the_json_says_how_many_steps_were_judged(sampled: Ran, folder: Path) -> None:
    (certificate,) = read(folder / "run.json")["certificates"]
    assert certificate["steps"] == 48
    assert certificate["judged_steps"] == judged_steps(sampled)
    assert certificate["one_in"] == 7


def test_the_command_that_repeats_the_run_names_it(sampled: Ran, folder: Path) -> None:
    assert sampled.code == 0
    assert "--certify 7" in read(folder / "run.json")["command"]


def test_the_command_that_repeats_the_judging_names_it(judged: Ran, folder: Path) -> None:
    assert judged.code == 0
    assert "--certify 7" in read(folder / "judged.json")["command"]


@refused
def test_what_is_no_such_number_is_named_before_training(number: str, reason: str) -> None:
    assert complaint(run(*ENDLESS, "--certify", number)).startswith(reason)


@refused
def test_what_is_no_such_number_is_named_before_judging(number: str, reason: str) -> None:
    assert complaint(run("judge", "none.npz", "--certify", number)).startswith(reason)


def test_many_seeds_are_not_judged_and_say_so() -> None:
    said = complaint(run(*ENDLESS, "--seeds", "0-4", "--certify", "7"))
    assert said == "--certify judges the run of one --seed; expected no --seeds beside it."


def test_a_refusal_leaves_nothing_behind(tmp_path: Path) -> None:
    written = "--json", tmp_path / "a.json", "--record", tmp_path / "recordings"
    complaint(run(*written, "--certify", "0"))
    assert list(tmp_path.iterdir()) == []
