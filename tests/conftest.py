"""What all tests share: one fixture per question, with the backends taken from the registry."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import cache
from typing import TypeAlias

import pytest

from shared.backend import Backend
from shared.errors import BackendUnavailable
from shared.network import Network, Optimizer
from shared.registry import Loaded, Source, load, sources

Make: TypeAlias = Callable[..., Backend]

pytest.register_assert_rewrite("tests.command_line")  # a complaint that is none is shown in full

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"):
    os.environ.setdefault(_name, "1")


# No test looks at a calibration of this machine, or writes one over it.
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="isograd-tests-")


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
