"""What the reports tell of a classifier trained from many seeds."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from shared.classification import Spread
from shared.named_problems import problem
from shared.report import words
from shared.report.survey_data import survey_data
from shared.report.survey_text import print_survey
from shared.survey import survey
from shared.surveyed import Survey
from tests.classifiers import (
    NUMPY,
    OTHER,
    pictures,
)
from tests.command_line import row, section


def page_of(one: Survey) -> str:
    page = io.StringIO()
    print_survey(Console(file=page, width=88, highlight=False), one)
    return page.getvalue()


@pytest.fixture(scope="module")
def many() -> Survey:
    return survey(pictures(4), range(25), [NUMPY, OTHER], dtype="float32")


def test_each_seed_has_its_accuracy(many: Survey) -> None:
    lines = section(page_of(many), "25 seeds: accuracy in percent on the 6 held-out samples")
    assert many.answers is not None
    assert lines[0] == "Held out: by hand."
    assert lines[1].split() == ["seed", "numpy", "other"]
    told = [line.split() for line in lines[2:22]]
    assert told == [
        [str(seed), *(words.percent(n / 6) for n in many.answers.correct[:, seed].tolist())]
        for seed in range(20)
    ]
    assert lines[22] == "and 5 more; --json FILE holds them all."
    assert lines[23] == "alike 25 (all backends predict the same for all 6)"
    assert "solved" not in page_of(many)


def test_seeds_that_are_not_alike_are_left_out(many: Survey) -> None:
    assert many.answers is not None
    alike = many.answers.alike.copy()
    alike[[3, 24]] = False
    told = page_of(replace(many, answers=replace(many.answers, alike=alike)))
    assert "alike 23 (all backends predict the same for all 6)\n    0-2, 4-23\n" in told


def test_one_backend_alone_is_not_alike() -> None:
    told = page_of(survey(pictures(1), [1, 2], [NUMPY], dtype="float32"))
    assert "alike" not in told
    assert "parted 0" in told


@pytest.mark.parametrize(
    ("spread", "cells"),
    [
        (Spread(0.97138, 0.00234, 0.966), ["97.14", "0.23", "96.6"]),
        (Spread(0.5, None, 0.5), ["50.00", "-", "50.0"]),
        (Spread(1.0, 0.0, 1.0), ["100.00", "0.00", "100.0"]),
    ],
)
def test_the_spread_of_each_backend_is_told(many: Survey, spread: Spread, cells: list[str]) -> None:
    assert many.answers is not None
    told = replace(many, answers=replace(many.answers, spreads=(many.answers.spreads[0], spread)))
    lines = section(page_of(told), "By backend: accuracy over the 25 seeds, and time")
    assert row(lines, "other")[:3] == cells


def test_parted_seeds_of_a_classifier_are_told(many: Survey) -> None:
    parted = many.parted_epoch.copy()
    parted[[2, 5]] = 3
    told = page_of(replace(many, parted_epoch=parted))
    lines = section(told, "Parted seeds: since when, and how many of 9 training samples came out")
    assert [line.split()[:2] for line in lines[1:3]] == [["2", "3"], ["5", "3"]]
    assert "\nparted 2 " in told


def test_the_data_of_many_seeds(many: Survey) -> None:
    assert many.answers is not None
    alike = np.arange(25) != 7
    unlike = replace(many, answers=replace(many.answers, alike=alike))
    told = survey_data(unlike, "as typed")["classification"]
    assert (told["samples"], told["held_out"], told["split"]) == (6, True, "by hand")
    assert [one["seed"] for one in told["seeds"]] == list(range(25))
    for i, one in enumerate(told["seeds"]):
        numpy, other = many.answers.correct[:, i].tolist()
        assert one["correct"] == {"numpy": numpy, "other": other}
        assert one["all_predict_the_same"] is (i != 7)
    shares = many.answers.correct[0] / 6
    assert told["accuracy"]["numpy"] == {
        "mean": shares.mean(),
        "deviation": shares.std(ddof=1),
        "lowest": shares.min(),
    }


def test_the_data_of_surveyed_people_has_no_answers() -> None:
    people = survey(problem("people4").changed(epochs=1), [0, 1], [NUMPY])
    assert survey_data(people, "as typed")["classification"] is None
