"""Which backends there are, by the names of their files; no framework is imported to list them.

A backend is named by an unambiguous beginning of its file's stem (`numpy` for
impls/numpy_backprop.py), or by the path of a user's own file (./mine.py).
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import inspect
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from shared.backend import Backend, StepBackend
from shared.checking import Checked, Guarded
from shared.contract import Contract
from shared.errors import (
    BackendFailed,
    BackendUnavailable,
    BackendUnusable,
    IsogradError,
    UsageError,
    nearest,
)
from shared.network import Network
from shared.optimizer import Optimizer
from shared.stepwise import PerReplica, Stepwise

PACKAGE = "impls"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a backend comes from: its name in reports, and a module name or a file."""

    name: str
    module: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """A backend class that was found and whose framework is installed.

    version
        The framework's, as its package metadata gives it.
    """

    source: Source
    kind: type[StepBackend]
    version: str

    @property
    def name(self) -> str:
        """The backend's name in reports."""
        return self.source.name

    def create(
        self, network: Network, optimizer: Optimizer, dtype: str, device: str = "cpu"
    ) -> Backend:
        """Make a whole backend: wrapped where the class supplies three verbs only.

        Raises
        ------
        BackendUnavailable
            The framework is there but does not load.
        BackendFailed
            The constructor raised an exception of its own.
        """
        made = self._made(network, optimizer, dtype, device)
        if isinstance(made, Backend):
            return made if self.source.path is None else Guarded(made, self.name)
        checked = Checked(made, Contract(self.name, network, dtype, optimizer.slots))
        return Stepwise(checked if self.kind.replica_axes else PerReplica(checked))

    def _made(self, network: Network, optimizer: Optimizer, dtype: str, device: str) -> StepBackend:
        try:
            importlib.import_module(self.kind.framework)
        except Exception as error:  # whatever a broken installation raises
            raise BackendUnavailable(
                f"{self.name}: {self.kind.framework} {self.version} does not load: {error}"
            ) from error
        try:
            return self.kind(network, optimizer, dtype, device)
        except BackendUnusable as error:
            if self.source.path is None:
                raise
            raise BackendUnusable(f"{self.name}: {error}") from error
        except IsogradError:
            raise
        except ImportError as error:
            raise BackendUnavailable(f"{self.name}: does not load: {error}") from error
        except Exception as error:  # a constructor of the user's own
            raise BackendFailed(
                f"{self.name}{_line_in(error, self.source.path)} its constructor failed: "
                f"{type(error).__name__}: {error}. Expected: __init__(self, network, optimizer, "
                'dtype, device="cpu").'
            ) from error


def sources() -> tuple[Source, ...]:
    """List the backends in impls/, by their files alone; the derivation by hand comes first."""
    spec = importlib.util.find_spec(PACKAGE)
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    stems = {
        path.stem
        for folder in folders
        for path in Path(folder).glob("*.py")
        if not path.stem.startswith("_")
    }
    found = [Source(_shortest(stem, stems), f"{PACKAGE}.{stem}") for stem in sorted(stems)]
    return tuple(sorted(found, key=_position))


def find(name: str) -> Source:
    """Return the backend that a name begins, or that a path (with .py or a slash) holds.

    Raises
    ------
    UsageError
        No backend begins so, several do, or there is no such file.
    """
    if name.endswith(".py") or "/" in name:
        path = Path(name)
        if not path.is_file():
            what = "that is a folder, no file" if path.is_dir() else "there is no such file"
            raise UsageError(f"backend {name!r}: {what}.")
        return Source(path.stem, f"isograd_backend_{path.stem}", path.resolve())
    known = sources()
    exact = [source for source in known if source.name == name]
    if exact:
        return exact[0]
    stems = {source.module.removeprefix(f"{PACKAGE}."): source for source in known}
    begun = [source for stem, source in stems.items() if name and stem.startswith(name)]
    if len(begun) == 1:
        return begun[0]
    names = [source.name for source in known]
    if begun:
        meant = ", ".join(source.name for source in begun)
        raise UsageError(f"backend {name!r} could be any of {meant}: write more of the name.")
    raise UsageError(
        f"unknown backend {name!r}; known: {', '.join(names)}, or the path of a file of your own "
        "(./mine.py)." + nearest(name, names)
    )


def load(source: Source) -> Loaded:
    """Import the backend's file, find its class, and see whether its framework is installed.

    Raises
    ------
    BackendUnusable
        The file does not import, or holds no backend class, or more than one.
    BackendUnavailable
        The framework is not installed.
    """
    kind = _only_class(source, _import(source))
    if not _is_installed(kind.framework):
        raise BackendUnavailable(
            f"{source.name}: the package {kind.framework!r} is not installed here. "
            f"Install it with: pip install {kind.framework}"
        )
    return Loaded(source, kind, _version(kind.framework))


def _line_in(error: BaseException, path: Path | None) -> str:
    """Say in which line of a file an exception arose: `, line 3,`, or nothing."""
    if path is None:
        return ""
    if isinstance(error, SyntaxError):
        lines = [error.lineno]
    else:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f", line {lines[-1]}," if lines and lines[-1] else ""


_FIRST = ("numpy", "torch", "jax")


def _position(source: Source) -> tuple[int, str]:
    known = source.name in _FIRST
    return (_FIRST.index(source.name) if known else len(_FIRST), source.name)


def _shortest(stem: str, stems: set[str]) -> str:
    """Return the first word of a stem, or the whole where that word begins another stem too."""
    word = stem.partition("_")[0]
    return word if sum(other.startswith(word) for other in stems) == 1 else stem


def _import(source: Source) -> ModuleType:
    try:
        if source.path is None:
            return importlib.import_module(source.module)
        return _import_file(source.module, source.path)
    except IsogradError:
        raise
    except (Exception, SystemExit) as error:  # any reason is worth telling
        raise BackendUnusable(
            f"{source.path or source.module}{_line_in(error, source.path)} does not import: "
            f"{type(error).__name__}: {error}"
        ) from error


def _import_file(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BackendUnusable(f"{path} is not a Python file: its name should end in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ImportError:  # a part of something that is not there
        return False


def _only_class(source: Source, module: ModuleType) -> type[StepBackend]:
    own = {
        value: None  # a class with two names is one class
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, StepBackend)
        and value.__module__ == module.__name__
    }
    classes = [kind for kind in own if not inspect.isabstract(kind)]
    if len(classes) == 1:
        return classes[0]
    where = source.path or source.module
    if classes:
        names = ", ".join(kind.__name__ for kind in classes)
        raise BackendUnusable(
            f"{where} holds {len(classes)} backend classes ({names}); expected one. "
            "Put each into a file of its own."
        )
    unfinished = [
        f"{kind.__name__} lacks {', '.join(sorted(kind.__abstractmethods__))}" for kind in own
    ]
    raise BackendUnusable(
        f"{where} holds no backend class that can be used"
        + (f" ({'; '.join(unfinished)})" if unfinished else "")
        + "; expected one subclass of shared.backend.StepBackend with the verbs evaluate, "
        "gradients and update."
    )


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "of unknown version"
