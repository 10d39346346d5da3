"""The checks on single verbs: each returns what is wrong, in a sentence or two, or nothing.

The tests call them, and ask them again where a training fails: what one of them tells is not told
twice.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shared.backend import Array
from shared.errors import BackendError
from shared.gathering import gathered
from tests.conformance.arrays import (
    STEP,
    VERBS,
    arguments,
    bits,
    different,
    of_arguments,
    of_result,
)
from tests.conformance.cases import BATCH_SIZE, Wanted
from tests.conformance.subjects import Subject


def other_shapes(subject: Subject, verb: str, m: int = BATCH_SIZE) -> str:
    """Look at the shape, dtype and count of what a verb returns, and whether it returns."""
    try:
        subject.call(verb, arguments(verb, subject.case, draw=1, m=m))
    except BackendError as error:
        return str(error)
    return ""


def arguments_changed(subject: Subject, verb: str) -> str:
    """Look at the bits of the arguments before and after a call."""
    given = arguments(verb, subject.case, draw=1)
    before = bits(of_arguments(subject.network, given))
    subject.call(verb, given)
    changed = different(before, bits(of_arguments(subject.network, given)))
    if not changed:
        return ""
    return (
        f"{subject.name}, {verb}: expected its arguments to stay as they were; it changed "
        f"{_listed(changed)}. Compute a new array: w = w - step, and not w -= step."
    )


def results_changed(subject: Subject, verb: str) -> str:
    """Look at what a verb returned once it has been called again, and in whose memory it is."""
    given = arguments(verb, subject.case, draw=1)
    result = of_result(subject.network, subject.call(verb, given))
    for name, array in result.items():
        for argument, its in of_arguments(subject.network, given).items():
            if np.may_share_memory(array, its):
                return (
                    f"{subject.name}, {verb}: expected results in memory of their own; {name} is "
                    f"the memory of its argument {argument}. Return a new array, or a copy."
                )
    before = bits(result)
    subject.call(verb, arguments(verb, subject.case, draw=2))
    changed = different(before, bits(result))
    if not changed:
        return ""
    return (
        f"{subject.name}, {verb}: expected what it returned to stay as it was; the next call, with "
        f"other arguments, changed {_listed(changed)}. Return a new array, or a copy of the buffer."
    )


def not_repeated(subject: Subject, verb: str) -> str:
    """Call a verb twice, then with other arguments, then with the first ones again."""
    seen: list[dict[str, Array]] = []
    for draw in (1, 1, 2, 1):
        result = subject.call(verb, arguments(verb, subject.case, draw))
        named = of_result(subject.network, result)
        seen.append({name: np.array(array) for name, array in named.items()})
    first = seen[0]
    for again in (seen[1], seen[3]):
        for name in different(bits(first), bits(again)):
            held = "is there once and not again"
            if name in first and name in again:
                one, other = _first_pair(first[name], again[name])
                held = f"holds {one!r} at first and {other!r} when asked again"
            return (
                f"{subject.name}, {verb}: expected the same bits for the same arguments; {name} "
                f"{held}. A verb keeps nothing from call to call, and draws no numbers."
            )
    return ""


def state_lost(subject: Subject) -> str:
    """Look at the step number and the slots that `update` returns."""
    _, state = subject.call("update", arguments("update", subject.case, draw=1))
    if state.step != STEP + 1:
        return (
            f"{subject.name}, update: expected step {STEP + 1} in the state after step {STEP}; got "
            f"{state.step!r}. Return OptimizerState(state.step + 1, slots)."
        )
    expected = sorted(subject.optimizer.slots)
    if sorted(state.slots) != expected:
        return (
            f"{subject.name}, update: expected the slots that {subject.optimizer.name} has "
            f"({_listed(expected)}); got {_listed(sorted(state.slots))}. Return each slot of the "
            "state as it is after the step."
        )
    return ""


def replicas_mixed(subject: Subject, verb: str) -> str:
    """Change one of three replicas and look at what comes of the others."""
    one, other = (arguments(verb, subject.case, draw, lead=(3,)) for draw in (1, 2))
    changed = gathered([one, other], lambda both: np.concatenate([both[1][:1], both[0][1:]]))
    first, second = (
        {name: np.array(a[1:]) for name, a in of_result(subject.network, result).items()}
        for result in (subject.call(verb, one), subject.call(verb, changed))
    )
    moved = different(bits(first), bits(second))
    if not moved:
        return ""
    return (
        f"{subject.name}, {verb}: expected replicas that do not influence each other; another "
        f"first one changed {_listed(moved)} of the second or the third. Sum over the last axes "
        "only, and never over the leading ones."
    )


def told_already(subject: Subject, wanted: Wanted) -> bool:
    """Whether a check on a single verb has something to tell of this very case.

    Where a network was not asked for, `update` alone is checked, and of an option its state alone.
    """
    verbs: tuple[str, ...] = VERBS if wanted.network else ("update",)
    if wanted.is_option:
        verbs = ()
    try:
        return any(
            other_shapes(subject, verb) or arguments_changed(subject, verb) for verb in verbs
        ) or bool(state_lost(subject))
    except BackendError:
        return not wanted.is_option


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _first_pair(one: Array, other: Array) -> tuple[float, float]:
    """Return the first two numbers that differ in their bits."""
    pairs = zip(np.ravel(one), np.ravel(other), strict=True)
    first, again = next((a, b) for a, b in pairs if a.tobytes() != b.tobytes())
    return float(first), float(again)
