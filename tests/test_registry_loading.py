"""What a file has to hold to be a backend, and what is said of one that does not."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import numpy as np
import pytest

from shared.errors import BackendUnavailable, BackendUnusable
from shared.registry import find, load
from tests.conftest import load_or_skip
from tests.own_backends import EMPTY, own, write


def test_a_backend_is_loaded_with_its_class_and_version() -> None:
    loaded = load(find("numpy"))
    assert loaded.name == "numpy"
    assert loaded.kind.__name__ == "NumpyBackprop"
    assert loaded.version == np.__version__


@pytest.mark.parametrize("package_name", ["torch", "jax"])
def test_a_version_is_the_one_in_the_metadata(package_name: str) -> None:
    loaded = load_or_skip(find(package_name))
    assert loaded.version == importlib.metadata.version(package_name)


def test_a_file_of_ones_own_is_loaded(tmp_path: Path) -> None:
    loaded = load(own(write(tmp_path, EMPTY)))
    assert (loaded.name, loaded.kind.__name__, loaded.version) == ("mine", "Mine", np.__version__)


def test_a_framework_without_metadata_has_no_version(tmp_path: Path) -> None:
    path = write(tmp_path, EMPTY.replace('"numpy"', '"json"'))
    assert load(own(path)).version == "of unknown version"


@pytest.mark.parametrize("framework", ["no_such_framework", "no_such_framework.numpy"])
def test_a_missing_framework_is_named_with_the_remedy(tmp_path: Path, framework: str) -> None:
    path = write(tmp_path, EMPTY.replace('"numpy"', f'"{framework}"'))
    with pytest.raises(
        BackendUnavailable, match=r"^mine: .*not installed here.*pip install no_such"
    ):
        load(own(path))


RENAMED = EMPTY.replace("class Mine", "class Other").replace("from shared", "\nfrom shared")
FINE = {
    "a base class from elsewhere": "from impls.numpy_backprop import NumpyBackprop\n" + EMPTY,
    "an unfinished base class": (
        EMPTY.replace("class Mine(StepBackend)", "class Base(StepBackend)")
        .replace("def update", "def unfinished")
        + "class Mine(Base):\n    def update(self, params, grads, state):\n        pass\n"
    ),
    "a second name for the class": EMPTY + "Backend = Mine\n",
    "a dataclass with postponed annotations": (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Settings:\n    rate: float = 0.1\n" + EMPTY
    ),
    "other things": EMPTY + "number = 3\nclass Helper:\n    pass\n",
    "another encoding": "# -*- coding: latin-1 -*-\n# \u00e4\n" + EMPTY,
}  # fmt: skip


@pytest.mark.parametrize("source", FINE.values(), ids=FINE.keys())
def test_a_file_may_hold_more_than_the_class(tmp_path: Path, source: str) -> None:
    encoding = "latin-1" if "latin-1" in source else "utf-8"
    assert load(own(write(tmp_path, source.encode(encoding)))).kind.__name__ == "Mine"


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
    "an object": (EMPTY + "mine = Mine(0, 0, 0)\ndel Mine\n", "holds no backend class"),
    "a class that lacks a verb": (
        EMPTY.replace("def update", "def updated"),
        r"holds no backend class that can be used \(Mine lacks update\); expected one",
    ),
    "a class that lacks two": (
        EMPTY.replace("def update", "def updated").replace("def evaluate", "def evaluated"),
        r"\(Mine lacks evaluate, update\); expected one",
    ),
    "a whole backend that does not train": (
        EMPTY.replace("StepBackend", "Backend"),
        r"\(Mine lacks train\)",
    ),
    "two classes": (EMPTY + RENAMED, r"holds 2 backend classes \(Mine, Other\); expected one"),
    "a class and one that derives from it": (
        EMPTY + "class Other(Mine):\n    pass\n",
        r"holds 2 backend classes \(Mine, Other\); expected one",
    ),
}


@pytest.mark.parametrize(("source", "reason"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(
    tmp_path: Path, source: str | bytes, reason: str
) -> None:
    path = write(tmp_path, source)
    with pytest.raises(BackendUnusable, match=reason) as refusal:
        load(own(path))
    assert str(refusal.value).startswith(str(path))
    assert "None" not in str(refusal.value)


def test_a_file_that_is_no_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendUnusable, match=r"is not a Python file: its name should end in \.py"):
        load(own(write(tmp_path, EMPTY, "mine.txt")))
