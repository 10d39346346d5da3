"""What classifiers answer, as JSON-ready data. Samples are named by their index, from 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from shared.backend import Array
from shared.classification import (
    NOTHING,
    BackendAnswers,
    Classification,
    Measured,
    SurveyedAnswers,
)


def classification_data(told: Classification) -> dict[str, Any]:
    """Return what all backends answered in a run of one seed."""
    measured = told.measured
    return {
        **_measured(measured),
        "after_epoch": told.epoch,
        "true": _names(measured.truth, measured),
        "backends": [_backend(one, measured) for one in told.backends],
        "disagreements": [
            {
                "index": index,
                "true": measured.classes[measured.truth[index]],
                "answers": {one.name: _answer(one, index, measured) for one in told.backends},
            }
            for index in told.disagreements
        ],
    }


def surveyed_data(
    told: SurveyedAnswers, seeds: Sequence[int], names: Sequence[str]
) -> dict[str, Any]:
    """Return what all backends answered in a run of many seeds; accuracies are shares of 1."""
    return {
        **_measured(told.measured),
        "accuracy": {
            name: asdict(spread) for name, spread in zip(names, told.spreads, strict=True)
        },
        "seeds": [
            {
                "seed": seed,
                "correct": dict(zip(names, told.correct[:, i].tolist(), strict=True)),
                "all_predict_the_same": bool(told.alike[i]),
            }
            for i, seed in enumerate(seeds)
        ],
    }


def _measured(measured: Measured) -> dict[str, Any]:
    return {
        "held_out": measured.held_out,
        "split": measured.split,
        "samples": len(measured.truth),
        "classes": list(measured.classes),
    }


def _backend(one: BackendAnswers, measured: Measured) -> dict[str, Any]:
    return {
        "name": one.name,
        "correct": one.correct,
        "confusion": one.confusion.tolist(),
        "unanswered": one.unanswered.tolist(),
        "predicted": _names(one.answers.predicted, measured),
        "confidence": one.answers.confidence.tolist(),
        "most_confidently_wrong": [
            {
                "index": index,
                "true": measured.classes[measured.truth[index]],
                **_answer(one, index, measured),
            }
            for index in one.surest_errors
        ],
    }


def _answer(one: BackendAnswers, index: int, measured: Measured) -> dict[str, Any]:
    (name,) = _names(one.answers.predicted[index : index + 1], measured)
    return {"predicted": name, "confidence": float(one.answers.confidence[index])}


def _names(chosen: Array, measured: Measured) -> list[str | None]:
    return [None if i == NOTHING else measured.classes[i] for i in chosen.tolist()]
