"""Specs and tables as files: a small honest one of each, and ways to change it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from shared.spec.read import Spec, read_spec

FLOWERS = """\
length,width,kind,price
5.1,3.5,iris,2.5
4.9,3.0,iris,2
7.0,3.2,rose,4
6.4,3.1,rose,4.5
6.3,3.3,lily,6
5.8,2.7,lily,5.5
5.0,3.6,iris,2.25
6.9,3.4,rose,4.25
5.9,2.8,lily,5.75
"""
KINDS = ["iris", "rose", "lily"]


def spec_data() -> dict[str, Any]:
    """A spec with every field that is needed, and no other."""
    return {
        "isograd": 1,
        "data": {
            "file": "flowers.csv",
            "features": ["length", "width"],
            "targets": ["kind"],
            "classes": KINDS,
        },
        "network": {"sizes": [2, 4, 3]},
    }


def prices() -> dict[str, Any]:
    """A spec whose target is a quantity."""
    data = {"file": "flowers.csv", "features": ["length", "width"], "targets": ["price"]}
    return {"isograd": 1, "data": data, "network": {"sizes": [2, 4, 1]}}


def changed(spec: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a spec with other fields: data__scaling="unit"; None leaves one out."""
    copy: dict[str, Any] = json.loads(json.dumps(spec))
    for name, value in fields.items():
        *sections, key = name.split("__")
        inner = copy
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[key] = value
        if value is None:
            del inner[key]
    return copy


def written(folder: Path, spec: dict[str, Any], table: str = FLOWERS) -> Path:
    """Write a spec, a line for each field, and its table beside it."""
    (folder / "flowers.csv").write_text(table, "utf-8")
    path = folder / "mine.json"
    path.write_text(json.dumps(spec, indent=1), "utf-8")
    return path


def read(folder: Path, spec: dict[str, Any], table: str = FLOWERS) -> Spec:
    return read_spec(written(folder, spec, table))


def line_of(path: Path, text: str) -> int:
    """Return the first line of a file that holds a text."""
    lines = path.read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path
