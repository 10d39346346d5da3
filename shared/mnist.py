"""The MNIST digits, or what comes in their form, from files that the user has.

Nothing is downloaded. Network, cost and training are those of a well-known first recogniser of
these digits (M. Nielsen, Neural Networks and Deep Learning, 2015, chapter 1), starting point
included. `shared.named_problems` builds it where a folder was named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shared.backend import Array
from shared.errors import UsageError
from shared.idx import read_images, read_labels
from shared.network import Network
from shared.optimizer import Optimizer
from shared.problems import HeldOut, Problem

CLASSES = tuple("0123456789")
BRIGHTEST = 255

SPELLINGS = {
    name: (f"{name}-idx{axes}-ubyte", f"{name}.idx{axes}-ubyte")
    for name, axes in (
        ("train-images", 3), ("train-labels", 1), ("t10k-images", 3), ("t10k-labels", 1),
    )
}  # fmt: skip
"""How the four files are called; each name may also end in .gz."""


@dataclass(frozen=True, slots=True)
class _Labelled:
    """Pictures (N, rows, columns) and what each shows (N,), both in bytes, and their file."""

    path: Path
    pictures: Array
    labels: Array

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of pixels of each picture."""
        _, rows, columns = self.pictures.shape
        return rows, columns

    def inputs(self) -> Array:
        """Return pixels from 0 to 1, row after row of a picture: (N, rows * columns)."""
        flat = self.pictures.reshape(len(self.pictures), -1)
        return _read_only(np.divide(flat, BRIGHTEST, dtype=np.float64))

    def targets(self) -> Array:
        """Return one-hot rows (N, 10)."""
        return _read_only(np.eye(len(CLASSES))[self.labels])


def mnist(folder: Path) -> Problem:
    """Return the digits in a folder: of the files train-* to train on, those of t10k-* held out.

    Raises
    ------
    UsageError
        A file is missing, damaged or there twice with different content; pictures and labels do
        not go together; the pictures of both sets differ in size; a label is no digit.
    """
    paths = _paths(folder)
    train = _labelled(paths["train-images"], paths["train-labels"])
    held_out = _labelled(paths["t10k-images"], paths["t10k-labels"])
    if train.size != held_out.size:
        raise UsageError(
            f"{train.path} holds pictures of {_pixels(train)} pixels and {held_out.path} of "
            f"{_pixels(held_out)}; expected one size."
        )
    rows, columns = train.size
    return Problem(
        name="mnist",
        title=f"handwritten digits, {_pixels(train)} pixels / {BRIGHTEST}",
        origin="the user's IDX files, named as those of Y. LeCun, C. Cortes, C. J. C. Burges, "
        "The MNIST database of handwritten digits",
        features=(),
        classes=CLASSES,
        people=(),
        x=train.inputs(),
        y=train.targets(),
        network=Network((rows * columns, 30, len(CLASSES)), loss="quadratic_cost"),
        optimizer=Optimizer(3.0),
        epochs=30,
        batch_size=10,
        curve_every=1,
        held_out=HeldOut(
            held_out.inputs(), held_out.targets(), split="the files t10k-images and t10k-labels"
        ),
        image=train.size,
        initialization="standard_normal",
        order="shuffled",
    )


def _counted(missing: int) -> str:
    return "all four files" if missing == 4 else f"{missing} of the four files"


def _paths(folder: Path) -> dict[str, list[Path]]:
    """Return for each of the four files the paths that it has; most often one."""
    try:
        there = {path.name: path for path in folder.iterdir()}
        found = {name: _named_so(there, spellings) for name, spellings in SPELLINGS.items()}
    except OSError as error:
        raise UsageError(
            f"cannot read the folder {folder}: {error.strerror}. Expected one that holds the four "
            "files of MNIST; isograd never downloads them."
        ) from error
    missing = [" or ".join(SPELLINGS[name]) for name, paths in found.items() if not paths]
    if missing:
        raise UsageError(
            f"{folder} lacks {_counted(len(missing))} of MNIST, and isograd never downloads "
            f"them: {'; '.join(missing)}; each was looked for as it is and with .gz. "
            "Put them there, or name the folder that holds them."
        )
    return found


def _named_so(there: Mapping[str, Path], spellings: tuple[str, ...]) -> list[Path]:
    names = (name for one in spellings for name in (one, f"{one}.gz"))
    paths = [there[name] for name in names if name in there]
    # Some archives unpack to a folder of a file's name, beside the file.
    return [path for path in paths if not path.is_dir()] or paths


def _labelled(image_paths: list[Path], label_paths: list[Path]) -> _Labelled:
    pictures, labels = _read(read_images, image_paths), _read(read_labels, label_paths)
    images_path, labels_path = image_paths[0], label_paths[0]
    if len(pictures) != len(labels):
        raise UsageError(
            f"{images_path} holds {len(pictures):,} images and {labels_path} {len(labels):,} "
            "labels; expected a label for each image."
        )
    no_digit = labels >= len(CLASSES)
    if no_digit.any():
        first = int(no_digit.argmax())
        raise UsageError(
            f"{labels_path} holds the label {labels[first]} at index {first:,}, counted from 0; "
            f"expected digits, 0 to {len(CLASSES) - 1}."
        )
    return _Labelled(images_path, pictures, labels)


def _read(reader: Callable[[Path], Array], paths: list[Path]) -> Array:
    """Read a file; where it is there under several names, they must hold the same."""
    first, *others = paths
    array = reader(first)
    for other in others:
        if not np.array_equal(array, reader(other)):
            raise UsageError(
                f"{first} and {other} hold different data, and either could be meant. "
                "Keep one of them."
            )
    return array


def _pixels(one: _Labelled) -> str:
    return " x ".join(map(str, one.size))


def _read_only(array: Array) -> Array:
    array.flags.writeable = False  # so that nobody has to copy it
    return array
