"""A calibration on disk, where the next run finds it; what does not fit this machine is ignored.

The file is JSON. It says on which machine and of which versions its figures were taken, since
libraries choose the code of their functions by the processor. Equal calibrations give equal bytes.
A bad file never raises: a run does without it, and says why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from platformdirs import user_cache_path

from shared.calibration.measured import Calibration, Machine
from shared.calibration.reading import FORMAT, SCHEMA, Damaged, parsed
from shared.errors import UsageError
from shared.whole_file import require_writable, whole_file

MOST_BYTES = 2**20
"""A file of some kilobytes is expected; no more of another one is read than this."""

Figure: TypeAlias = tuple[str, str, str]
"""framework, dtype, function."""

_ADVICE = "and is ignored; `compare.py calibrate` writes it anew."


@dataclass(frozen=True, slots=True)
class Found:
    """What a stored calibration says of the frameworks in use.

    figures
        `Measured.units` by framework, dtype and function.
    remarks
        What was ignored, and why, in sentences.
    """

    figures: Mapping[Figure, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def default_path() -> Path:
    """Return where a calibration is kept unless told otherwise."""
    return user_cache_path("isograd") / "calibration.json"


def save(calibration: Calibration, path: Path) -> None:
    """Write the machine and the figures, as a whole file or not at all.

    What could not be measured is not in the file. The folder is made if need be.

    Raises
    ------
    UsageError
        The file cannot be written there.
    """
    require_place(path)
    data = {
        "format": FORMAT,
        "schema": SCHEMA,
        "machine": asdict(calibration.machine),
        "measured": [
            {name: _in_json(value) for name, value in asdict(one).items()}
            for one in calibration.measured
        ],
    }
    text = json.dumps(data, indent=1, allow_nan=False)
    with whole_file(require_writable(path)) as file:
        file.write((text + "\n").encode())


def require_place(path: Path) -> None:
    """Make the folder, or raise UsageError where the calibration could not be kept in it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder")
    except OSError as error:
        raise UsageError(
            f"the calibration cannot be kept in {path}: {error.strerror}. Make room for it there, "
            "or set XDG_CACHE_HOME to a folder that you may write to."
        ) from error
    require_writable(path)


def completed(calibration: Calibration, path: Path) -> Calibration:
    """Return the calibration with what is kept of other frameworks on the same machine."""
    kept = load(path)
    if not isinstance(kept, Calibration):
        return calibration
    again = {one.framework for one in calibration.measured}
    others = tuple(one for one in kept.measured if one.framework not in again)
    return replace(calibration, measured=(*calibration.measured, *others))


def load(path: Path) -> Calibration | str | None:
    """Read a calibration; or say in a sentence why it is ignored; or None where there is none."""
    try:
        content = _content(path)
        if content is None:
            return None
        calibration = parsed(content)
    except Damaged as damage:
        return f"{path} cannot be read ({damage}) {_ADVICE}"
    differing = _differing(calibration.machine, Machine.here())
    if differing:
        return f"{path} was measured on another machine ({differing}) {_ADVICE}"
    return calibration


def found(path: Path, versions: Mapping[str, str]) -> Found:
    """Return the figures that hold for these versions of frameworks on this machine.

    versions
        The version in use, by framework. Figures of other frameworks are left out.
    """
    calibration = load(path)
    if not isinstance(calibration, Calibration):
        return Found(remarks=(calibration,) if calibration else ())
    figures = {
        (one.framework, one.dtype, one.function): one.units
        for one in calibration.measured
        if versions.get(one.framework) == one.version
    }
    measured = {one.framework: one.version for one in calibration.measured}
    remarks = [
        f"{path} was measured with {framework} {measured[framework]}, and this is {version}: what "
        f"it says of {framework} cannot be used {_ADVICE}"
        for framework, version in versions.items()
        if measured.get(framework, version) != version
    ]
    return Found(figures, tuple(remarks))


def _in_json(value: Any) -> Any:
    return "Infinity" if value == float("inf") else value


def _content(path: Path) -> bytes | None:
    """Read the file; nothing that is no file, such as a pipe, and no more than it may have."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise Damaged(str(error)) from error
    try:
        if not path.is_file():
            raise Damaged("it is no file")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Damaged(error.strerror or str(error)) from error
    if len(content) > MOST_BYTES:
        raise Damaged(f"it is larger than {MOST_BYTES:,} bytes")
    return content


def _differing(then: Machine, here: Machine) -> str:
    """Name what differs between two machines, or nothing."""
    parts = [
        f"{name} {old!r}, here {new!r}"
        for name, old, new in (
            ("system", then.system, here.system),
            ("processor", then.processor, here.processor),
        )
        if old != new
    ]
    lost = sorted(set(then.cpu_features) - set(here.cpu_features))
    gained = sorted(set(here.cpu_features) - set(then.cpu_features))
    parts += [f"with {', '.join(lost)}"] if lost else []
    parts += [f"without {', '.join(gained)}"] if gained else []
    return "; ".join(parts)
