"""Who is checked, and on what: fixtures and cases of the conformance checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import IsogradError
from shared.registry import Source, find, sources
from tests.conformance.arrays import VERBS
from tests.conformance.cases import BY_NETWORK, BY_OPTIMIZER, EVERY, FEW, Wanted
from tests.conformance.notes import REFUSED, TOLD, Note
from tests.conformance.subjects import Kept, Subject, kept, supported
from tests.conftest import load_or_skip

HERE = Path(__file__).parent


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a check its backends and cases; without --backend those of impls/, and few cases."""
    named = metafunc.config.getoption("backend")
    by_network, by_optimizer, every = FEW, list[Wanted](), FEW
    if named:
        by_network, by_optimizer, every = BY_NETWORK, BY_OPTIMIZER, EVERY
    elif metafunc.definition.get_closest_marker("compiles_much"):
        by_network = FEW[:2]
    if "source" in metafunc.fixturenames:
        chosen = [find(name) for name in named] or sources()
        metafunc.parametrize("source", chosen, ids=lambda source: source.name)
    if "verb" in metafunc.fixturenames:
        asked = [(verb, one) for verb in VERBS for one in by_network]
        asked += [("update", one) for one in by_optimizer]
        metafunc.parametrize(("verb", "wanted"), asked, ids=str)
    elif metafunc.definition.get_closest_marker("every_case"):
        metafunc.parametrize("wanted", every, ids=str)
    elif "wanted" in metafunc.fixturenames:
        metafunc.parametrize("wanted", [*by_network, *by_optimizer], ids=str)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let warnings of other people's frameworks be warnings."""
    if config.getoption("backend"):
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.filterwarnings("default"))


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
    loaded = load_or_skip(source)
    note.said["framework"] = f"{loaded.kind.framework} {loaded.version}"
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
