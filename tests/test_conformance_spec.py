"""The conformance checks take the network and the optimizer of a spec, and need no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.optimizer import Optimizer
from shared.spec.read import read_spec
from tests.command_line import Ran, row, section, unwrapped
from tests.conformance.cases import Wanted, all_of
from tests.conformance.catalogue import NETWORKS, SPEC, Own, own_of
from tests.conformance_runs import checked, configured, told_of
from tests.conftest import pytest_configure
from tests.spec_files import changed, prices, spec_data, written
from tests.wrong_backends import REFUSING, RIGHT

SIGMOIDS = changed(
    prices(),
    network={"sizes": [2, 3, 1], "activation": "sigmoid", "output": "sigmoid"},
    optimizer={"learning_rate": 0.25},
)

FOR_ONE = RIGHT.replace(
    REFUSING,
    """        if (network.sizes, optimizer.learning_rate) != ((2, 3, 1), 0.25):
            raise BackendUnusable("it is made for 2-3-1 at 0.25")
""",
)
assert FOR_ONE != RIGHT


def own(learning_rate: float = 0.1) -> Own:
    return Own("mine.json", NETWORKS["2-4-3"], Optimizer(learning_rate))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a spec, a backend that is made for it, and one that is made for another."""
    made = tmp_path_factory.mktemp("backends")
    written(made, SIGMOIDS)
    (made / "mine.py").write_text(FOR_ONE, "utf-8")
    (made / "other.py").write_text(RIGHT, "utf-8")
    return made


@pytest.fixture(scope="module")
def mine(folder: Path) -> Ran:
    """What was said of the backend that is made for the spec, and for nothing else."""
    return checked(folder, ["mine"], f"--spec={folder / 'mine.json'}")


def test_a_backend_for_the_network_of_a_spec_alone_passes_and_that_is_said(mine: Ran) -> None:
    assert mine.code == 0
    assert re.search(
        r"^mine breaks nothing: \d+ checks passed on what it supports, mine\.json alone\.$",
        mine.text,
        re.M,
    )
    assert "spec: 2-3-1 sigmoid, mean_squared_error, by SGD at 0.25, as mine.json says." in (
        unwrapped(mine.text)
    )


def test_the_spec_is_the_first_of_the_cases(mine: Ran) -> None:
    lines = section(mine.text, "mine, on numpy")
    assert row(lines, "accepted")[:2] == ["spec", "2-2-1"]
    assert row(lines, "spec")[:2] == ["64 32", "-"]
    assert row(lines, "sgd")[:2] == ["-", "-"]
    assert row(lines, "options")[-1] == "all 25"


def test_everything_is_checked_on_the_spec(mine: Ran) -> None:
    checks = section(mine.text, "constructor")
    assert row(checks, "backward")[-1] == "passed 2"
    assert row(checks, "update")[-1] == "passed 2"
    assert row(checks, "state")[-1] == "passed 2"
    assert row(checks, "determinism")[-1] == "passed 6"


def test_a_spec_that_is_refused_is_a_failure(folder: Path) -> None:
    ran = checked(folder, ["other"], f"--spec={folder / 'mine.json'}", "-k", "supports_something")
    assert ran.code == 1
    assert (
        "on spec other: expected that it supports what mine.json says; its constructor refuses "
        "2-3-1 sigmoid, mean_squared_error, by SGD at 0.25, since: it knows the 2-2-1 network and "
        "plain SGD only"
    ) in unwrapped(told_of(ran, "other"))


def test_the_small_networks_are_preferred_for_options() -> None:
    cases = [case.network for case in Wanted(None, "adam-inside", "float64", own()).cases()]
    assert cases == [*NETWORKS, SPEC]


def test_a_dtype_that_cannot_hold_the_numbers_of_a_spec_is_left_out() -> None:
    asked = all_of(own(learning_rate=1e-60))
    assert [str(wanted) for wanted in asked.by_network[:2]] == [
        "spec-spec-float64",
        "2-2-1-float64",
    ]
    assert "spec-spec-float32" not in map(str, asked.every)
    assert "spec-sgd-float32" in list(map(str, asked.every))


def test_network_and_optimizer_are_those_of_the_spec(tmp_path: Path) -> None:
    path = written(tmp_path, changed(spec_data(), optimizer={"name": "adam", "epsilon": 0.1}))
    one = read_spec(path).problem
    assert own_of(path) == Own("mine.json", one.network, one.optimizer)
    (case,) = Wanted(SPEC, SPEC, "float64", own_of(path)).cases()
    assert (case.problem.network, case.problem.optimizer) == (one.network, one.optimizer)


USAGE = {
    "a field": (changed(spec_data(), network__sizes=[2]), r"mine\.json, line \d+, network\.sizes"),
    "the data": (changed(spec_data(), data__targets=["cost"]), "has no column 'cost'"),
}


@pytest.mark.parametrize(("spec", "reason"), USAGE.values(), ids=USAGE.keys())
def test_a_spec_that_cannot_be_used_is_a_mistake_in_usage(
    tmp_path: Path, spec: dict[str, object], reason: str
) -> None:
    path = written(tmp_path, spec)
    with pytest.raises(pytest.UsageError, match=reason):
        pytest_configure(configured("numpy", spec=str(path)))


@pytest.mark.parametrize("name", ["no-such.json", ""])
def test_a_spec_that_is_not_there_is_a_mistake_in_usage(tmp_path: Path, name: str) -> None:
    with pytest.raises(pytest.UsageError, match="a spec in JSON"):
        pytest_configure(configured("numpy", spec=str(tmp_path / name)))


def test_a_spec_without_a_backend_is_a_mistake_in_usage(tmp_path: Path) -> None:
    path = written(tmp_path, spec_data())
    with pytest.raises(pytest.UsageError, match="expected --backend, too"):
        pytest_configure(configured(spec=str(path)))


def test_the_path_of_a_spec_is_kept_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, spec_data())
    monkeypatch.chdir(tmp_path)
    config = configured("numpy", spec="mine.json")
    pytest_configure(config)
    assert config.option.spec == str(path)
