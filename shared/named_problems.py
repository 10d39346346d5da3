"""The problems that are built in, by name: what command lines, specs and recordings ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from shared import digits, mnist, people
from shared.errors import UsageError, nearest
from shared.problems import Problem
from shared.samples import digest


def problem_names() -> tuple[str, ...]:
    """Return the names that `problem` accepts without a folder."""
    return tuple(_builders())


def folder_names() -> tuple[str, ...]:
    """Return the names of the problems whose data is in a folder of the user's own."""
    return tuple(_folder_builders())


def problem(name: str, folder: Path | None = None) -> Problem:
    """Return a named problem.

    folder
        Where the data lies of a problem that is trained on files of the user's own.

    Raises
    ------
    UsageError
        No problem has this name; the nearest one is told. A folder is missing, or not wanted; or
        what lies there cannot be used.
    ProblemUnavailable
        The package that holds its data is not installed.
    """
    builders, from_folder = _builders(), _folder_builders()
    if name in from_folder:
        if folder is None:
            raise UsageError(
                f"the data of {name} are files that you have, and isograd never downloads them: "
                "name their folder with --data DIR."
            )
        return from_folder[name](folder)
    if name not in builders:
        names = (*builders, *from_folder)
        raise UsageError(
            f"unknown problem {name!r}; known: {', '.join(names)}." + nearest(name, names)
        )
    if folder is not None:
        raise UsageError(
            f"the problem {name} brings its own data; a folder goes with "
            f"{', '.join(from_folder)} alone."
        )
    return builders[name]()


def require_free_name(name: str, base: object = None) -> str:
    """Return the name, unless it is that of a built-in problem other than the base.

    base
        The problem whose data it has, if it has that of one.

    Raises UsageError; two problems of one name could be mistaken for each other.
    """
    if name != base and name in (*_builders(), *_folder_builders()):
        raise UsageError(
            f"a problem that is built in is called {name!r}; expected another name, since its data "
            "is not that problem's."
        )
    return name


def centred(one: Problem) -> Problem | None:
    """Return the problem that has the same data with its column means subtracted.

    It is called as `one` is, and -centered, and is trained alike. None where there is none: only
    the data of a named problem has one, not whatever else bears its name.
    """
    name = f"{one.name}-centered"
    builders = _builders()
    if name not in builders or one.name not in builders:
        return None
    raw = problem(one.name)
    if digest(one.x, one.y) != digest(raw.x, raw.y):
        return None
    sibling = problem(name)
    return replace(
        one, name=name, title=sibling.title, x=sibling.x, y=sibling.y, people=sibling.people
    )


def _builders() -> dict[str, Callable[[], Problem]]:
    return {
        "people16": people.people16,
        "people16-centered": people.people16_centered,
        "people4": people.people4,
        "digits": digits.digits,
        "digits-softmax": digits.digits_softmax,
    }


def _folder_builders() -> dict[str, Callable[[Path], Problem]]:
    return {"mnist": mnist.mnist}
