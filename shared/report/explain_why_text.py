"""Why last digits differ, for the terminal: where each difference is born, and what proves it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console

from shared.explain.differences import Difference, Why
from shared.explain.explanation import Explanation, Seen
from shared.explain.names import element_shown, shown
from shared.report.explain_words import bits, shortest, ulps_from
from shared.report.layout import SHOWN_ELEMENTS, heading, say

SHOWN_OF_FEW, SHOWN_OF_MANY = 3, 1
"""Of a joint at which more numbers are born different, so many are shown; fewer of networks with
more parameters than are shown one by one."""


def print_why(console: Console, explanation: Explanation) -> None:
    """Print, for every backend but the first, where its bits part from the first one's."""
    if len(explanation.seen) < 2:
        return
    heading(console, "Why last digits differ")
    reference, *others = explanation.seen
    for one in others:
        found = [each for each in explanation.differences if each.backend == one.name]
        say(console, f"{one.name}, beside {reference.name}: {_sum_words(one, explanation)}")
        for each in found:
            if each.born.any():
                _print_birth(console, each, reference, one, explanation)
        heirs = [
            shown(each.role, explanation.moment.network) for each in found if not each.born.any()
        ]
        if heirs:
            say(console, f"  Inherited by {', '.join(heirs)}.")


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
        said += f" Compiled as one program, as it trains, it gives {compiled} of them other bits."
    return said


def _print_birth(
    console: Console, each: Difference, reference: Seen, seen: Seen, explanation: Explanation
) -> None:
    network = explanation.moment.network
    name, count = shown(each.role, network), int(each.born.sum())
    of = f", {count} of {each.born.size} numbers" if each.born.size > 1 else ""
    why = "unexplained" if each.why is None else each.why.value
    say(console, f"  {name}{of}: born {_pass(each)}: {why}")
    say(console, f"    {shown(each.evidence, network)}")
    if each.role.startswith("new "):
        return
    for line in _numbers(each, reference, seen, explanation):
        say(console, f"    {line}")


def _pass(each: Difference) -> str:
    if each.role.startswith("new "):
        return "in the update"
    return "in the backward pass" if each.role.startswith("dL/d") else "in the forward pass"


def _numbers(
    each: Difference, reference: Seen, seen: Seen, explanation: Explanation
) -> Sequence[str]:
    """Show some of the numbers that were born different, with all their bits."""
    moment, lines = explanation.moment, []
    network = moment.network
    most = SHOWN_OF_FEW if network.param_count <= SHOWN_ELEMENTS else SHOWN_OF_MANY
    has_samples = each.here.ndim == 2 and each.role.removeprefix("dL/d") not in network.param_names
    ours = reference.reading.values[reference.stands[each.role]].array
    theirs = seen.reading.values[seen.stands[each.role]].array
    born = np.argwhere(each.born & each.here)
    for place in born[:most]:
        index = tuple(int(i) for i in place)
        name = element_shown(each.role, index, network) if index else shown(each.role, network)
        is_one_of_many = has_samples and len(moment.x) > 1
        sample = f" of sample {moment.samples[index[0]]}" if is_one_of_many else ""
        own, other = ours[index], theirs[index]
        lines.append(
            f"{name}{sample}: {shortest(own)} = {bits(own)}; "
            f"{seen.name} {bits(other)}, {ulps_from(other, own)} ULP"
        )
    if len(born) > most:
        lines.append(f"and {len(born) - most} more")
    if each.why is not Why.UNEXPLAINED and not len(born):
        lines.append("here its own way and what it inherited cancel: the bits are equal after all")
    return lines
