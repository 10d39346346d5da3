"""What all tests share: one fixture per question, with the backends taken from the registry."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path
from typing import TypeAlias

import pytest

from shared.backend import Backend
from shared.errors import BackendUnavailable, IsogradError
from shared.network import Network
from shared.optimizer import Optimizer
from shared.registry import Loaded, Source, find, load, sources
from tests.conformance.catalogue import Own, own_of

Make: TypeAlias = Callable[..., Backend]

pytest.register_assert_rewrite("tests.command_line")  # a complaint that is none is shown in full

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"):
    os.environ.setdefault(_name, "1")


# No test looks at a calibration of this machine, or writes one over it.
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="isograd-tests-")


MARKS = (
    "check(name): which of the checks of tests/conformance this is",
    "every_case: asked of every network with every optimizer in every dtype, and of all options",
    "every_option: asked of every option of an optimizer, too",
    "compiles_much: made on two cases only where there are few",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests/conformance be run on a backend of one's own."""
    parser.addoption(
        "--backend", action="append", default=[], metavar="NAME_OR_FILE",
        help="check this backend in tests/conformance, in full; may be given more than once "
        "(default: each backend of impls/, on few cases)",
    )  # fmt: skip
    parser.addoption(
        "--spec", metavar="FILE.json",
        help="check it on the network and the optimizer of this spec, too, and on them first",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Name the marks, and refuse at once a backend or a spec that cannot be used."""
    for mark in MARKS:
        config.addinivalue_line("markers", mark)
    if hasattr(config, "workerinput"):
        return
    named = config.getoption("backend")
    try:
        found = [load(find(name)).source for name in named]
        spec_of(config)
    except IsogradError as error:
        raise pytest.UsageError(str(error)) from error
    names = [source.name for source in found]
    for name in names:
        if names.count(name) > 1:
            raise pytest.UsageError(f"backend {name!r} is named twice; expected each once.")
    # Whole paths, for processes that may start in another folder.
    named[:] = [str(source.path or source.name) for source in found]
    if config.getoption("spec") is not None:
        if not named:
            raise pytest.UsageError(
                "--spec is what a backend is checked on; expected --backend, too, with a name or "
                "a file such as ./mine.py."
            )
        config.option.spec = str(Path(config.getoption("spec")).resolve())


def spec_of(config: pytest.Config) -> Own | None:
    """Return the network and the optimizer of the spec that was named, or None.

    Raises
    ------
    UsageError
        Something is wrong in the spec, or in its data.
    ProblemUnavailable
        The package that holds its data is not installed.
    """
    named = config.getoption("spec")
    return None if named is None else own_of(Path(named))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, None, None]:
    """After everything but the last line: what became of the backends that were named."""
    yield
    if config.getoption("backend"):
        from tests.conformance.summary import outcomes, summary

        told = summary(outcomes(terminalreporter.stats), spec_of(config))
        for heading, lines in told.items():
            terminalreporter.section(heading)
            for line in lines:
                terminalreporter.write_line(line)


def load_or_skip(source: Source) -> Loaded:
    """Load a backend; without its framework skip, or, where all are required, fail."""
    try:
        return load(source)
    except BackendUnavailable as error:
        if os.environ.get("ISOGRAD_REQUIRE_ALL_FRAMEWORKS"):
            pytest.fail(f"every framework is required here: {error}")
        pytest.skip(f"{source.name}: {error}")


@pytest.fixture(params=sources(), ids=lambda source: source.name)
def loaded(request: pytest.FixtureRequest) -> Loaded:
    """Each backend of impls/ in turn."""
    return load_or_skip(request.param)


@pytest.fixture
def all_loaded() -> list[Loaded]:
    """Every backend of impls/ at once."""
    return [load_or_skip(source) for source in sources()]


@pytest.fixture(params=["float64", "float32"])
def dtype(request: pytest.FixtureRequest) -> str:
    """Both dtypes in turn."""
    name: str = request.param
    return name


@pytest.fixture
def make(loaded: Loaded) -> Make:
    """Make the backend for layer sizes or a whole network, a learning rate and a dtype."""

    def made(
        sizes: tuple[int, ...] = (2, 2, 1),
        learning_rate: float = 0.05,
        dtype: str = "float64",
        network: Network | None = None,
    ) -> Backend:
        return _made(loaded, network or Network(sizes), learning_rate, dtype)

    return made


@cache
def _made(loaded: Loaded, network: Network, learning_rate: float, dtype: str) -> Backend:
    """Make a backend once for all tests: its verbs are pure, and compiling takes time."""
    return loaded.create(network, Optimizer(learning_rate), dtype)
