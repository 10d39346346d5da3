"""The conformance checks fail what is wrong, each by its own name, and say so in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.command_line import Ran, row, section, unwrapped
from tests.conformance.summary import UNEXPECTED, Outcome, summary
from tests.conformance_runs import checked, configured, told_of
from tests.conftest import pytest_configure, pytest_terminal_summary
from tests.wrong_backends import RIGHT, WRONG

ON_ONE_NETWORK = ("-k", "2-2-1 or something")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the right backend and all the wrong ones."""
    made = tmp_path_factory.mktemp("backends")
    (made / "right.py").write_text(RIGHT, "utf-8")
    for name, wrong in WRONG.items():
        wrong.write(made / f"{name}.py")
    for framework in ("torch", "jax"):
        (made / f"{framework}.py").write_text("raise SystemExit('imported where nobody asked')")
    return made


@pytest.fixture(scope="module")
def wrong(folder: Path) -> Ran:
    """What was said of all the wrong ones."""
    return checked(folder, list(WRONG), *ON_ONE_NETWORK)


@pytest.fixture(scope="module")
def right(folder: Path) -> Ran:
    """What was said of the right one."""
    return checked(folder, ["right"])


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_backend_breaks_these_checks_and_no_others(wrong: Ran, name: str) -> None:
    assert wrong.code == 1
    (broken,) = re.findall(rf"^{name} breaks (.*); \d+ checks passed\.$", wrong.text, re.M)
    assert broken == WRONG[name].breaks


SENTENCES = {
    "writes_into_its_argument": (
        "update: expected its arguments to stay as they were; it changed grads W1, grads b1"
    ),
    "returns_a_buffer_again": (
        "evaluate: expected what it returned to stay as it was; the next call, with other "
        "arguments, changed activations of layer 1. Return a new array, or a copy of the buffer."
    ),
    "float64_in_a_float32_run": "gradients: expected gradient b2 in float32; got float64.",
    "counts_its_calls": "gradients: expected the same bits for the same arguments; gradient b2",
    "forgets_the_step": "update: expected step 5 in the state after step 4; got 4.",
    "raises_later": "line 39). (In step 7.)",
    "records_other_steps": "steps 1 to 8: expected 2 recorded steps (every = 3); got 8",
    "starts_elsewhere": "step 1 (epoch 1), start, w1. It is",
    "mixes_its_replicas": "gradients: expected replicas that do not influence each other",
    "raises_in_the_constructor": "line 20, its constructor failed: ZeroDivisionError",
    "refuses_everything": (
        "expected a case that it supports; its constructor refuses all of them, the first one "
        "since: it knows the 2-2-1 network and plain SGD only. If it is made for one network, say "
        "which: --spec FILE.json."
    ),
    "factor_in_the_gradient": "step 1 (epoch 1, samples 1, 2, 3), backward, ",
    "another_function_in_evaluate": "before training, curve forward, a2[0,0]. It is",
}


@pytest.mark.parametrize(("name", "sentence"), SENTENCES.items(), ids=SENTENCES.keys())
def test_a_wrong_backend_is_told_what_is_wrong(wrong: Ran, name: str, sentence: str) -> None:
    complaints = [line for line in wrong.text.splitlines() if line.startswith(name)]
    assert any(sentence in line for line in complaints), complaints


def test_a_failure_is_one_line_without_a_traceback(wrong: Ran) -> None:
    _, _, failures = wrong.text.partition("FAILURES")
    failures, _, _ = failures.partition("\n====")
    told = [part.strip().split("\n") for part in re.split(r"\n_+ test_.* _+\n", failures)[1:]]
    assert len(told) > len(WRONG)
    assert {len(lines) for lines in told} == {1}


def test_what_is_refused_is_no_failure(right: Ran) -> None:
    assert right.code == 0
    table = section(right.text, "accepted")
    assert row(table, "sgd") == ["64 32", *["-"] * 6]
    assert row(table, "adamw") == ["-"] * 7
    assert "Refused, 160 of 162: it knows the 2-2-1 network and plain SGD only" in right.text


def test_what_was_checked_is_told_check_by_check(right: Ran) -> None:
    checks = section(right.text, "constructor")
    assert row(checks, "backward") == ["so are the gradients", "passed 4"]
    assert row(checks, "train")[-1] == "not offered"
    assert "right breaks nothing: " in right.text


def test_the_summary_stands_before_the_last_line(right: Ran) -> None:
    before, last = right.text.rstrip().splitlines()[-2:]
    assert before.startswith("right breaks nothing")
    assert re.fullmatch(r"\d+ passed, \d+ skipped in [\d.]+s.*", last)


def test_processes_side_by_side_tell_the_same(folder: Path, wrong: Ran) -> None:
    names = ["rate_twice", "refuses_everything"]
    spread = checked(folder, names, *ON_ONE_NETWORK, "-n", "2")
    assert spread.code == 1
    assert [told_of(spread, name) for name in names] == [told_of(wrong, name) for name in names]


USAGE = {
    "an unknown name": (("nmupy",), "known: numpy, torch, jax"),
    "no such file": (("./no-such.py",), "there is no such file"),
    "the same twice": (("numpy", "numpy_backprop"), "backend 'numpy' is named twice"),
}


@pytest.mark.parametrize(("named", "reason"), USAGE.values(), ids=USAGE.keys())
def test_a_backend_that_is_not_there_is_a_mistake_in_usage(
    named: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(pytest.UsageError, match=reason):
        pytest_configure(configured(*named))


def test_a_file_that_does_not_import_is_a_mistake_in_usage(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("x = (\n")
    with pytest.raises(pytest.UsageError, match=r"mine\.py, line 1, does not import: SyntaxError"):
        pytest_configure(configured(str(tmp_path / "mine.py")))


def test_without_the_option_nothing_is_summed_up() -> None:
    printing = pytest_terminal_summary(SimpleNamespace(), configured())  # type: ignore[arg-type]
    assert list(printing) == [None]


def outcome(kind: str, **said: str) -> Outcome:
    return Outcome(kind, {"backend": "mine", "file": "mine.py", **said})


def lines(*made: Outcome) -> str:
    (told,) = summary(made).values()
    return "\n".join(told)


def test_a_case_that_could_not_be_made_is_marked() -> None:
    said = {"check": "constructor", "asked": "case", "complaint": "no"}
    told = lines(
        outcome("failed", case="2-2-1, sgd, float64", **said),
        outcome("passed", case="2-2-1, sgd, float32", **said),
    )
    assert row(section("\n" + told, "accepted"), "sgd") == ["! 32"]


def failures(*cases: str) -> Iterator[Outcome]:
    for case in cases:
        yield outcome("failed", check="loss", case=case, complaint="It is wrong.")


def test_cases_that_fail_are_named_once_for_both_dtypes() -> None:
    told = lines(*failures("a, sgd, float64", "a, sgd, float32", "b, sgd, float32"))
    assert "on a, sgd; b, sgd, float32 only\n" in told


def test_of_many_cases_that_fail_the_first_are_named() -> None:
    told = lines(*failures(*(f"{name}, sgd, float64" for name in "abcdef")))
    assert "c, sgd, float64 only; d, sgd, float64 only; 2 more It is" in unwrapped(told)


def test_a_check_that_broke_down_is_told_without_a_complaint() -> None:
    told = lines(outcome("failed", check="loss", case="a, sgd, float64"))
    assert UNEXPECTED in told
    assert "mine breaks loss" in told


def test_that_nothing_was_checked_is_said() -> None:
    assert "mine: nothing was checked." in lines(outcome("skipped", check="loss", why="refused"))
