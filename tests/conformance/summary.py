"""What the conformance checks came to, as a few lines for each backend.

It is read off the reports, which also come from other processes; tests/conftest.py prints it at
the end where --backend was given.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from shared.problems import DTYPES
from tests.conformance.cases import Case
from tests.conformance.catalogue import NETWORKS, OPTIMIZERS, OPTIONS, SPEC, Own
from tests.conformance.notes import NOT_OFFERED, REFUSED, TOLD, note_of

WIDTH, CASES_NAMED = 96, 4

UNEXPECTED = "An exception that no check expects was raised: see the traceback above."

PLACES = [["", SPEC, *NETWORKS], ["", SPEC, *OPTIMIZERS, *OPTIONS], ["", *DTYPES]]
"""The parts of a case, each in the order in which it is told."""

CHECKS = {
    "constructor": "it is made, or refuses with a BackendUnusable",
    "shapes": "verbs return the right shapes and dtypes",
    "arguments": "verbs leave their arguments unchanged",
    "results": "what a verb returned stays as it was",
    "determinism": "equal arguments give equal bits",
    "state": "update counts the step and keeps the slots",
    "train": "train makes the steps of the verbs",
    "training": "a short training runs to its end",
    "forward": "activations and logits are exact but for rounding",
    "loss": "so is the loss",
    "backward": "so are the gradients",
    "update": "so are the parameters after a step",
    "curve": "so is the loss curve, from evaluate",
    "replicas": "networks side by side: all of that for each",
}
"""The checks by name, in the order in which they are best read."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one check on one case: passed, failed or skipped, and what it noted."""

    kind: str
    said: dict[str, str]


def outcomes(stats: dict[str, list[Any]]) -> list[Outcome]:
    """Collect the checks among the reports of a session, by its own three kinds."""
    kinds = {"passed": "passed", "failed": "failed", "error": "failed", "skipped": "skipped"}
    found = [
        Outcome(kind, said)
        for key, kind in kinds.items()
        for report in stats.get(key, [])
        if (said := note_of(report)) is not None
    ]
    # Several processes report in any order.
    return sorted(found, key=lambda one: (one.said["backend"], _rank(one.said)))


def summary(made: Iterable[Outcome], own: Own | None = None) -> dict[str, list[str]]:
    """Return what to say of each backend, by its heading; own is what a spec is about."""
    of_each: dict[str, list[Outcome]] = {}
    for one in made:
        of_each.setdefault(_heading(one.said), []).append(one)
    return {heading: list(_lines(its, own)) for heading, its in of_each.items()}


def _rank(said: dict[str, str]) -> list[int]:
    """Place a case among all of them; no case comes first."""
    parts = said.get("case", "").split(", ")
    return [
        names.index(part) if part in names else 0
        for names, part in zip(PLACES, parts, strict=False)
    ]


def _heading(said: dict[str, str]) -> str:
    return f"conformance of {said['file']}"


def _lines(made: list[Outcome], own: Own | None) -> Iterator[str]:
    on = next((one.said["framework"] for one in made if "framework" in one.said), "")
    yield f"{made[0].said['backend']}, on {on}" if on else made[0].said["backend"]
    asked = [one for one in made if "asked" in one.said]
    if asked:
        yield from _supported(asked, own)
        yield ""
    yield from _checks(made)
    yield ""
    yield from _wrapped(_verdict(made, own))


def _supported(asked: list[Outcome], own: Own | None) -> Iterator[str]:
    """Optimizers down, networks across, dtypes in the cells; then why cases were refused."""
    kinds = {one.said["case"]: one.kind for one in asked if one.said["asked"] == "case"}
    spec = [SPEC] if own else []
    networks, optimizers = [*spec, *NETWORKS], [*spec, *OPTIMIZERS]
    label = max(map(len, OPTIMIZERS))
    yield f"{'accepted':{label}}  {'  '.join(f'{name:7}' for name in networks)}".rstrip()
    for optimizer in optimizers:
        cells = [
            _cell(*(kinds.get(str(Case(network, optimizer, dtype)), "") for dtype in DTYPES))
            for network in networks
        ]
        yield f"{optimizer:{label}}  {'  '.join(f'{cell:7}' for cell in cells)}".rstrip()
    yield from _options([one for one in asked if one.said["asked"] == "option"])
    yield "64 = float64, 32 = float32, - = refused, ! = could not be made."
    if own:
        yield from _wrapped(f"spec: {own}, as {own.file} says.")
    told = [f"{network}, {network.loss}" for network in NETWORKS.values()]
    yield from _wrapped(f"The networks: {'; '.join(told)}.")
    refused = [one.said["reason"] for one in asked if one.said.get("why") == REFUSED]
    for reason, times in Counter(refused).items():
        yield from _wrapped(f"Refused, {times} of {len(asked)}: {reason}")


def _options(asked: list[Outcome]) -> Iterator[str]:
    """The options of optimizers, those together that are accepted in the same dtypes."""
    kinds: dict[str, dict[str, str]] = {}
    for one in asked:
        _, option, dtype = one.said["case"].split(", ")
        kinds.setdefault(option, {})[dtype] = one.kind
    alike: dict[str, list[str]] = {}
    for option, own in kinds.items():
        alike.setdefault(_cell(*(own.get(dtype, "") for dtype in DTYPES)), []).append(option)
    indent = max(map(len, OPTIMIZERS)) + 2
    for cell, options in alike.items():
        are_all_refused = cell == "-" and len(alike) == 1
        told = f"all {len(options)}" if are_all_refused else ", ".join(options)
        first, *rest = _wrapped(told, indent)
        yield f"{f'options {cell}':{indent}}{first.lstrip()}"
        yield from rest


def _cell(*kinds: str) -> str:
    """Say what became of a case in each of the dtypes."""
    signs = {"passed": ("64", "32"), "failed": ("!", "!"), "skipped": ("-", "-"), "": ("", "")}
    cell = [signs[kind][i] for i, kind in enumerate(kinds)]
    return cell[0] if cell[0] == cell[1] else " ".join(cell)


def _checks(made: list[Outcome]) -> Iterator[str]:
    """One line for each check that was asked for, and below it where it failed."""
    label, told = max(map(len, CHECKS)), max(map(len, CHECKS.values()))
    for check, meaning in CHECKS.items():
        own = [one for one in made if one.said["check"] == check]
        if own:
            yield f"{check:{label}}  {meaning:{told}}  {_result(own)}"
            failed = [one for one in own if one.kind == "failed"]
            if failed:
                yield from _wrapped(f"on {_where(failed)}", label + 2)
                complaint = failed[0].said.get("complaint", UNEXPECTED)
                yield from _wrapped(complaint, label + 2)


def _result(made: list[Outcome]) -> str:
    kinds = Counter(one.kind for one in made)
    if kinds["failed"]:
        return f"FAILED {kinds['failed']} of {kinds['failed'] + kinds['passed']}"
    if kinds["passed"]:
        return f"passed {kinds['passed']}"
    reasons = {one.said.get("why") for one in made}
    return next((why for why in (NOT_OFFERED, TOLD, REFUSED) if why in reasons), "not made")


def _where(failed: list[Outcome]) -> str:
    """Name the cases of some failures, each once, those of both dtypes together."""
    dtypes: dict[str, list[str]] = {}
    for one in failed:
        case, _, dtype = one.said.get("case", "every case").rpartition(", ")
        seen = dtypes.setdefault(case or dtype, [])
        if case and dtype not in seen:
            seen.append(dtype)
    named = [f"{case}, {seen[0]} only" if len(seen) == 1 else case for case, seen in dtypes.items()]
    if len(named) > CASES_NAMED:
        named[CASES_NAMED:] = [f"{len(named) - CASES_NAMED} more"]
    return "; ".join(named)


def _verdict(made: list[Outcome], own: Own | None) -> str:
    name = made[0].said["backend"]
    passed = sum(one.kind == "passed" for one in made)
    broken = [c for c in CHECKS if any(o.kind == "failed" and o.said["check"] == c for o in made)]
    if broken:
        return f"{name} breaks {', '.join(broken)}; {passed} checks passed."
    if not passed:
        return f"{name}: nothing was checked."
    accepted = {one.said["case"] for one in made if "asked" in one.said and one.kind == "passed"}
    of_spec = {case for case in accepted if case.startswith(f"{SPEC}, {SPEC}, ")}
    supports = "what it supports"
    if own and of_spec:
        supports += f", {own.file} {'alone' if of_spec == accepted else 'included'}"
    return f"{name} breaks nothing: {passed} checks passed on {supports}."


def _wrapped(text: str, indent: int = 0) -> Iterator[str]:
    space = " " * indent
    yield from textwrap.wrap(
        text, WIDTH, initial_indent=space, subsequent_indent=space, break_on_hyphens=False
    )
