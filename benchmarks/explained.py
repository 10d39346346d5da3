"""How many last bits are explained, and how long explaining takes.

Run as `python -m benchmarks.explained`: five to ten minutes. Every number of a gradient whose bits
differ from those by hand is counted, with whether the whole step, made again, gives the bits of
both; the steps are the two worked ones, then random ones of the sixteen people and of networks with
more units, layers and samples. Last, the seconds that the first explanation of a process takes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console

from benchmarks.tables import table_of
from shared.explain.differences import Why
from shared.explain.explanation import Explanation, explain
from shared.explain.moment import Moment, moment_of, worked_moment
from shared.host import THREAD_VARIABLES, host
from shared.named_problems import problem
from shared.network import Network
from shared.registry import load, sources

STEPS = 100
FEWER_STEPS = 10
FIRST_STEPS = 160
"""Steps of the people are drawn from so many."""

WIDTH = 132

SHORT = {
    Why.SUM: "order of sum",
    Why.FUSED: "fused",
    Why.PRODUCT: "of product",
    Why.FORMULA: "formula",
    Why.EXP: "exp",
    Why.TANH: "tanh",
    Why.ZERO: "sign of 0",
    Why.FLUSHED: "subnormals",
    Why.UNEXPLAINED: "unexplained",
}

NETWORKS = (Network((3, 4, 2)), Network((5, 4, 3, 2)), Network((5, 4, 3, 2), "tanh", "identity"))

TIMED = """
import time
from shared.explain.explanation import explain
from shared.explain.moment import worked_moment
from shared.registry import load, sources
loaded = [load(source) for source in sources()]
moment = worked_moment("asymmetric", "float64")
for one in loaded:
    one.create(moment.network, moment.optimizer, moment.dtype)
started = time.perf_counter()
explain(moment, loaded, "w1")
print(time.perf_counter() - started)
"""


@dataclass
class Count:
    """The gradients' numbers of some steps: which differ, are explained, come out otherwise."""

    steps: int = 0
    numbers: int = 0
    differ: int = 0
    explained: int = 0
    compiled: int = 0
    unaligned: int = 0

    def add(self, backend: str, explanation: Explanation) -> None:
        """Count one backend's part of an explanation."""
        own = [one for one in explanation.accounts if one.backend == backend]
        seen = next(one for one in explanation.seen if one.name == backend)
        self.steps += 1
        self.numbers += sum(one.here.size for one in own)
        self.differ += sum(one.counts[0] for one in own)
        self.explained += sum(one.counts[1] for one in own)
        self.compiled += sum(int(one.compiled.sum()) for one in own)
        self.unaligned += len(seen.alignment.unaligned)


def main() -> None:
    """Explain, count, print."""
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, "1")
    console = Console(width=WIDTH)
    console.print(", ".join(f"{name} {value}" for name, value in host().items()), markup=False)
    table = table_of(
        ("steps", "backend"), ("numbers", "differ", "explained", "", "compiled otherwise")
    )
    whys: dict[tuple[str, str], Counter[Why]] = {}
    for title, moments in groups():
        counts: dict[str, Count] = {}
        for moment in moments:
            told = explain(
                moment, [load(one) for one in sources()], moment.network.element_names[0]
            )
            for seen in told.seen[1:]:
                counts.setdefault(seen.name, Count()).add(seen.name, told)
                born = [one.why for one in told.differences if one.backend == seen.name and one.why]
                whys.setdefault((title, seen.name), Counter()).update(born)
        for name, one in counts.items():
            share = f"{one.explained / one.differ:.1%}" if one.differ else "-"
            table.add_row(
                f"{title} ({one.steps})", name, f"{one.numbers:,}", f"{one.differ:,}",
                f"{one.explained:,}", share, f"{one.compiled:,}",
            )  # fmt: skip
            assert one.unaligned == 0, f"{one.unaligned} operations of {name} are not aligned"
    console.print(table)
    console.print("\nTensors in which a difference is born, by its cause")
    causes = table_of(("steps", "backend"), list(SHORT.values()))
    for (title, name), found in whys.items():
        causes.add_row(title, name, *(str(found[why] or "") for why in SHORT))
    console.print(causes)
    console.print(f"\nThe first explanation takes {seconds():.1f} s, once all is imported.")


def groups() -> Iterator[tuple[str, list[Moment]]]:
    """Yield the steps, by what they are called."""
    for dtype in ("float64", "float32"):
        yield (
            f"worked, {dtype}",
            [worked_moment(name, dtype) for name in ("symmetric", "asymmetric")],
        )
        yield f"people16, {dtype}", list(of_people(dtype))
        for network in NETWORKS:
            yield f"{network}, {dtype}", [of_network(network, n, dtype) for n in range(FEWER_STEPS)]


def of_people(dtype: str) -> Iterator[Moment]:
    """Yield a random step of each of a hundred seeds."""
    draw, guide = np.random.RandomState(0), load(sources()[0])
    for seed in range(STEPS):
        number = int(draw.randint(1, FIRST_STEPS + 1))
        yield moment_of(problem("people16"), seed, number, dtype, guide)


def of_network(network: Network, number: int, dtype: str) -> Moment:
    """Return a random step of a network, of one sample to four."""
    draw = np.random.RandomState(number)
    samples = 1 + number % 4
    params = tuple(draw.normal(size=shape).astype(dtype) for shape in network.param_shapes)
    x = draw.normal(size=(samples, network.sizes[0])).astype(dtype)
    y = draw.randint(2, size=(samples, network.sizes[-1])).astype(dtype)
    start = worked_moment("symmetric", dtype)
    return replace(
        start, title="", story="", network=network, params=params, x=x, y=y,
        samples=tuple(range(samples)),
    )  # fmt: skip


def seconds() -> float:
    """Return how long the first explanation of a process takes, imports and constructors apart."""
    done = subprocess.run([sys.executable, "-c", TIMED], capture_output=True, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    main()
