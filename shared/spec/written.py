"""A built-in problem written as a spec, for a user to start from.

`compare.py spec` prints it; what is printed, read again, is the same training.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.problems import Problem
from shared.spec.read import VERSION


def spec_of(problem: Problem, seed: int, folder: Path | None = None) -> dict[str, Any]:
    """Return the spec of a built-in problem, also where it is trained otherwise than there.

    folder
        Where the user's own files lie, of a problem that needs them.
    """
    data = {"problem": problem.name}
    if folder is not None:
        data["folder"] = str(folder)
    return {
        "isograd": VERSION,
        "name": problem.name,
        "title": problem.title,
        "data": data,
        "network": problem.network.to_json(),
        "optimizer": problem.optimizer.to_json(),
        "schedule": {
            "epochs": problem.epochs,
            "batch_size": problem.batch_size,
            "order": problem.order,
            "last_batch": problem.last_batch,
            "curve_every": problem.curve_every,
            "initialization": problem.initialization,
        },
        "seed": seed,
    }


def spec_text(spec: Mapping[str, Any]) -> str:
    """Write a spec with a line for each field, and lists within the line."""
    members = [f"  {json.dumps(key)}: {_written(value)}" for key, value in spec.items()]
    return "{\n" + ",\n".join(members) + "\n}\n"


def _written(value: Any) -> str:
    if not isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    inner = [
        f"    {json.dumps(key)}: {json.dumps(part, ensure_ascii=False)}"
        for key, part in value.items()
    ]
    return "{\n" + ",\n".join(inner) + "\n  }"
