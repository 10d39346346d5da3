"""A run of one seed: its report, its data and its recordings say the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.recording_file import open_recording
from shared.registry import find
from tests.command_line import Ran, read, row, run, section, unwrapped
from tests.conftest import load_or_skip


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
    first, inputs, second = two.text.splitlines()[:3]
    assert first == (
        "people16: 2-2-1 sigmoid, mean squared error, SGD at 0.05, 12 epochs of 16 steps"
    )
    assert inputs == "Inputs: height in cm - 150, weight in kg - 50"
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
    assert told.startswith("Both: stuck: 8 of 16; saturated: h2 at 1. A saturated unit gives")


def test_the_times_are_told(two: Compared) -> None:
    lines = section(two.text, "Time")
    assert lines[0].split() == ["set-up", "compile", "training", "per", "step"]
    assert row(lines, "numpy")[1] == "-"
    assert all(re.fullmatch(r"[\d.]+ (s|ms|µs)", cell) for cell in row(lines, "jax"))


def test_the_data_says_what_it_is(two: Compared) -> None:
    assert (two.data["schema"], two.data["kind"]) == (3, "comparison")
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
