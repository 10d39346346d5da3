"""What is printed and written of a calibration."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from shared.calibration.measured import Calibration, Machine, Measured
from shared.report.calibration_data import calibration_data
from shared.report.calibration_text import print_calibration
from shared.report.data import write_json
from shared.training import Missing

MACHINE = Machine("Linux x86_64", "Some CPU", ("avx2", "fma"))
INFINITE = float("inf")


def measured(
    function: str = "exp", units: float = 1.5, dtype: str = "float64", framework: str = "numpy"
) -> Measured:
    return Measured(framework, "2.0", dtype, function, 0.75, units, -0.125, 1000)


def declared(dtype: str, function: str) -> tuple[float, float]:
    return (14.0, 28.0) if function == "tanh" else (4.0 if dtype == "float64" else 5.0, 8.0)


def printed(*figures: Measured, missing: tuple[Missing, ...] = (), width: int = 88) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width)
    print_calibration(console, Calibration(MACHINE, figures, missing), declared)
    return file.getvalue()


def row(text: str, function: str) -> list[str]:
    """Return the cells of a function's only row."""
    (line,) = [line for line in text.splitlines() if function in line.split()[:3]]
    return line.split(function, 1)[1].split(maxsplit=5)


def test_a_row_holds_the_measured_and_the_declared_errors() -> None:
    assert row(printed(measured("tanh")), "tanh") == [
        "0.75",
        "1.50",
        "-0.125",
        "14",
        "28",
        "within",
    ]


@pytest.mark.parametrize(
    ("units", "told"),
    [
        (0.0, "within"), (4.0, "within"), (4.0001, "above tight: used"),
        (8.0, "above tight: used"), (8.0001, "above wide: not used"),
        (INFINITE, "above wide: not used"),
    ],
)  # fmt: skip
def test_a_row_says_what_follows(units: float, told: str) -> None:
    assert row(printed(measured(units=units)), "exp")[5].strip() == told


@pytest.mark.parametrize(
    ("units", "shown"),
    [(4.0, "4.00"), (4.0001, "4.01"), (1234.5, "1,234.50"), (3e9, "3.0e+09"),
     (INFINITE, "infinite")],
)  # fmt: skip
def test_errors_are_rounded_up(units: float, shown: str) -> None:
    assert row(printed(measured(units=units)), "exp")[1] == shown


def test_there_is_a_table_for_each_dtype() -> None:
    text = printed(measured(), measured(dtype="float32"))
    assert text.index("functions in float64") < text.index("functions in float32")
    assert text.count("at x") == 2


def test_a_framework_is_named_once_in_each_table() -> None:
    text = printed(
        measured("exp"), measured("tanh"), measured("exp", framework="jax"),
        measured("exp", dtype="float32"),
    )  # fmt: skip
    begun = [line.split()[0] for line in text.splitlines() if "within" in line]
    assert begun == ["numpy", "tanh", "jax", "numpy"]
    assert "numpy 2.0, jax 2.0\n" in text


def test_what_was_not_measured_is_told_with_the_reason() -> None:
    text = printed(missing=(Missing("jax", "jax: it does not load: no such file."),))
    assert "Not measured: jax: it does not load: no such file." in text
    assert "at x" not in text


def test_the_machine_is_told() -> None:
    assert printed(measured()).startswith("Some CPU, Linux x86_64, avx2 fma\n")


def test_every_row_is_one_line_of_88_columns() -> None:
    longest = replace(measured("sigmoid", 4.5, framework="numpy"), ulps=1e5, at=-2.22507e-308)
    beyond = replace(longest, units=INFINITE)
    text = printed(longest, beyond)
    assert max(map(len, text.splitlines())) <= 88
    ends = [line.split()[-2:] for line in text.splitlines() if "e-308" in line]
    assert ends == [["tight:", "used"], ["not", "used"]]


def test_the_data_hold_every_figure_and_what_follows() -> None:
    figures = (measured(units=4.5), measured("tanh"))
    data = calibration_data(
        Calibration(MACHINE, figures, (Missing("jax", "no"),)), declared, "compare.py calibrate"
    )
    assert data["kind"] == "calibration"
    assert data["command"] == "compare.py calibrate"
    assert data["host"]["processor"] == "Some CPU"
    assert data["missing"] == [{"name": "jax", "reason": "no"}]
    assert [(one["function"], one["units"], one["tight"], one["wide"], one["in_words"])
            for one in data["measured"]] == [
        ("exp", 4.5, 4.0, 8.0, "above tight: used"), ("tanh", 1.5, 14.0, 28.0, "within")
    ]  # fmt: skip


def test_the_data_can_be_written(tmp_path: Path) -> None:
    data = calibration_data(Calibration(MACHINE, (measured(units=INFINITE),)), declared, "c")
    write_json(tmp_path / "file", data)
    assert json.loads((tmp_path / "file").read_text("utf-8"))["measured"][0]["units"] == "Infinity"
