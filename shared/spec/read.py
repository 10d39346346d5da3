"""Specs: a user's own network, optimizer, schedule, seed and data, as a file in JSON.

A spec says what a `Problem` is made of, and the seed of a run; docs/spec.md lists its fields.
`compare.py --spec` trains it, and `judge --spec` holds a recording to it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from shared.named_problems import require_free_name
from shared.network import LOSSES, OUTPUTS, Network
from shared.optimizer import OPTIMIZERS, Optimizer
from shared.problems import Problem
from shared.samples import require_samples
from shared.seeding import require_seed
from shared.spec.data import Samples, samples_of
from shared.spec.lines import read_json
from shared.spec.section import Section, shown

VERSION = 1
DEFAULT_SEED = 42
FIELDS = ("isograd", "name", "title", "data", "network", "optimizer", "schedule", "seed")
SCHEDULE = {
    "epochs": 100, "batch_size": 10, "order": "shuffled", "last_batch": "kept",
    "curve_every": None, "initialization": "fan_in_normal",
}  # fmt: skip
"""What a schedule says, and what it is if not said."""

MARKS = 500
"""About so many points does the curve have at most, where nobody says how far apart they are."""

LEARNING_RATES = {"sgd": 0.1, "momentum": 0.01, "rmsprop": 0.001, "adam": 0.001, "adamw": 0.001}
CALLED_ELSEWHERE = {
    "lr": "learning_rate", "eps": "epsilon", "betas": "beta1 and beta2", "rho": "beta2",
    "alpha": "beta2", "wd": "weight_decay", "mu": "momentum",
}  # fmt: skip
"""Names that other libraries have for an optimizer's numbers."""

MOST_PARAMETERS = 100_000_000
_OPTIMIZER_FIELDS = tuple(field.name for field in fields(Optimizer))
_OUTPUT_OF = {"binary_cross_entropy": "sigmoid", "categorical_cross_entropy": "softmax"}


@dataclass(frozen=True, slots=True)
class Spec:
    """A spec that was read."""

    problem: Problem
    seed: int
    path: Path


def read_spec(path: Path) -> Spec:
    """Read a spec, and the data that it names.

    Raises
    ------
    UsageError
        Something is wrong, in the file or in its data; the file, the line and the field are told.
    ProblemUnavailable
        The package that holds a built-in problem's data is not installed.
    """
    values, lines = read_json(path)
    whole = Section(path, "", values if isinstance(values, dict) else {}, lines)
    if not isinstance(values, dict):
        raise whole.refusal("", f"expected an object in braces, got {shown(values)}.")
    whole.require_known(FIELDS)
    _require_version(whole)
    whole.require("data", '{"file": "mine.csv", ...}')
    whole.require("network", '{"sizes": [4, 5, 3]}')
    with whole.telling("seed"):
        seed = require_seed(whole.values.get("seed", DEFAULT_SEED))
    return Spec(_problem(whole), seed, path)


def _problem(whole: Section) -> Problem:
    data, schedule = whole.section("data"), whole.section("schedule")
    name = whole.text("name", whole.path.stem)
    with whole.telling("name"):
        require_free_name(name, data.values.get("problem"))
    optimizer = _optimizer(whole.section("optimizer"))
    samples = samples_of(data)
    network = _network(whole.section("network"), samples)
    with data.telling("targets" if "targets" in data else "problem"):
        y, held_out = samples.targets.rows(network), samples.held_out(network)
        require_samples(samples.x, y, network, "")
        if held_out:
            require_samples(held_out.x, held_out.y, network, "held-out ")
    with schedule.telling():
        return Problem(
            name=name,
            title=whole.text("title", name),
            origin=samples.origin,
            features=samples.features,
            classes=samples.targets.names,
            people=samples.people,
            x=samples.x,
            y=y,
            network=network,
            optimizer=optimizer,
            held_out=held_out,
            image=samples.image,
            **_scheduled(schedule),
        )


def _require_version(whole: Section) -> None:
    whole.require("isograd", f'"isograd": {VERSION}')
    version = whole.values["isograd"]
    if isinstance(version, bool) or version != VERSION:
        raise whole.refusal(
            "isograd", f"got {shown(version)}; expected {VERSION}, the version of specs read here."
        )


def _optimizer(section: Section) -> Optimizer:
    name = section.choice("name", tuple(LEARNING_RATES))
    for key in section.values:
        if key in CALLED_ELSEWHERE:
            raise section.refusal(key, f"unknown field; here it is {CALLED_ELSEWHERE[key]}.")
        if key not in _OPTIMIZER_FIELDS:
            section.require_known(("name", "learning_rate", *OPTIMIZERS[name]))
    section.require_known(_OPTIMIZER_FIELDS)
    with section.telling():
        return Optimizer(**{"learning_rate": LEARNING_RATES[name], **section.values})


def _network(section: Section, samples: Samples) -> Network:
    """Make the network; what is not said of its output fits the targets."""
    section.require_known([field.name for field in fields(Network)])
    section.require("sizes", "[4, 5, 3]")
    with section.telling():
        sizes = Network(section.values["sizes"]).sizes
        _require_ends(section, sizes, samples)
        network = Network(sizes, **_functions(section, sizes[-1], samples))
    if network.param_count > MOST_PARAMETERS:
        raise section.refusal(
            "sizes",
            f"{network.param_count:,} weights and biases; expected {MOST_PARAMETERS:,} at most.",
        )
    return network


def _require_ends(section: Section, sizes: tuple[int, ...], samples: Samples) -> None:
    """Hold the first and the last size to the data."""
    wanted = samples.inputs
    if sizes[0] != wanted:
        features = f"{wanted:,} {'feature' if wanted == 1 else 'features'}"
        raise section.refusal(
            "sizes",
            f"the first is {sizes[0]:,}, and a sample has {features}; expected {wanted:,}.",
        )
    fitting = samples.targets.outputs
    if sizes[-1] not in fitting:
        raise section.refusal(
            "sizes",
            f"the last is {sizes[-1]:,}, and the data has {samples.targets}; expected "
            f"{' or '.join(f'{count:,}' for count in fitting)}.",
        )


def _functions(section: Section, outputs: int, samples: Samples) -> dict[str, Any]:
    """Return activation, output and loss: those that are said, and others that go with them."""
    output = section.choice("output", OUTPUTS) if "output" in section else ""
    loss = section.choice("loss", LOSSES) if "loss" in section else ""
    classes = samples.targets.names
    if not output and not loss and classes and outputs > 1:
        output = "softmax"
    output = output or _OUTPUT_OF.get(loss) or ("sigmoid" if classes else "identity")
    if not loss:
        loss = "binary_cross_entropy" if output == "sigmoid" and classes else "mean_squared_error"
        loss = "categorical_cross_entropy" if output == "softmax" else loss
    activation = section.values.get("activation", "tanh")
    return {"activation": activation, "output": output, "loss": loss}


def _scheduled(section: Section) -> dict[str, Any]:
    section.require_known(tuple(SCHEDULE))
    schedule = {**SCHEDULE, **section.values}
    if schedule["curve_every"] is None:
        epochs = schedule["epochs"]
        schedule["curve_every"] = max(1, epochs // MARKS) if isinstance(epochs, int) else 1
    return schedule
