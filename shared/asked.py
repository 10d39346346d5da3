"""What a command line asks for, as objects: a problem, seeds, backends, places to write to.

Options that do not go together are refused here, before anything is trained or written.
`compare.py` asks; argparse has cut the line into words, and `shared.arguments` reads single ones.
"""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.arguments import parse_count, parse_learning_rate, parse_names, parse_seeds
from shared.errors import BackendUnavailable, UsageError
from shared.faults.asked import asked_faults
from shared.faults.injected import FaultyBackend
from shared.named_problems import problem
from shared.problems import Problem, require_dtype
from shared.registry import Loaded, find, load, sources
from shared.seeding import require_seed
from shared.sparse.run import require_every
from shared.spec.read import DEFAULT_SEED, read_spec
from shared.training import Missing
from shared.whole_file import require_writable

DEFAULT_PROBLEM = "people16"


@dataclass(frozen=True, slots=True)
class AskedRun:
    """A run that can be begun.

    seeds
        One, or several to be surveyed.
    every
        After how many steps the parameters are to be recorded, and nothing else; None for all of
        every step.
    command
        The command that repeats the run, with its defaults spelled out.
    """

    problem: Problem
    seeds: int | tuple[int, ...]
    dtype: str
    json_path: Path | None
    one_in: int | None
    loaded: list[Loaded]
    missing: list[Missing]
    command: str
    record_to: Path | None
    faulty: tuple[FaultyBackend, ...] = ()
    every: int | None = None


def asked_run(chosen: Namespace) -> AskedRun:
    """Return what the options of `run` ask for.

    Raises
    ------
    UsageError
        An option cannot be used, or not beside another.
    ProblemUnavailable
        The package that holds the problem's data is not installed.
    BackendUnavailable
        No backend that was asked for can be loaded.
    """
    epochs = None if chosen.epochs is None else parse_count(chosen.epochs, "epochs")
    rate = None if chosen.lr is None else parse_learning_rate(chosen.lr)
    one, seed = asked_problem(chosen)
    one = one.changed(epochs, rate)
    dtype, seeds = require_dtype(chosen.dtype), _seeds(chosen, seed)
    json_path, one_in = asked_json(chosen), asked_sample(chosen)
    loaded, missing = asked_backends(chosen)
    command = _command(chosen, seed, [*loaded, *missing])
    if not loaded:
        raise BackendUnavailable("; ".join(one.reason for one in missing))
    every, faulty = _asked_every(chosen), asked_faults(chosen, one, loaded)
    record_to = _record_folder(chosen)
    held = {one.right.source: one.wrong for one in faulty}
    taking_part = [held.get(right.source, right) for right in loaded]
    return AskedRun(
        one, seeds, dtype, json_path, one_in, taking_part, missing, command, record_to, faulty,
        every,
    )  # fmt: skip


def asked_to_judge(chosen: Namespace) -> tuple[Problem | None, str]:
    """Return the problem that recordings are said to be of, if one is, and the repeating command.

    Raises as `asked_run` does.
    """
    if chosen.spec is not None and chosen.data is not None:
        raise UsageError("--spec and --data exclude each other; a spec names its data.")
    words = ["python", "compare.py", "judge", *chosen.files]
    words += [] if chosen.certify is None else ["--certify", chosen.certify]
    if chosen.spec is not None:
        return read_spec(Path(chosen.spec)).problem, shlex.join([*words, "--spec", chosen.spec])
    if chosen.data is not None:
        return problem("mnist", Path(chosen.data)), shlex.join([*words, "--data", chosen.data])
    return None, shlex.join(words)


def asked_spec(chosen: Namespace) -> str:
    """Return the spec, as text, of the built-in problem that a user wants to start from."""
    from shared.spec.written import spec_of, spec_text

    one, seed = _built_in(chosen), asked_seed(chosen)
    folder = None if chosen.data is None else Path(chosen.data)
    return spec_text(spec_of(one, DEFAULT_SEED if seed is None else seed, folder))


def asked_problem(chosen: Namespace) -> tuple[Problem, int]:
    """Return the problem, and the seed that is meant where no other is typed.

    Raises as `asked_run` does.
    """
    if chosen.spec is None:
        return _built_in(chosen), DEFAULT_SEED
    if chosen.problem is not None:
        raise UsageError("--spec and --problem exclude each other; expected one of them.")
    if chosen.data is not None:
        raise UsageError("--spec and --data exclude each other; a spec names its data.")
    spec = read_spec(Path(chosen.spec))
    return spec.problem, spec.seed


def asked_seed(chosen: Namespace) -> int | None:
    """Return the seed that was typed; None where none was."""
    return None if chosen.seed is None else require_seed(parse_count(chosen.seed, "seed"))


def made_folder(folder: Path) -> Path:
    """Return the folder, made if it is not there. Raises UsageError where none can be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {folder}: {error.strerror}.") from error
    return folder


def asked_json(chosen: Namespace) -> Path | None:
    """Return where JSON is to be written. Raises UsageError where none can be."""
    return None if chosen.json is None else require_writable(Path(chosen.json))


def asked_markdown(chosen: Namespace) -> Path | None:
    """Return where Markdown is to be written. Raises UsageError where none can be."""
    return None if chosen.markdown is None else require_writable(Path(chosen.markdown))


def asked_sample(chosen: Namespace) -> int | None:
    """Return one in how many steps is to be judged; None where it was not said."""
    if chosen.certify is None:
        return None
    count = parse_count(chosen.certify, "certify")
    if count < 1:
        raise UsageError(f"certify {count} cannot be used; expected 1 for every step, or more.")
    return count


def asked_backends(chosen: Namespace) -> tuple[list[Loaded], list[Missing]]:
    """Load every backend asked for; the unavailable ones come back with their reasons."""
    names = None if chosen.backends is None else parse_names(chosen.backends)
    asked = sources() if names is None else tuple(map(find, names))
    taken = [source.name for source in asked]
    loaded, missing = [], []
    for source in asked:
        if taken.count(source.name) > 1:
            raise UsageError(f"backend {source.name!r} is named twice; expected each once.")
        try:
            loaded.append(load(source))
        except BackendUnavailable as error:
            missing.append(Missing(source.name, str(error)))
    return loaded, missing


def _built_in(chosen: Namespace) -> Problem:
    name = DEFAULT_PROBLEM if chosen.problem is None else chosen.problem
    return problem(name, None if chosen.data is None else Path(chosen.data))


def _seeds(chosen: Namespace, default: int) -> int | tuple[int, ...]:
    if chosen.seeds is None:
        seed = asked_seed(chosen)
        return default if seed is None else seed
    if chosen.seed is not None:
        raise UsageError("--seed and --seeds exclude each other; expected one of them.")
    if chosen.certify is not None:
        raise UsageError("--certify judges the run of one --seed; expected no --seeds beside it.")
    if chosen.truth:
        raise UsageError("--truth follows the run of one --seed; expected no --seeds beside it.")
    if chosen.record is not None:
        raise UsageError("--record saves the run of one --seed; expected no --seeds beside it.")
    if chosen.fault is not None:
        raise UsageError(
            "--fault is sought in the run of one --seed; expected no --seeds beside it."
        )
    seeds = parse_seeds(chosen.seeds)
    require_seed(max(seeds))
    return seeds


def _asked_every(chosen: Namespace) -> int | None:
    """Return after how many steps parameters are recorded; None where it was not said."""
    if chosen.every is None:
        return None
    for option, given in (
        ("--seeds", chosen.seeds), ("--record", chosen.record), ("--truth", chosen.truth),
    ):  # fmt: skip
        if given:
            raise UsageError(f"--every records parameters alone; expected no {option} beside it.")
    return require_every(parse_count(chosen.every, "every"))


def _record_folder(chosen: Namespace) -> Path | None:
    if chosen.record is None:
        return None
    folder = made_folder(Path(chosen.record))
    require_writable(folder / "numpy.npz")
    return folder


def _command(chosen: Namespace, seed: int, backends: Sequence[Loaded | Missing]) -> str:
    words = ["python", "compare.py", "run"]
    if chosen.spec is None:
        words += ["--problem", DEFAULT_PROBLEM if chosen.problem is None else chosen.problem]
    else:
        words += ["--spec", chosen.spec]
    words += [] if chosen.data is None else ["--data", chosen.data]
    typed = str(seed) if chosen.seed is None else chosen.seed
    words += ["--seeds", chosen.seeds] if chosen.seeds else ["--seed", typed]
    words += ["--backends", chosen.backends or ",".join(one.name for one in backends)]
    words += ["--dtype", chosen.dtype]
    words += [] if chosen.epochs is None else ["--epochs", chosen.epochs]
    words += [] if chosen.lr is None else ["--lr", chosen.lr]
    words += [] if chosen.certify is None else ["--certify", chosen.certify]
    words += ["--truth"] if chosen.truth else []
    words += [] if chosen.every is None else ["--every", chosen.every]
    words += [] if chosen.fault is None else ["--fault", chosen.fault]
    words += [] if chosen.into is None else ["--in", chosen.into]
    return shlex.join(words)
