"""A float32 run, as one types it: certified, and what that rests on, as text and as data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.registry import find
from tests.command_line import FAST, read, run, unwrapped
from tests.conftest import load_or_skip


@dataclass(frozen=True)
class Told:
    """A float32 run of two backends, as text and as data."""

    text: str
    data: dict[str, Any]


@pytest.fixture(scope="module")
def float32(tmp_path_factory: pytest.TempPathFactory) -> Told:
    load_or_skip(find("jax"))
    path = tmp_path_factory.mktemp("float32") / "a.json"
    ran = run("--dtype", "float32", "--backends", "numpy,jax", "--epochs", "4", "--json", path)
    assert (ran.code, ran.errors) == (0, "")
    return Told(unwrapped(ran.text), read(path))


@pytest.mark.parametrize(
    "said",
    [
        "Certified: all 128 steps of numpy and jax, ",
        "rounded to float32 once, for all: 0.05 becomes 0.05000000074505806.",
        "Verdicts ",
        " equal bits, ",
        " 0 undecided, 0 different.",
        "Forms the declared ones; nothing needed another.",
        "Profile tight, in u = 2^-24: exponential 5.6, logarithm 5, tanh 10, ",
        "Not measured on this machine for numpy and jax;",
        "Reference float64: exact values are computed in it, ",
        "Audit in ball arithmetic of up to 128 bits: ",
        "; all decided alike. The reference was off by at most ",
        "Premises IEEE-754 rounding to nearest; ",
    ],
)
def test_a_float32_run_says_what_its_certificate_rests_on(float32: Told, said: str) -> None:
    assert said in float32.text


def test_the_data_of_a_float32_run_have_schema_3_and_the_rounded_rate(float32: Told) -> None:
    assert (float32.data["schema"], float32.data["dtype"]) == (3, "float32")
    assert float32.data["learning_rate_used"] == 0.05000000074505806
    assert float32.data["problem"]["optimizer"]["learning_rate"] == 0.05
    assert float32.data["calibration_remarks"] == []
    assert float32.data["certified"] is True


@pytest.mark.parametrize("which", [0, 1], ids=["numpy", "jax"])
def test_the_data_of_each_backend_have_basis_audit_and_forms(float32: Told, which: int) -> None:
    one = float32.data["certificates"][which]
    assert (one["basis"]["arithmetic"], one["basis"]["rounding_bits"]) == ("float64", 24)
    assert one["basis"]["measured"] is False
    assert (one["basis"]["profile"]["c1"], one["basis"]["wide"]["c1"]) == (5.6, 8.0)
    assert one["basis"]["profile"]["raised"] == []
    assert set(one["audit"]) == {
        "near", "failed", "drawn", "overturned", "furthest", "bits", "values",
    }  # fmt: skip
    assert one["audit"]["values"] == sum(one["audit"][k] for k in ("near", "failed", "drawn"))
    assert one["audit"]["drawn"] > 0
    assert [stage["forms"] for stage in one["stages"]] == [{}] * len(one["stages"])


def test_the_rate_of_a_float64_run_is_the_problems(tmp_path: Path) -> None:
    run(*FAST, "--json", tmp_path / "a.json")
    data = read(tmp_path / "a.json")
    assert data["learning_rate_used"] == 0.05
    assert data["certificates"][0]["basis"]["rounding_bits"] == 53
