"""The list shows what there is; help imports nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from tests.command_line import ROOT, environment, row, run, section


def test_the_list_shows_problems_and_backends() -> None:
    ran = run("list")
    assert (ran.code, ran.errors) == (0, "")
    problems = section(f"\n{ran.text}", "Problems")
    assert row(problems, "people16")[0] == "16"
    assert row(problems, "people16-centered")[0] == "16"
    assert row(problems, "people4")[0] == "4"
    backends = section(ran.text, "Backends")
    assert row(backends, "numpy") == [f"numpy {np.__version__}", "impls/numpy_backprop.py"]
    assert row(backends, "torch")[-1] == "impls/torch_autograd.py"
    assert row(backends, "jax")[-1] == "impls/jax_grad.py"


def imported_by(*arguments: str) -> tuple[str, set[str]]:
    """Return what a command printed, and the top-level modules that were imported for it."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "compare.py", *arguments],
        cwd=ROOT, env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    modules = (line.rpartition("|")[2].strip() for line in done.stderr.splitlines())
    return done.stdout, {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["run", "--help"], ["list", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    text, modules = imported_by(*arguments)
    assert text.startswith("usage: compare.py")
    assert not modules & {"numpy", "rich", "torch", "jax", "jaxlib"}


def test_what_is_imported_is_noticed() -> None:
    _, modules = imported_by("list")
    assert {"numpy", "rich", "shared"} <= modules
    assert not modules & {"torch", "jax", "jaxlib"}
