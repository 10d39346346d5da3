"""The four files are found under every usual name, and refused where they are not what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from shared.backend import Array
from shared.errors import UsageError
from shared.mnist import SPELLINGS, mnist
from tests.idx_files import TEST, TRAIN, gzipped, idx, numbered, tiny, write, write_mnist

ARRAYS = tiny()
PARTS = tuple(ARRAYS)


def refusal(folder: Path) -> str:
    """The one sentence with which the files are refused, without the folder's path."""
    with pytest.raises(UsageError) as refused:
        mnist(folder)
    text = str(refused.value)
    assert str(folder) in text
    assert "\n" not in text
    return text.replace(str(folder), "FOLDER")


def refused(folder: Path, changes: Mapping[str, Array]) -> str:
    """The sentence that refuses the files where some of them are others."""
    return refusal(write_mnist(folder, {**ARRAYS, **changes}))


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize("spelling", [0, 1])
@pytest.mark.parametrize("packed", [bytes, gzipped], ids=["plain", "gzipped"])
def test_files_are_found_under_every_usual_name(
    tmp_path: Path, spelling: int, ending: str, packed: Callable[[bytes], bytes]
) -> None:
    for name, array in ARRAYS.items():
        write(tmp_path / f"{SPELLINGS[name][spelling]}{ending}", packed(idx(array)))
    (tmp_path / "usual").mkdir()
    assert mnist(tmp_path) == mnist(write_mnist(tmp_path / "usual", ARRAYS))


def test_the_names_are_those_that_are_usual() -> None:
    assert SPELLINGS == {
        "train-images": ("train-images-idx3-ubyte", "train-images.idx3-ubyte"),
        "train-labels": ("train-labels-idx1-ubyte", "train-labels.idx1-ubyte"),
        "t10k-images": ("t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte"),
        "t10k-labels": ("t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte"),
    }


def test_names_may_be_mixed_among_the_files(tmp_path: Path) -> None:
    names = ("train-images.idx3-ubyte", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte",
             "t10k-labels.idx1-ubyte.gz")  # fmt: skip
    for name, array in zip(names, ARRAYS.values(), strict=True):
        write(tmp_path / name, idx(array))
    assert len(mnist(tmp_path).x) == len(ARRAYS["train-images"])


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path / "train-images-idx3-ubyte.txt", b"notes")
    write(tmp_path / "emnist-letters-train-images-idx3-ubyte", b"others")
    assert mnist(write_mnist(tmp_path, ARRAYS)).name == "mnist"


def test_missing_files_are_named_with_every_name_that_was_looked_for(tmp_path: Path) -> None:
    write_mnist(tmp_path, {name: ARRAYS[name] for name in ("train-images", "t10k-labels")})
    assert refusal(tmp_path) == (
        "FOLDER lacks 2 of the four files of MNIST, and isograd never downloads them: "
        "train-labels-idx1-ubyte or train-labels.idx1-ubyte; t10k-images-idx3-ubyte or "
        "t10k-images.idx3-ubyte; each was looked for as it is and with .gz. Put them there, or "
        "name the folder that holds them."
    )


@pytest.mark.parametrize("part", PARTS)
def test_each_file_is_needed(tmp_path: Path, part: str) -> None:
    write_mnist(tmp_path, {name: array for name, array in ARRAYS.items() if name != part})
    text = refusal(tmp_path)
    assert text.startswith("FOLDER lacks 1 of the four files of MNIST")
    assert [name for name in PARTS if name in text] == [part]


def test_an_empty_folder_lacks_all_four(tmp_path: Path) -> None:
    assert refusal(tmp_path).startswith("FOLDER lacks all four files of MNIST")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere") == (
        "cannot read the folder FOLDER: No such file or directory. Expected one that holds the "
        "four files of MNIST; isograd never downloads them."
    )


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    assert refusal(write(tmp_path / "a.gz", b"")).startswith(
        "cannot read the folder FOLDER: Not a directory. Expected"
    )


def twice(folder: Path, other: bytes) -> Path:
    """The four files, and the labels to train on under another name besides."""
    write(write_mnist(folder, ARRAYS) / "train-labels.idx1-ubyte.gz", gzipped(other))
    return folder


def test_a_file_under_two_names_may_hold_the_same(tmp_path: Path) -> None:
    both = mnist(twice(tmp_path, idx(ARRAYS["train-labels"])))
    (tmp_path / "train-labels.idx1-ubyte.gz").unlink()
    assert both == mnist(tmp_path)


def test_a_file_under_two_names_that_hold_different_data_is_refused(tmp_path: Path) -> None:
    assert refusal(twice(tmp_path, idx(ARRAYS["train-labels"][::-1]))) == (
        "FOLDER/train-labels-idx1-ubyte and FOLDER/train-labels.idx1-ubyte.gz hold different "
        "data, and either could be meant. Keep one of them."
    )


def test_a_second_file_that_is_damaged_is_refused(tmp_path: Path) -> None:
    text = refusal(twice(tmp_path, idx(ARRAYS["train-labels"])[:-1]))
    assert text.startswith("FOLDER/train-labels.idx1-ubyte.gz is cut short")


def test_a_folder_of_a_files_name_beside_the_file_is_passed_over(tmp_path: Path) -> None:
    """An archive that is found on the net unpacks so."""
    for name in PARTS:
        (tmp_path / SPELLINGS[name][1]).mkdir()
    assert len(mnist(write_mnist(tmp_path, ARRAYS)).x) == TRAIN


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path, {name: ARRAYS[name] for name in PARTS[1:]})
    (tmp_path / "train-images-idx3-ubyte").mkdir()
    assert refusal(tmp_path) == (
        "FOLDER/train-images-idx3-ubyte is a folder; expected an IDX file of images "
        "(magic 0x00000803)."
    )


def test_files_that_are_mixed_up_are_refused(tmp_path: Path) -> None:
    write_mnist(tmp_path, ARRAYS)
    write(tmp_path / "t10k-labels-idx1-ubyte", idx(ARRAYS["t10k-images"]))
    assert refusal(tmp_path).startswith(
        "FOLDER/t10k-labels-idx1-ubyte holds images (magic 0x00000803); expected"
    )


@pytest.mark.parametrize(("images", "labels"), [("train", "t10k"), ("t10k", "train")])
def test_pictures_and_labels_of_different_counts_are_refused(
    tmp_path: Path, images: str, labels: str
) -> None:
    text = refused(tmp_path, {f"{images}-labels": ARRAYS[f"{labels}-labels"]})
    assert text == (
        f"FOLDER/{images}-images-idx3-ubyte holds {len(ARRAYS[f'{images}-images'])} images and "
        f"FOLDER/{images}-labels-idx1-ubyte {len(ARRAYS[f'{labels}-labels'])} labels; expected a "
        "label for each image."
    )


@pytest.mark.parametrize("size", [(4, 5), (2, 8)])
def test_sets_of_different_picture_sizes_are_refused(tmp_path: Path, size: tuple[int, int]) -> None:
    """2 x 8 is as many pixels as 4 x 4, and another picture."""
    assert refused(tmp_path, {"t10k-images": numbered(TEST, *size)}) == (
        "FOLDER/train-images-idx3-ubyte holds pictures of 4 x 4 pixels and "
        f"FOLDER/t10k-images-idx3-ubyte of {size[0]} x {size[1]}; expected one size."
    )


@pytest.mark.parametrize("part", ["train-labels", "t10k-labels"])
@pytest.mark.parametrize("label", [10, 255])
def test_the_first_label_that_is_no_digit_is_named(tmp_path: Path, part: str, label: int) -> None:
    labels = ARRAYS[part].copy()
    labels[[7, 11]] = label, 99
    assert refused(tmp_path, {part: labels}) == (
        f"FOLDER/{part}-idx1-ubyte holds the label {label} at index 7, counted from 0; expected "
        "digits, 0 to 9."
    )
