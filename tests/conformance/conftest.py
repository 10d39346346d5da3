"""Who is checked, and on what: fixtures and cases of the conformance checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shared.errors import IsogradError
from shared.registry import Source, find, sources
from tests.conformance.arrays import VERBS
from tests.conformance.cases import FEW, Asked, Wanted, all_of
from tests.conformance.catalogue import Own
from tests.conformance.notes import REFUSED, TOLD, Note
from tests.conformance.subjects import Kept, Subject, kept, supported
from tests.conformance.training import STAGES
from tests.conftest import load_or_skip, spec_of

HERE = Path(__file__).parent

COMPILING = ("jax",)
"""Backends in impls/ that take about a second to be made: their options have tests elsewhere."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a check its backends and cases; without --backend those of impls/, and few cases."""
    names = [n for n in ("source", "stage", "verb", "wanted") if n in metafunc.fixturenames]
    if "source" not in names:
        return
    named, own = metafunc.config.getoption("backend"), spec_of(metafunc.config)
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    asked = all_of(own) if named else FEW
    if not named and "compiles_much" in marks:
        asked = replace(FEW, by_network=FEW.by_network[:2])
    rows = [
        (source, *row)
        for source in [find(name) for name in named] or sources()
        for row in _rows(asked, names, marks)
        if named or source.name not in COMPILING or not (row and row[-1].is_option)
    ]
    ids = ["-".join([source.name, *map(str, rest)]) for source, *rest in rows]
    metafunc.parametrize(names, rows, ids=ids)


def _rows(asked: Asked, names: Sequence[str], marks: set[str]) -> list[tuple[Any, ...]]:
    """Return what a check is made on, besides a backend: perhaps a stage or a verb, and a case."""
    everywhere = [*asked.by_network, *asked.by_optimizer]
    if "stage" in names:
        rows = [(stage, wanted) for stage in STAGES for wanted in everywhere]
        return rows + [("update", wanted) for wanted in asked.options]
    if "verb" in names:
        rows = [(verb, wanted) for verb in VERBS for wanted in asked.by_network]
        return rows + [("update", wanted) for wanted in asked.by_optimizer]
    if "wanted" not in names:
        return [()]
    if "every_case" in marks:
        everywhere = asked.every
    if marks & {"every_case", "every_option"}:
        everywhere = [*everywhere, *asked.options]
    return [(wanted,) for wanted in everywhere]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let warnings of other people's frameworks be warnings."""
    if config.getoption("backend"):
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.fixture
def own(request: pytest.FixtureRequest) -> Own | None:
    """The network and the optimizer of the spec that was named, if one was."""
    return spec_of(request.config)


@pytest.fixture
def note(request: pytest.FixtureRequest, source: Source) -> Note:
    """Notes for the report: which check of which backend this is."""
    given = request.node.callspec.params
    mark = request.node.get_closest_marker("check")
    check = given["stage"] if "stage" in given else mark.args[0]
    place = source.path.name if source.path else source.module
    return Note(request.node, backend=source.name, file=place, check=check)


@pytest.fixture
def backend(source: Source, note: Note) -> Kept:
    """The backend under check."""
    loaded = _kept_or_skip(source)
    note.said["framework"] = f"{loaded.kind.framework} {loaded.version}"
    return loaded


@cache
def _kept_or_skip(source: Source) -> Kept:
    """Load a backend once for all its checks."""
    load_or_skip(source)
    return kept(source)


@pytest.fixture
def subject(backend: Kept, wanted: Wanted, note: Note) -> Subject:
    """The backend on the first case that is wanted and that it supports."""
    note.said["case"] = str(wanted)
    try:
        case = supported(backend, wanted)
    except IsogradError:
        note.skip(TOLD, "it could not be made: see constructor")
    if isinstance(case, str):
        note.skip(REFUSED, case)
    note.said["case"] = str(case)
    return Subject(backend, case)
