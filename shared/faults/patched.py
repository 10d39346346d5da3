"""A backend's own source with a piece exchanged: copies of its files, imported beside them.

The files in impls/ are read, never written. A copy of those that a fault touches, and of those
that import them, becomes modules of a package of its own; all else is imported as ever.
"""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from shared.backend import StepBackend
from shared.errors import BackendUnusable
from shared.faults.fault import Replacement
from shared.registry import PACKAGE, Source

_COPIES = itertools.count(1)


def patched_kind(
    source: Source, replacements: Sequence[Replacement], size: float | None
) -> type[StepBackend]:
    """Return the backend's class, made from files in which pieces are exchanged.

    Raises
    ------
    BackendUnusable
        A piece is not there, or more than once: the files have changed since the fault was
        written.
    """
    own = source.module.rpartition(".")[2]
    texts = {own: _text_of(own)}
    for one in replacements:
        texts.setdefault(one.file, _text_of(one.file))
        count = texts[one.file].count(one.old)
        if count != 1:
            raise BackendUnusable(
                f"{PACKAGE}/{one.file}.py holds {one.old!r} {count} times; expected once. The file "
                "has changed since this fault was written: write its replacement anew."
            )
        texts[one.file] = texts[one.file].replace(one.old, one.new.replace("SIZE", repr(size)))
    package = f"faulty_{PACKAGE}_{next(_COPIES)}"
    modules = {file: ModuleType(f"{package}.{file}") for file in texts}
    sys.modules[package] = ModuleType(package)
    for file, module in modules.items():
        module.__file__ = f"<{PACKAGE}/{file}.py, with a fault>"
        sys.modules[module.__name__] = module
    # What others import comes first: the backend's own file is run last.
    for file in sorted(texts, key=lambda one: one == own):
        text = texts[file]
        for other in texts:
            text = text.replace(f"from {PACKAGE}.{other} import", f"from {package}.{other} import")
        module = modules[file]
        exec(compile(text, str(module.__file__), "exec"), vars(module))
    (kind,) = (
        value
        for value in vars(modules[own]).values()
        if inspect.isclass(value)
        and issubclass(value, StepBackend)
        and value.__module__ == modules[own].__name__
    )
    return kind


def _text_of(file: str) -> str:
    spec = importlib.util.find_spec(PACKAGE)
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    for folder in folders:
        path = Path(folder) / f"{file}.py"
        if path.is_file():
            return path.read_text("utf-8")
    raise BackendUnusable(f"there is no file {file}.py in {PACKAGE}/.")
