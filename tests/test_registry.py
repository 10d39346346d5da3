"""Which backends there are, how they are named, and what a file has to hold to be one."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from shared import registry
from shared.backend import Backend, OptimizerState, StepBackend
from shared.errors import BackendError, BackendUnavailable, BackendUnusable, UsageError
from shared.network import Network, Optimizer
from shared.registry import Loaded, Source, find, load, sources
from tests.conftest import load_or_skip

ROOT = Path(__file__).parent.parent
NETWORK, OPTIMIZER = Network((2, 2, 1)), Optimizer(0.05)

MINE = """
from shared.backend import StepBackend

class Mine(StepBackend):
    framework = "numpy"

    def __init__(self, network, optimizer, dtype, device="cpu"):
        pass

    def evaluate(self, params, x, y):
        pass

    def gradients(self, params, x, y):
        pass

    def update(self, params, grads, state):
        pass
"""

WriteFile: TypeAlias = Callable[..., Path]
MakePackage: TypeAlias = Callable[..., tuple[Source, ...]]


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    """Write a backend of one's own and return its path."""

    def written(source: str | bytes, name: str = "mine.py") -> Path:
        path = tmp_path / name
        path.write_bytes(source if isinstance(source, bytes) else source.encode())
        return path

    return written


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
            (folder / f"{stem}.py").write_text(MINE)
        return sources()

    yield made
    for module in [one for one in sys.modules if one.partition(".")[0] == name]:
        del sys.modules[module]


def own(path: Path) -> Source:
    return find(str(path))


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


def test_a_file_of_ones_own_is_named_by_its_path(write: WriteFile) -> None:
    path = write(MINE)
    assert own(path) == Source("mine", "isograd_backend_mine", path)


@pytest.mark.parametrize("name", ["mine.py", "./mine.py"])
def test_a_path_may_be_relative(
    write: WriteFile, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = write(MINE)
    monkeypatch.chdir(path.parent)
    assert find(name).path == path


@pytest.mark.parametrize("name", ["none.py", "./none", "no/such/folder.py", "/", "tests/"])
def test_a_path_without_a_file_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"^backend '{name}': there is no such file"):
        find(name)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").mkdir()
    with pytest.raises(UsageError, match="there is no such file"):
        own(tmp_path / "mine.py")


def test_a_backend_is_loaded_with_its_class_and_version() -> None:
    loaded = load(find("numpy"))
    assert loaded.name == "numpy"
    assert loaded.kind.__name__ == "NumpyBackprop"
    assert loaded.version == np.__version__


@pytest.mark.parametrize("package_name", ["torch", "jax"])
def test_a_version_is_the_one_in_the_metadata(package_name: str) -> None:
    loaded = load_or_skip(find(package_name))
    assert loaded.version == importlib.metadata.version(package_name)


def test_a_file_of_ones_own_is_loaded(write: WriteFile) -> None:
    loaded = load(own(write(MINE)))
    assert (loaded.name, loaded.kind.__name__, loaded.version) == ("mine", "Mine", np.__version__)


def test_a_framework_without_metadata_has_no_version(write: WriteFile) -> None:
    path = write(MINE.replace('"numpy"', '"json"'))
    assert load(own(path)).version == "of unknown version"


@pytest.mark.parametrize("framework", ["no_such_framework", "no_such_framework.numpy"])
def test_a_missing_framework_is_named_with_the_remedy(write: WriteFile, framework: str) -> None:
    path = write(MINE.replace('"numpy"', f'"{framework}"'))
    with pytest.raises(
        BackendUnavailable, match=r"^mine: .*not installed here.*pip install no_such"
    ):
        load(own(path))


RENAMED = MINE.replace("class Mine", "class Other").replace("from shared", "\nfrom shared")
FINE = {
    "a base class from elsewhere": "from impls.numpy_backprop import NumpyBackprop\n" + MINE,
    "an unfinished base class": (
        MINE.replace("class Mine(StepBackend)", "class Base(StepBackend)")
        .replace("def update", "def unfinished")
        + "class Mine(Base):\n    def update(self, params, grads, state):\n        pass\n"
    ),
    "a second name for the class": MINE + "Backend = Mine\n",
    "a dataclass with postponed annotations": (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Settings:\n    rate: float = 0.1\n" + MINE
    ),
    "other things": MINE + "number = 3\nclass Helper:\n    pass\n",
    "another encoding": "# -*- coding: latin-1 -*-\n# \u00e4\n" + MINE,
}  # fmt: skip


@pytest.mark.parametrize("source", FINE.values(), ids=FINE.keys())
def test_a_file_may_hold_more_than_the_class(write: WriteFile, source: str) -> None:
    encoding = "latin-1" if "latin-1" in source else "utf-8"
    assert load(own(write(source.encode(encoding)))).kind.__name__ == "Mine"


UNUSABLE: dict[str, tuple[str | bytes, str]] = {
    "a syntax error": ("x = 1\ny = (\n", r"mine\.py, line 2, does not import: SyntaxError"),
    "an indentation error": (
        "x = 1\n  y = 2\n",
        r"mine\.py, line 2, does not import: IndentationError",
    ),
    "a null byte": (b"x = 1\0\n", r"mine\.py, does not import|mine\.py does not import"),
    "no utf-8": (b"x = 1\ny = '\xff'\n", r"mine\.py.* does not import: SyntaxError"),
    "an exception": (
        "\nraise ValueError('not today')\n",
        r"mine\.py, line 2, does not import: ValueError: not today",
    ),
    "an exception in a call": (
        "def f():\n    1 / 0\n\nf()\n",
        r"mine\.py, line 2, does not import: ZeroDivisionError",
    ),
    "an exception elsewhere": (
        "import json\njson.loads('{')\n",
        r"mine\.py, line 2, does not import: JSONDecodeError",
    ),
    "a missing module": (
        "import no_such_module\n",
        r"mine\.py, line 1, does not import: ModuleNotFoundError: No module named 'no_such_module'",
    ),
    "an exit": ("import sys\nsys.exit(0)\n", r"mine\.py, line 2, does not import: SystemExit"),
    "nothing": ("", "holds no backend class that can be used; expected one subclass of"),
    "no backend class": ("class Mine:\n    pass\n", "holds no backend class that can be used;"),
    "the interface alone": (
        "from shared.backend import StepBackend, Backend\n",
        "holds no backend class that can be used; expected one",
    ),
    "another's class": (
        "from impls.numpy_backprop import NumpyBackprop\n",
        "holds no backend class that can be used; expected one",
    ),
    "an object": (MINE + "mine = Mine(0, 0, 0)\ndel Mine\n", "holds no backend class"),
    "a class that lacks a verb": (
        MINE.replace("def update", "def updated"),
        r"holds no backend class that can be used \(Mine lacks update\); expected one",
    ),
    "a class that lacks two": (
        MINE.replace("def update", "def updated").replace("def evaluate", "def evaluated"),
        r"\(Mine lacks evaluate, update\); expected one",
    ),
    "a whole backend that does not train": (
        MINE.replace("StepBackend", "Backend"),
        r"\(Mine lacks train\)",
    ),
    "two classes": (MINE + RENAMED, r"holds 2 backend classes \(Mine, Other\); expected one"),
    "a class and one that derives from it": (
        MINE + "class Other(Mine):\n    pass\n",
        r"holds 2 backend classes \(Mine, Other\); expected one",
    ),
}


@pytest.mark.parametrize(("source", "reason"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(
    write: WriteFile, source: str | bytes, reason: str
) -> None:
    path = write(source)
    with pytest.raises(BackendUnusable, match=reason) as refusal:
        load(own(path))
    assert str(refusal.value).startswith(str(path))
    assert "None" not in str(refusal.value)


def test_a_file_that_is_no_python_is_refused(write: WriteFile) -> None:
    with pytest.raises(BackendUnusable, match=r"is not a Python file: its name should end in \.py"):
        load(own(write(MINE, "mine.txt")))


def test_a_file_of_impls_that_does_not_import_is_refused(
    package: MakePackage, tmp_path: Path
) -> None:
    (tmp_path / registry.PACKAGE / "broken.py").write_text("x = (\n")
    (broken,) = package()
    with pytest.raises(BackendUnusable, match=r"broken.* does not import: SyntaxError"):
        load(broken)


def create(loaded: Loaded) -> Backend:
    return loaded.create(NETWORK, OPTIMIZER, "float64")


def test_a_whole_backend_is_made_as_it_is() -> None:
    loaded = load(find("numpy"))
    assert type(create(loaded)) is loaded.kind


def test_three_verbs_are_made_a_whole_backend(write: WriteFile) -> None:
    loaded = load(own(write(MINE)))
    made = create(loaded)
    assert isinstance(made, Backend)
    assert not isinstance(made, loaded.kind)


def spy(replica_axes: bool) -> tuple[type[StepBackend], list[tuple[int, ...]]]:
    """Make a class that notes the shape of b1 it was given, and returns nothing useful."""
    seen: list[tuple[int, ...]] = []

    class Spy(StepBackend):
        def __init__(self, *_: Any) -> None: ...

        def evaluate(self, params: Any, x: Any, y: Any) -> Any: ...

        def gradients(self, params: Any, x: Any, y: Any) -> Any: ...

        def update(self, params: Any, grads: Any, state: OptimizerState) -> Any:
            seen.append(params[1].shape)
            return grads, OptimizerState(state.step + 1)

    Spy.replica_axes = replica_axes
    return Spy, seen


@pytest.mark.parametrize(
    ("replica_axes", "shapes"), [(True, [(3, 2)]), (False, [(2,), (2,), (2,)])]
)
def test_replicas_come_at_once_or_one_by_one(
    replica_axes: bool, shapes: list[tuple[int, ...]]
) -> None:
    kind, seen = spy(replica_axes)
    made = create(Loaded(Source("spy", "spy"), kind, "1"))
    params = tuple(np.zeros((3, *shape)) for shape in NETWORK.param_shapes)
    after, state = made.update(params, params, OptimizerState(4))
    assert seen == shapes
    assert [w.shape for w in after] == [w.shape for w in params]
    assert state == OptimizerState(5)


@pytest.mark.parametrize("error", ["ImportError", "OSError", "RuntimeError", "AttributeError"])
def test_a_framework_that_does_not_load_is_missing(
    write: WriteFile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: str
) -> None:
    (tmp_path / f"framework_{error}.py").write_text(f"raise {error}('broken library')\n")
    monkeypatch.syspath_prepend(tmp_path)
    own_file = MINE.replace('"numpy"', f'"framework_{error}"').replace(
        "        pass\n", f"        import framework_{error}\n", 1
    )
    loaded = load(own(write(own_file)))
    with pytest.raises(BackendUnavailable, match=f"^mine: framework_{error} .*broken library"):
        create(loaded)


CONSTRUCTORS = {
    "raises": MINE.replace("        pass\n", "        raise ValueError('not this one')\n", 1),
    "takes other arguments": MINE.replace(', device="cpu"', ""),
    "takes none": MINE.replace('(self, network, optimizer, dtype, device="cpu")', "(self)"),
}


@pytest.mark.parametrize("source", CONSTRUCTORS.values(), ids=CONSTRUCTORS.keys())
def test_a_constructor_that_fails_is_reported(write: WriteFile, source: str) -> None:
    with pytest.raises(BackendError, match=r"^mine.*(ValueError|TypeError)"):
        create(load(own(write(source))))


def test_a_constructor_may_refuse(write: WriteFile) -> None:
    source = MINE.replace(
        "from shared", "from shared.errors import BackendUnusable\nfrom shared", 1
    )
    source = source.replace("        pass\n", "        raise BackendUnusable('only float32')\n", 1)
    with pytest.raises(BackendUnusable, match=r"^only float32$"):
        create(load(own(write(source))))
