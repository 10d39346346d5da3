"""Specs, and the data of one's own, through the real command."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.asked import asked_run, asked_spec, asked_to_judge
from shared.command_line import build_parser
from shared.comparison import compare
from shared.errors import RecordingFileError, UsageError
from shared.judging import judge_file
from shared.named_problems import centred, problem
from shared.registry import find, load
from shared.spec.read import read_spec
from tests.command_line import ROOT, Ran, complaint, environment, read, run, unwrapped
from tests.idx_files import tiny, write_mnist
from tests.spec_files import changed, prices, spec_data, written

NUMPY = ("--backends", "numpy")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A short training of one's own, with a seed of its own."""
    return written(tmp_path, changed(spec_data(), seed=7, schedule__epochs=4))


def asked(*arguments: str | Path) -> Any:
    return asked_run(build_parser().parse_args(["run", *map(str, arguments), *NUMPY]))


def test_a_spec_is_trained_and_certified(spec: Path, tmp_path: Path) -> None:
    ran = run("--spec", spec, *NUMPY, "--json", tmp_path / "a.json")
    assert (ran.code, ran.errors) == (0, "")
    assert ran.text.startswith("mine: 2-4-3 tanh/softmax, categorical cross entropy, SGD at 0.1, 4")
    assert "Certified: all 4 steps of numpy" in unwrapped(ran.text)
    data = read(tmp_path / "a.json")
    assert (data["problem"]["name"], data["seed"]) == ("mine", 7)
    assert shlex.split(data["command"]) == [
        "python", "compare.py", "run", "--spec", str(spec), "--seed", "7", "--backends", "numpy",
        "--dtype", "float64",
    ]  # fmt: skip


def test_labels_that_look_like_markup_are_printed_as_they_are(tmp_path: Path) -> None:
    table = "a,kind\n1,[bold]\n2,[/red]\n3,:smile:\n4,[bold]\n"
    path = written(
        tmp_path,
        changed(
            spec_data(), data__features=["a"], data__classes=["[bold]", "[/red]", ":smile:"],
            network__sizes=[1, 3], schedule__epochs=1,
        ),
        table,
    )  # fmt: skip
    ran = run("--spec", path, *NUMPY)
    assert (ran.code, ran.errors) == (0, "")
    for label in ("[bold]", "[/red]", ":smile:"):
        assert f"\n{label} " in ran.text


def test_a_survey_of_a_spec_is_made(spec: Path, tmp_path: Path) -> None:
    ran = run("--spec", spec, *NUMPY, "--seeds", "0-2", "--json", tmp_path / "a.json")
    assert (ran.code, ran.errors) == (0, "")
    assert "3 seeds" in ran.text
    assert f"--spec {spec} --seeds 0-2" in read(tmp_path / "a.json")["command"]


def test_a_recording_of_a_spec_is_judged_with_the_spec(spec: Path, tmp_path: Path) -> None:
    assert run("--spec", spec, *NUMPY, "--epochs", "3", "--record", tmp_path / "r").code == 0
    saved = tmp_path / "r" / "numpy.npz"
    told = complaint(run("judge", saved))
    assert "unknown problem 'mine'" in told
    assert told.endswith("If it was made from a spec, name that: judge --spec FILE.")
    ran = run("judge", saved, "--spec", spec, "--json", tmp_path / "a.json")
    assert ran.code == 0
    assert "Certified: all 3 steps of numpy" in unwrapped(ran.text)
    assert read(tmp_path / "a.json")["command"].endswith(f"judge {saved} --spec {spec}")


def test_a_spec_to_start_from_is_printed_and_trained(tmp_path: Path) -> None:
    ran = run("spec", "--problem", "people4", "--seed", "3")
    assert (ran.code, ran.errors) == (0, "")
    assert json.loads(ran.text)["seed"] == 3
    (tmp_path / "people.json").write_text(ran.text)
    told = asked("--spec", tmp_path / "people.json")
    assert (told.problem.name, told.seeds) == ("people4", 3)


def test_a_spec_that_is_none_is_told_in_a_line() -> None:
    told = complaint(run("--spec", "none.json"))
    assert told.startswith("cannot read none.json: No such file or directory. Expected a spec")


REFUSED: list[tuple[list[str], str]] = [
    (["run", "--problem", "mnist"], "the data of mnist are files that you have, and isograd never"),
    (["run", "--problem", "mnist", "--data", "none"], "cannot read the folder none: No such file"),
    (
        ["run", "--problem", "digits", "--data", "."],
        "the problem digits brings its own data; a fol",
    ),
    (["run", "--data", "."], "the problem people16 brings its own data"),
    (["judge", "a.npz", "--spec", "a", "--data", "."], "--spec and --data exclude each other"),
    (["judge", "a.npz", "--spec", "none.json"], "cannot read none.json"),
    (["judge", "a.npz", "--data", "none"], "cannot read the folder none"),
    (["spec", "--problem", "people61"], "unknown problem 'people61'; "),
    (["spec", "--seed", "x"], "seed 'x' is no whole number"),
    (["spec", "--problem", "mnist"], "the data of mnist are files that you have"),
]


@pytest.mark.parametrize(("arguments", "reason"), REFUSED, ids=lambda part: str(part)[:40])
def test_what_cannot_be_used_is_told(arguments: list[str], reason: str) -> None:
    ask: dict[str, Callable[[Namespace], object]] = {
        "run": asked_run, "judge": asked_to_judge, "spec": asked_spec,
    }  # fmt: skip
    with pytest.raises(UsageError) as error:
        ask[arguments[0]](build_parser().parse_args(arguments))
    assert str(error.value).startswith(reason)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--problem", "digits"], "--spec and --problem exclude each other; expected one of them."),
        (["--data", "."], "--spec and --data exclude each other; a spec names its data."),
        (["--seed", "1", "--seeds", "0-4"], "--seed and --seeds exclude each other"),
        (["--seed", "-1"], "seed -1 cannot be used"),
        (["--epochs", "0"], "epochs is 0; expected 1 to"),
        (["--lr", "0"], "learning rate '0' cannot be used"),
        (["--dtype", "float16"], "unknown dtype 'float16'"),
    ],
)
def test_options_that_do_not_go_with_a_spec_are_refused(
    spec: Path, arguments: list[str], reason: str
) -> None:
    with pytest.raises(UsageError) as error:
        asked("--spec", spec, *arguments)
    assert str(error.value).startswith(reason)


def test_options_come_before_what_the_spec_says(spec: Path) -> None:
    told = asked("--spec", spec, "--seed", "9", "--epochs", "2", "--lr", "0.5")
    assert told.seeds == 9
    assert (told.problem.epochs, told.problem.optimizer.learning_rate) == (2, 0.5)
    assert "--seed 9" in told.command
    assert told.command.endswith("--epochs 2 --lr 0.5")


def test_the_rest_of_the_optimizer_stays_where_its_rate_is_changed(tmp_path: Path) -> None:
    path = written(tmp_path, changed(prices(), optimizer={"name": "adam", "beta1": 0.5}))
    optimizer = asked("--spec", path, "--lr", "0.5").problem.optimizer
    assert (optimizer.name, optimizer.beta1, optimizer.learning_rate) == ("adam", 0.5, 0.5)


FULL = """
import sys, compare

def full(chosen):
    raise MemoryError

compare.COMMANDS["run"] = full
sys.exit(compare.main(["run"]))
"""


def test_a_network_that_memory_does_not_hold_is_no_crash() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    told = complaint(Ran(done.returncode, done.stdout, done.stderr))
    assert told == (
        "there is not enough memory for this network and this data; expected smaller ones."
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny MNIST."""
    return write_mnist(tmp_path_factory.mktemp("mnist"), tiny())


def test_mnist_is_trained_from_a_folder(folder: Path) -> None:
    told = asked("--problem", "mnist", "--data", folder)
    assert told.problem == problem("mnist", folder)
    assert f"--problem mnist --data {folder} --seed 42" in told.command


def test_a_spec_of_mnist_names_the_folder(folder: Path, tmp_path: Path) -> None:
    chosen = build_parser().parse_args(["spec", "--problem", "mnist", "--data", str(folder)])
    (tmp_path / "mine.json").write_text(asked_spec(chosen))
    assert asked("--spec", tmp_path / "mine.json").problem == problem("mnist", folder)


def test_a_recording_of_mnist_is_judged_with_the_folder(folder: Path, tmp_path: Path) -> None:
    short = problem("mnist", folder).changed(epochs=1)
    compare(short, 1, [load(find("numpy"))], record_to=tmp_path)
    saved = tmp_path / "numpy.npz"
    with pytest.raises(RecordingFileError, match=r"name their folder with --data DIR\.$"):
        judge_file(saved)
    chosen = build_parser().parse_args(["judge", str(saved), "--data", str(folder)])
    given, command = asked_to_judge(chosen)
    assert judge_file(saved, given=given).certificate.certified
    assert command == f"python compare.py judge {saved} --data {folder}"


@pytest.fixture
def saved(spec: Path, tmp_path: Path) -> Path:
    """A recording of the short training."""
    told = read_spec(spec)
    compare(told.problem, told.seed, [load(find("numpy"))], record_to=tmp_path)
    return tmp_path / "numpy.npz"


def test_a_recording_is_held_to_the_spec_that_is_given(saved: Path, spec: Path) -> None:
    judged = judge_file(saved, given=read_spec(spec).problem)
    assert judged.certificate.certified
    assert judged.certificate.steps == 4


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": "other"}, "it is a recording of the problem 'mine', and the one given"),
        ({"network__activation": "relu"}, "another 'network.activation' of the problem"),
        ({"data__scaling": "unit"}, "another 'features' of the problem 'mine': expected ['(length"),
        ({"data__split": {"held_out": 3}}, "it was made with another 'samples' of the problem"),
        ({"optimizer__weight_decay": 0.1}, "another 'optimizer.weight_decay' of the problem"),
        ({"schedule__batch_size": 3}, "it was made with another 'batch_size' of the problem"),
    ],
)  # fmt: skip
def test_a_recording_of_another_spec_is_refused(
    saved: Path, spec: Path, fields: dict[str, Any], reason: str
) -> None:
    other = changed(json.loads(spec.read_text()), **fields)
    with pytest.raises(RecordingFileError) as error:
        judge_file(saved, given=read_spec(written(spec.parent, other)).problem)
    assert reason in str(error.value)


def test_a_recording_of_another_table_is_refused(saved: Path, spec: Path) -> None:
    table = spec.parent / "flowers.csv"
    table.write_text(table.read_text().replace("5.1", "5.2"))
    with pytest.raises(RecordingFileError, match=r"another 'data_sha256'.* Was the spec changed"):
        judge_file(saved, given=read_spec(spec).problem)


def test_a_spec_that_bears_a_built_in_name_is_not_mistaken_for_it(tmp_path: Path) -> None:
    """Its data is that problem's, and its network another."""
    mine = {**spec_data(), "name": "people16", "data": {"problem": "people16"}}
    told = read_spec(written(tmp_path, changed(mine, network__sizes=[2, 3, 1]))).problem
    compare(told.changed(epochs=1), 1, [load(find("numpy"))], record_to=tmp_path)
    with pytest.raises(
        RecordingFileError, match=r"another 'network.sizes'.*name that: judge --spec FILE"
    ):
        judge_file(tmp_path / "numpy.npz")


def test_a_sibling_is_that_of_the_data_and_trained_as_the_spec_says(tmp_path: Path) -> None:
    mine = {**spec_data(), "name": "people16", "data": {"problem": "people16"}}
    told = read_spec(written(tmp_path, changed(mine, network__sizes=[2, 3, 1]))).problem
    sibling = centred(told)
    assert sibling is not None
    assert sibling.network == told.network
    assert (sibling.x == problem("people16-centered").x).all()


def test_data_that_only_bears_the_name_has_no_sibling(spec: Path) -> None:
    told = replace(read_spec(spec).problem, name="people16")
    assert centred(told) is None
