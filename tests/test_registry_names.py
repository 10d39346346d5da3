"""Which backends there are, and by which names and paths they are found."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from shared import registry
from shared.errors import BackendUnusable, UsageError
from shared.registry import Source, find, load, sources
from tests.own_backends import EMPTY, own, write

ROOT = Path(__file__).parent.parent
MakePackage: TypeAlias = Callable[..., tuple[Source, ...]]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakePackage]:
    """Put a package with files of these names in the place of impls/."""
    name = f"impls_of_{tmp_path.name}"
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "PACKAGE", name)

    def made(*stems: str) -> tuple[Source, ...]:
        (folder / "__init__.py").write_text("")
        for stem in stems:
            (folder / f"{stem}.py").write_text(EMPTY)
        return sources()

    yield made
    for module in [one for one in sys.modules if one.partition(".")[0] == name]:
        del sys.modules[module]


def names(found: Sequence[Source]) -> list[str]:
    return [source.name for source in found]


def loaded_after(code: str) -> set[str]:
    """Run code in a fresh interpreter; return the top-level modules it has loaded then."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint()\nprint(*sys.modules)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize(
    "code",
    [
        "from shared.registry import sources; sources()",
        "from shared.registry import find; find('jax'), find('torch')",
        "import compare; compare.main(['list'])",
    ],
)
def test_listing_loads_no_framework(code: str) -> None:
    assert not loaded_after(code) & {"torch", "jax", "jaxlib"}


def test_a_loaded_framework_is_noticed() -> None:
    assert "numpy" in loaded_after("import numpy")


def test_the_three_backends_are_found_by_their_files() -> None:
    assert [(source.name, source.module) for source in sources()] == [
        ("numpy", "impls.numpy_backprop"),
        ("torch", "impls.torch_autograd"),
        ("jax", "impls.jax_grad"),
    ]


def test_a_new_file_is_a_new_backend(package: MakePackage) -> None:
    assert names(package("numpy_backprop", "mlx_grad")) == ["numpy", "mlx"]


def test_what_begins_with_an_underscore_is_no_backend(package: MakePackage) -> None:
    assert names(package("_helper", "one")) == ["one"]


def test_without_the_package_there_is_no_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "PACKAGE", "no_such_package_anywhere")
    assert sources() == ()


@pytest.mark.parametrize(
    ("stems", "known"),
    [
        (["jax_grad", "torch_autograd", "numpy_backprop"], ["numpy", "torch", "jax"]),
        (["zeta_z", "alpha_a", "jax_grad"], ["jax", "alpha", "zeta"]),
        (["alpha_one", "alpha_two", "beta"], ["alpha_one", "alpha_two", "beta"]),
        (["alpha", "alphabet_soup"], ["alpha", "alphabet"]),
        (["alpha", "alpha_two"], ["alpha", "alpha_two"]),
    ],
)
def test_names_are_as_short_as_they_can_be(
    package: MakePackage, stems: list[str], known: list[str]
) -> None:
    assert names(package(*stems)) == known


@pytest.mark.parametrize(
    "stems", [["alpha", "alphabet_soup"], ["alpha", "alpha_two"], ["a_b", "a_b_c", "a_bc"]]
)
def test_every_name_finds_its_own_backend(package: MakePackage, stems: list[str]) -> None:
    known = package(*stems)
    assert [find(source.name) for source in known] == list(known)


@pytest.mark.parametrize("name", ["numpy", "n", "num", "numpy_", "numpy_backprop"])
def test_any_beginning_that_is_unambiguous_names_a_backend(name: str) -> None:
    assert find(name).module == "impls.numpy_backprop"


@pytest.mark.parametrize(
    ("name", "meant"),
    [("a", "alpha_one, alpha_two"), ("alpha", "alpha_one, alpha_two"), ("alpha_", "alpha_one")],
)
def test_an_ambiguous_beginning_is_refused(package: MakePackage, name: str, meant: str) -> None:
    package("alpha_one", "alpha_two", "beta")
    with pytest.raises(UsageError, match=f"^backend '{name}' could be any of {meant}.*write more"):
        find(name)


@pytest.mark.parametrize(("name", "module"), [("alpha_t", "alpha_two"), ("b", "beta")])
def test_a_longer_beginning_tells_them_apart(package: MakePackage, name: str, module: str) -> None:
    package("alpha_one", "alpha_two", "beta")
    assert find(name).module == f"{registry.PACKAGE}.{module}"


@pytest.mark.parametrize("name", ["tensorflow", "", "Numpy", "numpy_backprop_", "__init__", "*"])
def test_an_unknown_name_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(UsageError, match=f"^unknown backend {re.escape(repr(name))}; known: numpy"):
        find(name)


@pytest.mark.parametrize(("name", "meant"), [("nunpy", "numpy"), ("touch", "torch")])
def test_a_misspelt_name_is_answered_with_the_nearest(name: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"Did you mean '{meant}'"):
        find(name)


def test_a_file_of_ones_own_is_named_by_its_path(tmp_path: Path) -> None:
    path = write(tmp_path, EMPTY)
    assert own(path) == Source("mine", "isograd_backend_mine", path)


@pytest.mark.parametrize("name", ["mine.py", "./mine.py"])
def test_a_path_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = write(tmp_path, EMPTY)
    monkeypatch.chdir(path.parent)
    assert find(name).path == path


@pytest.mark.parametrize("name", ["none.py", "./none", "no/such/folder.py", "/", "tests/"])
def test_a_path_without_a_file_is_refused(name: str) -> None:
    with pytest.raises(
        UsageError, match=f"^backend '{name}': (there is no such file|that is a folder)"
    ):
        find(name)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").mkdir()
    with pytest.raises(UsageError, match="that is a folder"):
        own(tmp_path / "mine.py")


def test_a_file_of_impls_that_does_not_import_is_refused(
    package: MakePackage, tmp_path: Path
) -> None:
    (tmp_path / registry.PACKAGE / "broken.py").write_text("x = (\n")
    (broken,) = package()
    with pytest.raises(BackendUnusable, match=r"broken.* does not import: SyntaxError"):
        load(broken)
