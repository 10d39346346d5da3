"""Why last digits differ, for the terminal: where each difference is born, and what proves it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from rich.console import Console

from shared.backend import Array
from shared.explain.differences import Difference, Why
from shared.explain.explanation import Explanation, Seen
from shared.explain.names import element_shown, shown
from shared.report.explain_words import bits, ulps_from
from shared.report.layout import SHOWN_ELEMENTS, heading, say

SHOWN_OF_FEW, SHOWN_OF_MANY = 3, 1
"""Of a joint at which more numbers are born different, so many are shown; fewer of networks with
more parameters than are shown one by one."""

MOST_EVIDENCE = 400
"""Formulas of whole losses, as JAX has them, are longer than a reader's patience."""

LEGEND = (
    "But for what is unexplained every way gives its program's bits, made again in NumPy. "
    "Hexadecimal numbers show every bit. fma(u, v, c) is u·v + c rounded once; of a sum u·v are "
    "the terms, and [u: ..., v: ...] says what they are."
)


def print_why(console: Console, explanation: Explanation) -> None:
    """Print, for every backend but the first, where its bits part from the first one's."""
    if len(explanation.seen) < 2:
        return
    network = explanation.moment.network
    heading(console, "Why last digits differ")
    reference, *others = explanation.seen
    for one in others:
        found = [each for each in explanation.differences if each.backend == one.name]
        say(console, f"{one.name}, beside {reference.name}: {_sum_words(one, explanation)}")
        say(console, f"  {_weight_words(found, reference, one, explanation)}")
        for each in found:
            if each.why is not None:
                _print_birth(console, each, one, explanation)
        heirs = [shown(each.role, network) for each in found if each.why is None]
        if heirs:
            say(console, f"  Inherited by {', '.join(heirs)}.")
    if any(each.why is not None for each in explanation.differences):
        say(console, LEGEND)
    if not explanation.moment.optimizer.is_plain:
        name = explanation.moment.optimizer.name
        say(console, f"The update of {name} is not made again; only plain descent is.")


def _weight_words(
    found: Sequence[Difference], reference: Seen, seen: Seen, explanation: Explanation
) -> str:
    """Say of the weight that was asked for whether it differs, and what did on the way to it."""
    strip, network = explanation.strip, explanation.moment.network
    last = strip.entries[-1]
    (account,) = [
        one for one in explanation.accounts if (one.backend, one.role) == (seen.name, last.role)
    ]
    place = network.param_names.index(last.role.removeprefix("dL/d"))
    ours, theirs = (one.reading.gradients[place][last.index] for one in (reference, seen))
    said = f"dL/d{strip.element} is the same"
    if account.here[last.index]:
        known = "explained" if account.explained[last.index] else "unexplained"
        off = ulps_from(theirs, ours)
        apart = "the other zero than" if off == "=" else f"{off} ULP from"
        said = f"dL/d{strip.element} is {apart} {reference.name}'s, {known}"
    by_role = {each.role: each for each in found}
    way = [
        f"{element_shown(one.role, one.index, network)} {_came(by_role[one.role], one.index)}"
        for one in strip.path
        if one.role in by_role and _is_told(by_role[one.role], one.index, one == last)
    ]
    return f"{said}. On its way: {', '.join(way)}." if way else f"{said}, as is all on its way."


def _is_told(each: Difference, index: tuple[int, ...], is_last: bool) -> bool:
    """Whether a number differs; that the last one does has been said, unless it was born there."""
    is_born = each.why is not None and bool(each.born[index])
    return bool(each.here[index]) and (is_born or not is_last)


def _came(each: Difference, index: tuple[int, ...]) -> str:
    """Say whether a number was born different, or inherited that, or both."""
    if each.why is None or not each.born[index]:
        return "(inherited)"
    also = ", and inherited" if each.inherited[index] and each.why is not Why.UNEXPLAINED else ""
    return f"({each.why.value}{also})"


def _sum_words(seen: Seen, explanation: Explanation) -> str:
    """Say how many gradient numbers differ, and how many of those are explained."""
    own = [one for one in explanation.accounts if one.backend == seen.name]
    total = sum(one.here.size for one in own)
    differ, explained = (sum(counts) for counts in zip(*(one.counts for one in own), strict=True))
    compiled = sum(int(one.compiled.sum()) for one in own)
    if differ == 0:
        said = f"all {total:,} numbers of the gradients agree to the bit."
    else:
        left = "all explained" if explained == differ else f"{explained:,} of them explained"
        said = f"{differ:,} of {total:,} numbers of the gradients differ, {left}."
    if compiled:
        said += (
            f" Compiled as one program, as it trains, it gives {compiled:,} of all {total:,} other "
            "bits than one by one."
        )
    return said


def _print_birth(console: Console, each: Difference, seen: Seen, explanation: Explanation) -> None:
    network = explanation.moment.network
    name, count = shown(each.role, network), int(each.born.sum())
    of = f", {count} of {each.born.size} numbers" if each.born.size > 1 else ""
    why = "unexplained" if each.why is None else each.why.value
    say(console, f"  {name}{of}: born {_pass(each)}: {why}")
    evidence = shown(each.evidence, network)
    if len(evidence) > MOST_EVIDENCE:
        evidence = f"{evidence[:MOST_EVIDENCE]}... (the JSON has it all)"
    say(console, f"    {evidence}")
    if not each.role.startswith("new ") and each.crossed is not None:
        for line in _numbers(each, each.crossed, seen, explanation):
            say(console, f"    {line}")


def _pass(each: Difference) -> str:
    if each.role.startswith("new "):
        return "in the update"
    return "in the backward pass" if each.role.startswith("dL/d") else "in the forward pass"


def _numbers(
    each: Difference, crossed: Array, seen: Seen, explanation: Explanation
) -> Iterator[str]:
    """Show some of the numbers that were born different: both ways, on the same numbers."""
    moment = explanation.moment
    network = moment.network
    most = SHOWN_OF_FEW if network.param_count <= SHOWN_ELEMENTS else SHOWN_OF_MANY
    has_samples = each.here.ndim == 2 and each.role.removeprefix("dL/d") not in network.param_names
    has_samples &= len(moment.samples) > 1
    theirs = seen.reading.values[seen.stands[each.role]].array
    born = np.argwhere(each.born)
    for place in born[:most]:
        index = tuple(int(i) for i in place)
        name = element_shown(each.role, index, network) if index else shown(each.role, network)
        sample = f" of sample {moment.samples[index[0]]}" if has_samples else ""
        own, other = crossed[index], theirs[index]
        off = ulps_from(other, own)
        equal = "" if each.here[index] else "; with what it inherits the bits are equal again"
        yield (
            f"{name}{sample}, {each.reference}'s way and {seen.name}'s on {seen.name}'s numbers: "
            f"{bits(own)} and {bits(other)}" + ("" if off == "=" else f", {off} ULP") + equal
        )
    if len(born) > most:
        yield f"and {len(born) - most:,} more"
