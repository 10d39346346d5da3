"""Who may import whom, and what may not be loaded before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
IMPLS = sorted(path for path in (ROOT / "impls").glob("*.py") if path.stem != "__init__")
SHARED = sorted((ROOT / "shared").rglob("*.py"))
OPEN_TO_IMPLS = {"shared.backend", "shared.network", "shared.optimizer", "shared.errors"}
FRAMEWORKS = {"numpy", "torch", "jax", "jaxlib", "rich", "mlx", "tinygrad", "autograd"}
OWN = {"numpy_backprop": "numpy", "torch_autograd": "torch", "jax_grad": "jax"}
TOLERANCES = {"rtol", "atol", "allclose", "isclose", "approx", "assert_allclose"}
OTHER_TOOLS = ROOT / "shared" / "power" / "rules.py"
"""The catalogue of other tools' rules, which cannot be told without their tolerances."""


def imports(source: str, top_only: bool = False) -> Iterator[str]:
    """Yield the modules that Python source imports; with top_only, those imported on loading."""
    tree = ast.parse(source)
    for node in _on_loading(tree) if top_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


def _on_loading(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        checking = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        if checking or isinstance(child, (ast.FunctionDef, ast.Lambda)):
            continue
        yield child
        yield from _on_loading(child)


def forbidden_in_impl(stem: str, source: str) -> set[str]:
    """Return what an impl imports beyond NumPy, its framework, and what is open to all.

    A file that begins with an underscore is a part of the backend whose framework it names: that
    backend's own file may import it, and no other.
    """
    framework = OWN.get(stem, stem.removeprefix("_").partition("_")[0])
    allowed = {"numpy", framework}
    found = set()
    for module in imports(source):
        top = module.partition(".")[0]
        standard = top in sys.stdlib_module_names
        part = stem in OWN and module.startswith(f"impls._{framework}_")
        if not (standard or top in allowed or module in OPEN_TO_IMPLS or part):
            found.add(module)
    return found


def frameworks_on_loading(source: str) -> set[str]:
    """Return the frameworks but NumPy that are imported as soon as the module is."""
    tops = {module.partition(".")[0] for module in imports(source, top_only=True)}
    return tops & (FRAMEWORKS - {"numpy", "rich"})


def tolerances(source: str) -> set[str]:
    """Return names in the code that stand for a chosen tolerance."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, (ast.arg, ast.keyword)) and node.arg:
            names.add(node.arg)
    return names & TOLERANCES


def chosen_tolerances(path: Path, source: str) -> set[str]:
    """Return the tolerances in a file that may not have any."""
    return set() if path == OTHER_TOOLS else tolerances(source)


@pytest.mark.parametrize("path", IMPLS, ids=lambda path: path.stem)
def test_an_impl_stands_alone(path: Path) -> None:
    assert forbidden_in_impl(path.stem, path.read_text("utf-8")) == set()


@pytest.mark.parametrize(
    "source",
    ["from impls.jax_grad import split", "import impls", "import torch", "from shared import ulp",
     "def f():\n    from shared.certificate import exact"],
)  # fmt: skip
def test_an_impl_that_leans_on_another_is_noticed(source: str) -> None:
    assert forbidden_in_impl("numpy_backprop", source)


@pytest.mark.parametrize("backend", OWN)
@pytest.mark.parametrize("part", ["numpy", "torch", "jax"])
def test_a_part_of_a_backend_is_its_own_alone(backend: str, part: str) -> None:
    source = f"from impls._{part}_updates import rule"
    assert bool(forbidden_in_impl(backend, source)) == (OWN[backend] != part)


@pytest.mark.parametrize(
    ("stem", "source"),
    [
        ("_torch_updates", "import jax"),
        ("_torch_updates", "from impls.torch_autograd import forward"),
        ("_torch_updates", "from impls._numpy_updates import rule"),
        ("_torch_updates", "from impls._torch_moments import decayed"),
        ("_torch_updates", "from shared.certificate import update"),
        ("torch_autograd", "from impls import _torch_updates, jax_grad"),
        ("torch_autograd", "import impls._jax_updates as updates"),
        ("torch_autograd", "from ._jax_updates import rule"),
        ("torch_autograd", "from . import _jax_updates"),
        ("torch_compiled", "from impls._torch_updates import rule"),
        ("mlx_grad", "from impls._torch_updates import rule"),
    ],
)
def test_a_part_that_leans_on_another_is_noticed(stem: str, source: str) -> None:
    assert forbidden_in_impl(stem, source)


@pytest.mark.parametrize(
    "source", ["import torch", "import numpy", "from shared.optimizer import Optimizer"]
)
def test_a_part_may_import_what_its_backend_may(source: str) -> None:
    assert not forbidden_in_impl("_torch_updates", source)


@pytest.mark.parametrize("path", SHARED, ids=lambda path: str(path.relative_to(ROOT)))
def test_shared_never_imports_an_impl_or_a_framework(path: Path) -> None:
    tops = {module.partition(".")[0] for module in imports(path.read_text("utf-8"))}
    assert not tops & {"impls", "compare", "tests", "benchmarks", "torch", "jax"}


def test_only_the_registry_names_the_impls() -> None:
    naming = [path.name for path in SHARED if '"impls"' in path.read_text("utf-8")]
    assert naming == ["registry.py"]


@pytest.mark.parametrize("path", IMPLS, ids=lambda path: path.stem)
def test_a_framework_is_imported_in_the_constructor_only(path: Path) -> None:
    assert frameworks_on_loading(path.read_text("utf-8")) == set()


@pytest.mark.parametrize(
    "source", ["import torch", "try:\n    import jax.numpy\nexcept ImportError:\n    pass"]
)
def test_a_framework_imported_on_loading_is_noticed(source: str) -> None:
    assert frameworks_on_loading(source)


@pytest.mark.parametrize(
    "source", ["def f():\n    import torch", "if TYPE_CHECKING:\n    from jax import Array"]
)
def test_a_framework_imported_later_is_none(source: str) -> None:
    assert not frameworks_on_loading(source)


@pytest.mark.parametrize(
    "path",
    [ROOT / "compare.py", *IMPLS, *SHARED],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_tolerance_is_chosen(path: Path) -> None:
    assert chosen_tolerances(path, path.read_text("utf-8")) == set()


@pytest.mark.parametrize("source", ["np.allclose(a, b)", "f(x, rtol=1e-5)", "def f(atol): ..."])
def test_a_tolerance_is_noticed(source: str) -> None:
    assert tolerances(source)


def test_the_tolerances_of_other_tools_have_names() -> None:
    assert tolerances(OTHER_TOOLS.read_text("utf-8"))


@pytest.mark.parametrize(
    "place",
    ["compare.py", "impls/numpy_backprop.py", "shared/rules.py", "shared/certificate/rules.py",
     "shared/power/__init__.py"],
)  # fmt: skip
def test_they_are_noticed_in_any_other_file(place: str) -> None:
    assert chosen_tolerances(ROOT / place, OTHER_TOOLS.read_text("utf-8"))


def loaded_after(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the top-level modules it left loaded."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    ("code", "spared"),
    [
        ("import shared, compare", {"numpy", "rich", "torch", "jax"}),
        ("from shared.registry import sources; sources()", {"torch", "jax"}),
        ("import impls.torch_autograd, impls.jax_grad", {"torch", "jax"}),
        ("import shared.comparison, shared.survey", {"torch", "jax", "rich"}),
    ],
)
def test_nothing_heavy_is_loaded_early(code: str, spared: set[str]) -> None:
    assert not loaded_after(code) & spared


def test_loading_is_noticed() -> None:
    assert "numpy" in loaded_after("import shared.backend")
