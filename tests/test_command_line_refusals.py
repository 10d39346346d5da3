"""What cannot be used is named in one sentence, before anything is trained or written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import ENDLESS, ROOT, Ran, complaint, environment, on_posix, run

REFUSED: list[tuple[list[str], str]] = [
    (["--problem", "people61"], "unknown problem 'people61'; .* Did you mean 'people16'?"),
    (["--problem", ""], "unknown problem ''; known: people16"),
    (["--backends", "numpi"], "unknown backend 'numpi'; .* Did you mean 'numpy'?"),
    (["--backends", "tensorflow"], "unknown backend 'tensorflow'; known: numpy, torch, jax"),
    (["--backends", ""], "backends '' hold an empty name"),
    (["--backends", "numpy,"], "backends 'numpy,' hold an empty name"),
    (["--backends", "numpy,numpy"], "backend 'numpy' is named twice"),
    (["--backends", "numpy,n"], "backend 'numpy' is named twice"),
    (["--backends", "./none.py"], "backend './none.py': there is no such file"),
    (["--dtype", "float16"], "unknown dtype 'float16'; known: float64, float32. Did you mean"),
    (["--seed", "-1"], "seed -1 cannot be used"),
    (["--seed", "1.5"], "seed '1.5' is no whole number"),
    (["--seed", "x"], "seed 'x' is no whole number"),
    (["--seed", ""], "seed '' is no whole number"),
    (["--seed", "4294967296"], "seed 4294967296 cannot be used"),
    (["--seeds", ""], "seeds '': '' is no seed"),
    (["--seeds", ","], "seeds ',': '' is no seed"),
    (["--seeds", "5-3"], "seeds '5-3': the range '5-3' ends before it begins"),
    (["--seeds", "1-"], "seeds '1-': '1-' is no seed and no range"),
    (["--seeds", "1,1"], "seeds '1,1' name a seed twice"),
    (["--seeds", "4294967296"], "seed 4294967296 cannot be used"),
    (["--seeds", "9" * 5000], "seed"),
    (["--seed", "1", "--seeds", "0-4"], "--seed and --seeds exclude each other"),
    (["--seeds", "0-4", "--record", "recordings"], "--record saves the run of one --seed"),
    (["--epochs", "0"], "epochs is 0; expected 1 to 10,000,000"),
    (["--epochs", "-1"], "epochs is -1; expected 1 to 10,000,000"),
    (["--epochs", "10000001"], "epochs is 10,000,001; expected 1 to 10,000,000"),
    (["--epochs", "x"], "epochs 'x' is no whole number"),
    (["--epochs", "1e3"], "epochs '1e3' is no whole number"),
    (["--lr", "0"], "learning rate '0' cannot be used"),
    (["--lr", "-1"], "learning rate '-1' cannot be used"),
    (["--lr", "nan"], "learning rate 'nan' cannot be used"),
    (["--lr", "inf"], "learning rate 'inf' cannot be used"),
    (["--lr", "x"], "learning rate 'x' cannot be used"),
    (["--lr", "1e300", "--dtype", "float32"], "learning rate 1e.300 rounds to inf in float32"),
    (["--lr", "1e-60", "--dtype", "float32"], "learning rate 1e-60 rounds to 0.0 in float32"),
    (["--json", "no_such_folder/a.json"], "cannot write no_such_folder/a.json: No such file"),
    (["--json", "shared"], "cannot write shared: it is a folder"),
    (["--json", ""], "cannot write .: it is a folder"),
    (["--record", "compare.py"], "cannot make the folder compare.py: File exists"),
    (["--record", "compare.py/recordings"], "cannot make the folder compare.py/recordings: Not a"),
]


@pytest.mark.parametrize(
    ("arguments", "reason"), REFUSED, ids=[" ".join(words)[:40] for words, _ in REFUSED]
)
def test_what_cannot_be_used_is_named_before_training(arguments: list[str], reason: str) -> None:
    defaults = [] if "--epochs" in arguments else ["--epochs", "10000000"]
    defaults += [] if "--backends" in arguments else ["--backends", "numpy"]
    assert re.match(reason.replace("'?", r"'\?"), complaint(run(*defaults, *arguments)))


@pytest.mark.parametrize("arguments", [["--frob"], ["bogus"], ["--seed"], ["list", "numpy"]])
def test_an_unknown_option_is_named_with_the_usage(arguments: list[str]) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.text) == (2, "")
    assert ran.errors.startswith("usage: compare.py")
    assert arguments[-1] in ran.errors.splitlines()[-1]


LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
sys.argv = ["compare.py", *sys.argv[1:]]
runpy.run_path("compare.py", run_name="__main__")
"""


@on_posix
def test_a_range_of_more_seeds_than_there_are_takes_no_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *ENDLESS, "--seeds", "0-99999999999"],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "99999999999" in complaint(Ran(done.returncode, done.stdout, done.stderr))


def test_a_refusal_leaves_nothing_behind(tmp_path: Path) -> None:
    written = "--json", tmp_path / "a.json", "--record", tmp_path / "recordings"
    complaint(run(*written, "--backends", "numpi"))
    assert list(tmp_path.iterdir()) == []
