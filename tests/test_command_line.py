"""The real command, from what is typed to what is printed, written and returned."""

from __future__ import annotations

import argparse
import json
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

import compare
from shared.recording_file import open_recording
from shared.registry import find
from tests.conftest import load_or_skip

ROOT = Path(__file__).parent.parent
FAST = ("--backends", "numpy", "--epochs", "3")
ENDLESS = ("--backends", "numpy", "--epochs", "10000000")
"""Hours of training: what comes back at once was noticed before."""

on_posix = pytest.mark.skipif(os.name != "posix", reason="terminals and signals as POSIX has them")


@dataclass(frozen=True)
class Ran:
    """What became of a command."""

    code: int
    text: str
    errors: str


def environment(**changes: str) -> dict[str, str]:
    """Return this environment without what would colour or widen a report, and with changes."""
    steering = {
        "NO_COLOR",
        "FORCE_COLOR",
        "COLUMNS",
        "LINES",
        "TERM",
        "COLORTERM",
        "TTY_COMPATIBLE",
    }
    return {k: v for k, v in os.environ.items() if k not in steering} | changes


def run(*arguments: str | Path, **changes: str) -> Ran:
    """Run compare.py, at most for a minute."""
    done = subprocess.run(
        [sys.executable, "compare.py", *map(str, arguments)],
        cwd=ROOT, env=environment(**changes), capture_output=True, text=True, encoding="utf-8",
        timeout=60, check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


def strictly(text: str) -> Any:
    """Read JSON as its standard has it: without NaN and Infinity."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def read(path: Path) -> Any:
    return strictly(path.read_text("utf-8"))


def without_times(data: Any) -> Any:
    """Leave out what differs from run to run."""
    if isinstance(data, dict):
        return {key: without_times(part) for key, part in data.items() if key != "time_s"}
    return [without_times(part) for part in data] if isinstance(data, list) else data


def section(text: str, heading: str) -> list[str]:
    """Return the lines below the heading that begins so, up to the next empty line."""
    _, found, rest = text.partition(f"\n{heading}")
    assert found, f"no section {heading!r} in:\n{text}"
    return [line.rstrip() for line in rest.partition("\n\n")[0].splitlines()[1:]]


def row(lines: list[str], first: str) -> list[str]:
    """Return the cells of the table row that begins so: what two spaces or more keep apart."""
    (line,) = [line for line in lines if line == first or line.startswith(f"{first} ")]
    return re.split(r"\s{2,}", line.removeprefix(first).strip())


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def complaint(ran: Ran) -> str:
    """Return what was complained of: exit code 2, nothing printed, one line on stderr."""
    assert ran.code == 2
    assert ran.text == ""
    (line,) = ran.errors.splitlines()
    assert line.startswith("compare.py: ")
    return line.removeprefix("compare.py: ")


# How these tests look at things, shown to see


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a": -Infinity}'])
def test_json_with_numbers_it_lacks_is_noticed(text: str) -> None:
    with pytest.raises(ValueError, match="is no JSON"):
        strictly(text)


def test_only_times_are_left_out() -> None:
    assert without_times({"a": [{"time_s": 1, "b": 2}], "c": 3}) == {"a": [{"b": 2}], "c": 3}


@pytest.mark.parametrize(
    "ran",
    [
        Ran(0, "", "compare.py: no.\n"),
        Ran(1, "", "compare.py: no.\n"),
        Ran(2, "a report\n", "compare.py: no.\n"),
        Ran(2, "", ""),
        Ran(2, "", "compare.py: no,\nnot at all.\n"),
        Ran(2, "", 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: no\n'),
        Ran(2, "", "RuntimeWarning: no\n"),
    ],
)
def test_what_is_no_complaint_in_one_sentence_is_noticed(ran: Ran) -> None:
    with pytest.raises((AssertionError, ValueError)):
        complaint(ran)


def test_a_missing_section_is_noticed() -> None:
    with pytest.raises(AssertionError, match="no section 'Loss'"):
        section("head\n\nTime\nnumpy  1 s\n", "Loss")


# A run of one seed


@dataclass(frozen=True)
class Compared:
    """One run of two backends, with everything it left."""

    ran: Ran
    data: dict[str, Any]
    folder: Path

    @property
    def text(self) -> str:
        return self.ran.text

    def each(self, *path: str) -> list[Any]:
        """Return one value for each backend."""
        values = self.data["backends"]
        for key in path:
            values = [value[key] for value in values]
        return list(values)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    load_or_skip(find("jax"))
    folder = tmp_path_factory.mktemp("two")
    ran = run(
        "--backends", "numpy,jax", "--epochs", "12",
        "--json", folder / "two.json", "--record", folder / "recordings",
    )  # fmt: skip
    return Compared(ran, read(folder / "two.json"), folder)


def test_a_run_ends_well(two: Compared) -> None:
    assert two.ran.code == 0
    assert two.ran.errors == ""


def test_a_piped_report_is_plain(two: Compared) -> None:
    assert "\x1b" not in two.text
    assert "\r" not in two.text
    assert max(map(len, two.text.splitlines())) <= 88


def test_the_head_says_what_was_run(two: Compared) -> None:
    first, second = two.text.splitlines()[:2]
    assert first == (
        "people16: sixteen people, 2-2-1 sigmoid, mean squared error, SGD at 0.05, 12 epochs"
    )
    numpy, jax = two.each("version")
    assert second.startswith(f"seed 42, float64, numpy {numpy}, jax {jax}, ")


def test_the_weights_stand_side_by_side(two: Compared) -> None:
    lines = section(two.text, "Weights and biases after step 192")
    assert lines[0].split() == ["numpy", "jax"]
    assert [line.split()[0] for line in lines[1:]] == list(two.each("params")[0])
    for name in two.each("params")[0]:
        values = [params[name] for params in two.each("params")]
        equal = values[0] == values[1]
        assert row(lines, name) == [f"{v:.6g}" if equal else f"{v:#.17g}" for v in values]


def test_the_distances_are_those_of_the_data(two: Compared) -> None:
    lines = section(two.text, "Largest distance between any two backends, in ULPs")
    (pair,) = two.data["drift"]
    for name, end in pair["final_ulps"].items():
        on_the_way = [pair["largest_ulps"][kind][name] for kind in ("weights", "gradients")]
        assert row(lines, name) == [
            f"{end:,}",
            *(f"{o['ulps']:,} (step {o['step']:,})" if o["ulps"] else "0" for o in on_the_way),
        ]


def test_the_loss_is_drawn_and_told(two: Compared) -> None:
    lines = section(two.text, "Loss: mean over the 16 samples")
    drawn = [line for line in lines if "│" in line]
    assert len(drawn) == 11
    assert any("•" in line for line in drawn)
    assert any(line.endswith("epoch 12") for line in lines)
    for name, loss in zip(two.each("name"), two.each("curve", "loss"), strict=True):
        assert row(lines, name) == [repr(loss[0]), repr(loss[-1])]


def test_the_largest_difference_of_the_losses_is_told(two: Compared) -> None:
    lines = section(two.text, "Loss: mean over the 16 samples")
    (gap,) = two.data["loss_gaps"]
    assert gap["largest"] > 0
    assert (
        f"Largest difference: {gap['largest']:.2g} (numpy-jax), at epoch {gap['epoch']}. "
        "The loss curves do not part."
    ) in unwrapped("\n".join(lines))


def test_the_drift_is_told_after_1_and_10_epochs_and_the_last(two: Compared) -> None:
    lines = section(two.text, "Drift of the weights")
    (pair,) = two.data["drift"]
    assert [mark["epoch"] for mark in pair["after_epoch"]] == [1, 10, 12]
    for mark in pair["after_epoch"]:
        told = f"{mark['largest_ulps']:,} ({mark['largest_difference']:.1e})"
        assert row(lines, str(mark["epoch"])) == [told]
    for kind, step in pair["first_step_with_other_bits"].items():
        assert row(lines, f"first bit: {kind}") == ["never" if step is None else f"step {step:,}"]


def test_the_worked_steps_stand_beside_40_exact_digits(two: Compared) -> None:
    lines = section(two.text, "dL/dw1 of two worked steps, beside the exact value")
    assert row(lines, "symmetric, exact") == ["0.02146953526581110728602702583877153965203"]
    assert row(lines, "asymmetric, exact") == ["0.04481601693531746310464214874549775334538"]
    told = [line.split() for line in lines[1:] if "exact" not in line]
    assert told == [
        [one["backend"], f"{one['value']:#.17g}", str(one["ulps"])]
        for one in two.data["worked_steps"]
    ]


@pytest.mark.parametrize("answer", range(4))
def test_the_exact_values_in_the_data_have_40_digits(two: Compared, answer: int) -> None:
    assert len(two.data["worked_steps"][answer]["exact"].removeprefix("0.").lstrip("0")) == 40


def test_the_person_is_answered(two: Compared) -> None:
    told = unwrapped("\n".join(section(two.text, "Someone new")))
    numpy, jax = (answers[0] for answers in two.each("answers"))
    assert told == (
        f"the text's own person (161 cm, 65 kg): numpy {numpy['output']:.6f}, "
        f"jax {jax['output']:.6f}. All say {numpy['class']}."
    )
    assert (numpy["person"], numpy["values"]) == ("the text's own person", [161, 65])


def test_it_is_told_whether_it_learned(two: Compared) -> None:
    told = unwrapped("\n".join(section(two.text, "Did it learn?")))
    assert {outcome["in_words"] for outcome in two.each("outcome")} == {
        "stuck: 8 of 16; saturated: h2 at 1"
    }
    assert told.startswith("Both: stuck: 8 of 16; saturated: h2 at 1. A saturated unit answers")


def test_the_times_are_told(two: Compared) -> None:
    lines = section(two.text, "Time")
    assert lines[0].split() == ["set-up", "compile", "training", "per", "step"]
    assert row(lines, "numpy")[1] == "-"
    assert all(re.fullmatch(r"[\d.]+ (s|ms|µs)", cell) for cell in row(lines, "jax"))


def test_the_data_says_what_it_is(two: Compared) -> None:
    assert (two.data["schema"], two.data["kind"]) == (1, "comparison")
    assert two.data["command"] == (
        "python compare.py run --problem people16 --seed 42 --backends numpy,jax "
        "--dtype float64 --epochs 12"
    )
    assert (two.data["seed"], two.data["dtype"], two.data["steps"]) == (42, "float64", 192)
    assert two.data["problem"]["name"] == "people16"
    assert (two.data["interrupted"], two.data["missing"], two.data["parted"]) == (False, [], False)


def test_the_data_times_each_backend(two: Compared) -> None:
    assert two.each("name") == ["numpy", "jax"]
    assert [set(times) for times in two.each("time_s")] == [{"setup", "compile", "training"}] * 2
    assert all(times["training"] > 0 for times in two.each("time_s"))


def test_the_data_holds_the_curves(two: Compared) -> None:
    assert two.each("curve", "finished_epochs") == [[0, 1, 11, 12]] * 2
    assert [len(values) for values in two.each("curve", "loss")] == [4, 4]
    assert [len(values) for values in two.each("curve", "correct")] == [4, 4]


@pytest.mark.parametrize("index", [0, 1])
def test_the_recordings_hold_every_step(two: Compared, index: int) -> None:
    name = two.each("name")[index]
    file = open_recording(two.folder / "recordings" / f"{name}.npz")
    steps = np.concatenate([chunk.steps for chunk in file.recordings()])
    assert steps.tolist() == list(range(1, 193))
    assert (file.header["backend"], file.header["seed"]) == (name, 42)
    *_, last = file.recordings()
    values = np.concatenate([w.ravel() for w in last.final[0]]).tolist()
    assert values == list(two.each("params")[index].values())


def test_nothing_but_the_recordings_is_left(two: Compared) -> None:
    names = sorted(path.name for path in (two.folder / "recordings").iterdir())
    assert names == ["jax.npz", "numpy.npz"]


def test_without_a_command_run_is_meant() -> None:
    def untimed(text: str) -> str:
        return text.partition("\nTime\n")[0]

    assert untimed(run(*FAST).text) == untimed(run("run", *FAST).text)


def test_one_backend_alone_is_compared_with_nothing() -> None:
    ran = run(*FAST)
    assert (ran.code, ran.errors) == (0, "")
    assert "Weights and biases after step 48" in ran.text
    assert "ULPs\n" not in ran.text.partition("dL/dw1")[0]
    assert "Drift" not in ran.text


REPEATED = {
    "one seed": ["--epochs", "3"],
    "everything else": (
        [
            "--problem",
            "people4",
            "--seed",
            "7",
            "--dtype",
            "float32",
            "--epochs",
            "0012",
            "--lr",
            "1e-1",
        ]
    ),
    "many seeds": ["--seeds", "0-4,42", "--epochs", "3"],
}


@pytest.mark.parametrize("arguments", REPEATED.values(), ids=REPEATED.keys())
def test_the_command_in_the_data_repeats_the_run(tmp_path: Path, arguments: list[str]) -> None:
    first, again = tmp_path / "first.json", tmp_path / "again.json"
    run("--backends", "numpy", *arguments, "--json", first)
    command = shlex.split(read(first)["command"])
    assert command[:2] == ["python", "compare.py"]
    assert run(*command[2:], "--json", again).code == 0
    assert without_times(read(again)) == without_times(read(first))


def test_another_run_gives_other_data(tmp_path: Path) -> None:
    run(*FAST, "--json", tmp_path / "42.json")
    run(*FAST, "--seed", "43", "--json", tmp_path / "43.json")
    assert (
        read(tmp_path / "42.json")["backends"][0]["params"]
        != (read(tmp_path / "43.json")["backends"][0]["params"])
    )


def test_a_run_that_overshoots_wildly_is_told_without_a_warning() -> None:
    ran = run("--backends", "numpy", "--lr", "1e300", "--epochs", "2")
    assert (ran.code, ran.errors) == (0, "")


@on_posix
def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "compare.py", *FAST],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == -signal.SIGPIPE


# Many seeds


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, dict[str, Any]]:
    path = tmp_path_factory.mktemp("many") / "many.json"
    ran = run("--backends", "numpy", "--seeds", "0-4", "--epochs", "1000", "--json", path)
    return ran, read(path)


def test_a_survey_counts_its_seeds(many: tuple[Ran, dict[str, Any]]) -> None:
    ran, data = many
    assert (ran.code, ran.errors) == (0, "")
    assert "\nseeds 0-4, float64, numpy " in ran.text
    lines = section(ran.text, "5 seeds")
    solved = [one["seed"] for one in data["seeds"] if one["correct"]["numpy"] == data["samples"]]
    assert 0 < len(solved) < 5
    told = unwrapped("\n".join(lines))
    assert f"solved {len(solved)} " in told
    assert f"stuck {5 - len(solved)} " in told
    assert "differ 0 " in told
    assert "parted 0 " in told


def test_a_survey_tells_each_backend(many: tuple[Ran, dict[str, Any]]) -> None:
    ran, data = many
    (numpy,) = data["backends"]
    cells = row(section(ran.text, "By backend"), "numpy")
    assert cells[:2] == [str(numpy["solved"]), str(5 - numpy["solved"])]


def test_the_data_of_a_survey_holds_each_seed(many: tuple[Ran, dict[str, Any]]) -> None:
    _, data = many
    assert (data["schema"], data["kind"], data["asked"], data["epochs"]) == (1, "survey", 5, 1000)
    assert [one["seed"] for one in data["seeds"]] == [0, 1, 2, 3, 4]
    assert all(set(one) == {"seed", "correct", "loss", "parted_epoch"} for one in data["seeds"])
    assert len({one["loss"]["numpy"] for one in data["seeds"]}) == 5


# The list, and help


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


# At a terminal


def at_terminal(*arguments: str, **changes: str) -> str:
    """Run the command with its output on a terminal, and return what the terminal got."""
    import pty

    terminal, side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "compare.py", *arguments],
        cwd=ROOT, env=environment(**changes), stdout=side, stderr=side,
    )  # fmt: skip
    os.close(side)
    got = b"".join(chunks(terminal))
    process.wait(60)
    return got.decode()


def chunks(terminal: int, within_s: float = 60) -> Iterator[bytes]:
    """Yield what comes from a terminal until it is closed."""
    until = time.monotonic() + within_s
    try:
        while select.select([terminal], [], [], max(0, until - time.monotonic()))[0]:
            try:
                chunk = os.read(terminal, 65536)
            except OSError:  # the other side is closed
                return
            if not chunk:
                return
            yield chunk
        pytest.fail(f"nothing more came within {within_s} s")
    finally:
        os.close(terminal)


COLOUR = re.compile(r"\x1b\[(?:[\d;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[\d;]*)?m")


@pytest.mark.parametrize("code", ["\x1b[33m", "\x1b[1;31m", "\x1b[38;5;70m", "\x1b[97m"])
def test_a_colour_is_noticed(code: str) -> None:
    assert COLOUR.search(code)
    assert not COLOUR.search("\x1b[1m\x1b[0m\x1b[2K\x1b[?25l")


@on_posix
@pytest.mark.parametrize(
    ("changes", "coloured", "styled"),
    [
        ({"TERM": "xterm-256color"}, True, True),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, False, True),
        ({"TERM": "dumb"}, False, False),
    ],
    ids=["as it is", "no colour", "a dumb terminal"],
)
def test_a_terminal_gets_the_colour_it_wants(
    tmp_path: Path, changes: dict[str, str], coloured: bool, styled: bool
) -> None:
    missing = without(tmp_path, "jax")
    got = at_terminal("--backends", "numpy,jax", "--epochs", "3", **changes, **missing)
    assert "Not compared: jax" in got
    assert bool(COLOUR.search(got)) is coloured
    assert ("\x1b" in got) is styled


# Frameworks that are missing

BLOCKER = """
from importlib.machinery import PathFinder

_find = PathFinder.find_spec


def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] in {blocked!r} else _find(name, path, target)


PathFinder.find_spec = find_spec
"""


def without(folder: Path, *frameworks: str) -> dict[str, str]:
    """Return the environment in which these frameworks are not installed."""
    (folder / "sitecustomize.py").write_text(BLOCKER.replace("{blocked!r}", repr(frameworks)))
    return {"PYTHONPATH": str(folder)}


def test_the_rest_is_run_where_a_framework_is_missing(tmp_path: Path) -> None:
    ran = run(
        "--backends", "numpy,jax", "--epochs", "3", "--json", tmp_path / "a.json",
        **without(tmp_path, "jax"),
    )  # fmt: skip
    assert (ran.code, ran.errors) == (3, "")
    assert (
        "Not compared: jax: the package 'jax' is not installed here. "
        "Install it with: pip install jax"
    ) in unwrapped(ran.text)
    assert "Weights and biases after step 48" in ran.text
    data = read(tmp_path / "a.json")
    assert [one["name"] for one in data["backends"]] == ["numpy"]
    assert [one["name"] for one in data["missing"]] == ["jax"]
    assert "pip install jax" in data["missing"][0]["reason"]


def test_by_default_every_backend_is_asked_for(tmp_path: Path) -> None:
    ran = run(
        "--epochs", "3", "--json", tmp_path / "a.json", **without(tmp_path, "torch", "jax")
    )  # fmt: skip
    assert ran.code == 3
    data = read(tmp_path / "a.json")
    assert [one["name"] for one in data["backends"]] == ["numpy"]
    assert [one["name"] for one in data["missing"]] == ["torch", "jax"]
    assert "--backends numpy,torch,jax " in data["command"]
    assert (data["problem"]["name"], data["seed"], data["dtype"]) == ("people16", 42, "float64")


def test_a_survey_says_what_is_missing(tmp_path: Path) -> None:
    ran = run(
        "--backends", "jax,numpy", "--epochs", "3", "--seeds", "0-2", "--json", tmp_path / "a.json",
        **without(tmp_path, "jax"),
    )  # fmt: skip
    assert (ran.code, ran.errors) == (3, "")
    assert "Not compared: jax: the package 'jax' is not installed" in unwrapped(ran.text)
    assert [one["name"] for one in read(tmp_path / "a.json")["missing"]] == ["jax"]


def test_where_nothing_is_left_nothing_is_run(tmp_path: Path) -> None:
    ran = run("--backends", "jax,torch", "--epochs", "3", **without(tmp_path, "torch", "jax"))
    assert (ran.code, ran.text) == (3, "")
    assert "jax: the package 'jax' is not installed here" in ran.errors
    assert "torch: the package 'torch' is not installed here" in ran.errors
    assert "Traceback" not in ran.errors


def test_the_list_says_what_is_missing(tmp_path: Path) -> None:
    ran = run("list", **without(tmp_path, "jax"))
    assert ran.code == 0
    assert "unavailable: jax: the package 'jax' is not installed" in unwrapped(ran.text)


def test_a_framework_that_does_not_load_is_missing(tmp_path: Path) -> None:
    (tmp_path / "jax.py").write_text("raise ImportError('libjax.so: not for this machine')\n")
    ran = run("--backends", "numpy,jax", "--epochs", "3", PYTHONPATH=str(tmp_path))
    assert (ran.code, ran.errors) == (3, "")
    assert "does not load: libjax.so: not for this machine" in unwrapped(ran.text)
    assert "Weights and biases after step 48" in ran.text


# What cannot be used

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


# Backends of one's own

MINE = """
import numpy as np

from shared.backend import Backend, Evaluation, OptimizerState, StepBackend, StepGradients


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Mine(StepBackend):
    def __init__(self, network, optimizer, dtype, device="cpu"):
        self.rate = np.dtype(dtype).type(optimizer.learning_rate)

    def evaluate(self, params, x, y):
        W1, b1, W2, b2 = params
        h = sigmoid(x @ W1.T + b1)
        o = sigmoid(h @ W2.T + b2)
        loss = np.mean((o - y) ** 2)
        return Evaluation(activations=(h, o), logits=None, loss=loss)

    def gradients(self, params, x, y):
        evaluation = self.evaluate(params, x, y)
        h, o = evaluation.activations
        d2 = 2 * (o - y) / o.size * o * (1 - o)
        d1 = d2 @ params[2] * h * (1 - h)
        grads = d1.T @ x, d1.sum(0), d2.T @ h, d2.sum(0)
        return StepGradients(evaluation, grads)

    def update(self, params, grads, state):
        after = tuple(w - self.rate * g for w, g in zip(params, grads))
        return after, OptimizerState(state.step + 1)
"""


@pytest.fixture
def mine(tmp_path: Path) -> Callable[..., Path]:
    """Write a backend of one's own, with pieces of the right one replaced."""

    def written(*replaced: tuple[str, str], name: str = "mine.py") -> Path:
        source = MINE
        for old, new in replaced:
            assert old in source
            source = source.replace(old, new)
        path = tmp_path / name
        path.write_text(source, "utf-8")
        return path

    return written


def inserted(before: str, line: str) -> tuple[str, str]:
    """Put a line of a verb before another."""
    return f"        {before}", f"        {line}\n        {before}"


def line_of(path: Path, text: str) -> int:
    (number,) = [i for i, line in enumerate(path.read_text().splitlines(), 1) if text in line]
    return number


@pytest.mark.parametrize("extra", [[], ["--seeds", "0-2"], ["--dtype", "float32"]])
def test_a_backend_of_ones_own_is_compared(
    mine: Callable[..., Path], tmp_path: Path, extra: list[str]
) -> None:
    path = mine()
    ran = run(
        "--backends", f"numpy,{path}", "--epochs", "3", "--json", tmp_path / "a.json", *extra
    )  # fmt: skip
    assert (ran.code, ran.errors) == (0, "")
    assert f"mine (on numpy {np.__version__})" in unwrapped(ran.text)
    assert [one["name"] for one in read(tmp_path / "a.json")["backends"]] == ["numpy", "mine"]


def test_the_command_repeats_a_path_with_spaces(mine: Callable[..., Path], tmp_path: Path) -> None:
    path = mine(name="my own.py")
    run("--backends", f"numpy,{path}", "--epochs", "3", "--json", tmp_path / "a.json")
    command = shlex.split(read(tmp_path / "a.json")["command"])
    assert f"numpy,{path}" in command


SLIPS: dict[str, tuple[tuple[str, str], str]] = {
    "a syntax error": (
        ("def sigmoid(z):", "def sigmoid(z:"),
        r"mine\.py, line 7, does not import: SyntaxError",
    ),
    "an import that raises": (
        ("def sigmoid(z):", "1 / 0\n\n\ndef sigmoid(z):"),
        r"mine\.py, line 7, does not import: ZeroDivisionError: division by zero",
    ),
    "an import that raises at length": (
        ("def sigmoid(z):", "raise ValueError('two\\nlines')\n\n\ndef sigmoid(z):"),
        r"mine\.py, line 7, does not import: ValueError: two",
    ),
    "no backend class": (("(StepBackend):", ":"), r"mine\.py holds no backend class"),
    "two backend classes": (
        ("class Mine(StepBackend):", "class Other(Mine_):\n    pass\n\n\nclass Mine(StepBackend):"),
        r"mine\.py",
    ),
    "a verb that is missing": (
        ("def update(", "def updated("),
        r"mine\.py holds no backend class that can be used \(Mine lacks update\)",
    ),
    "a constructor that raises": (
        inserted("self.rate = np", "1 / 0"),
        "mine.*ZeroDivisionError: division by zero",
    ),
    "a gradient transposed": (
        ("grads = d1.T @ x,", "grads = (d1.T @ x)[:1],"),
        r"mine, gradients: expected gradient W1 of shape \(2, 2\); got shape \(1, 2\)\.",
    ),
    "a gradient of another dtype": (
        ("d2.sum(0)\n", "d2.sum(0).astype(np.float32)\n"),
        r"mine, gradients: expected gradient b2 in float64; got float32\.",
    ),
    "a gradient short": (
        (", d2.sum(0)\n", "\n"),
        r"mine, gradients: expected 4 arrays \(.*\); got 3\.",
    ),
    "a loss of Python": (
        ("loss = np.mean((o - y) ** 2)", "loss = float(np.mean((o - y) ** 2))"),
        r"mine, gradients: expected loss as a NumPy array; got float\. Convert it at the border",
    ),
    "no activations": (
        inserted(
            "return Evaluation(a",
            "if len(x) > 1:\n            return Evaluation(None, None, loss)",
        ),
        "mine: evaluate returned no activations; expected those of every layer",
    ),
    "gradients that raise": (
        inserted("d2 = 2", "1 / 0  # here"),
        r"mine, gradients: ZeroDivisionError: division by zero \(.*mine\.py, line {line}\)",
    ),
    "an update that raises": (
        inserted("after = tuple", "1 / 0  # here"),
        r"mine, update: ZeroDivisionError: .*mine\.py, line {line}\)\. \(In step 1\.\)",
    ),
    "an update that raises later": (
        inserted("after = tuple", "1 / (19 - state.step)  # here"),
        r"mine, update: ZeroDivisionError: .*mine\.py, line {line}\)\. \(In step 20\.\)",
    ),
    "an evaluation that raises": (
        inserted("loss = np.mean", "1 / (16 - len(x))  # here"),
        r"mine, evaluate: ZeroDivisionError: .*mine\.py, line {line}\)",
    ),
    "a verb that raises at length": (
        inserted("d2 = 2", "raise ValueError('two\\nlines')"),
        "mine, gradients: ValueError: two.*lines",
    ),
    "a verb that writes into its arguments": (
        inserted("after = tuple", "params[0][...] = 0  # here"),
        (
            r"mine, update: ValueError: .*read-only \(.*mine\.py, line {line}\)\. A verb leaves "
            r"its arguments unchanged: compute a new array\. \(In step 1\.\)"
        ),
    ),
    "a verb that scales its samples in place": (
        inserted("evaluation = self", "x *= 2"),
        "mine, gradients: ValueError: .*A verb leaves its arguments unchanged",
    ),
    "a loop of its own that raises": (
        ("class Mine(StepBackend):",
         "class Mine(Backend):\n    def train(self, *_):\n        1 / 0  # here\n"),
        r"mine.*ZeroDivisionError: division by zero.*line {line}",
    ),
    "a loop of its own that returns nothing": (
        (
            "class Mine(StepBackend):",
            "class Mine(Backend):\n    def train(self, *_):\n        pass\n",
        ),
        r"mine, steps 1 to 48: expected a Recording; got a NoneType\.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("slip", "reason"), SLIPS.values(), ids=SLIPS.keys())
def test_a_slip_in_a_backend_of_ones_own_is_named(
    mine: Callable[..., Path], slip: tuple[str, str], reason: str
) -> None:
    path = mine(slip)
    if "{line}" in reason:
        reason = reason.replace("{line}", str(line_of(path, "# here")))
    assert re.search(reason, complaint(run("--backends", path, "--epochs", "3")))


def test_two_backends_in_one_file_are_named(mine: Callable[..., Path]) -> None:
    path = mine()
    path.write_text(MINE + "\n\nclass Other(Mine):\n    pass\n", "utf-8")
    assert "mine.py holds 2 backend classes (Mine, Other)" in complaint(run("--backends", path))


def test_a_framework_of_ones_own_may_be_missing(mine: Callable[..., Path]) -> None:
    path = mine(("    def __init__", "    framework = 'no_such_framework'\n\n    def __init__"))
    ran = run("--backends", f"numpy,{path}", "--epochs", "3")
    assert (ran.code, ran.errors) == (3, "")
    assert "Not compared: mine: the package 'no_such_framework' is not" in unwrapped(ran.text)


def test_a_failed_run_leaves_files_as_they_were(mine: Callable[..., Path], tmp_path: Path) -> None:
    slip = inserted("after = tuple", "1 / (19 - state.step)")
    path, data, folder = mine(slip), tmp_path / "a.json", tmp_path / "recordings"
    data.write_text("before")
    complaint(run("--backends", path, "--epochs", "3", "--json", data, "--record", folder))
    assert data.read_text() == "before"
    assert list(folder.iterdir()) == []


# Numbers that are none

NAN_LOSS = ("loss = np.mean((o - y) ** 2)", "loss = np.mean((o - y) ** 2) * np.nan")
NAN_GRADIENT = ("return StepGradients(evaluation, grads)",
                "return StepGradients(evaluation, tuple(g * np.nan for g in grads))")  # fmt: skip
INFINITE_BIAS = inserted("return after", "after = (*after[:3], after[3] - np.inf)")


def lost(path: Path, folder: Path) -> tuple[Ran, str]:
    """Run a backend whose numbers are none beside NumPy; return the JSON as text, too."""
    ran = run("--backends", f"numpy,{path}", "--epochs", "2", "--json", folder / "a.json")
    return ran, (folder / "a.json").read_text("utf-8")


def test_a_nan_is_written_as_a_string(mine: Callable[..., Path], tmp_path: Path) -> None:
    ran, text = lost(mine(NAN_LOSS), tmp_path)
    assert (ran.code, ran.errors) == (0, "")
    assert strictly(text)["backends"][1]["curve"]["loss"] == ["NaN"] * 3
    assert "mine: a recorded number is NaN or infinite from step 1 on" in unwrapped(ran.text)


def test_an_infinity_is_written_as_a_string(mine: Callable[..., Path], tmp_path: Path) -> None:
    ran, text = lost(mine(INFINITE_BIAS), tmp_path)
    assert ran.code == 0
    assert strictly(text)["backends"][1]["params"]["b3"] == "-Infinity"
    assert "broken: " in ran.text


def test_a_nan_is_never_equal_to_a_number(mine: Callable[..., Path], tmp_path: Path) -> None:
    ran, text = lost(mine(NAN_LOSS), tmp_path)
    assert strictly(text)["parted"]
    assert "equal to the last bit" not in ran.text
    assert "The loss curves part (numpy-mine)" in unwrapped(ran.text)


def test_the_distance_of_a_nan_is_no_number(mine: Callable[..., Path], tmp_path: Path) -> None:
    ran, text = lost(mine(NAN_GRADIENT), tmp_path)
    assert strictly(text)["backends"][1]["params"]["w1"] == "NaN"
    assert row(section(ran.text, "Largest distance"), "w1")[0] == "NaN"
    assert "18446744073709551615" not in ran.text


def test_the_distance_of_a_nan_is_no_number_in_the_data(
    mine: Callable[..., Path], tmp_path: Path
) -> None:
    _, text = lost(mine(NAN_GRADIENT), tmp_path)
    assert strictly(text)["drift"][0]["final_ulps"]["w1"] == "NaN"
    assert "18446744073709551615" not in text


# Ctrl-C


@pytest.fixture
def heeding_ctrl_c() -> Iterator[None]:
    """Let children heed Ctrl-C, also where these tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted(folder: Path, *arguments: str) -> Ran:
    """Run a command that takes minutes, and press Ctrl-C once it has made some percent."""
    import pty

    terminal, side = pty.openpty()
    printed = folder / "printed.txt"
    with printed.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "compare.py", "--backends", "numpy", *arguments],
            cwd=ROOT, env=environment(TERM="xterm"), stdout=file, stderr=side,
        )  # fmt: skip
    os.close(side)
    shown, pressed = b"", False
    try:
        for chunk in chunks(terminal):
            shown += chunk
            if not pressed and re.search(rb"[1-9]\d*%", shown):
                process.send_signal(signal.SIGINT)
                pressed, since = True, time.monotonic()
        code = process.wait(10)
        assert pressed
        assert time.monotonic() - since < 15
    finally:
        process.kill()
        process.wait()
    return Ran(code, printed.read_text("utf-8"), shown.decode())


@on_posix
@pytest.mark.usefixtures("heeding_ctrl_c")
def test_an_interrupted_run_tells_what_is_known(tmp_path: Path) -> None:
    ran = interrupted(tmp_path, "--epochs", "50000", "--json", str(tmp_path / "a.json"))
    assert ran.code == 130
    assert "Traceback" not in ran.errors
    (made,) = re.findall(r"Interrupted after ([\d,]+) of 800,000 steps", ran.text)
    data = read(tmp_path / "a.json")
    assert data["interrupted"]
    assert data["steps"] == int(made.replace(",", "")) > 0
    assert f"Weights and biases after step {made}" in ran.text
    assert "Did it learn?" in ran.text


@on_posix
@pytest.mark.usefixtures("heeding_ctrl_c")
def test_an_interrupted_survey_tells_what_is_known(tmp_path: Path) -> None:
    ran = interrupted(
        tmp_path, "--seeds", "0-2", "--epochs", "50000", "--json", str(tmp_path / "a.json")
    )
    assert ran.code == 130
    assert "Traceback" not in ran.errors
    (made,) = re.findall(r"Interrupted: 3 of 3 seeds, after ([\d,]+) of 50,000 epochs", ran.text)
    data = read(tmp_path / "a.json")
    assert data["interrupted"]
    assert data["epochs"] == int(made.replace(",", "")) > 0


@on_posix
@pytest.mark.usefixtures("heeding_ctrl_c")
def test_an_interrupted_recording_is_kept_or_said_to_be_lost(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    ran = interrupted(tmp_path, "--epochs", "50000", "--record", str(folder))
    assert ran.code == 130
    names = [path.name for path in folder.iterdir()]
    assert names in ([], ["numpy.npz"])
    kept = bool(names) and next(iter(open_recording(folder / names[0]).recordings()))
    assert kept or "recording" in ran.text


def test_an_interrupt_before_training_ends_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted_at_once(_: argparse.Namespace) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(compare, "list_command", interrupted_at_once)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert compare.main(["list"]) == 130
    assert "before there was anything to report" in capsys.readouterr().err
