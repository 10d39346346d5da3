"""A run of many seeds: each is counted, in the report and in the data."""

from __future__ import annotations

from typing import Any

import pytest

from tests.command_line import Ran, read, row, run, section, unwrapped


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
    told = unwrapped("\n".join(lines))
    assert f"solved {len(solved)} " in told
    assert f"stuck {5 - len(solved)} " in told
    assert "differ 0 " in told
    assert "parted 0 " in told


def test_a_survey_tells_each_backend(many: tuple[Ran, dict[str, Any]]) -> None:
    ran, data = many
    (numpy,) = data["backends"]
    cells = row(section(ran.text, "By backend"), "numpy")
    assert cells[:2] == [str(numpy["solved"]), str(5 - numpy["solved"])]


def test_the_data_of_a_survey_holds_each_seed(many: tuple[Ran, dict[str, Any]]) -> None:
    _, data = many
    assert (data["schema"], data["kind"], data["asked"], data["epochs"]) == (2, "survey", 5, 1000)
    assert [one["seed"] for one in data["seeds"]] == [0, 1, 2, 3, 4]
    assert all(set(one) == {"seed", "correct", "loss", "parted_epoch"} for one in data["seeds"])
    assert len({one["loss"]["numpy"] for one in data["seeds"]}) == 5
