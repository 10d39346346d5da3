"""Anyone can see one step from inside: `explain`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line import Ran, read, run, section, unwrapped

OWN = """
from impls.numpy_backprop import NumpyBackprop


class Mine(NumpyBackprop):
    pass
"""

WORKED = ("explain", "--worked", "asymmetric")


@pytest.fixture(scope="module")
def asymmetric(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Path]:
    """A worked step, explained, and the folder that its graphs were written to."""
    folder = tmp_path_factory.mktemp("explained") / "graphs"
    ran = run(*WORKED, "--dot", folder)
    assert ran.code == 0, ran.errors
    return ran, folder


def test_a_student_finds_line_node_and_equation_of_a_factor(asymmetric: tuple[Ran, Path]) -> None:
    heading = "dL/dw1 = [dL/do1] [o1(1 - o1)] [w5] [h1(1 - h1)] [x1]"
    lines = section(asymmetric[0].text, heading)
    place = next(i for i, line in enumerate(lines) if line.startswith("× h1(1 - h1)"))
    exact, numpy, torch = lines[place : place + 3]
    jax = next(line for line in lines[place:] if line.startswith("    jax"))
    assert "0.1338071781502160" in exact
    assert "67: a * (1 - a)" in numpy
    assert "never formed; inside SigmoidBackward0" in torch
    assert "m = mul k l  jvp()" in jax


def test_it_says_why_last_digits_differ() -> None:
    ran = run("explain", "--worked", "symmetric")
    said = unwrapped("\n".join(section(ran.text, "Why last digits differ")))
    assert "torch, beside numpy: 3 of 9 numbers of the gradients differ, all explained." in said
    assert "dL/dw1 is the same. On its way: dL/dz_o1 (another order of multiplication)" in said
    assert "torch's bits come from (dL/do·(1 - o))·o; numpy's from dL/do·(o·(1 - o))" in said


def test_the_whole_step_stands_in_three_columns(asymmetric: tuple[Ran, Path]) -> None:
    lines = section(asymmetric[0].text, "The whole step")
    assert "numpy: by hand" in lines[0]
    assert "torch: the tape" in lines[0]
    assert "jax: the jaxpr" in lines[0]
    row = next(line for line in lines if line.startswith("dL/dz_h"))
    assert "SigmoidBackward0" in row
    assert "bj = mul bh m" in row


def test_what_each_goes_back_with(asymmetric: tuple[Ran, Path]) -> None:
    text = asymmetric[0].text
    assert "torch goes back with x, W_o, h, o, e." in text
    assert "jax goes back with x, W_o, h, f'_h, f'_o, 2e." in text


def test_a_step_of_a_run_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "step.json"
    ran = run(
        "explain", "--problem", "people4", "--seed", "7", "--step", "30", "--weight", "b2",
        "--dtype", "float32", "--backends", "numpy,torch", "--json", path,
    )  # fmt: skip
    assert ran.code == 0, ran.errors
    assert "Step 30 of people4, seed 7: 2-2-1 sigmoid" in ran.text
    assert "Every framework takes it from where numpy had come after 29 steps." in ran.text
    assert read(path)["command"] == (
        "python compare.py explain --problem people4 --seed 7 --step 30 --weight b2 "
        "--backends numpy,torch --dtype float32"
    )


def test_without_options_it_is_the_first_step_of_the_default_problem(tmp_path: Path) -> None:
    path = tmp_path / "step.json"
    run("explain", "--backends", "numpy", "--json", path)
    assert read(path)["command"] == (
        "python compare.py explain --problem people16 --seed 42 --step 1 "
        "--backends numpy --dtype float64"
    )


def test_a_spec_of_ones_own_is_explained(tmp_path: Path) -> None:
    spec = tmp_path / "mine.json"
    spec.write_text(run("spec", "--problem", "people4", "--seed", "3").text, "utf-8")
    ran = run("explain", "--spec", spec, "--backends", "numpy,jax")
    assert ran.code == 0, ran.errors
    assert "seed 3: 2-2-1 sigmoid" in ran.text


def test_graphs_are_written(asymmetric: tuple[Ran, Path]) -> None:
    ran, folder = asymmetric
    written = sorted(path.name for path in folder.iterdir())
    assert written == ["jax.dot", "numpy.dot", "torch.dot"]
    assert all(name in ran.text for name in written)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--worked", "symetric"), "Did you mean 'symmetric'?"),
        (("--worked", "symmetric", "--seed", "1"), "expected no --seed beside it"),
        (("--worked", "symmetric", "--problem", "people4"), "expected no --problem beside it"),
        (("--step", "0"), "expected 1 to 80000"),
        (("--step", "80001"), "expected 1 to 80000"),
        (("--step", "first"), "step 'first' is no whole number"),
        (("--weight", ""), "weight '' is none of this network's"),
        (("--weight", "w7"), "expected one of w1, w2, w3, w4, b1, b2, w5, w6, b3."),
        (("--dtype", "float16"), "float16"),
        (("--problem", "people4", "--spec", "mine.json"), "exclude each other"),
        (("--json", "missing/step.json"), "missing"),
    ],
)
def test_what_cannot_be_explained_is_refused_in_a_sentence(
    options: tuple[str, ...], told: str
) -> None:
    ran = run("explain", "--backends", "numpy", *options)
    assert (ran.code, ran.text) == (2, "")
    assert told in unwrapped(ran.errors)


def test_a_backend_of_ones_own_is_left_out_with_the_reason(tmp_path: Path) -> None:
    own = tmp_path / "mine.py"
    own.write_text(OWN, "utf-8")
    ran = run(*WORKED, "--backends", f"numpy,{own}")
    assert "Not explained: mine: no reader knows a file of one's own" in unwrapped(ran.text)
    assert ran.code == 3
