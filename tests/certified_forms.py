"""How far the bounds of all forms reach, in which a right program may be written.

A number that the declared form does not explain may be right in another; only one that lies
beyond all of them has to be found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

import numpy as np

from shared.certificate import end_to_end
from shared.certificate.backward import judged_as
from shared.certificate.decision import Judged, Verdict
from shared.certificate.findings import BackendCertificate
from shared.certificate.forms import Form, other_forms, other_profiles, widest
from shared.certificate.forward import judged_alone
from shared.certificate.judge import reference_for
from shared.certificate.stages import BACKWARD, FORWARD, Evaluated, Gradients
from tests.certified_exact import as_fraction
from tests.certified_runs import Place

BEYOND = Fraction(101, 100)
"""A hundredth more than what is allowed."""


def in_every_form(
    seen: Evaluated, got: Gradients, stage: str, tensor: str, dtype: str = "float64"
) -> Iterator[Judged]:
    """A tensor judged under the declared form and every other one, each by itself."""
    reference = reference_for(dtype)
    if stage == BACKWARD:
        declared = Form(reference.profile)
        for form in (declared, *other_forms(seen.network, reference.profile, dtype)):
            yield from (
                one for one in judged_as(reference, seen, got, form) if one.tensor == tensor
            )
        return
    for profile in (reference.profile, *other_profiles(dtype, _function(seen, tensor))):
        yield from judged_alone(replace(reference, profile=profile), seen, tensor)


def _function(seen: Evaluated, tensor: str) -> str:
    if tensor == "loss":
        return "identity" if seen.logits is None else seen.functions[-1]
    return "identity" if tensor[0] == "z" else seen.functions[int(tensor[1:]) - 1]


def reach_of_forms(
    seen: Evaluated, got: Gradients, stage: str, tensor: str, place: Place, side: int,
    dtype: str = "float64",
) -> Fraction:  # fmt: skip
    """The number on a side that lies a hundredth of its bound beyond every form."""
    row, at = np.array([place[0]]), (0, *place[1:])
    every = in_every_form(seen.part(row), got.part(row), stage, tensor, dtype)
    reaches = [_reach(one, at, side) for one in every]
    return max(reaches) if side > 0 else min(reaches)


def _reach(judged: Judged, at: Place, side: int) -> Fraction:
    """The exact value comes rounded, but its distance to the recorded one does not."""
    value, exact = float(judged.value[at]), float(judged.exact[at])
    toward = np.sign(exact - value) or side
    true = Fraction(value) + int(toward) * Fraction(float(judged.error[at]))
    return true + side * BEYOND * Fraction(float(judged.bound[at]))


def whole_step(
    seen: Evaluated, stage: str, tensor: str, place: Place, dtype: str = "float64"
) -> tuple[Fraction, Fraction] | None:
    """The exact value and the widest bound from end to end, where the stage has such a bound."""
    reference = replace(reference_for(dtype), profile=widest(dtype))
    if stage == FORWARD:
        number, error = end_to_end.forward(reference, seen)[int(tensor[1:]) - 1].of(tensor)
    elif stage == BACKWARD:
        ends = {one.tensor: one for one in end_to_end.backward(reference, seen)}
        number, error = ends[tensor].exact, ends[tensor].error
    else:
        return None
    return as_fraction(number, place), Fraction(float(error[place]))


def float_beyond(limit: Fraction, side: int, dtype: str = "float64") -> float:
    """The first float on a side of a number."""
    kind = np.dtype(dtype).type
    value = kind(float(limit))
    while side * (Fraction(float(value)) - limit) < 0:
        value = np.nextafter(value, kind(side * np.inf))
    return float(value)


def beyond_all(
    seen: Evaluated, got: Gradients, stage: str, tensor: str, place: Place, side: int,
    dtype: str = "float64",
) -> float:  # fmt: skip
    """The float that lies on a side of whatever a form allows."""
    return float_beyond(reach_of_forms(seen, got, stage, tensor, place, side, dtype), side, dtype)


def expected_verdict(
    seen: Evaluated, stage: str, tensor: str, place: Place, value: float, dtype: str = "float64"
) -> Verdict:
    """Of a value beyond all forms: UNDECIDED within the bound from end to end, else DIFFERENT."""
    ends = whole_step(seen, stage, tensor, place, dtype)
    held = ends is not None and abs(Fraction(value) - ends[0]) <= ends[1]
    return Verdict.UNDECIDED if held else Verdict.DIFFERENT


def forms_of(certificate: BackendCertificate, tensor: str) -> dict[str, int]:
    """How many values of a tensor were explained by another form, by its name."""
    (stage,) = (one for one in certificate.stages if one.tensor == tensor and one.stage != "update")
    return dict(stage.forms)


def named_forms(certificate: BackendCertificate) -> set[str]:
    """All forms that a certificate names."""
    return {form for stage in certificate.stages for form in stage.forms}
