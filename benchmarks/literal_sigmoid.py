"""The sigmoid written as in books, and derived by a framework, is NaN far below zero.

Run as `python -m benchmarks.literal_sigmoid`. Where e^-z is infinite, 1/(1 + e^-z) is 0, which is
right; but the chain rule makes 0 · ∞ of it, and autodiff knows the formula only. The derivative
written by hand, a (1 - a), has no infinite factor, and neither has that of a built-in sigmoid.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.sigmoid_ways import Limits, Way, exact, limits, literal, walks, ways
from benchmarks.tables import table_of
from impls.numpy_backprop import FUNCTIONS, NumpyBackprop
from impls.torch_autograd import TorchAutograd
from shared.backend import Array, Backend, Dataset
from shared.errors import BackendUnavailable
from shared.named_problems import problem
from shared.problems import Problem
from shared.registry import find, load
from shared.report.words import joined
from shared.seeding import batch_runs, starting_params, starting_state

SHOWN = {"float32": (0, -20, -60, -1000), "float64": (0, -20, -400, -1000)}
"""In each dtype a few z, of which the third is where a literal has lost its slope already."""

WALKED = np.float32(-100)
SEEDS = range(1000)


@dataclass(frozen=True, slots=True)
class FarSum:
    """A z that a seed begins with: of which layer and unit (from 1), for which sample (from 0)."""

    seed: int
    layer: int
    unit: int
    sample: int
    z: float


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A step (from 1) after which more parameters are NaN than before: which ones then are."""

    step: int
    sample: int
    names: tuple[str, ...]


def far_sums(people: Problem, seeds: Sequence[int], dtype: str, limit: float) -> list[FarSum]:
    """Find every z, of those that the seeds begin with, at or below the limit."""
    params, found = starting_params(people, seeds, dtype), []
    a = people.x.astype(dtype)
    for layer, (W, b) in enumerate(zip(params[0::2], params[1::2], strict=True), start=1):
        z = a @ W.mT + b[..., None, :]
        for replica, sample, unit in np.argwhere(z <= limit).tolist():
            at = float(z[replica, sample, unit])
            found.append(FarSum(seeds[replica], layer, unit + 1, sample, at))
        with np.errstate(over="ignore"):
            a = FUNCTIONS[people.network.activation](z)
    return sorted(found, key=lambda one: (one.seed, one.layer, one.unit, one.sample))


def learners(people: Problem, dtype: str) -> dict[str, Backend]:
    """Return the backends by hand and in torch, and torch's with its sigmoid written out."""
    import torch

    swapped = TorchAutograd(people.network, people.optimizer, dtype)
    swapped.activation = swapped.output = literal(torch.exp)
    return {
        "by hand": NumpyBackprop(people.network, people.optimizer, dtype),
        "torch built-in": TorchAutograd(people.network, people.optimizer, dtype),
        "torch literal": swapped,
    }


def first_epoch(backend: Backend, people: Problem, seed: int, dtype: str) -> list[Spoiled]:
    """Train one epoch from a seed, and tell where parameters turn NaN."""
    params = starting_params(people, seed, dtype)
    data = Dataset(people.x.astype(dtype), people.y.astype(dtype))
    ((_, batches),) = batch_runs(people, seed, 0, people.steps_per_epoch)
    made = backend.train(params, starting_state(people, params), data, batches)
    after = np.concatenate([w.reshape(len(batches), -1) for w in made.after], axis=-1)
    found, known = [], 0
    for step, (row, batch) in enumerate(zip(np.isnan(after), batches, strict=True), start=1):
        if row.sum() > known:
            known = int(row.sum())
            names = tuple(np.array(people.network.element_names)[row].tolist())
            found.append(Spoiled(step, int(batch[0]), names))
    return found


def points(dtype: str, found: Iterable[Limits]) -> list[Any]:
    """Return the z to show: chosen ones, and each first NaN with its neighbours on both sides."""
    number = np.dtype(dtype).type
    born = {one.nan for one in found} - {None}
    around = {np.nextafter(z, number(way)) for z in born for way in (0, -np.inf)}
    return sorted({*map(number, SHOWN[dtype]), *born, *around}, reverse=True)


def main() -> None:
    """Compute and print all of it."""
    try:
        for name in ("torch", "jax"):
            load(find(name))
    except BackendUnavailable as error:
        sys.exit(f"literal_sigmoid needs torch and JAX: {error}")
    every = ways()
    found = {dtype: {name: limits(way, dtype) for name, way in every.items()} for dtype in SHOWN}
    for dtype in SHOWN:
        _print_values(dtype, every, points(dtype, found[dtype].values()))
    _print_limits(found)
    _print_walks()
    _print_training(problem("people16"), float(found["float32"]["torch literal"].nan))


def _print_values(dtype: str, every: Mapping[str, Way], zs: Sequence[Any]) -> None:
    for which, title in enumerate(("σ(z)", "σ'(z)")):
        print(f"{title} in {dtype}")
        table = table_of((), ("z", *(name.replace(" ", "\n") for name in every), "exact"))
        for z in zs:
            table.add_row(
                str(z), *(_worded(way(z)[which]) for way in every.values()), exact(z)[which]
            )
        _print(table)


def _print_limits(found: Mapping[str, Mapping[str, Limits]]) -> None:
    print(
        "From which z down the slope is 0 (or NaN), what it really is there, and where NaN begins"
    )
    table = table_of(("dtype", "way"), ("no slope from", "exact σ' there", "NaN from"))
    for dtype, each in found.items():
        for name, one in each.items():
            table.add_row(dtype, name, str(one.gone), exact(one.gone)[1], str(one.nan or "never"))
    _print(table)


def _print_walks() -> None:
    print(f"Where the NaN is born, at z = {WALKED} in float32")
    for heads, steps in walks(WALKED).items():
        table = table_of(heads, ("out", ""))
        for step in steps:
            inputs = ", ".join(map(_worded, step.inputs))
            mark = "the NaN is born" if step.bears_nan else ""
            table.add_row(step.name, inputs, _worded(step.output), mark)
        _print(table)


def _print_training(people: Problem, limit: float) -> None:
    dtype = "float32"
    far = far_sums(people, SEEDS, dtype, limit)
    seeds = sorted({one.seed for one in far})
    print(f"{len(seeds)} of {len(SEEDS)} seeds of {people.name} begin with a z at or below {limit}")
    table = table_of((), ("seed", "layer", "unit", "person", "z"))
    for one in far:
        table.add_row(*map(str, (one.seed, one.layer, one.unit, one.sample + 1)), f"{one.z:.2f}")
    _print(table)
    print(f"The first epoch from them, {people.steps_per_epoch} steps in {dtype}")
    table = table_of(("seed", "way", "parameters that are NaN"), ())
    for seed in seeds:
        for name, backend in learners(people, dtype).items():
            for line in _told(first_epoch(backend, people, seed, dtype), people):
                table.add_row(str(seed), name, line)
    _print(table)


def _told(found: Sequence[Spoiled], people: Problem) -> Iterator[str]:
    if not found:
        yield "none, to the end of the epoch"
    for one in found:
        everything = one.names == people.network.element_names
        names = f"all {len(one.names)}" if everything else joined(one.names)
        yield f"after step {one.step}, on person {one.sample + 1}: {names}"


def _worded(value: Array | float) -> str:
    return "NaN" if np.isnan(value) else f"{float(value):.5g}"


def _print(table: Any) -> None:
    Console(highlight=False, width=100).print(table)
    print()


if __name__ == "__main__":
    main()
