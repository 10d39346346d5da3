"""Where a run first differs, in words: all of the step, and which backends do so alike.

The first finding is told by the certificate's text, which asks here for what goes with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from shared.certificate.decision import Verdict
from shared.certificate.findings import START, BackendCertificate
from shared.certificate.placement import NAMED, Placed, Placement
from shared.certificate.tensor_names import slot_and_param
from shared.report import words

SHOWN = 24
"""As many tensors of a step are told, and the others counted: deep networks have hundreds."""


def about_the_step(one: BackendCertificate) -> Iterator[str]:
    """Say what else there is in the first step that failed, and whether it is all there is."""
    if one.placement is None:
        return
    if sum(part.failed for part in one.placement.parts) > 1:
        yield f"{_all_that(one.verdict)} {_when(one.placement)}: {_listed(one.placement.parts)}."
    if one.placement.renamed and one.found == _starts_aside(one.placement):
        each = "each step" if one.judged_steps == one.steps else "each step that was judged"
        yield f"Nothing else differs: from that start on {each} is what the formulas give."


def alike(certificates: Sequence[BackendCertificate]) -> Iterator[str]:
    """Name the backends together that first fail in the same step, stage and tensors."""
    groups: dict[tuple[Verdict, int, str, tuple[str, ...]], list[str]] = {}
    for one in certificates:
        if one.placement:
            key = one.verdict, one.placement.step, one.placement.stage, one.placement.tensors
            groups.setdefault(key, []).append(one.backend)
    for (verdict, *_), names in groups.items():
        if len(names) > 1:
            do = "are undecided" if verdict == Verdict.UNDECIDED else "differ"
            yield f"{words.joined(names)} {do} alike: first in the same step, stage and tensors."


def _all_that(verdict: Verdict) -> str:
    return "All that is undecided" if verdict == Verdict.UNDECIDED else "All that differs"


def _when(placement: Placement) -> str:
    return "in that step" if placement.step else "before training"


def _listed(parts: Sequence[Placed]) -> str:
    """List tensors by stage: `forward a1 (1 of 2: a1[0,1]); loss; backward W2 (all 2), b1`."""
    told = [
        f"{stage} " + ", ".join(map(_tensor, group)) if stage != group[0].tensor else stage
        for stage, group in (
            (stage, list(each)) for stage, each in groupby(parts[:SHOWN], lambda part: part.stage)
        )
    ]
    more = len(parts) - SHOWN
    return "; ".join(told) + (f"; and {words.counted(more, 'more tensor')}" if more > 0 else "")


def _tensor(part: Placed) -> str:
    """Name a tensor, and how much of it failed where it has several elements.

    Elements with textbook names stand for themselves: b3 of such a network is all of a tensor b2.
    """
    names = ", ".join(part.elements) + (", ..." if part.failed > NAMED else "")
    if part.elements and "[" not in names:
        return names
    if part.judged == 1:
        return part.tensor
    if part.failed == part.judged:
        return f"{part.tensor} (all {part.judged:,})"
    return f"{part.tensor} ({part.failed:,} of {part.judged:,}: {names})"


def _starts_aside(placement: Placement) -> int:
    """Count the first parameters that are not the seed's."""
    return sum(
        part.failed
        for part in placement.parts
        if part.stage == START and not slot_and_param(part.tensor)[0]
    )
