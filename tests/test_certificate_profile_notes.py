"""A function's value a little beyond the widest bound is different under the declared profile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shared.certificate.decision import Verdict
from shared.certificate.forms import widest
from shared.certificate.forward import UNDER_THE_PROFILE, judge_forward, judged_alone
from shared.certificate.judge import reference_for
from shared.named_problems import problem
from tests.certified_runs import put, seen_by, trained

RUN = trained(problem("people16").changed(epochs=2))
PLACE = (5, 0, 0)


def note_on(tensor: int, times: float) -> str:
    """What is said of an activation at so many times the widest bound."""
    reference = reference_for("float64")
    wide = replace(reference, profile=widest("float64"))
    (honest,) = judged_alone(wide, seen_by(RUN), f"a{tensor + 1}")
    value = float(honest.exact[PLACE] + times * honest.bound[PLACE])
    moved = RUN.with_chunks(put(RUN.whole, "activations", tensor, PLACE, value))
    pieces = [one for one in judge_forward(reference, seen_by(moved)) if one.any_failed]
    found = [one for one in pieces if one.tensor == f"a{tensor + 1}"]
    (piece,) = found
    (index,) = np.argwhere(piece.verdict == Verdict.DIFFERENT)[:1].tolist()
    return piece.notes.get(tuple(index), "")


@pytest.mark.parametrize("tensor", [0, 1])
@pytest.mark.parametrize(("times", "said"), [(1.5, True), (1.9, True), (2.5, False), (1e6, False)])
def test_it_is_said_below_twice_the_bound(tensor: int, times: float, said: bool) -> None:
    assert (note_on(tensor, times) == UNDER_THE_PROFILE) == said
