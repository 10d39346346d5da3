"""How wide the bounds are: over the largest error seen, stage by stage and from end to end."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console

from benchmarks.claims import digits
from benchmarks.judged_runs import Run, prepared
from benchmarks.tables import table_of
from shared.backend import Array, Dataset, Recording
from shared.certificate import bounds, end_to_end
from shared.certificate.findings import BackendCertificate, StageSummary
from shared.certificate.forms import widest
from shared.certificate.judge import reference_for
from shared.certificate.profile import Profile, tight
from shared.certificate.rounding import Rounding
from shared.certificate.stages import BACKWARD, FORWARD, LOSS, Evaluated, Reference
from shared.named_problems import problem
from shared.network import Network
from shared.problems import Problem
from shared.training import lockstep

WITH_DELTAS = ", δ recorded"
GROUPS = (
    "activations",
    "loss",
    "last gradient",
    "first gradient",
    f"last gradient{WITH_DELTAS}",
    f"first gradient{WITH_DELTAS}",
)
REFERENCE = {
    "2-2-1": ("1.3 - 2.8", "1.0", "1.1 - 1.4", "1.5 - 1.9", "", ""),
    "5-4-3-2": ("1.5 - 2.7", "4 - 7", "4 - 6", "6 - 9", "", ""),
    "64-30-10": ("3.4 - 6.3", "10 - 33", "2.5 - 4", "4 - 9", "", ""),
    "20-50-50-10": ("1.4 - 33", "50 - 100", "8 - 25", "50 - 100", "", "6 - 11"),
}
"""Bound over largest error as it should come out; fewer steps meet smaller errors."""

END_SEEDS, END_EPOCHS, BLOCK = tuple(range(30)), 600, 2**16
END_LIMITS = {"tight": 2.0, "by tanh": 7.0}
"""From end to end, the 2-2-1 network's gradients: by the tight profile, and by the widest."""


@dataclass(frozen=True, slots=True)
class EndToEnd:
    """A gradient held to the bound from end to end: bound over largest error; how many values."""

    backend: str
    profile: str
    tensor: str
    tightness: float
    vacuous: int
    values: int


def print_tightness(console: Console, rows: Sequence[Sequence[Run]]) -> None:
    """Print how wide the bounds of each group of tensors are at the cut-points."""
    table = table_of(("network", "group"), ("steps", "lowest", "highest", "expected", "resolution"))
    for runs in rows:
        name, u = "-".join(map(str, runs[0].network.sizes)), Rounding.of(runs[0].dtype).u
        steps = f"{sum(run.steps for run in runs):,}"
        for group, expected in zip(GROUPS, REFERENCE[name], strict=True):
            loose, medians = _looseness(runs, group, u)
            if not loose:
                continue
            table.add_row(
                name, group, steps, _times(min(loose)), _times(max(loose)), expected,
                f"{digits(min(medians))} - {digits(max(medians))}",
            )  # fmt: skip
    console.print(f"\n{rows[0][0].dtype}, at the cut-points, under the tight profile: bound over")
    console.print(
        "largest error, lowest and highest of all backends and tensors; and the median resolution"
    )
    console.print("in u, from the lowest to the highest:", table, sep="\n")


def print_end_to_end(console: Console, dtype: str, epochs: int = END_EPOCHS) -> None:
    """Print the same of the bounds from end to end, under each profile."""
    trained = problem("people16").changed(epochs)
    print(f"benchmarks: end to end in {dtype}", file=sys.stderr, flush=True)
    found = end_to_end_of(trained, END_SEEDS, dtype)
    table = table_of(
        ("profile", "backend"),
        ("W1", "b1", "W2", "b2", "values", "vacuous", "at most", ""),
    )
    for profile in END_LIMITS:
        for backend in dict.fromkeys(one.backend for one in found):
            some = [one for one in found if (one.profile, one.backend) == (profile, backend)]
            values = {one.tensor: one.tightness for one in some}
            limit = END_LIMITS[profile]
            table.add_row(
                profile, backend, *(digits(values[name]) for name in ("W1", "b1", "W2", "b2")),
                f"{sum(one.values for one in some):,}", f"{sum(one.vacuous for one in some):,}",
                f"{limit:g}", "holds" if max(values.values()) <= limit else "missed",
            )  # fmt: skip
    console.print(f"\n{dtype}, end to end, {trained.name} x {len(END_SEEDS)}, {epochs} epochs:")
    console.print("bound over largest error of each gradient", table, sep="\n")


def end_to_end_of(trained: Problem, seeds: Sequence[int], dtype: str) -> list[EndToEnd]:
    """Hold the gradients of all backends to the bounds from end to end, whatever others say."""
    trainees, data = prepared(trained, dtype), trained.dataset(dtype)
    for trainee in trainees:
        trainee.start(seeds)
    worst: dict[tuple[str, str, str], float] = {}
    counts: dict[tuple[str, str, str], Array] = {}
    for recordings in lockstep(trainees, every=1):
        for trainee, recording in zip(trainees, recordings, strict=True):
            for profile in (tight(dtype), widest(dtype)):
                for tensor, ratio, vacuous in _held(trained.network, data, recording, profile):
                    key = (trainee.name, profile.name, tensor)
                    worst[key] = max(worst.get(key, 0.0), float(ratio.max()))
                    counted = np.array([np.count_nonzero(vacuous), vacuous.size])
                    counts[key] = counts.get(key, 0) + counted
    return [EndToEnd(*key, 1 / value, *counts[key].tolist()) for key, value in worst.items()]


def _held(
    network: Network, data: Dataset, recording: Recording, profile: Profile
) -> Iterator[tuple[str, Array, Array]]:
    """Yield each gradient's name, error over bound, and where the bound tests nothing."""
    dtype = data.x.dtype.name
    reference = replace(reference_for(dtype), profile=profile)
    together = max(1, BLOCK // recording.batches[0].size)
    for start in range(0, len(recording.steps), together):
        rows = slice(start, start + together)
        seen = _seen(network, data, recording, rows)
        with np.errstate(all="ignore"):
            for one in end_to_end.backward(reference, seen):
                if one.tensor in network.param_names:
                    grad = recording.grads[network.param_names.index(one.tensor)][rows]
                    yield (one.tensor, *_against(reference, _wide(grad), one))


def _against(reference: Reference, value: Array, one: end_to_end.Gradient) -> tuple[Array, Array]:
    error = reference.arithmetic.distance(value, one.exact)
    bound = bounds.widened(one.error)
    return error / bound, (bound >= abs(value)) & (error > 0)


def _seen(network: Network, data: Dataset, recording: Recording, rows: slice) -> Evaluated:
    batches, evaluation = recording.batches[rows], recording.evaluation
    activations = [_wide(a[rows]) for a in evaluation.activations or ()]
    return Evaluated(
        network, tuple(_wide(w[rows]) for w in recording.before),
        (_wide(data.x[batches]), *activations), None, _wide(data.y[batches]),
        _wide(evaluation.loss[rows]),
    )  # fmt: skip


def _wide(a: Array) -> Array:
    return a.astype(np.float64)


def _times(looseness: float) -> str:
    """Word bound over largest error; where no error was seen all values have equal bits."""
    return "no error" if np.isinf(looseness) else digits(looseness)


def _looseness(runs: Sequence[Run], group: str, u: float) -> tuple[list[float], list[float]]:
    """Return bound over largest error of each backend and tensor, and resolutions in u."""
    worst: dict[tuple[str, str], float] = {}
    medians = []
    for run in runs:
        for one in run.certificates:
            of_deltas = group.endswith(WITH_DELTAS)
            if "gradient" in group and of_deltas != _has_deltas(one):
                continue
            for stage in _stages_of(one, group, len(run.network.sizes) - 1):
                key = (one.backend, stage.tensor)
                worst[key] = max(worst.get(key, 0.0), stage.worst)
                medians.append((stage.resolution or 0.0) / u)
    return [1 / value if value else np.inf for value in worst.values()], medians


def _stages_of(one: BackendCertificate, group: str, layers: int) -> Iterator[StageSummary]:
    wanted = {"activations": FORWARD, "loss": LOSS}.get(group, BACKWARD)
    layer = layers if group.startswith("last") else 1
    for stage in one.stages:
        if stage.stage == wanted and (
            wanted != BACKWARD or stage.tensor in (f"W{layer}", f"b{layer}")
        ):
            yield stage


def _has_deltas(one: BackendCertificate) -> bool:
    return any(stage.tensor[0] == "δ" for stage in one.stages)
