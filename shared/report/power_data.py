"""The study of power as JSON-ready data: every run, and the counts that the tables are made of."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from shared.host import host
from shared.power.rules import RULES
from shared.power.scores import Power, Score
from shared.power.summary import misses, rows, total
from shared.power.trials import DTYPES

SCHEMA = 1


def power_data(power: Power, command: str) -> dict[str, Any]:
    """Return the whole study as JSON-ready data."""
    return {
        "schema": SCHEMA,
        "kind": "power",
        "command": command,
        "host": host(),
        "quick": power.is_quick,
        "elapsed_s": power.elapsed_s,
        "total": {dtype: asdict(total(power, dtype)) for dtype in DTYPES},
        "counts": [asdict(row) for row in rows(power)],
        "rules": [
            {"name": r.name, "tool": r.tool, "compares": r.compares, "source": r.source}
            for r in RULES
        ],
        "runs": [_score(one) for one in power.scores],
        "misses": len(misses(power)),
        "correct_runs": [asdict(one) for one in power.runs],
        "correct_pairs": [asdict(one) for one in power.pairs],
        "smallest": [asdict(one) for one in power.smallest],
    }


def _score(one: Score) -> dict[str, Any]:
    data = asdict(one)
    trial = data.pop("trial")
    trial["problem"] = trial.pop("slice")["problem"]
    return {**trial, **data, "expected": one.expected.value}
