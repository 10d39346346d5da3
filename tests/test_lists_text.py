"""The list of problems and backends, also where a problem's package is missing."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from shared.errors import ProblemUnavailable
from shared.named_problems import problem
from shared.problems import Problem
from shared.report.lists_text import print_lists
from tests.classifiers import pictures
from tests.command_line import row, section, unwrapped


def listed(monkeypatch: pytest.MonkeyPatch, **there: Problem | None) -> str:
    """The list of these problems; None stands for one that is unavailable."""

    def made(name: str) -> Problem:
        found = there[name]
        if found is None:
            raise ProblemUnavailable("it comes with a package that is not installed here.")
        return found

    monkeypatch.setattr("shared.report.lists_text.problem_names", lambda: tuple(there))
    monkeypatch.setattr("shared.report.lists_text.problem", made)
    page = io.StringIO()
    print_lists(Console(file=page, width=88, highlight=False))
    return f"\n{page.getvalue()}"


def test_a_problem_tells_its_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    told = listed(monkeypatch, pictures=pictures(2000), people=problem("people4"))
    lines = section(told, "Problems")
    assert row(lines, "pictures") == ["9", "6", "4-3-3 sigmoid/softmax", "SGD at 2.0", "2,000"]
    assert row(lines, "people")[:2] == ["4", "-"]


def test_a_problem_without_features_is_told_without_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    told = listed(monkeypatch, pictures=pictures())
    assert "pictures: pictures of 2 x 2 pixels; made up\n" in told


def test_a_problem_that_is_unavailable_is_listed_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = listed(monkeypatch, digits=None, people=problem("people4"))
    assert set(row(section(told, "Problems"), "digits")) == {"-"}
    assert row(section(told, "Problems"), "people")[0] == "4"
    reason = "digits: unavailable: it comes with a package that is not installed here."
    assert reason in unwrapped(told)


def test_a_problem_that_is_there_is_not_called_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    told = listed(monkeypatch, people=problem("people4"))
    assert "unavailable" not in told.partition("Backends")[0]


def test_what_is_ones_own_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    told = listed(monkeypatch, people=problem("people4"))
    assert set(row(section(told, "Problems"), "mnist")) == {"-"}
    assert "mnist: from files that you have: --problem mnist --data DIR\n" in told
    assert "--spec mine.json" in told.partition("Backends")[0]
