"""What all tests share: one fixture per question, with the backends taken from the registry."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator
from functools import cache
from typing import TypeAlias

import pytest

from shared.backend import Backend
from shared.errors import BackendUnavailable, IsogradError
from shared.network import Network
from shared.optimizer import Optimizer
from shared.registry import Loaded, Source, find, load, sources

Make: TypeAlias = Callable[..., Backend]

pytest.register_assert_rewrite("tests.command_line")  # a complaint that is none is shown in full

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"):
    os.environ.setdefault(_name, "1")


# No test looks at a calibration of this machine, or writes one over it.
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="isograd-tests-")


MARKS = (
    "check(name): which of the checks of tests/conformance this is",
    "every_case: asked of every network with every optimizer in every dtype",
    "compiles_much: made on two cases only where there are few",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let tests/conformance be run on a backend of one's own."""
    parser.addoption(
        "--backend", action="append", default=[], metavar="NAME_OR_FILE",
        help="check this backend in tests/conformance, in full; may be given more than once "
        "(default: each backend of impls/, on few cases)",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Name the marks, and refuse at once a backend that there is nothing to check of."""
    for mark in MARKS:
        config.addinivalue_line("markers", mark)
    if hasattr(config, "workerinput"):
        return
    named = config.getoption("backend")
    try:
        found = [load(find(name)).source for name in named]
    except IsogradError as error:
        raise pytest.UsageError(str(error)) from error
    names = [source.name for source in found]
    for name in names:
        if names.count(name) > 1:
            raise pytest.UsageError(f"backend {name!r} is named twice; expected each once.")
    # Whole paths, for processes that may start in another folder.
    named[:] = [str(source.path or source.name) for source in found]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, None, None]:
    """After everything but the last line: what became of the backends that were named."""
    yield
    if config.getoption("backend"):
        from tests.conformance.summary import outcomes, summary

        for heading, lines in summary(outcomes(terminalreporter.stats)).items():
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
