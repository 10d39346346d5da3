"""The report as JSON: everything the text says, and the command that repeats the run.

Floats are written in their shortest form that reads back to the same bits; NaN and infinities,
which JSON lacks, as the strings "NaN", "Infinity" and "-Infinity".
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from shared.backend import Array
from shared.certificate.decision import Verdict
from shared.certificate.findings import BackendCertificate
from shared.certificate.placement import Placement
from shared.comparison import BackendResult, Comparison
from shared.host import host, threads
from shared.judging import JudgedFile
from shared.problems import Problem
from shared.report import learned_words, words
from shared.report.classifier_data import classification_data
from shared.report.fault_seen_text import faults_data
from shared.report.truth_data import truth_data
from shared.training import Missing
from shared.ulp import INCOMPARABLE
from shared.whole_file import whole_file

SCHEMA = 3
"""What a number of it means stands in docs/reading-the-report.md."""


def comparison_data(comparison: Comparison, command: str) -> dict[str, Any]:
    """Return a run of one seed as JSON-ready data."""
    names = comparison.problem.network.element_names
    return {
        **head_data("comparison", command, comparison.problem, comparison.dtype),
        "seed": comparison.seed,
        "steps": comparison.steps,
        "interrupted": comparison.cut_short,
        "backends": [_backend(result, names, comparison) for result in comparison.backends],
        "classification": comparison.classification
        and classification_data(comparison.classification),
        "missing": missing_data(comparison.missing),
        "faults": faults_data(comparison.faults),
        "certified": comparison.certified,
        "calibration_remarks": list(comparison.calibration_remarks),
        "time_s": {
            "judging": comparison.judging_s,
            "following": comparison.truth and comparison.truth.elapsed_s,
        },
        "certificates": [certificate_data(one) for one in comparison.certificates],
        "truth": truth_data(comparison),
        "loss_gaps": [asdict(gap) for gap in comparison.gaps],
        "parted": comparison.parted,
        "parting": words.parting(comparison) if comparison.gaps else None,
        "drift": [
            {
                "left": pair.left,
                "right": pair.right,
                "first_step_with_other_bits": pair.first,
                "final_ulps": dict(zip(names, map(_ulps, pair.final), strict=True)),
                "largest_ulps": {
                    kind: {
                        name: {"ulps": _ulps(one.ulps), "step": one.step}
                        for name, one in zip(
                            names if kind != "loss" else ("loss",), largest, strict=True
                        )
                    }
                    for kind, largest in pair.largest.items()
                },
                "after_epoch": [
                    {"epoch": epoch, "largest_ulps": _ulps(ulps), "largest_difference": gap}
                    for epoch, ulps, gap in pair.marks
                ],
            }
            for pair in comparison.drift
        ],
        "worked_steps": [
            {**asdict(answer), "ulps": _ulps(answer.ulps)} for answer in comparison.worked
        ],
    }


def certificate_data(one: BackendCertificate) -> dict[str, Any]:
    """Return what was decided on one backend as JSON-ready data."""
    return {
        "backend": one.backend,
        "certified": one.certified,
        "steps": one.steps,
        "judged_steps": one.judged_steps,
        "one_in": one.one_in,
        "kinks": one.kinks,
        "values": one.values,
        "close_calls": one.close_calls,
        "basis": one.basis and asdict(one.basis),
        "audit": {**asdict(one.audit), "values": one.audit.values},
        "found": one.found,
        "stages": [
            {**asdict(s), "counts": {v.name: n for v, n in zip(Verdict, s.counts, strict=True)}}
            for s in one.stages
        ],
        "findings": [
            {**asdict(f), "verdict": f.verdict.name, "ulps": _ulps(f.ulps)} for f in one.findings
        ],
        "placement": one.placement and _placement(one.placement),
        "earliest": one.earliest and _placement(one.earliest),
    }


def _placement(one: Placement) -> dict[str, Any]:
    return {
        "step": one.step,
        "epoch": one.epoch,
        "samples": one.samples,
        "stage": one.stage,
        "tensors": one.tensors,
        "parts": [asdict(part) for part in one.parts],
        "renamed": one.renamed,
    }


def judged_data(judged: Sequence[JudgedFile], command: str) -> dict[str, Any]:
    """Return the verdicts on saved recordings as JSON-ready data."""
    return {
        "schema": SCHEMA,
        "kind": "judgement",
        "command": command,
        "files": [
            {
                "file": one.path.name,
                **{k: v for k, v in one.header.items() if k != "members"},
                "calibration_remarks": list(one.calibration_remarks),
                "certificate": certificate_data(one.certificate),
            }
            for one in judged
        ],
    }


def head_data(kind: str, command: str, problem: Problem, dtype: str) -> dict[str, Any]:
    """Return what the data of every training begins with."""
    return {
        "schema": SCHEMA,
        "kind": kind,
        "command": command,
        # The constants of the inputs in full: recordings are told apart by to_json, not by them.
        "problem": {**problem.to_json(), "inputs": [asdict(one) for one in problem.features]},
        "dtype": dtype,
        "learning_rate_used": problem.optimizer_in(dtype).learning_rate,
        "host": host(),
        "threads_per_library": threads(),
    }


def missing_data(missing: Sequence[Missing]) -> list[dict[str, str]]:
    """Return which backends did not take part, and why."""
    return [asdict(one) for one in missing]


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write the data as a whole file, or leave what was there."""
    text = json.dumps(_speakable(data), indent=1, ensure_ascii=False, allow_nan=False)
    with whole_file(path) as file:
        file.write((text + "\n").encode())


def _backend(result: BackendResult, names: Sequence[str], comparison: Comparison) -> dict[str, Any]:
    outcome, people = result.outcome, comparison.problem.people
    values = np.concatenate([w.ravel() for w in result.params]).tolist()
    return {
        "name": result.name,
        "framework": result.framework,
        "version": result.version,
        "params": dict(zip(names, values, strict=True)),
        "curve": {
            "finished_epochs": result.curve.epochs.tolist(),
            "loss": result.curve.loss.tolist(),
            "correct": _listed(result.curve.correct),
            "held_out_correct": _listed(result.curve.held_out_correct),
            "held_out_loss": _listed(result.curve.held_out_loss),
        },
        "outcome": {
            "solved": outcome.solved,
            "correct": outcome.correct,
            "samples": outcome.samples,
            "finite": outcome.finite,
            "saturated_units": [
                {"layer": layer, "unit": unit, "at": end} for layer, unit, end in outcome.saturated
            ],
            "in_words": learned_words.learned(result),
        },
        "answers": [
            {
                "person": person.name,
                "values": list(person.values),
                "output": output,
                "class": comparison.problem.class_of(output),
            }
            for person, output in zip(people, outcome.answers, strict=True)
        ],
        "first_step_not_finite": result.first_not_finite,
        "time_s": {
            "setup": result.setup_s,
            "compile": result.compile_s,
            "training": result.train_s,
        },
    }


def _listed(values: Array | None) -> list[Any] | None:
    return None if values is None else values.tolist()


def _ulps(count: int) -> int | str:
    return "NaN" if count == int(INCOMPARABLE) else count


def _speakable(value: Any) -> Any:
    """Replace what JSON cannot say."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, Mapping):
        return {key: _speakable(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_speakable(part) for part in value]
    return value
