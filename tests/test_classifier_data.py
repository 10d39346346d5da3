"""What the JSON tells of a classifier."""

from __future__ import annotations

from typing import Any

import pytest

from shared.classification import NOTHING
from shared.comparison import Comparison, compare
from shared.named_problems import problem
from shared.report.data import comparison_data, write_json
from shared.report.survey_data import survey_data
from shared.survey import survey
from tests.classifier_runs import THIRD, answering, data_of, put, run
from tests.classifiers import (
    CLASSES,
    MISLABELLED,
    NUMPY,
    OTHER,
    pictures,
)
from tests.command_line import strictly
from tests.quantities import weather


@pytest.fixture(scope="module")
def learned() -> Comparison:
    """Three backends that are right about five of the six held out."""
    return run(pictures(20), NUMPY, OTHER, THIRD)


def test_the_data_holds_every_mark_and_every_answer(learned: Comparison) -> None:
    whole = comparison_data(learned, "as typed")
    (first, *_) = whole["backends"]
    assert len(first["curve"]["held_out_correct"]) == 21
    losses = learned.backends[0].curve.held_out_loss
    assert losses is not None
    assert first["curve"]["held_out_loss"] == losses.tolist()
    told = whole["classification"]
    assert (told["samples"], told["held_out"], told["split"]) == (6, True, "by hand")
    assert (told["after_epoch"], told["classes"]) == (20, list(CLASSES))
    assert told["true"] == ["left", "right", "top", "right", "right", "top"]
    (backend, *_) = told["backends"]
    assert [one["name"] for one in told["backends"]] == ["numpy", "other", "third"]
    assert backend["predicted"] == ["left", "right", "top", "right", "left", "top"]
    assert (backend["correct"], backend["unanswered"]) == (5, [0, 0, 0])
    assert backend["correct"] == first["curve"]["held_out_correct"][-1]
    assert backend["confusion"] == [[1, 0, 0], [1, 2, 0], [0, 0, 2]]
    assert backend["most_confidently_wrong"] == [
        {
            "index": MISLABELLED,
            "true": "right",
            "predicted": "left",
            "confidence": backend["confidence"][MISLABELLED],
        }
    ]
    assert told["disagreements"] == []


def test_the_data_holds_disagreements(learned: Comparison) -> None:
    told = data_of(answering(learned, 1, put(0, chosen=NOTHING)))
    (one,) = told["disagreements"]
    assert (one["index"], one["true"]) == (0, "left")
    said = {name: answer["predicted"] for name, answer in one["answers"].items()}
    assert said == {"numpy": "left", "other": None, "third": "left"}
    assert told["backends"][1]["unanswered"] == [1, 0, 0]


def test_the_data_is_json(learned: Comparison, tmp_path: Any) -> None:
    broken = answering(learned, 1, put(0, chosen=NOTHING))
    write_json(tmp_path / "a.json", comparison_data(broken, "as typed"))
    told = strictly((tmp_path / "a.json").read_text("utf-8"))["classification"]
    assert told["backends"][1]["confidence"][0] == "NaN"


def test_the_data_of_people_has_no_answers() -> None:
    whole = comparison_data(compare(problem("people4").changed(epochs=1), 1, [NUMPY]), "as typed")
    assert whole["classification"] is None
    curve = whole["backends"][0]["curve"]
    assert (curve["held_out_correct"], curve["held_out_loss"]) == (None, None)
    assert len(curve["correct"]) == len(curve["loss"])


def test_the_data_of_quantities_counts_nothing() -> None:
    whole = comparison_data(compare(weather(), 1, [NUMPY], truth=True), "as typed")
    (backend,) = whole["backends"]
    assert (backend["curve"]["correct"], backend["curve"]["held_out_correct"]) == (None, None)
    assert len(backend["curve"]["held_out_loss"]) == 6
    assert (backend["outcome"]["correct"], backend["outcome"]["solved"]) == (None, None)
    assert backend["outcome"]["in_words"].startswith("the mean loss fell from ")
    assert (whole["truth"]["correct"], whole["schema"]) == (None, 3)


def test_the_data_has_the_exact_constants_of_the_inputs() -> None:
    one = weather(1)
    for told in (
        comparison_data(compare(one, 1, [NUMPY]), "as typed"),
        survey_data(survey(one, [1], [NUMPY]), "as typed"),
    ):
        assert told["problem"] == {**one.to_json(), "inputs": told["problem"]["inputs"]}
        assert told["problem"]["inputs"] == [
            {"name": "hour", "unit": "h", "subtracted": 12.0, "divided": 6.0},
            {"name": "rain", "unit": "mm", "subtracted": 1 / 3, "divided": 1.0},
        ]


def test_a_recording_is_not_told_apart_by_these_constants() -> None:
    """Shows that the head's problem has more than what identifies it."""
    assert "inputs" not in weather().to_json()


def test_equal_runs_give_equal_data(learned: Comparison) -> None:
    again = run(pictures(20), NUMPY, OTHER, THIRD)
    assert data_of(again) == data_of(learned)
    assert data_of(run(pictures(19), NUMPY, OTHER, THIRD)) != data_of(learned)
