"""Saved recordings, from any machine, judged here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.calibration.adoption import adopted_here
from shared.certificate.findings import BackendCertificate
from shared.certificate.judge import Judge
from shared.certificate.profile import HostProfile, tight
from shared.certificate.sampling import sampling
from shared.errors import RecordingFileError, UsageError
from shared.host import host
from shared.named_problems import folder_names, problem
from shared.problems import Problem, require_dtype
from shared.recording_file import open_recording
from shared.seeding import require_seed

SPEC_ADVICE = "If it was made from a spec, name that: judge --spec FILE."
LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class JudgedFile:
    """A recording's own account of itself, and what was decided on it."""

    path: Path
    header: dict[str, Any]
    problem: Problem
    certificate: BackendCertificate
    calibration_remarks: tuple[str, ...] = ()


def judge_file(
    path: Path,
    one_in: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
    given: Problem | None = None,
) -> JudgedFile:
    """Judge a saved run; `progress` gets the number of steps looked at.

    one_in
        Judge one step in so many; if not said, all, or as many as a budget allows.
    given
        The problem that it should be of, where that is made from a spec or from files of the
        user's own, and is known by no name here.

    Raises
    ------
    RecordingFileError
        The file is damaged, or its problem is not the one given, or none that is known here.
    UsageError
        Its dtype is none that is known.
    """
    saved = open_recording(path)
    header = saved.header
    try:
        for key in ("versions", "host"):
            header[key]  # the report states them
        asked = _problem_of(header["problem"], given)
        seed = require_seed(header["seed"])
        sample = sampling(asked, seed, one_in)
        profile, remarks = _profile_of(header)
        judge = Judge(header["backend"], asked, header["dtype"], seed, sample, profile)
    except KeyError as error:
        raise RecordingFileError(f"{path}: its header lacks {error}.") from error
    except TypeError as error:
        raise RecordingFileError(f"{path}: its header is no recording's: {error}.") from error
    except RecordingFileError as error:
        raise RecordingFileError(f"{path}: {error}") from error
    for recording in saved.recordings():
        judge.add(recording)
        progress(recording.final[1].step)
    return JudgedFile(path, header, asked, judge.finish(), remarks)


def _profile_of(header: dict[str, Any]) -> tuple[HostProfile, tuple[str, ...]]:
    """Return what the backend's functions are held to; a calibration holds on its own machine."""
    dtype, here = require_dtype(header["dtype"]), host()
    recorded_on = {key: header["host"][key] for key in ("system", "processor")}
    versions = header["versions"]
    if not isinstance(versions, dict):
        raise TypeError("its versions are no object")
    if len(versions) != 1 or any(here[key] != value for key, value in recorded_on.items()):
        return HostProfile(tight(dtype), measured=None), ()
    (framework,) = versions
    profiles, remarks = adopted_here(dtype, versions)
    return profiles[framework], remarks


def _problem_of(data: dict[str, Any], given: Problem | None) -> Problem:
    """Find the problem that a header describes, and hold it to every word of the description."""
    known = _known(data["name"]) if given is None else given
    if data["name"] != known.name:
        raise RecordingFileError(
            f"it is a recording of the problem {data['name']!r}, and the one given is "
            f"{known.name!r}."
        )
    asked = known.changed(data["epochs"], data["optimizer"]["learning_rate"])
    for key, value in asked.to_json().items():
        if data.get(key) != value:
            advice = SPEC_ADVICE if given is None else "Was the spec changed since, or its data?"
            what, expected, came = _differing(key, value, data.get(key))
            raise RecordingFileError(
                f"it was made with another {what!r} of the problem {known.name!r}: expected "
                f"{_shown(expected)}, got {_shown(came)}. {advice}"
            )
    return asked


def _differing(key: str, expected: Any, came: Any) -> tuple[str, Any, Any]:
    """Go down to the first part of a description that differs."""
    if isinstance(expected, dict) and isinstance(came, dict):
        for inner in [*expected, *came]:
            if expected.get(inner) != came.get(inner):
                return _differing(f"{key}.{inner}", expected.get(inner), came.get(inner))
    return key, expected, came


def _known(name: str) -> Problem:
    try:
        return problem(name)
    except UsageError as error:
        advice = "" if name in folder_names() else f" {SPEC_ADVICE}"
        raise RecordingFileError(f"{error}{advice}") from error


def _shown(value: Any) -> str:
    """Return a part of a description, cut where it is long: of pictures it names every pixel."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
