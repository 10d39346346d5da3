"""A calibration as JSON-ready data: every figure beside what is declared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeAlias

from shared.calibration.measured import Calibration
from shared.report.data import SCHEMA

Declared: TypeAlias = Callable[[str, str], tuple[float, float]]
"""(dtype, function) -> the documented errors of the tight and of the wide profile, in u."""


def calibration_data(calibration: Calibration, declared: Declared, command: str) -> dict[str, Any]:
    """Return a calibration as JSON-ready data."""
    figures = []
    for one in calibration.measured:
        tight, wide = declared(one.dtype, one.function)
        told = {"tight": tight, "wide": wide, "in_words": standing(one.units, tight, wide)}
        figures.append({**asdict(one), **told})
    return {
        "schema": SCHEMA,
        "kind": "calibration",
        "command": command,
        "host": asdict(calibration.machine),
        "measured": figures,
        "missing": [asdict(one) for one in calibration.missing],
    }


def standing(units: float, tight: float, wide: float) -> str:
    """Say what follows from a measured error.

    Examples
    --------
    >>> standing(3.9, 4.0, 8.0), standing(4.1, 4.0, 8.0), standing(8.1, 4.0, 8.0)
    ('within', 'above tight: used', 'above wide: not used')
    """
    if units <= tight:
        return "within"
    return "above tight: used" if units <= wide else "above wide: not used"
