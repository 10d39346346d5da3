"""Many seeds as JSON-ready data: what became of each on every backend, and beside its twin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from shared.atlas import Atlas
from shared.backend import Array
from shared.report.classifier_data import surveyed_data
from shared.report.data import head_data, missing_data
from shared.surveyed import TOLD_DIFFERENTLY, Survey, loss_spread
from shared.twins import CHAOTIC_SHARE, SENSITIVE_GROWTH, SIGNS, Sensitivity


def atlas_data(atlas: Atlas, command: str) -> dict[str, Any]:
    """Return many seeds on a problem, and on its sibling, as JSON-ready data.

    All beside `centred` is of the problem alone, `interrupted` too. `centred` has the same of the
    sibling; it is null where there is no sibling, and where that was not begun.
    """
    return {
        **survey_data(atlas.survey, command),
        "sibling": atlas.sibling and atlas.sibling.name,
        "centred": atlas.centred and survey_data(atlas.centred, command),
    }


def survey_data(survey: Survey, command: str) -> dict[str, Any]:
    """Return many seeds on one problem as JSON-ready data."""
    classes = classes_of(survey.sensitivity)
    return {
        **head_data("survey", command, survey.problem, survey.dtype),
        "asked": survey.asked,
        "epochs": survey.epochs,
        "interrupted": survey.interrupted,
        "samples": survey.samples,
        "missing": missing_data(survey.missing),
        "backends": [_backend(survey, row) for row in range(len(survey.backends))],
        "stuck_on_every_backend": _stuck(survey) if survey.problem.classes else None,
        "twins": _twins(survey.sensitivity, classes),
        "seeds": [_seed(survey, i, classes[i]) for i in range(len(survey.seeds))],
        "classification": survey.answers
        and surveyed_data(survey.answers, survey.seeds, [b.name for b in survey.backends]),
    }


def classes_of(found: Sensitivity) -> list[str | None]:
    """Name the class of each seed; None where neither the seed nor its twin stayed finite."""
    kinds = {"calm": found.calm, "sensitive": found.sensitive, "chaotic": found.chaotic}
    return [
        next((name for name, members in kinds.items() if members[i]), None)
        for i in range(len(found.growth))
    ]


def _backend(survey: Survey, row: int) -> dict[str, Any]:
    one, counted = survey.backends[row], bool(survey.problem.classes)
    stuck = survey.stuck[row]
    return {
        "name": one.name,
        "framework": one.framework,
        "version": one.version,
        "solved": int(survey.solved[row].sum()) if counted else None,
        "stuck": int(stuck.sum()) if counted else None,
        "stuck_by_saturated_units": _by_number(one.saturated[stuck]) if counted else None,
        "broken": int(survey.broken[row].sum()),
        "last_loss": asdict(loss_spread(one.loss)),
        "last_held_out_loss": None
        if one.held_out_loss is None
        else asdict(loss_spread(one.held_out_loss)),
        "time_s": {"setup": one.setup_s, "compile": one.compile_s, "training": one.train_s},
    }


def _stuck(survey: Survey) -> dict[str, Any]:
    units = survey.stuck_units
    return {
        "by_saturated_units": _by_number(units[units >= 0]),
        "backends_count_other_units": int((units == TOLD_DIFFERENTLY).sum()),
    }


def _by_number(units: Array) -> dict[str, int]:
    numbers, counts = np.unique(units, return_counts=True)
    return {str(n): count for n, count in zip(numbers.tolist(), counts.tolist(), strict=True)}


def _twins(found: Sensitivity, classes: list[str | None]) -> dict[str, Any]:
    return {
        "backend": found.backend,
        "signs_drawn_from": ["seed", SIGNS],
        "chaotic_above_share": CHAOTIC_SHARE,
        "sensitive_above_growth": SENSITIVE_GROWTH,
        **{name: classes.count(name) for name in ("calm", "sensitive", "chaotic")},
        "no_class": classes.count(None),
        "time_s": {"training": found.train_s},
    }


def _seed(survey: Survey, i: int, kind: str | None) -> dict[str, Any]:
    found = survey.sensitivity
    return {
        "seed": survey.seeds[i],
        "correct": _of_each({b.name: b.correct for b in survey.backends}, i),
        "loss": _of_each({b.name: b.loss for b in survey.backends}, i),
        "held_out_loss": _of_each({b.name: b.held_out_loss for b in survey.backends}, i),
        "saturated_units": {b.name: int(b.saturated[i]) for b in survey.backends},
        "finite": {b.name: bool(b.finite[i]) for b in survey.backends},
        "parted_epoch": _epoch(int(survey.parted_epoch[i])),
        "sensitivity": {
            "class": kind,
            "growth": float(found.growth[i]),
            "chaotic_since_epoch": _epoch(int(found.chaotic_epoch[i])),
        },
    }


def _of_each(named: Mapping[str, Array | None], i: int) -> dict[str, Any] | None:
    """Return what each backend has of a seed; None where none has it."""
    told = {name: values[i].item() for name, values in named.items() if values is not None}
    return told or None


def _epoch(number: int) -> int | None:
    return number if number >= 0 else None
