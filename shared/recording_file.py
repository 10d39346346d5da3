"""Recordings on disk: one NPZ file per backend and run, with a JSON header inside.

The file is a zip archive of .npy arrays (numpy.load opens it too) and `header.json`. Chunks are
appended as they come, so memory stays flat; the header comes last and counts them. No pickle is
written or read. Equal recordings give equal bytes.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from shared.backend import Array, Evaluation, OptimizerState, Params, Recording
from shared.errors import RecordingFileError
from shared.ulp import bits_differ
from shared.whole_file import whole_file

FORMAT = "isograd recording"
SCHEMA = 1
_HEADER = "header.json"
_DAMAGE = (ValueError, EOFError, OSError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What zipfile and NumPy raise on bytes that are not what they were."""
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


@contextmanager
def recording_writer(path: Path, header: Mapping[str, Any]) -> Iterator[RecordingWriter]:
    """Open a recording for writing; it appears, whole, when the block ends without error.

    header
        JSON-ready data about the run; what the file says of itself is added.
    """
    with whole_file(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        writer = RecordingWriter(archive)
        yield writer
        writer.finish(header)


class RecordingWriter:
    """Writes the chunks of one run."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._chunks = 0
        self._steps = 0
        self._members: list[str] = []

    def add(self, recording: Recording) -> None:
        """Append one chunk."""
        for name, array in _arrays(recording).items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asarray(array, order="C"), allow_pickle=False)
            member = f"{self._chunks:06d}/{name}.npy"
            self._write(member, buffer.getvalue())
            self._members.append(member)
        self._chunks += 1
        self._steps += len(recording.steps)

    def finish(self, header: Mapping[str, Any]) -> None:
        """Write the header, which names every array: a file that lost one is not whole."""
        own = {
            "format": FORMAT,
            "schema": SCHEMA,
            "chunks": self._chunks,
            "recorded_steps": self._steps,
            "members": self._members,
        }
        text = json.dumps({**header, **own}, indent=1, sort_keys=True)
        self._write(_HEADER, text.encode())

    def _write(self, name: str, content: bytes) -> None:
        info = zipfile.ZipInfo(name, _LONG_AGO)
        info.external_attr = 0o644 << 16
        self._archive.writestr(info, content)


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """A saved run: its header, and its chunks, read one at a time."""

    path: Path
    header: dict[str, Any]

    def recordings(self) -> Iterator[Recording]:
        """Yield the chunks in order. Raises RecordingFileError where one is damaged."""
        with _opened(self.path) as archive:
            for chunk in range(self.header["chunks"]):
                prefix = f"{chunk:06d}/"
                names = [n for n in archive.namelist() if n.startswith(prefix)]
                arrays = {
                    n.removeprefix(prefix).removesuffix(".npy"): _read(archive, n, self.path)
                    for n in names
                }
                try:
                    yield _recording(arrays)
                except KeyError as error:
                    raise RecordingFileError(
                        f"{self.path}: chunk {chunk} lacks {error}; the file is not whole."
                    ) from error


def open_recording(path: Path) -> RecordingFile:
    """Read a file's header.

    Raises
    ------
    RecordingFileError
        The file is missing, damaged, not a recording, or of a later schema.
    """
    with _opened(path) as archive:
        try:
            header = json.loads(archive.read(_HEADER))
            held = set(archive.namelist())
        except KeyError as error:
            raise RecordingFileError(
                f"{path} holds no {_HEADER}: expected a recording saved by isograd."
            ) from error
        except _DAMAGE as error:
            raise RecordingFileError(f"{path}: its {_HEADER} is damaged: {error}.") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise RecordingFileError(f"{path} is no recording: its header says no {FORMAT!r}.")
    if header.get("schema") != SCHEMA:
        raise RecordingFileError(
            f"{path} has schema {header.get('schema')!r}; this version reads schema {SCHEMA}."
        )
    if not isinstance(header.get("chunks"), int) or not isinstance(header.get("members"), list):
        raise RecordingFileError(f"{path}: its header does not say what the file holds.")
    odd = sorted(held ^ {*header["members"], _HEADER})
    if odd:
        raise RecordingFileError(f"{path} is damaged: {odd[0]} is missing, or does not belong.")
    return RecordingFile(path, header)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except OSError as error:
        raise RecordingFileError(f"cannot read {path}: {error.strerror}.") from error
    except _DAMAGE as error:
        raise RecordingFileError(
            f"{path} is damaged or no recording: {error}. Save it again, or copy it again."
        ) from error


def _read(archive: zipfile.ZipFile, name: str, path: Path) -> Array:
    try:
        array: Array = np.lib.format.read_array(io.BytesIO(archive.read(name)), allow_pickle=False)
    except _DAMAGE as error:
        raise RecordingFileError(f"{path}: {name} is damaged: {error}.") from error
    array.flags.writeable = False
    return array


def _arrays(recording: Recording) -> dict[str, Array]:
    """Lay a recording out as named arrays."""
    evaluation = recording.evaluation
    final_params, final_state = recording.final
    arrays = {"steps": recording.steps, "batches": recording.batches, "loss": evaluation.loss}
    arrays |= _sides("params", recording.before, recording.after)
    for slot in {**recording.state_before, **recording.state_after}:
        before, after = recording.state_before.get(slot), recording.state_after.get(slot)
        arrays |= _sides(f"state/{quote(slot, safe='')}", before, after)
    arrays |= _numbered("grads", recording.grads)
    arrays |= _numbered("activations", evaluation.activations)
    arrays |= _numbered("deltas", recording.deltas)
    if evaluation.logits is not None:
        arrays["logits"] = evaluation.logits
    arrays |= _numbered("final/params", final_params)
    for slot, params in final_state.slots.items():
        arrays |= _numbered(f"final/state/{quote(slot, safe='')}", params)
    arrays["final/step"] = np.array(final_state.step)
    return arrays


def _recording(arrays: Mapping[str, Array]) -> Recording:
    """Put the named arrays of one chunk together again."""
    before, after = _both_sides(arrays, "params")
    states = {slot: _both_sides(arrays, f"state/{slot}") for slot in _parts(arrays, "state/")}
    final_slots = {
        unquote(slot): _list(arrays, f"final/state/{slot}")
        for slot in _parts(arrays, "final/state/")
    }
    activations = _list(arrays, "activations")
    return Recording(
        steps=arrays["steps"],
        batches=arrays["batches"],
        before=before,
        after=after,
        state_before={unquote(slot): sides[0] for slot, sides in states.items() if sides[0]},
        state_after={unquote(slot): sides[1] for slot, sides in states.items() if sides[1]},
        evaluation=Evaluation(activations or None, arrays.get("logits"), arrays["loss"]),
        grads=_list(arrays, "grads"),
        deltas=_list(arrays, "deltas") or None,
        final=(
            _list(arrays, "final/params"),
            OptimizerState(int(arrays["final/step"]), final_slots),
        ),
    )


def _sides(name: str, before: Params | None, after: Params | None) -> dict[str, Array]:
    """Store before and after as one trail where each step starts at the bits the last one left."""
    if (
        before
        and after
        and len(before[0])
        and not any(bits_differ(b[1:], a[:-1]).any() for b, a in zip(before, after, strict=True))
    ):
        trail = [np.concatenate([b[:1], a]) for b, a in zip(before, after, strict=True)]
        return _numbered(f"{name}/trail", trail)
    return _numbered(f"{name}/before", before) | _numbered(f"{name}/after", after)


def _both_sides(arrays: Mapping[str, Array], name: str) -> tuple[Params, Params]:
    trail = _list(arrays, f"{name}/trail")
    if trail:
        return tuple(w[:-1] for w in trail), tuple(w[1:] for w in trail)
    return _list(arrays, f"{name}/before"), _list(arrays, f"{name}/after")


def _numbered(name: str, arrays: Any) -> dict[str, Array]:
    return {f"{name}/{i:03d}": array for i, array in enumerate(arrays or ())}


def _list(arrays: Mapping[str, Array], name: str) -> tuple[Array, ...]:
    return tuple(arrays[key] for key in sorted(arrays) if key.rpartition("/")[0] == name)


def _parts(arrays: Mapping[str, Array], prefix: str) -> list[str]:
    """Return the distinct next words of the names that begin with a prefix."""
    rest = (name.removeprefix(prefix) for name in arrays if name.startswith(prefix))
    return sorted({word.partition("/")[0] for word in rest})
