"""The numbers that the factors are made of, for the terminal: the way forward, and what cancels."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from rich.console import Console
from rich.text import Text

from shared.explain.explanation import Explanation
from shared.explain.names import element_shown, shown
from shared.report.explain_words import exactly, number, ulps_from
from shared.report.layout import SHOWN_ELEMENTS, heading, say, table_of

LOST_BITS = 8
"""So many bits may cancel before it is worth a sentence."""


def print_forward(console: Console, explanation: Explanation) -> None:
    """Print what one sample's forward pass computes; not of larger networks."""
    moment = explanation.moment
    if moment.network.param_count > SHOWN_ELEMENTS or len(moment.x) > 1:
        return
    heading(console, "The way forward, in ULPs from exact")
    titles = [one.name for one in explanation.seen]
    table = table_of("", "exact", *titles, left=(0, 1))
    for role, index in _numbers(explanation):
        exact = explanation.spine[role]
        name = element_shown(role, index, moment.network) if index else role
        found = [number(one, role, index, exact.exact) for one in explanation.seen]
        offs = ["·" if one is None else ulps_from(one, exact.exact[index]) for one in found]
        digits = exact.digits[int(np.ravel_multi_index(index, exact.exact.shape)) if index else 0]
        table.add_row(Text(name), Text(exactly(digits)), *offs)
    console.print(table)


def print_cancelled(console: Console, explanation: Explanation) -> None:
    """Say where a slope is the difference of numbers that are almost equal."""
    network, dtype = explanation.moment.network, explanation.moment.x.dtype
    for entry in explanation.strip.factors:
        layer = entry.role.removeprefix("f'")
        if layer == entry.role or f"1-a{layer}" not in explanation.spine:
            continue
        role = f"1-a{layer}" if f"a{layer}²" not in explanation.spine else entry.role
        left = float(explanation.spine[role].exact[entry.index])
        lost = math.floor(-math.log2(left)) if 0 < left < 1 else 0
        if lost >= LOST_BITS:
            a = element_shown(f"a{layer}", entry.index, network)
            bits = np.finfo(dtype).nmant + 1
            say(
                console,
                f"{shown(role, network).replace(shown(f'a{layer}', network), a)} is {left:.1e}: "
                f"{min(lost, bits)} of {bits} bits cancel, whoever computes it from {a}.",
            )


def _numbers(explanation: Explanation) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the numbers of the forward pass, layer by layer."""
    for layer, units in enumerate(explanation.moment.network.sizes[1:], start=1):
        for role in (f"z{layer}", f"a{layer}"):
            if role in explanation.spine:
                yield from ((role, (0, unit)) for unit in range(units))
    yield from (("e", (0, unit)) for unit in range(explanation.moment.network.sizes[-1]))
    yield "L", ()
