"""A constructor makes a backend, or refuses the case with a BackendUnusable that says why."""

from __future__ import annotations

import pytest

from shared.errors import IsogradError
from shared.problems import DTYPES
from tests.conformance.cases import Case, Wanted
from tests.conformance.catalogue import SPEC, Own
from tests.conformance.notes import REFUSED, TOLD, Note
from tests.conformance.subjects import Kept, supported

pytestmark = pytest.mark.check("constructor")


@pytest.mark.every_case
def test_the_constructor_makes_a_backend_or_refuses_the_case(
    backend: Kept, wanted: Wanted, note: Note
) -> None:
    asked = "option" if wanted.is_option else "case"
    note.said |= {"case": str(next(wanted.cases())), "asked": asked}
    found: Case | str = ""
    complaint = ""
    try:
        found = supported(backend, wanted)
    except IsogradError as error:
        complaint = str(error)
    note.hold(complaint)
    if isinstance(found, str):
        note.skip(REFUSED, found)
    note.said["case"] = str(found)


def test_the_constructor_supports_something(backend: Kept, own: Own | None, note: Note) -> None:
    if own:
        asked = [Wanted(SPEC, SPEC, dtype, own) for dtype in own.dtypes]
    else:
        asked = [Wanted(None, None, dtype) for dtype in DTYPES]
    try:
        found = [supported(backend, wanted) for wanted in asked]
    except IsogradError:
        note.skip(TOLD, "it could not be made: see constructor")
    if any(isinstance(one, Case) for one in found):
        return
    if own:
        note.said["case"] = SPEC
        note.hold(
            f"{backend.name}: expected that it supports what {own.file} says; its constructor "
            f"refuses {own}, since: {found[0]}"
        )
    note.hold(
        f"{backend.name}: expected a case that it supports; its constructor refuses all of them, "
        f"the first one since: {found[0]}. If it is made for one network, say which: --spec "
        "FILE.json."
    )
