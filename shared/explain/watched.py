"""A backend whose `loss` is watched while its `gradients` runs: what is explained is what ran."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from shared.backend import Backend


def with_loss(backend: Backend, around: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Any:
    """Return a copy of a backend that calls around(loss) as its `loss`; the backend is left alone.

    The backend has to have a public `loss(params, x, y)`, as those in impls/ have.
    """
    watched: Any = copy.copy(backend)
    watched.loss = around(watched.loss)
    return watched
