"""Every fault there is: it can be brought in, it acts, and it is found where it acts.

Long runs, all seeds and both larger frameworks are for the study of power; here a short run of
each shows that the catalogue and the files that it changes still belong together.
"""

from __future__ import annotations

import pytest

from shared.certificate.judge import Judge
from shared.faults.acting import ActWatch
from shared.faults.fault import ChosenFault, Expected, Fault, Injection, InSource
from shared.faults.injected import with_fault
from shared.faults.named import FAULTS
from shared.faults.patched import patched_kind
from shared.faults.places import tensors_of
from shared.faults.seen import FaultSeen, fault_seen
from shared.named_problems import problem
from shared.problems import Problem
from shared.registry import find, load
from shared.training import Trainee, lockstep

SEED = 4
PEOPLE, DIGITS = "people16", "digits"


def ways() -> list[tuple[Fault, Injection]]:
    at_border: list[tuple[Fault, Injection]] = [(f, f.at_border) for f in FAULTS if f.at_border]
    return [*((fault, way) for fault in FAULTS for way in fault.in_source), *at_border]


def where(way: Injection) -> str:
    return way.backend if isinstance(way, InSource) else "border"


def named(pairs: list[tuple[Fault, Injection]]) -> list[object]:
    return [pytest.param(*pair, id=f"{pair[0].name}-{where(pair[1])}") for pair in pairs]


WAYS = ways()
IN_SOURCE = [pair for pair in WAYS if isinstance(pair[1], InSource)]
IN_NUMPY = [pair for pair in WAYS if where(pair[1]) in ("numpy", "border")]
IN_TORCH = [pair for pair in WAYS if where(pair[1]) == "torch"]
IN_BATCHES = {
    *("loss-summed", "ragged-batch-dropped", "bias-gradient-averaged", "gradient-of-last-sample"),
    *("gradient-of-the-sum", "mean-by-a-reciprocal", "other-calls", "gradient-of-each-sample"),
}
"""What changes no bit where a batch is one sample."""
LATER = {"softmax-over-batch", "parameters-clipped", "other-calls"}
"""What acts in networks with a softmax, in longer runs, and in other frameworks."""
ON_DIGITS = [pair for pair in IN_NUMPY if pair[0].name in IN_BATCHES]
HARMLESS = [pair for pair in IN_NUMPY if pair[0].expected is Expected.BENIGN]


def run(
    name: str, epochs: int, fault: Fault, way: Injection, backend: str, dtype: str = "float64"
) -> FaultSeen:
    asked: Problem = problem(name).changed(epochs, None)
    start = min(fault.starts[0], asked.step_count) or asked.step_count
    chosen = ChosenFault(fault, fault.sizes[0] if fault.sizes else None, start)
    loaded = load(find(backend))
    faulty = with_fault(loaded, chosen, way)
    trainee = Trainee(faulty.wrong, asked, dtype)
    trainee.start(SEED)
    judge = Judge(backend, asked, dtype, SEED)
    right = loaded.create(asked.network, asked.optimizer_in(dtype), dtype)
    watch = ActWatch(right, asked, SEED, dtype, start)
    for (recording,) in lockstep([trainee]):
        judge.add(recording)
        watch.add(recording)
    return fault_seen(faulty, asked.network, dtype, watch.act, judge.finish())


def require_right(seen: FaultSeen) -> None:
    if seen.act is None or seen.expected is Expected.BENIGN:
        assert not seen.flagged
    elif seen.expected is Expected.FLAGGED:
        assert seen.flagged
        assert seen.placement is not None
        assert seen.placement.step == seen.act.step
        assert seen.placement.stage == seen.stage
        assert set(seen.placement.tensors) == seen.tensors


@pytest.mark.parametrize(("fault", "way"), named(IN_SOURCE))
def test_every_change_of_source_fits_the_files_as_they_are(fault: Fault, way: InSource) -> None:
    size = fault.sizes[0] if fault.sizes else None
    assert patched_kind(find(way.backend), way.replacements, size).framework


@pytest.mark.parametrize(("fault", "way"), named(IN_NUMPY))
def test_in_numpy_it_is_found_where_it_acts(fault: Fault, way: Injection) -> None:
    seen = run(PEOPLE, 35, fault, way, "numpy")
    require_right(seen)
    assert (seen.act is not None) == (fault.name not in IN_BATCHES | LATER)


@pytest.mark.parametrize(("fault", "way"), named(ON_DIGITS))
def test_on_the_digits_it_is_found_where_it_acts(fault: Fault, way: Injection) -> None:
    seen = run(DIGITS, 1, fault, way, "numpy")
    require_right(seen)
    assert (seen.act is not None) == (fault.name not in LATER)


@pytest.mark.parametrize(("fault", "way"), named(IN_TORCH))
def test_in_torch_it_is_found_where_it_acts(fault: Fault, way: Injection) -> None:
    require_right(run(PEOPLE, 3, fault, way, "torch"))


@pytest.mark.parametrize(("fault", "way"), named(HARMLESS))
def test_a_harmless_variant_is_not_flagged_in_float32(fault: Fault, way: Injection) -> None:
    assert not run(PEOPLE, 20, fault, way, "numpy", "float32").flagged


@pytest.mark.parametrize(("fault", "way"), named(WAYS))
def test_the_places_named_are_tensors_of_the_networks(fault: Fault, way: Injection) -> None:
    network = problem(DIGITS).network
    numbers = {name[0] for name in tensors_of(network, way.tensors)}
    assert numbers <= {"W", "b", "a", "δ", "l", "s", "z"}
    assert fault.story.endswith(".")
