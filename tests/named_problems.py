"""The names of the problems there are, and the columns of their inputs."""

from __future__ import annotations

import pytest

from shared.named_problems import problem

NAMES = ("people16", "people16-centered", "people4")
every_problem = pytest.mark.parametrize("name", NAMES)


def column(name: str, index: int) -> list[float]:
    values: list[float] = problem(name).x[:, index].tolist()
    return values
