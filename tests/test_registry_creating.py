"""A loaded class is made a whole backend, or the reason why it cannot be is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.backend import Backend, OptimizerState, StepBackend
from shared.errors import BackendError, BackendUnavailable, BackendUnusable
from shared.network import Network
from shared.optimizer import Optimizer
from shared.registry import Loaded, Source, find, load
from tests.own_backends import EMPTY, own, write

NETWORK, OPTIMIZER = Network((2, 2, 1)), Optimizer(0.05)


def create(loaded: Loaded) -> Backend:
    return loaded.create(NETWORK, OPTIMIZER, "float64")


def test_a_whole_backend_is_made_as_it_is() -> None:
    loaded = load(find("numpy"))
    assert type(create(loaded)) is loaded.kind


def test_three_verbs_are_made_a_whole_backend(tmp_path: Path) -> None:
    loaded = load(own(write(tmp_path, EMPTY)))
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
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: str
) -> None:
    (tmp_path / f"framework_{error}.py").write_text(f"raise {error}('broken library')\n")
    monkeypatch.syspath_prepend(tmp_path)
    own_file = EMPTY.replace('"numpy"', f'"framework_{error}"').replace(
        "        pass\n", f"        import framework_{error}\n", 1
    )
    loaded = load(own(write(tmp_path, own_file)))
    with pytest.raises(BackendUnavailable, match=f"^mine: framework_{error} .*broken library"):
        create(loaded)


CONSTRUCTORS = {
    "raises": EMPTY.replace("        pass\n", "        raise ValueError('not this one')\n", 1),
    "takes other arguments": EMPTY.replace(', device="cpu"', ""),
    "takes none": EMPTY.replace('(self, network, optimizer, dtype, device="cpu")', "(self)"),
}


@pytest.mark.parametrize("source", CONSTRUCTORS.values(), ids=CONSTRUCTORS.keys())
def test_a_constructor_that_fails_is_reported(tmp_path: Path, source: str) -> None:
    with pytest.raises(BackendError, match=r"^mine.*(ValueError|TypeError)"):
        create(load(own(write(tmp_path, source))))


def test_a_constructor_may_refuse(tmp_path: Path) -> None:
    source = EMPTY.replace(
        "from shared", "from shared.errors import BackendUnusable\nfrom shared", 1
    )
    source = source.replace("        pass\n", "        raise BackendUnusable('only float32')\n", 1)
    with pytest.raises(BackendUnusable, match=r"^mine: only float32$"):
        create(load(own(write(tmp_path, source))))
