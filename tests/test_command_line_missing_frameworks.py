"""Where a framework is missing the rest is run, and what is missing is told."""

from __future__ import annotations

from pathlib import Path

from tests.command_line import read, run, unwrapped, without


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
