"""The people problems: heights and weights, and a network of nine numbers that tells who is female.

The tables lie in shared/data as JSON, with where they come from.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources

from shared.network import Network
from shared.optimizer import Optimizer
from shared.problems import Feature, Person, Problem
from shared.samples import samples


def people16() -> Problem:
    """Return the sixteen people."""
    return _people("people16", learning_rate=0.05, epochs=5000)


def people16_centered() -> Problem:
    """Return the sixteen people with the mean of each column subtracted."""
    raw = people16()
    # Means are rounded once, from the exact sum, so that no order of summation enters the data.
    means = [math.fsum(column) / len(column) for column in raw.x.T.tolist()]
    return replace(
        raw,
        name="people16-centered",
        title=f"{raw.title}, column means subtracted",
        x=samples([_minus(row, means) for row in raw.x.tolist()], "inputs"),
        people=tuple(replace(person, x=_minus(person.x, means)) for person in raw.people),
    )


def people4() -> Problem:
    """Return the four people of the original text."""
    return _people("people4", learning_rate=0.1, epochs=1000)


def _people(name: str, learning_rate: float, epochs: int) -> Problem:
    table = json.loads(resources.files("shared.data").joinpath(f"{name}.json").read_text("utf-8"))
    return Problem(
        name=name,
        title=table["title"],
        origin=table["origin"],
        features=tuple(Feature(**feature) for feature in table["features"]),
        classes=tuple(table["target"]["classes"]),
        people=tuple(
            Person(person["name"], tuple(person["values"]), _floats(person["x"]))
            for person in table["people"]
        ),
        x=samples([row[:-1] for row in table["rows"]], "inputs"),
        y=samples([row[-1:] for row in table["rows"]], "targets"),
        network=Network((2, 2, 1)),
        optimizer=Optimizer(learning_rate),
        epochs=epochs,
    )


def _floats(row: Sequence[float]) -> tuple[float, ...]:
    return tuple(map(float, row))


def _minus(row: Sequence[float], means: Sequence[float]) -> tuple[float, ...]:
    return tuple(value - mean for value, mean in zip(row, means, strict=True))
