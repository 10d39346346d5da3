"""A constructor makes a backend, or refuses the case with a BackendUnusable that says why."""

from __future__ import annotations

import pytest

from shared.errors import IsogradError
from shared.problems import DTYPES
from tests.conformance.cases import Case, Wanted
from tests.conformance.notes import REFUSED, TOLD, Note
from tests.conformance.subjects import Kept, refusal, supported

pytestmark = pytest.mark.check("constructor")


@pytest.mark.every_case
def test_the_constructor_makes_a_backend_or_refuses_the_case(
    backend: Kept, wanted: Wanted, note: Note
) -> None:
    (case,) = wanted.cases()
    note.said |= {"case": str(case), "asked": "yes"}
    reason, complaint = "", ""
    try:
        reason = refusal(backend, case)
    except IsogradError as error:
        complaint = str(error)
    note.hold(complaint)
    if reason:
        note.skip(REFUSED, reason)


def test_the_constructor_supports_something(backend: Kept, note: Note) -> None:
    try:
        found = [supported(backend, Wanted(None, None, dtype)) for dtype in DTYPES]
    except IsogradError:
        note.skip(TOLD, "it could not be made: see constructor")
    if not any(isinstance(one, Case) for one in found):
        note.hold(
            f"{backend.name}: expected a case that it supports; its constructor refuses all of "
            f"them, the first one since: {found[0]}"
        )
