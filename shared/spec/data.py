"""The data of a spec: of a table of the user's own, or of a problem that is built in.

Columns become inputs and targets, some samples are held out, and inputs are scaled by what the
others give. How many inputs and outputs a network needs for them comes out beside; `read`
holds the spec's network to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.backend import Array
from shared.errors import UsageError
from shared.named_problems import folder_names, problem
from shared.network import Network
from shared.problems import Feature, HeldOut, Person, Problem
from shared.seeding import require_seed
from shared.spec.scaling import SCALINGS, Scaling
from shared.spec.section import Section, shown
from shared.spec.splitting import Split, split
from shared.spec.targets import ClassTargets, NumberTargets, classes_of, numbers_of, require_names
from shared.tables.table import DELIMITERS, Block, Columns, Label, Table, open_table

OF_A_TABLE = ("file", "delimiter", "features", "targets", "classes", "scaling", "split")
OF_A_PROBLEM = ("problem", "folder")


@dataclass(frozen=True, slots=True)
class Samples:
    """What the data of a spec comes to, before a network is known.

    x, targets
        Of the samples that are trained on; the others are those held out, if there are any.
    split
        How they were set aside; nothing where none were.
    """

    origin: str
    features: tuple[Feature, ...]
    people: tuple[Person, ...]
    image: tuple[int, int] | None
    x: Array
    targets: ClassTargets | NumberTargets
    held_out_x: Array
    held_out_targets: ClassTargets | NumberTargets
    split: str

    @property
    def inputs(self) -> int:
        """How many inputs a network needs for them."""
        width: int = self.x.shape[1]
        return width

    def held_out(self, network: Network) -> HeldOut | None:
        """Return the samples held out, with the targets that a network wants."""
        if not self.split:
            return None
        return HeldOut(self.held_out_x, self.held_out_targets.rows(network), self.split)


def samples_of(data: Section) -> Samples:
    """Read the data that a spec names.

    Raises
    ------
    UsageError
        A field is wrong, or what it names is.
    ProblemUnavailable
        The package that holds a built-in problem's data is not installed.
    """
    if "problem" in data:
        data.require_known(OF_A_PROBLEM)
        return _of_problem(built_in(data))
    data.require_known((*OF_A_TABLE, *OF_A_PROBLEM))
    data.require("file", '"mine.csv"; or the field "problem", such as "digits"')
    if "folder" in data:
        raise data.refusal("folder", 'a folder goes with the problem "mnist"; leave it out.')
    return _of_table(data)


def built_in(data: Section) -> Problem:
    """Return the built-in problem whose data a spec takes."""
    name = data.text("problem")
    folder = data.path.parent / data.text("folder") if "folder" in data else None
    if folder is None and name in folder_names():
        raise data.refusal(
            "problem", f'the data of {name} are files that you have; name their "folder", too.'
        )
    with data.telling("folder" if folder else "problem"):
        return problem(name, folder)


def _of_problem(one: Problem) -> Samples:
    columns = tuple(f"output {i + 1}" for i in range(one.y.shape[1]))
    held_out = one.held_out or HeldOut(one.x[:0], one.y[:0], "")
    return Samples(
        one.origin, one.features, one.people, one.image,
        one.x, NumberTargets(one.y, columns, one.classes),
        held_out.x, NumberTargets(held_out.y, columns, one.classes), held_out.split,
    )  # fmt: skip


def _of_table(data: Section) -> Samples:
    how = data.choice("scaling", SCALINGS)
    read, blocks, targets = _read(data)
    parts = _split(data, len(read), targets.classes)
    scaling = Scaling(read.path, how, parts.training)
    with data.telling("scaling" if "scaling" in data else "features"):
        inputs = [scaling.inputs(block) for block in blocks]
    x = np.concatenate([values for values, _ in inputs], axis=1)
    return Samples(
        origin=data.text("file"),
        features=tuple(feature for _, features in inputs for feature in features),
        people=(),
        image=_image(blocks),
        x=_some(x, parts.training),
        targets=targets.of(parts.training),
        held_out_x=_some(x, parts.held_out),
        held_out_targets=targets.of(parts.held_out),
        split=parts.told,
    )


def _read(data: Section) -> tuple[Columns, Sequence[Block], ClassTargets | NumberTargets]:
    """Read the table: all that was read, the features of it, and the targets."""
    delimiter, classes = _delimiter(data), _classes(data)
    with data.telling("file"):
        table = open_table(data.path.parent / data.text("file"), delimiter)
    features = _columns(data, "features", '["height", "weight"]', table)
    targets = _columns(data, "targets", '["species"]', table)
    _require_apart(data, features, targets)
    if classes and len(targets) == 1 and table.is_column(targets[0]):
        read = table.read(features, labels=targets[0])
        _require_once(data, read.blocks, [targets[0], f"{targets[0]}[0]"])
        with data.telling("classes"):
            return read, read.blocks, classes_of(read, targets[0], classes)
    try:
        read = table.read([*features, *targets])
    except UsageError as error:
        wrong = [f"column {name!r}: expected a number" for name in targets]
        if not classes and any(words in str(error) for words in wrong):
            raise UsageError(f'{error} Labels of classes? List them: "classes": [...].') from error
        raise
    blocks, target_blocks = read.blocks[: len(features)], read.blocks[len(features) :]
    _require_once(data, blocks, [name for block in target_blocks for name in block.columns])
    with data.telling("classes" if classes else "targets"):
        return read, blocks, numbers_of(read, target_blocks, classes)


def _delimiter(data: Section) -> str | None:
    value = data.values.get("delimiter")
    if value is not None and value not in list(DELIMITERS):
        raise data.refusal(
            "delimiter", f"got {shown(value)}; expected one of {', '.join(map(shown, DELIMITERS))}."
        )
    return value


def _columns(data: Section, key: str, such_as: str, table: Table) -> tuple[str, ...]:
    names = data.names(key, such_as)
    for i, name in enumerate(names):
        with data.telling(f"{key}[{i}]"):
            table.require(name)
    return names


def _classes(data: Section) -> tuple[Label, ...]:
    if "classes" not in data:
        return ()
    classes = data.values["classes"]
    if not isinstance(classes, list):
        raise data.refusal("classes", f'expected a list such as ["a", "b"], got {shown(classes)}.')
    with data.telling("classes"):
        return require_names(classes)


def _require_once(data: Section, features: Sequence[Block], targets: Sequence[str]) -> None:
    """Refuse a column that comes twice: by itself, and once more with its array."""
    columns = [name for block in features for name in block.columns]
    if len(set(columns)) < len(columns):
        twice = next(name for i, name in enumerate(columns) if name in columns[:i])
        raise data.refusal("features", f"{twice!r} comes twice; expected each column once.")
    _require_apart(data, columns, targets)


def _require_apart(data: Section, features: Sequence[str], targets: Sequence[str]) -> None:
    for name in targets:
        if name in features:
            raise data.refusal(
                "targets", f"{name!r} is a feature, too; expected what is to be learned from them."
            )


def _some(x: Array, samples: Array) -> Array:
    """Return some samples, read-only, so that nobody has to copy them."""
    rows: Array = x[samples]
    rows.flags.writeable = False
    return rows


def _split(data: Section, count: int, classes: Array | None) -> Split:
    if "split" not in data:
        return Split(np.arange(count), np.arange(0), "")
    section = data.section("split")
    section.require_known(("held_out", "seed"))
    section.require("held_out", "0.2")
    with section.telling("seed"):
        seed = require_seed(section.values.get("seed", 0))
    with section.telling("held_out"):
        return split(count, section.values["held_out"], seed, classes)


def _image(blocks: Sequence[Block]) -> tuple[int, int] | None:
    """Return the size of the pictures where the inputs are one array of them."""
    if len(blocks) == 1 and len(blocks[0].shape) == 2:
        rows, columns = blocks[0].shape
        return rows, columns
    return None
