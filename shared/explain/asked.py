"""What a command line asks to have explained: a step, a weight, backends, places to write to."""

from __future__ import annotations

import shlex
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

from shared.arguments import parse_count
from shared.asked import (
    DEFAULT_PROBLEM,
    asked_backends,
    asked_json,
    asked_problem,
    asked_seed,
    made_folder,
)
from shared.errors import BackendUnavailable, UsageError
from shared.explain.moment import Moment, moment_of, worked_moment
from shared.problems import require_dtype
from shared.registry import Loaded
from shared.training import Missing


@dataclass(frozen=True, slots=True)
class AskedStep:
    """A step that can be explained.

    element
        The parameter whose factors are asked for; None where it was not said.
    command
        The command that explains it again, with its defaults spelled out.
    """

    moment: Moment
    element: str | None
    loaded: list[Loaded]
    missing: list[Missing]
    json_path: Path | None
    dot_path: Path | None
    command: str


def asked_step(chosen: Namespace) -> AskedStep:
    """Return what the options of `explain` ask for.

    Raises
    ------
    UsageError
        An option cannot be used, or not beside another.
    ProblemUnavailable
        The package that holds the problem's data is not installed.
    BackendUnavailable
        No backend that was asked for can be loaded.
    """
    dtype, json_path = require_dtype(chosen.dtype), asked_json(chosen)
    dot_path = None if chosen.dot is None else made_folder(Path(chosen.dot))
    loaded, missing = asked_backends(chosen)
    if not loaded:
        raise BackendUnavailable("; ".join(one.reason for one in missing))
    if chosen.worked is None:
        moment, words = _of_a_run(chosen, dtype, loaded[0])
    else:
        _require_alone(chosen)
        moment, words = worked_moment(chosen.worked, dtype), ["--worked", chosen.worked]
    every: list[Loaded | Missing] = [*loaded, *missing]
    names = chosen.backends or ",".join(one.name for one in every)
    words = ["python", "compare.py", "explain", *words]
    words += [] if chosen.weight is None else ["--weight", chosen.weight]
    words += ["--backends", names, "--dtype", dtype]
    return AskedStep(moment, chosen.weight, loaded, missing, json_path, dot_path, shlex.join(words))


def _of_a_run(chosen: Namespace, dtype: str, guide: Loaded) -> tuple[Moment, list[str]]:
    one, default = asked_problem(chosen)
    typed = asked_seed(chosen)
    seed = default if typed is None else typed
    number = 1 if chosen.step is None else parse_count(chosen.step, "step")
    if chosen.spec is None:
        words = ["--problem", DEFAULT_PROBLEM if chosen.problem is None else chosen.problem]
    else:
        words = ["--spec", chosen.spec]
    words += [] if chosen.data is None else ["--data", chosen.data]
    words += ["--seed", str(seed), "--step", str(number)]
    return moment_of(one, seed, number, dtype, guide), words


def _require_alone(chosen: Namespace) -> None:
    for option in ("problem", "spec", "data", "seed", "step"):
        if getattr(chosen, option) is not None:
            raise UsageError(
                f"--worked brings its own network and numbers; expected no --{option} beside it."
            )
