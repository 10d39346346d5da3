"""A calibration for the terminal: what was measured, beside what is declared."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console

from shared.calibration.measured import Calibration, Measured
from shared.report.calibration_data import Declared, standing
from shared.report.layout import heading, say, table_of

LEGEND = (
    "Worst errors found, in units in the last place and in u, the unit roundoff: relative to the "
    "exact value, and of sigmoid the c1 in u s (2 + c1 (1 - s)); x is where it is worst in u. "
    "Between the declared errors of the tight and of the wide profile the measured one is used "
    "in place of the tight one; beyond the wide one a function is not what it should be."
)


def print_calibration(console: Console, calibration: Calibration, declared: Declared) -> None:
    """Print a table for each dtype, and what its columns mean."""
    machine = calibration.machine
    features = f", {' '.join(machine.cpu_features)}" if machine.cpu_features else ""
    say(console, f"{machine.processor}, {machine.system}{features}")
    versions = dict.fromkeys(f"{one.framework} {one.version}" for one in calibration.measured)
    if versions:
        say(console, ", ".join(versions))
    for missing in calibration.missing:
        say(console, f"Not measured: {missing.reason}", style="yellow")
    for dtype in dict.fromkeys(one.dtype for one in calibration.measured):
        _print_table(console, [m for m in calibration.measured if m.dtype == dtype], declared)
    if calibration.measured:
        say(console, LEGEND, style="dim")


def _print_table(console: Console, measured: Sequence[Measured], declared: Declared) -> None:
    heading(console, f"Elementary functions in {measured[0].dtype}")
    table = table_of("", "", "ULPs", "in u", "at x", "tight", "wide", "", left=(0, 1, 7))
    named = ""
    for one in measured:
        # A framework is named in the first of its rows.
        name = "" if one.framework == named else one.framework
        table.add_row(name, *_cells(one, *declared(one.dtype, one.function)))
        named = one.framework
    console.print(table)


def _cells(one: Measured, tight: float, wide: float) -> list[str]:
    return [
        one.function, _error(one.ulps), _error(one.units), f"{one.at:.6g}",
        f"{tight:g}", f"{wide:g}", standing(one.units, tight, wide),
    ]  # fmt: skip


def _error(value: float) -> str:
    """Word an error, rounded up: what is shown as no more than a figure is no more."""
    if value >= 1e6:
        return "infinite" if math.isinf(value) else f"{value:.1e}"
    return f"{math.ceil(100 * value) / 100:,.2f}"
