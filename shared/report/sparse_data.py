"""A run of which only every K-th state is recorded, as JSON-ready data."""

from __future__ import annotations

from typing import Any

import numpy as np

from shared.report.data import certificate_data, head_data, missing_data
from shared.sparse.findings import (
    PlacedBlock,
    Repetition,
    SparseCertificate,
    SparseComparison,
    SparseResult,
)
from shared.ulp import INCOMPARABLE


def sparse_data(comparison: SparseComparison, command: str) -> dict[str, Any]:
    """Return such a run of one seed as JSON-ready data."""
    return {
        **head_data("sparse comparison", command, comparison.problem, comparison.dtype),
        "seed": comparison.seed,
        "every": comparison.every,
        "steps": comparison.steps,
        "interrupted": comparison.interrupted,
        "backends": [_backend(result, comparison) for result in comparison.backends],
        "missing": missing_data(comparison.missing),
        "verdict": comparison.verdict.name,
        "certified": all(one.certified for one in comparison.certificates),
        "calibration_remarks": list(comparison.calibration_remarks),
        "certificates": [sparse_certificate_data(one) for one in comparison.certificates],
    }


def sparse_certificate_data(one: SparseCertificate) -> dict[str, Any]:
    """Return what was decided on one backend's blocks as JSON-ready data."""
    return {
        "backend": one.backend,
        "verdict": one.verdict.name,
        "certified": one.certified,
        "steps": one.steps,
        "every": one.every,
        "blocks": one.blocks,
        "no_bound_because_of": one.unbounded,
        "explained_by_their_bounds": one.by_bound,
        "explained_by_their_steps": one.by_steps,
        "undecided": one.undecided,
        "different": one.different,
        "not_judged": one.unjudged,
        "steps_judged_one_by_one": one.judged_steps,
        "worst_error_over_bound": one.worst,
        "resolution": one.resolution,
        "resolution_of_moves": one.of_move,
        "resolution_of_steps": one.step_resolution,
        "first_different": one.first and _block(one.first),
        "first_undecided": one.unsure and _block(one.unsure),
        "time_s": {"judging_blocks": one.judging_s, "running_again": one.again_s},
    }


def _block(block: PlacedBlock) -> dict[str, Any]:
    return {
        "first_step": block.first,
        "last_step": block.last,
        "verdict": block.verdict.name,
        "error_over_bound": block.times,
        "repeats": block.repeats,
        "run_again": _repetition(block.again),
        "run_from_seed": block.from_seed and _repetition(block.from_seed),
    }


def _repetition(one: Repetition) -> dict[str, Any]:
    apart = "NaN" if one.apart_ulps == int(INCOMPARABLE) else one.apart_ulps
    return {
        "same_bits": one.repeated,
        "largest_ulps": apart,
        "certificate": certificate_data(one.certificate),
    }


def _backend(result: SparseResult, comparison: SparseComparison) -> dict[str, Any]:
    names = comparison.problem.network.element_names
    values = np.concatenate([w.ravel() for w in result.params]).tolist()
    return {
        "name": result.name,
        "framework": result.framework,
        "version": result.version,
        "params": dict(zip(names, values, strict=True)),
        "time_s": {
            "setup": result.setup_s,
            "compile": result.compile_s,
            "training": result.train_s,
        },
    }
