"""A step explained, as JSON-ready data: all that was found, for a page that draws it.

Values and operations keep the indices that they have in their backend's reading, so that one can
point at another. `write_json` writes it; what JSON lacks, NaN and infinity, is left to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from shared.backend import Array, Params
from shared.explain.differences import Difference
from shared.explain.explanation import Explanation, Seen
from shared.explain.factors import Entry
from shared.explain.moment import Moment
from shared.explain.names import element_shown, shown
from shared.explain.reading import Operation
from shared.explain.replay import Recipe
from shared.explain.spine import Role
from shared.host import host, threads
from shared.network import Network
from shared.report.data import missing_data
from shared.report.explain_words import number
from shared.ulp import INCOMPARABLE, ulp_distance

SCHEMA = 1

MOST_DIGITS = 64
"""Of larger tensors the digits beyond a float's own are left out: nobody reads so many."""

MOST_NUMBERS = 4096
"""Of larger values on the way the numbers are left out, lest the page be all numbers."""


def explanation_data(explanation: Explanation, command: str) -> dict[str, Any]:
    """Return a step explained as JSON-ready data."""
    moment = explanation.moment
    return {
        "schema": SCHEMA,
        "kind": "explanation",
        "command": command,
        **_moment(moment),
        "host": host(),
        "threads_per_library": threads(),
        "spine": [_role(one, moment.network) for one in explanation.spine.values()],
        "backends": [_backend(one, moment.network) for one in explanation.seen],
        "strip": _strip(explanation),
        "differences": [_difference(one) for one in explanation.differences],
        "accounts": [
            {
                "backend": one.backend,
                "role": one.role,
                "differing": int(one.here.sum()),
                "explained": int(one.explained.sum()),
                "compiled": int(one.compiled.sum()),
            }
            for one in explanation.accounts
        ],
        "missing": missing_data(explanation.missing),
    }


def _moment(moment: Moment) -> dict[str, Any]:
    return {
        "title": moment.title,
        "story": moment.story,
        "network": moment.network.to_json(),
        "optimizer": moment.optimizer.to_json(),
        "dtype": moment.dtype,
        "samples": list(moment.samples),
        "params": _tensors(moment.network.param_names, moment.params),
        "x": moment.x.tolist(),
        "y": moment.y.tolist(),
    }


def _role(one: Role, network: Network) -> dict[str, Any]:
    return {
        "name": one.name,
        "shown": shown(one.name, network),
        "formula": shown(one.formula, network),
        "pass": one.pass_,
        "shape": list(one.exact.shape),
        "exact": one.exact.tolist(),
        "digits": list(one.digits) if one.exact.size <= MOST_DIGITS else None,
    }


def _backend(seen: Seen, network: Network) -> dict[str, Any]:
    reading = seen.reading
    return {
        "name": seen.name,
        "framework": reading.framework,
        "version": reading.version,
        "values": [_value(seen, index) for index in range(len(reading.values))],
        "operations": [_operation(seen, one) for one in reading.operations],
        "nodes": [asdict(one) for one in reading.nodes],
        "results": dict(reading.results),
        "stands": dict(seen.stands),
        "recipes": [_recipe(one, network) for one in seen.recipes.values()],
        "update": seen.moved
        and {
            "way": seen.moved.way,
            "after": _tensors(network.param_names, seen.moved.after),
        },
        "gradients": _tensors(network.param_names, reading.gradients),
    }


def _recipe(one: Recipe, network: Network) -> dict[str, Any]:
    # What is added to what stands in the formula, or in the name of the order.
    told = {name: value for name, value in asdict(one).items() if name != "trees"}
    return {**told, "shown": shown(one.written, network)}


def _value(seen: Seen, index: int) -> dict[str, Any]:
    one, alignment = seen.reading.values[index], seen.alignment
    return {
        "index": one.index,
        "name": one.name,
        "shape": list(one.array.shape),
        "numbers": one.array.tolist() if one.array.size <= MOST_NUMBERS else None,
        "is_constant": one.is_constant,
        "role": alignment.roles[index],
        "is_turned": alignment.is_turned[index],
    }


def _operation(seen: Seen, one: Operation) -> dict[str, Any]:
    placed = seen.alignment.placed[one.index]
    return {
        "index": one.index,
        "name": one.name,
        "does": one.does,
        "is_backward": one.is_backward,
        "inputs": list(one.inputs),
        "outputs": list(one.outputs),
        "axes": list(one.axes),
        "written": one.written,
        "mark": one.mark,
        "place": one.place and asdict(one.place),
        "role": placed.role,
        "how": placed.how.value,
    }


def _strip(explanation: Explanation) -> dict[str, Any]:
    strip = explanation.strip
    return {
        "element": strip.element,
        "sample": strip.sample,
        "adds_most": strip.adds_most,
        "sums_over": strip.sums_over,
        "begins_with_sum": strip.begins_with_sum,
        "entries": [_entry(one, explanation) for one in strip.entries],
    }


def _entry(one: Entry, explanation: Explanation) -> dict[str, Any]:
    role = explanation.spine[one.role]
    exact = role.exact[one.index]
    place = int(np.ravel_multi_index(one.index, role.exact.shape))
    return {
        "role": one.role,
        "index": list(one.index),
        "shown": element_shown(one.role, one.index, explanation.moment.network),
        "is_factor": one.is_factor,
        "exact": float(exact),
        "exact_hex": float(exact).hex(),
        "digits": role.digits[place],
        "backends": {seen.name: _formed(seen, one, exact) for seen in explanation.seen},
    }


def _formed(seen: Seen, one: Entry, exact: Array) -> dict[str, Any] | None:
    """Return what a backend has for one number of the strip; None if it never forms it."""
    found = number(seen, one.role, one.index, exact)
    if found is None:
        return None
    ulps = int(ulp_distance(np.asarray(found), np.asarray(exact)))
    return {
        "value": float(found),
        "hex": float(found).hex(),
        "ulps": "NaN" if ulps == int(INCOMPARABLE) else ulps,
    }


def _difference(one: Difference) -> dict[str, Any]:
    return {
        "role": one.role,
        "backend": one.backend,
        "reference": one.reference,
        **{kind: _places(getattr(one, kind)) for kind in ("here", "born", "inherited")},
        "crossed": _listed(one.crossed),
        "swapped": _listed(one.swapped),
        "why": one.why and one.why.value,
        "evidence": one.evidence,
    }


def _listed(array: Array | None) -> list[Any] | float | None:
    """Return the numbers of an array, nested; nothing where there are very many."""
    few = array is not None and array.size <= MOST_NUMBERS
    return array.tolist() if array is not None and few else None


def _places(mask: Array) -> dict[str, Any]:
    """Return how many numbers are meant, and which, counted through the tensor from 0."""
    return {"count": int(mask.sum()), "flat": np.flatnonzero(mask).tolist()}


def _tensors(names: Sequence[str], params: Params) -> dict[str, Any]:
    return {name: w.tolist() for name, w in zip(names, params, strict=True)}
