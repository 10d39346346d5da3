"""A run of many seeds: each is counted, in the report and in the data."""

from __future__ import annotations

from typing import Any

import pytest

from tests.command_line import Ran, read, row, run, section


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, dict[str, Any]]:
    path = tmp_path_factory.mktemp("many") / "many.json"
    ran = run("--backends", "numpy", "--seeds", "0-4", "--epochs", "1000", "--json", path)
    return ran, read(path)


def test_a_survey_counts_its_seeds(many: tuple[Ran, dict[str, Any]]) -> None:
    ran, data = many
    assert (ran.code, ran.errors) == (0, "")
    assert "\nseeds 0-4, float64, numpy " in ran.text
    lines = section(ran.text, "5 seeds")
    solved = [one["seed"] for one in data["seeds"] if one["correct"]["numpy"] == data["samples"]]
    assert 0 < len(solved) < 5
    assert lines[0].split() == ["people16", "people16-centered"]
    counts = [row(lines, kind)[-2] for kind in ("solved", "stuck", "differ", "parted")]
    assert counts == [str(len(solved)), str(5 - len(solved)), "0", "0"]
    centred = [one for one in data["centred"]["seeds"] if one["correct"]["numpy"] == 16]
    assert row(lines, "solved")[-1] == str(len(centred)) != str(len(solved))


def test_a_survey_tells_its_seeds_apart_by_their_twins(many: tuple[Ran, dict[str, Any]]) -> None:
    ran, data = many
    lines = section(ran.text, "5 seeds")
    kinds = [one["sensitivity"]["class"] for one in data["seeds"]]
    assert row(lines, "calm")[-2] == str(kinds.count("calm")) == str(data["twins"]["calm"])
    assert f"chaotic {len(kinds)}" not in ran.text


def test_a_survey_tells_each_backend(many: tuple[Ran, dict[str, Any]]) -> None:
    ran, data = many
    (numpy,) = data["backends"]
    cells = row(section(ran.text, "By backend"), "numpy")
    assert cells[:2] == [str(numpy["solved"]), str(5 - numpy["solved"])]


def test_the_data_of_a_survey_holds_each_seed(many: tuple[Ran, dict[str, Any]]) -> None:
    _, data = many
    assert (data["schema"], data["kind"], data["asked"], data["epochs"]) == (3, "survey", 5, 1000)
    assert [one["seed"] for one in data["seeds"]] == [0, 1, 2, 3, 4]
    told = {"correct", "loss", "held_out_loss", "saturated_units", "finite", "parted_epoch"}
    assert all(set(one) == {"seed", *told, "sensitivity"} for one in data["seeds"])
    assert len({one["loss"]["numpy"] for one in data["seeds"]}) == 5


def test_the_data_of_a_survey_holds_the_sibling(many: tuple[Ran, dict[str, Any]]) -> None:
    _, data = many
    centred = data["centred"]
    assert (data["sibling"], centred["problem"]["name"]) == ("people16-centered",) * 2
    assert (centred["epochs"], centred["problem"]["optimizer"]) == (
        data["epochs"],
        data["problem"]["optimizer"],
    )
    assert [one["seed"] for one in centred["seeds"]] == [0, 1, 2, 3, 4]
