"""A fault that was brought in, beside what was found: for the terminal, and as JSON-ready data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console

from shared.certificate.placement import Placement
from shared.faults.fault import ChosenFault, Expected
from shared.faults.seen import FaultSeen
from shared.report.layout import heading, say


def print_brought_in(console: Console, faults: Iterable[tuple[str, ChosenFault]]) -> None:
    """Print, before anything else is said, which backends are wrong on purpose, and how."""
    for backend, chosen in faults:
        say(console, brought_in_words(backend, chosen), style="yellow")


def brought_in_words(backend: str, chosen: ChosenFault) -> str:
    """Word which fault a backend holds."""
    fault, start = chosen.fault, chosen.start
    if fault.lasting is None:
        when = f"from step {start:,} on"
    else:
        after = f" and {fault.lasting - 1:,} after it" if fault.lasting > 1 else ""
        when = f"in step {start:,}{after}"
    size = "" if chosen.size is None else f", size {chosen.size!r}"
    return f"Brought into {backend} {when}: {fault.name}{size}. {fault.story}"


def print_found(console: Console, seen: Sequence[FaultSeen]) -> None:
    """Print when each fault acted, what was expected of the certificate, and what it said."""
    if not seen:
        return
    heading(console, "Was the fault found?")
    for one in seen:
        say(console, f"{one.backend}: {found_words(one)}")


def found_words(one: FaultSeen) -> str:
    """Word what became of a fault."""
    if one.act is None:
        said = "It was flagged all the same, which is wrong." if one.flagged else "Nothing was."
        return f"it changed no bit of this run, so there was nothing to find. {said}"
    acted = f"it first changed a bit in step {one.act.step:,}, {one.act.stage}"
    if one.expected is Expected.BENIGN:
        said = "flagged, which is wrong" if one.flagged else "not flagged, as it should be"
        return f"{acted}; it is the same function in another right form, and was {said}."
    if not one.flagged:
        if one.expected is Expected.BELOW:
            return f"{acted}; it is below what rounding may do, and was not found."
        return f"{acted}, and was not found: a miss."
    assert one.placement is not None
    found = f"{acted}, and was found {_where(one.placement)}"
    if one.expected is Expected.BELOW:
        return f"{found}; it is below what rounding may do, so that either answer is right."
    if one.step_is_right and one.place_is_right:
        how = "exactly where it acts"
        if one.in_curve:
            how = "in the first evaluation of the whole data, before any step"
        return f"{found}: {how}."
    if one.step_is_right:
        wanted = _named(one.stage, sorted(one.tensors))
        return f"{found}: the step is right; it was expected in {wanted}."
    return f"{found}: at another step than it acts in."


def print_flagged(console: Console, faulty: Iterable[tuple[str, bool]]) -> None:
    """Print of backends with a fault whether they were flagged, where no more can be said."""
    told = [f"{name} was {'' if flagged else 'not '}flagged" for name, flagged in faulty]
    if told:
        heading(console, "Was the fault found?")
        say(
            console,
            f"{'; '.join(told)}. When a fault acts, and whether what it changes ever reaches the "
            "parameters, is told where every step is recorded: without --every.",
        )


def faults_data(seen: Sequence[FaultSeen]) -> list[dict[str, Any]]:
    """Return the faults of a run as JSON-ready data."""
    return [
        {
            "backend": one.backend,
            "fault": one.chosen.fault.name,
            "story": one.chosen.fault.story,
            "size": one.chosen.size,
            "start": one.chosen.start,
            "expected": one.expected.value,
            "acted_in": one.act and one.act.step,
            "shows_in": {"stage": one.stage, "tensors": sorted(one.tensors)},
            "flagged": one.flagged,
            "step_is_right": one.step_is_right,
            "place_is_right": one.place_is_right,
        }
        for one in seen
    ]


def _where(place: Placement) -> str:
    where = _named(place.stage, place.tensors)
    return f"before training, {where}" if place.step == 0 else f"in step {place.step:,}, {where}"


def _named(stage: str, tensors: Sequence[str]) -> str:
    """Name a stage and its tensors; what is called as its stage is named once."""
    others = [tensor for tensor in tensors if not stage.endswith(tensor)]
    return f"{stage} {', '.join(others)}".rstrip()
