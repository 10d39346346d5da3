"""Recordings of random and special bits: made, saved, read, tampered with, compared bit for bit."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from shared.backend import Array, Evaluation, OptimizerState, Params, Recording
from shared.network import Network
from shared.recording_file import open_recording, recording_writer

repeatably = settings(derandomize=True, deadline=None, max_examples=60)
SPECIAL = {
    # Both zeros and infinities, the smallest subnormal, a quiet NaN of either sign, NaNs of
    # other payloads, the largest finite number.
    "float64": [0, 1 << 63, 0x7FF << 52, 0xFFF << 52, 1, 0x7FF8 << 48, 0xFFF8 << 48,
                0x7FF8 << 48 | 0xBEEF, 0x7FF << 52 | 1, (0x7FF << 52) - 1],
    "float32": [0, 1 << 31, 0xFF << 23, 0x1FF << 23, 1, 0x7FC << 20, 0xFFC << 20,
                0x7FC << 20 | 0xBEEF, 0xFF << 23 | 1, (0xFF << 23) - 1],
}  # fmt: skip


def numbers(draw: np.random.RandomState, shape: tuple[int, ...], dtype: str) -> Array:
    """Random bits, a third of them special: no two NaNs alike."""
    integer = np.dtype(dtype.replace("float", "uint"))
    count = math.prod(shape)
    bits = np.frombuffer(draw.bytes(count * integer.itemsize), integer).copy()
    special = np.array(SPECIAL[dtype], np.uint64).astype(integer)
    chosen = draw.randint(3, size=count) == 0
    bits[chosen] = special[draw.randint(len(special), size=int(chosen.sum()))]
    return bits.view(dtype).reshape(shape)


def made(
    seed: int = 0,
    *,
    sizes: tuple[int, ...] = (2, 2, 1),
    steps: int = 3,
    replicas: tuple[int, ...] = (),
    samples: int = 1,
    dtype: str = "float64",
    every: int = 1,
    activations: bool = True,
    deltas: bool = False,
    logits: bool = False,
    slots: tuple[str, ...] = (),
) -> Recording:
    """Make up a recording; with every = 1 each step starts where the one before it ended."""
    draw = np.random.RandomState(seed)
    shapes = Network(sizes).param_shapes
    lead = (steps, *replicas)

    def params(*axes: int) -> Params:
        return tuple(numbers(draw, (*axes, *shape), dtype) for shape in shapes)

    def sides() -> tuple[Params, Params]:
        if every != 1:
            return params(*lead), params(*lead)
        trail = params(steps + 1, *replicas)
        return tuple(w[:-1] for w in trail), tuple(w[1:] for w in trail)

    def layers() -> Params:
        return tuple(numbers(draw, (*lead, samples, n), dtype) for n in sizes[1:])

    before, after = sides()
    states = {slot: sides() for slot in slots}
    return Recording(
        steps=np.arange(1, steps + 1) * max(1, every),
        batches=draw.randint(16, size=(*lead, samples)),
        before=before,
        after=after,
        state_before={slot: sides[0] for slot, sides in states.items()},
        state_after={slot: sides[1] for slot, sides in states.items()},
        evaluation=Evaluation(
            layers() if activations else None,
            numbers(draw, (*lead, samples, sizes[-1]), dtype) if logits else None,
            numbers(draw, lead, dtype),
        ),
        grads=params(*lead),
        deltas=layers() if deltas else None,
        final=(params(*replicas), OptimizerState(7, {slot: params(*replicas) for slot in slots})),
    )


RECORDINGS = st.builds(
    made,
    st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(1, 3), min_size=2, max_size=4).map(tuple),
    steps=st.integers(0, 4),
    replicas=st.sampled_from([(), (1,), (3,), (2, 2)]),
    samples=st.integers(1, 3),
    dtype=st.sampled_from(["float64", "float32"]),
    every=st.sampled_from([0, 1, 1, 5]),
    activations=st.booleans(),
    deltas=st.booleans(),
    logits=st.booleans(),
    slots=st.sampled_from([(), ("m",), ("m", "v"), ("second moment", "first moment")]),
)


def full(seed: int = 0) -> Recording:
    """A recording with everything in it."""
    return made(seed, activations=True, deltas=True, logits=True, slots=("m",))


def parts(recording: Recording) -> dict[str, Array]:
    """Every array of a recording by a name; an optional part that is None has a name too."""
    evaluation, (final_params, final_state) = recording.evaluation, recording.final
    groups: dict[str, Params | None] = {
        "before": recording.before,
        "after": recording.after,
        "grads": recording.grads,
        "activations": evaluation.activations,
        "deltas": recording.deltas,
        "logits": None if evaluation.logits is None else (evaluation.logits,),
        "final": final_params,
        "rest": (recording.steps, recording.batches, evaluation.loss, np.array(final_state.step)),
    }
    groups |= {f"slot {slot} before": params for slot, params in recording.state_before.items()}
    groups |= {f"slot {slot} after": params for slot, params in recording.state_after.items()}
    groups |= {f"slot {slot} final": params for slot, params in final_state.slots.items()}
    named = {
        f"{name} {i}": a for name, arrays in groups.items() for i, a in enumerate(arrays or ())
    }
    absent = {f"{name} is None": np.empty(0) for name, arrays in groups.items() if arrays is None}
    return named | absent


def differences(one: Recording, other: Recording) -> set[str]:
    """The names of the parts that are missing in one, or differ in dtype, shape or any bit."""
    left, right = parts(one), parts(other)
    return {
        name for name in left.keys() | right.keys() if not same(left.get(name), right.get(name))
    }


def same(a: Array | None, b: Array | None) -> bool:
    if a is None or b is None:
        return False
    return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


def flipped(a: Array, row: int, bit: int = 0) -> Array:
    """A copy in which one bit of the first number of a row is another."""
    copy = np.array(a)
    flat = copy.view(f"u{copy.itemsize}").reshape(len(copy), -1)
    flat[row, 0] ^= flat.dtype.type(1 << bit)
    return copy


def first_flipped(params: Params, row: int = 0, bit: int = 0) -> Params:
    return (flipped(params[0], row, bit), *params[1:])


def save(path: Path, *chunks: Recording, header: Mapping[str, Any] | None = None) -> Path:
    with recording_writer(path, header or {}) as writer:
        for chunk in chunks:
            writer.add(chunk)
    return path


def read(path: Path) -> list[Recording]:
    return list(open_recording(path).recordings())


def members(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def rewritten(path: Path, changes: Mapping[str, bytes | None]) -> Path:
    """Replace members by other content, or leave them out, in a zip archive that is sound."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {**contents, **changes}.items():
            if content is not None:
                archive.writestr(name, content)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def one_path(factory: pytest.TempPathFactory) -> Path:
    """One path for all examples of a property: each replaces the file of the one before."""
    return factory.getbasetemp() / "a.npz"


MEMBERS = [
    "000000/steps.npy",
    "000000/batches.npy",
    "000000/loss.npy",
    *(f"000000/params/trail/00{i}.npy" for i in range(4)),
    *(f"000000/state/m/trail/00{i}.npy" for i in range(4)),
    *(f"000000/grads/00{i}.npy" for i in range(4)),
    *(f"000000/activations/00{i}.npy" for i in range(2)),
    *(f"000000/deltas/00{i}.npy" for i in range(2)),
    "000000/logits.npy",
    *(f"000000/final/params/00{i}.npy" for i in range(4)),
    *(f"000000/final/state/m/00{i}.npy" for i in range(4)),
    "000000/final/step.npy",
    "header.json",
]
