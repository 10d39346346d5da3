"""The smallest size of a fault that is found: by decades, from large to small."""

from __future__ import annotations

from shared.faults.acting import ActWatch
from shared.faults.fault import LAST, ChosenFault
from shared.faults.injected import injections, with_fault
from shared.faults.named import fault_named
from shared.named_problems import problem
from shared.power.rules import RULES
from shared.power.runs import Bench, available, judged_run
from shared.power.scores import Smallest
from shared.power.trials import CALM
from shared.registry import Loaded, find, load
from shared.training import Trainee

PROBLEM, EPOCHS, SEED = "people16", 50, CALM[0]
CERTIFICATE = "certificate"
DECADES = range(18)
"""Sizes 1, 0.1, 0.01, ... to 1e-17."""


def smallest(bench: Bench, name: str, dtype: str) -> Smallest:
    """Try a fault with every size on the sixteen people.

    A size is found if it is flagged, and so is every larger one from the largest found on.
    """
    fault, one = fault_named(name), problem(PROBLEM).changed(EPOCHS, None)
    start = fault.starts[0]
    start = one.step_count if start == LAST else start
    loaded = _holder(ChosenFault(fault, fault.sizes[0], start))
    right = loaded.create(one.network, one.optimizer_in(dtype), dtype)
    without = bench.correct(loaded.name, one, dtype, SEED).run
    alarms = [rule for rule, flags in bench.said(without, loaded.name, one, SEED).items() if flags]
    found: dict[str, float] = {}
    going = {CERTIFICATE, *(rule.name for rule in RULES)}
    for decade in DECADES:
        size = float(f"1e-{decade}")
        faulty = with_fault(loaded, ChosenFault(fault, size, start))
        watch = ActWatch(right, one, SEED, dtype, start)
        judged = judged_run(Trainee(faulty.wrong, one, dtype), SEED, watch.add)
        if watch.act is None:
            break  # smaller ones change nothing either
        said = {
            CERTIFICATE: not judged.certificate.certified,
            **bench.said(judged.run, loaded.name, one, SEED),
        }
        going = {rule for rule in going if said.get(rule) or rule not in found}
        found |= {rule: size for rule in going if said.get(rule)}
    own = found.pop(CERTIFICATE, None)
    sizes = {rule.name: found.get(rule.name) for rule in RULES if rule.name not in alarms}
    return Smallest(name, dtype, own, sizes, tuple(alarms))


def _holder(chosen: ChosenFault) -> Loaded:
    """Return the first backend that can hold the fault."""
    loaded = [load(find(name)) for name in available()]
    return next(one for one in loaded if injections(one, chosen))
