"""The auditor and other forms: a form explains a step as a whole, or nothing of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from shared.backend import Array
from shared.certificate.audit import Auditor
from shared.certificate.audit_choice import drawn_steps
from shared.certificate.backward import judged_as
from shared.certificate.forms import AS_DIFFERENCE, Form
from shared.certificate.judge import reference_for
from shared.certificate.sampling import sampling
from shared.named_problems import problem
from tests.audited_runs import unaudited
from tests.certified_forms import named_forms
from tests.certified_runs import Place, Run, gradients_of, put, seen_by, trained
from tests.form_backends import Writing, written

HONEST = trained(problem("people16").changed(epochs=40), 42).without_deltas()


def as_difference(z: Array, a: Array) -> Array:
    del z
    return np.asarray(a - a * a)


def from_z(z: Array, a: Array) -> Array:
    del a
    e = np.exp(-abs(z))
    return np.asarray(e / (1 + e) ** 2)


FORMS = {"σ'(z) as a - a²": as_difference, "σ'(z) from z": from_z}


@pytest.mark.parametrize("name", FORMS)
def test_what_another_form_explains_the_audit_explains_as_well(name: str, dtype: str) -> None:
    """Of all values of the steps that are drawn, and of those near their bounds."""
    how: Callable[[Array, Array], Array] = FORMS[name]
    one = problem("people16").changed(epochs=20)
    run = trained(one, 42, written(Writing(hidden=how, output=how)), dtype)
    certificate = run.judged()
    assert certificate.certified
    assert any(form.startswith(name) for form in named_forms(certificate))
    assert certificate.audit.drawn > 0
    assert certificate.audit.overturned == 0


def foreign() -> tuple[Place, float, float]:
    """A place of W1 in a step that is not drawn, the number that another form gives there, and how
    many bounds it is away from the right one; that form fails elsewhere in the step."""
    reference, seen, got = reference_for("float64"), seen_by(HONEST), gradients_of(HONEST)
    sample = sampling(HONEST.problem, 42)
    drawn = drawn_steps(HONEST.problem, sample).chosen(HONEST.whole.steps)
    other = judged_as(reference, seen, got, Form(reference.profile, hidden=AS_DIFFERENCE))
    own = judged_as(reference, seen, got, Form(reference.profile))
    fails = np.any(
        [one.failed.reshape(len(drawn), -1).any(axis=1) for one in other if one.tensor != "W1"],
        axis=0,
    )
    (declared,), (foreign_,) = ([j for j in js if j.tensor == "W1"] for js in (own, other))
    away = abs(foreign_.exact - declared.value) / declared.bound
    away[drawn | ~fails] = 0
    place: Place = tuple(map(int, np.unravel_index(int(away.argmax()), away.shape)))
    return place, float(foreign_.exact[place]), float(away[place])


def wrong() -> tuple[Run, Place]:
    place, value, away = foreign()
    assert away > 1e6
    return HONEST.with_chunks(put(HONEST.whole, "grads", 0, place, value)), place


def test_a_number_that_another_form_gives_is_found_where_the_step_has_the_declared_one() -> None:
    run, place = wrong()
    found = [one for one in run.judged().findings if one.stage == "backward"]
    assert [(one.step, one.tensor, one.element) for one in found] == [
        (place[0] + 1, "W1", place[1:])
    ]


def test_without_the_audit_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Auditor, "audited", unaudited)
    run, place = wrong()
    found = [one for one in run.judged().findings if one.stage == "backward"]
    assert [(one.step, one.tensor, one.element) for one in found] == [
        (place[0] + 1, "W1", place[1:])
    ]
