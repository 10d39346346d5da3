"""What the report and the data say of many seeds, problem beside problem."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from shared.atlas import Atlas, atlas
from shared.named_problems import problem
from shared.report.survey_data import atlas_data, survey_data
from shared.report.survey_text import LISTED_SEEDS, print_atlas, print_survey
from shared.survey import survey
from shared.surveyed import Survey
from shared.twins import Sensitivity
from tests.classifiers import NUMPY, OTHER, pictures
from tests.command_line import row, section, unwrapped

SEEDS = tuple(range(6))


@pytest.fixture(scope="module")
def whole() -> Atlas:
    return atlas(problem("people16").changed(epochs=30), SEEDS, [NUMPY, OTHER])


def made(one: Survey) -> Survey:
    """Seed 0 is solved, 1 and 2 are stuck with 2 units, 3 is counted differently, 4 is broken on
    one backend, and 5 solved on one."""
    first, second = one.backends
    n = one.samples
    return replace(
        one,
        backends=(
            replace(
                first,
                correct=np.array([n, 8, 8, 8, 8, n]),
                saturated=np.array([0, 2, 2, 1, 0, 0]),
                finite=np.array([True] * 6),
            ),
            replace(
                second,
                correct=np.array([n, 8, 8, 8, 8, 8]),
                saturated=np.array([0, 2, 2, 2, 0, 2]),
                finite=np.array([True, True, True, True, False, True]),
            ),
        ),
        parted_epoch=np.array([-1, 11, -1, 21, -1, -1]),
        sensitivity=Sensitivity(
            "numpy",
            growth=np.array([2.0, 1e14, 5e3, 1.0, np.inf, 7.0]),
            chaotic_epoch=np.array([-1, 11, -1, -1, 21, -1]),
            broken=np.array([False, False, False, False, False, True]),
            train_s=1.5,
        ),
    )


@pytest.fixture(scope="module")
def told(whole: Atlas) -> Atlas:
    return replace(whole, survey=made(whole.survey))


def page_of(one: Atlas) -> str:
    page = io.StringIO()
    print_atlas(Console(file=page, width=88, highlight=False), one)
    return page.getvalue()


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("solved", 1),
        ("stuck", 3),
        ("           2 hidden units saturated", 2),
        ("           saturated units that backends count differently", 1),
        ("differ", 1),
        ("broken", 1),
        ("parted", 2),
        ("calm", 2),
        ("sensitive", 1),
        ("chaotic", 2),
        ("no class", 1),
    ],
)
def test_the_table_counts_each_kind(told: Atlas, kind: str, count: int) -> None:
    assert told.centred is not None
    lines = section(page_of(told), "6 seeds")
    assert lines[0].split() == ["people16", "people16-centered"]
    assert row(lines, kind)[-2] == str(count)


@pytest.mark.parametrize("kind", ["broken", "no class", "count differently"])
def test_what_is_rare_is_told_only_where_it_is(whole: Atlas, kind: str) -> None:
    assert kind not in page_of(whole)


def test_the_sibling_has_a_column_of_its_own(told: Atlas) -> None:
    swapped = Atlas(told.survey, told.sibling, made(told.survey))
    again = replace(swapped, survey=replace(told.survey, parted_epoch=np.full(6, -1)))
    assert row(section(page_of(swapped), "6 seeds"), "parted")[-2:] == ["2", "2"]
    assert row(section(page_of(again), "6 seeds"), "parted")[-2:] == ["0", "2"]


@pytest.mark.parametrize(
    "listed",
    [
        "solved 1 (all 16 samples right, on every backend) 0 ",
        "stuck 2 (2 hidden units saturated) 1, 2 ",
        "stuck 1 (saturated units that backends count differently) 3 ",
        "differ 1 (solved on one backend, stuck on another) 5 ",
        "broken 1 (on some backend, weights are NaN or infinite) 4 ",
        "parted 2 (the loss curves of two backends differ visibly) 1, 3 ",
        "sensitive 1 (a last bit grows 1,000-fold) 2 ",
        "chaotic 2 (rounding decides where the weights end) 1, 4 ",
        "no class 1 (seed and twin both NaN or infinite) 5",
    ],
)
def test_seeds_are_listed_by_kind(told: Atlas, listed: str) -> None:
    lines = section(page_of(told), "Which seeds of people16")
    assert listed in unwrapped("\n".join(lines))


def test_of_many_seeds_of_a_kind_the_first_are_listed() -> None:
    many = survey(problem("people16").changed(epochs=1), range(LISTED_SEEDS + 10), [NUMPY])
    all_apart = replace(many, parted_epoch=np.ones(LISTED_SEEDS + 10, dtype=int))
    page = io.StringIO()
    print_survey(Console(file=page, width=88, highlight=False), all_apart)
    said = "    0-59, and 10 more; --json FILE holds them all.\n"
    assert f"(the loss curves of two backends differ visibly)\n{said}" in page.getvalue()


def test_the_measure_is_stated(told: Atlas) -> None:
    said = unwrapped(page_of(told))
    assert "numpy trained each seed together with a twin whose weights start one ULP" in said
    assert "more than 1 % of the largest weight, sensitive if their difference grows 1,000-" in said


def test_parted_seeds_have_the_class_of_their_twins(told: Atlas) -> None:
    lines = section(page_of(told), "Parted seeds: since when, and how many of 16 came out right")
    assert [line.split() for line in lines[1:3]] == [
        ["1", "11", "8", "8", "chaotic"],
        ["3", "21", "8", "8", "calm"],
    ]
    assert lines[3].startswith("A parted seed need not be chaotic by its twin")


def test_where_all_parted_seeds_are_chaotic_nothing_is_explained(told: Atlas) -> None:
    parted = replace(told.survey, parted_epoch=np.array([-1, 11, -1, -1, -1, -1]))
    assert "need not be chaotic" not in page_of(replace(told, survey=parted))


def test_each_backend_counts_what_is_broken(told: Atlas) -> None:
    lines = section(page_of(told), "By backend")
    assert lines[0].split()[:3] == ["solved", "stuck", "broken"]
    assert [row(lines, name)[:3] for name in ("numpy", "other")] == [
        ["2", "4", "0"],
        ["1", "4", "1"],
    ]


def test_the_time_of_the_twins_is_told_apart(told: Atlas) -> None:
    assert "Training the twins took 1.5 s more, and people16-centered, twins in" in page_of(told)


def test_an_interrupted_sibling_is_left_out_and_said_so(told: Atlas) -> None:
    assert told.centred is not None
    page = page_of(replace(told, centred=replace(told.centred, interrupted=True)))
    assert "Interrupted while people16-centered was trained, which is left out here" in page
    assert section(page, "6 seeds")[0].split() == ["people16"]


def test_a_sibling_that_was_not_begun_is_said_so(told: Atlas) -> None:
    assert "Interrupted while people16-centered" in page_of(replace(told, centred=None))
    stopped = replace(told, survey=replace(told.survey, interrupted=True, epochs=11), centred=None)
    said = "6 of 6 seeds, after 11 of 30 epochs. people16-centered was not begun."
    assert f"Interrupted: {said}" in unwrapped(page_of(stopped))


def test_an_atlas_that_was_finished_speaks_of_no_interrupt(told: Atlas) -> None:
    assert "Interrupted" not in page_of(told)


def test_a_classifier_has_sensitivity_classes_too() -> None:
    pages = page_of(atlas(pictures(4), SEEDS, [NUMPY], dtype="float32"))
    assert "\ncalm 6 (a last bit stays small)\n    0-5\n" in pages
    assert "\nchaotic 0 (rounding decides where the weights end)\n    none\n" in pages
    assert "numpy trained each seed together with a twin" in pages
    assert "broken" not in pages


def test_a_classifier_that_broke_is_told() -> None:
    one = survey(pictures(4), SEEDS, [NUMPY], dtype="float32")
    (backend,) = one.backends
    gone = replace(backend, finite=np.arange(6) != 2, correct=np.zeros(6, dtype=int))
    page = page_of(Atlas(replace(one, backends=(gone,))))
    assert "\nbroken 1 (on some backend, weights are NaN or infinite)\n    2\n" in page


@pytest.fixture(scope="module")
def data(told: Atlas) -> dict[str, Any]:
    return atlas_data(told, "as typed")


def test_the_data_counts_stuck_seeds_by_units(data: dict[str, Any]) -> None:
    assert data["stuck_on_every_backend"] == {
        "by_saturated_units": {"2": 2},
        "backends_count_other_units": 1,
    }
    counts = [(b["solved"], b["stuck"], b["broken"]) for b in data["backends"]]
    assert counts == [(2, 4, 0), (1, 4, 1)]
    units = [b["stuck_by_saturated_units"] for b in data["backends"]]
    assert units == [{"0": 1, "1": 1, "2": 2}, {"2": 4}]


def test_the_data_counts_the_classes_of_the_twins(data: dict[str, Any]) -> None:
    twins = data["twins"]
    assert twins["backend"] == "numpy"
    assert [twins[k] for k in ("calm", "sensitive", "chaotic", "no_class")] == [2, 1, 2, 1]
    assert (twins["chaotic_above_share"], twins["sensitive_above_growth"]) == (0.01, 1000)


@pytest.mark.parametrize(
    ("seed", "kind", "growth", "since"),
    [
        (0, "calm", 2.0, None),
        (1, "chaotic", 1e14, 11),
        (2, "sensitive", 5e3, None),
        (4, "chaotic", np.inf, 21),
        (5, None, 7.0, None),
    ],
)
def test_the_data_has_the_class_of_each_seed(
    data: dict[str, Any], seed: int, kind: str | None, growth: float, since: int | None
) -> None:
    assert data["seeds"][seed]["sensitivity"] == {
        "class": kind,
        "growth": growth,
        "chaotic_since_epoch": since,
    }


def test_the_data_has_the_units_and_the_end_of_each_seed(data: dict[str, Any]) -> None:
    seed = data["seeds"][4]
    assert seed["finite"] == {"numpy": True, "other": False}
    assert data["seeds"][3]["saturated_units"] == {"numpy": 1, "other": 2}


def test_the_data_of_the_sibling_has_the_same_structure(told: Atlas, data: dict[str, Any]) -> None:
    assert told.centred is not None
    assert data["sibling"] == "people16-centered"
    assert data["centred"] == survey_data(told.centred, "as typed")
    assert set(data) - set(data["centred"]) == {"sibling", "centred"}
    assert data["centred"]["problem"]["name"] == "people16-centered"


def test_without_a_sibling_there_is_none_in_the_data(told: Atlas) -> None:
    alone = atlas_data(Atlas(told.survey), "as typed")
    assert (alone["sibling"], alone["centred"]) == (None, None)
