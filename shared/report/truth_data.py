"""What was found beside the exact trajectory, as JSON-ready data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared.certificate.rounding import Rounding
from shared.comparison import Comparison
from shared.report import truth_words
from shared.truth.estimate import Estimate
from shared.truth.findings import BackendTruth, Truth
from shared.ulp import INCOMPARABLE


def truth_data(comparison: Comparison) -> dict[str, Any] | None:
    """Return the exact trajectory, or the estimate; None where neither was followed.

    The time it took is told apart, with the other times.
    """
    truth = comparison.truth
    if truth is None:
        return None
    if isinstance(truth, Estimate):
        params, u = comparison.problem.network.param_count, Rounding.of(comparison.dtype).u
        said = truth_words.estimated(truth, params, u)
        return {"kind": "estimate", **_without_time(truth), "in_words": said}
    return _exact(comparison, truth)


def _exact(comparison: Comparison, truth: Truth) -> dict[str, Any]:
    names = comparison.problem.network.element_names
    return {
        "kind": "exact",
        **_without_time(truth),
        "weights": dict(zip(names, truth.weights, strict=True)) if truth.marks else {},
        "curve_epochs": truth.curve_epochs.tolist(),
        "curve_loss": truth.curve_loss.tolist(),
        "backends": [_backend(b, names) for b in truth.backends],
        "loss_gaps": [asdict(gap) for gap in comparison.truth_gaps],
        "in_words": [
            truth_words.certified(truth, comparison.dtype),
            *(truth_words.story(comparison, truth) if truth.marks else ()),
        ],
    }


def _backend(backend: BackendTruth, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        **asdict(backend),
        "ulps": [_ulps(count) for count in backend.ulps],
        "final_ulps": dict(zip(names, map(_ulps, backend.final_ulps), strict=True)),
        "swallowed_steps": dict(zip(names, backend.swallowed_steps, strict=True)),
        "swallowed_ulps": dict(zip(names, backend.swallowed_ulps, strict=True)),
    }


def _without_time(found: Truth | Estimate) -> dict[str, Any]:
    return {key: value for key, value in asdict(found).items() if key != "elapsed_s"}


def _ulps(count: int) -> int | str:
    return "NaN" if count == int(INCOMPARABLE) else count
