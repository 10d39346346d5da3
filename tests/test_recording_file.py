"""Recordings come back from disk bit for bit, or are refused in a sentence that names the file."""

from __future__ import annotations

import json
import math
import re
import struct
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backend import Array, Evaluation, OptimizerState, Params, Recording
from shared.errors import RecordingFileError
from shared.network import Network
from shared.problems import problem
from shared.recording_file import FORMAT, SCHEMA, open_recording, recording_writer
from shared.registry import find, load
from shared.training import Trainee

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


def changed(recording: Recording, **changes: Any) -> Recording:
    return replace(recording, **changes)


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


def with_header(path: Path, **changes: Any) -> Path:
    header = {**open_recording(path).header, **changes}
    return rewritten(path, {"header.json": json.dumps(header).encode()})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One name for all examples of a property."""
    return tmp_path_factory.mktemp("recordings") / "a.npz"


@repeatably
@given(RECORDINGS)
def test_a_recording_comes_back_bit_for_bit(file: Path, recording: Recording) -> None:
    (found,) = read(save(file, recording))
    assert differences(recording, found) == set()


@repeatably
@given(st.lists(RECORDINGS, max_size=3))
def test_chunks_come_back_in_order(file: Path, chunks: list[Recording]) -> None:
    found = read(save(file, *chunks))
    assert [differences(a, b) for a, b in zip(chunks, found, strict=True)] == [set()] * len(chunks)


@pytest.mark.parametrize(
    ("tampered", "name"),
    [
        (lambda r: replace(r, steps=r.steps + 1), "rest 0"),
        (lambda r: replace(r, batches=r.batches[:, ::-1] ^ 1), "rest 1"),
        (lambda r: replace(r, before=first_flipped(r.before)), "before 0"),
        (lambda r: replace(r, after=first_flipped(r.after)), "after 0"),
        (lambda r: replace(r, grads=first_flipped(r.grads)), "grads 0"),
        (lambda r: replace(r, deltas=first_flipped(r.deltas)), "deltas 0"),
        (lambda r: replace(r, deltas=r.deltas[:1]), "deltas 1"),
        (lambda r: replace(r, grads=(*r.grads[:3], r.grads[3][:, None])), "grads 3"),
        (lambda r: replace(r, grads=(r.grads[0].mT, *r.grads[1:])), "grads 0"),
        (lambda r: replace(r, state_before={"m": first_flipped(r.after)}), "slot m before 0"),
        (lambda r: replace(r, state_after={"m": first_flipped(r.after)}), "slot m after 0"),
        (lambda r: replace(r, final=(first_flipped(r.final[0]), r.final[1])), "final 0"),
        (lambda r: replace(r, final=(r.final[0], replace(r.final[1], step=8))), "rest 3"),
        (
            lambda r: replace(r, final=(r.final[0], OptimizerState(7, {"m": r.after}))),
            "slot m final 0",
        ),
        (lambda r: replace(r, evaluation=replace(r.evaluation, loss=-r.evaluation.loss)), "rest 2"),
        (lambda r: replace(r, evaluation=replace(r.evaluation, logits=None)), "logits 0"),
        (
            lambda r: replace(
                r, evaluation=replace(r.evaluation, activations=r.evaluation.activations[::-1])
            ),
            "activations 0",
        ),
        (
            lambda r: replace(r, evaluation=replace(r.evaluation, activations=None)),
            "activations is None",
        ),
    ],
)  # fmt: skip
def test_the_comparison_of_recordings_sees_each_part(
    tampered: Callable[[Recording], Recording], name: str
) -> None:
    recording = full()
    assert name in differences(recording, tampered(recording))


@pytest.mark.parametrize(("seed", "equal"), [(0, True), (1, False)])
def test_the_comparison_of_recordings_tells_equal_ones(seed: int, equal: bool) -> None:
    assert (differences(full(0), full(seed)) == set()) == equal


@pytest.mark.parametrize("every", [0, 1, 3])
def test_what_a_backend_recorded_comes_back(tmp_path: Path, every: int) -> None:
    one = problem("people4")
    trainee = Trainee(load(find("numpy")), one, "float64")
    trainee.start((0, 1))
    chunks = [trainee.train(np.arange(8)[:, None] % 4, every) for _ in range(2)]
    found = read(save(tmp_path / "a.npz", *chunks))
    assert [differences(a, b) for a, b in zip(chunks, found, strict=True)] == [set(), set()]


@pytest.mark.parametrize("slots", [("v", "m"), ("a b",), ("00",), ("trail",), ("adam/m",)])
def test_slots_come_back_under_their_names(tmp_path: Path, slots: tuple[str, ...]) -> None:
    (found,) = read(save(tmp_path / "a.npz", made(slots=slots)))
    assert set(found.state_before) == set(found.state_after) == set(slots)
    assert set(found.final[1].slots) == set(slots)


def test_slots_that_only_the_end_has_come_back(tmp_path: Path) -> None:
    """An optimizer may start without slots and make them in its first step."""
    recording = made(steps=1)
    final = OptimizerState(1, {"m": recording.final[0]})
    recording = replace(recording, final=(recording.final[0], final))
    (found,) = read(save(tmp_path / "a.npz", recording))
    assert differences(recording, found) == set()


def test_slots_that_the_first_step_makes_come_back(tmp_path: Path) -> None:
    recording = made(steps=1, slots=("m",))
    recording = replace(recording, state_before={})
    (found,) = read(save(tmp_path / "a.npz", recording))
    assert differences(recording, found) == set()


def test_what_is_read_is_read_only(tmp_path: Path) -> None:
    (found,) = read(save(tmp_path / "a.npz", full()))
    writeable = {n for n, a in parts(found).items() if a.flags.writeable}
    assert writeable == {"rest 3"}  # the number of steps made, wrapped for this test only


def test_chunks_are_read_one_at_a_time(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", full(0), full(1))
    rewritten(path, {"000001/loss.npy": b"no array"})
    assert differences(full(0), next(open_recording(path).recordings())) == set()


def test_a_file_without_chunks_holds_none(tmp_path: Path) -> None:
    assert read(save(tmp_path / "a.npz")) == []


def test_the_header_holds_what_was_given_and_what_was_counted(tmp_path: Path) -> None:
    path = save(tmp_path / "a.npz", made(steps=3), made(steps=2), header={"seed": 42})
    header = open_recording(path).header
    expected = {"format": FORMAT, "schema": SCHEMA, "chunks": 2, "recorded_steps": 5, "seed": 42}
    assert {key: header.get(key) for key in expected} == expected


def test_numpy_opens_the_file_too(tmp_path: Path) -> None:
    recording = full()
    with np.load(save(tmp_path / "a.npz", recording)) as archive:
        assert same(archive["000000/loss"], recording.evaluation.loss)


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


def test_the_file_holds_one_member_for_each_array(tmp_path: Path) -> None:
    assert sorted(members(save(tmp_path / "a.npz", full()))) == sorted(MEMBERS)


def stored_sides(path: Path, what: str) -> set[str]:
    """How a chunk's parameters or slots are stored: trail, before, after."""
    pattern = re.compile(rf"000000/{what}/(\w+)/\d+\.npy")
    return {found[1] for found in map(pattern.fullmatch, members(path)) if found}


@pytest.mark.parametrize("what", ["params", "state/m"])
@pytest.mark.parametrize(
    ("steps", "every", "sides"),
    [
        (3, 1, {"trail"}),
        (1, 1, {"trail"}),
        (1, 5, {"trail"}),
        (3, 5, {"before", "after"}),
        (0, 1, {"before", "after"}),
        (0, 0, {"before", "after"}),
    ],
)
def test_steps_that_follow_each_other_are_stored_once(
    tmp_path: Path, what: str, steps: int, every: int, sides: set[str]
) -> None:
    recording = made(steps=steps, every=every, slots=("m",))
    assert stored_sides(save(tmp_path / "a.npz", recording), what) == sides


def test_both_sides_of_a_trail_share_their_memory(tmp_path: Path) -> None:
    (found,) = read(save(tmp_path / "a.npz", made()))
    assert all(np.shares_memory(b, a) for b, a in zip(found.before, found.after, strict=True))


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("bit", [0, 51, 62, 63])
def test_a_broken_chain_is_stored_on_both_sides(tmp_path: Path, side: str, bit: int) -> None:
    recording = made()
    broken = changed(recording, **{side: first_flipped(getattr(recording, side), 1, bit)})
    path = save(tmp_path / "a.npz", broken)
    assert stored_sides(path, "params") == {"before", "after"}


@repeatably
@given(
    st.sampled_from(["before", "after"]),
    st.integers(0, 3),
    st.integers(1, 3),
    st.integers(0, 63),
    st.integers(0, 10),
)
def test_a_broken_chain_is_not_healed(
    file: Path, side: str, tensor: int, row: int, bit: int, seed: int
) -> None:
    recording = made(seed, steps=4)
    params = list(getattr(recording, side))
    params[tensor] = flipped(params[tensor], row if side == "before" else row - 1, bit)
    broken = changed(recording, **{side: tuple(params)})
    (found,) = read(save(file, broken))
    assert (differences(broken, found), differences(recording, found)) == (
        set(),
        {f"{side} {tensor}"},
    )


@pytest.mark.parametrize(
    ("ended", "started"),
    [(0.0, -0.0), (-0.0, 0.0), (math.nan, -math.nan), (math.inf, -math.inf)],
)
def test_a_break_that_arithmetic_does_not_see_is_kept(
    tmp_path: Path, ended: float, started: float
) -> None:
    recording = made()
    before, after = map(np.array, (recording.before[1], recording.after[1]))
    after[0, 0], before[1, 0] = ended, started
    broken = replace(
        recording,
        before=(recording.before[0], before, *recording.before[2:]),
        after=(recording.after[0], after, *recording.after[2:]),
    )
    (found,) = read(save(tmp_path / "a.npz", broken))
    assert differences(broken, found) == set()


@pytest.mark.parametrize("side", ["state_before", "state_after"])
def test_a_broken_chain_of_slots_is_not_healed(tmp_path: Path, side: str) -> None:
    recording = full()
    broken = changed(recording, **{side: {"m": first_flipped(getattr(recording, side)["m"], 1)}})
    (found,) = read(save(tmp_path / "a.npz", broken))
    assert differences(broken, found) == set()


def test_equal_recordings_give_equal_bytes(tmp_path: Path) -> None:
    one = save(tmp_path / "a.npz", full(), header={"seed": 1, "backend": "numpy"})
    other = save(tmp_path / "another name.npz", full(), header={"backend": "numpy", "seed": 1})
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    "other",
    [full(1), replace(full(), steps=full().steps + 1), replace(full(), deltas=None)],
    ids=["numbers", "steps", "no deltas"],
)
def test_other_recordings_give_other_bytes(tmp_path: Path, other: Recording) -> None:
    path, another = save(tmp_path / "a.npz", full()), save(tmp_path / "b.npz", other)
    assert path.read_bytes() != another.read_bytes()


def test_no_time_is_stored(tmp_path: Path) -> None:
    with zipfile.ZipFile(save(tmp_path / "a.npz", full())) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(
    "layout",
    [
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
        lambda a: a[::-1].copy()[::-1],
    ],
    ids=["fortran", "strided", "reversed"],
)
def test_the_layout_in_memory_does_not_enter_the_file(
    tmp_path: Path, layout: Callable[[Array], Array]
) -> None:
    recording = full()
    path = save(tmp_path / "a.npz", recording)
    other = replace(recording, grads=tuple(map(layout, recording.grads)))
    assert save(tmp_path / "b.npz", other).read_bytes() == path.read_bytes()


class Touch:
    """Pickled, it makes a file when it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A recording in which one array was exchanged for a pickle that makes the file `sprung`."""
    path = save(tmp_path / "a.npz", full())
    np.save(tmp_path / "object.npy", np.array([Touch(tmp_path / "sprung")]), allow_pickle=True)
    return rewritten(path, {"000000/loss.npy": (tmp_path / "object.npy").read_bytes()})


def test_a_pickle_is_refused(trap: Path) -> None:
    with pytest.raises(RecordingFileError, match=r"a\.npz: 000000/loss\.npy is damaged: Object"):
        read(trap)


def test_a_pickle_is_not_unpacked(trap: Path) -> None:
    with pytest.raises(RecordingFileError):
        read(trap)
    assert "sprung" not in names(trap.parent)


def test_a_pickle_that_is_unpacked_springs_the_trap(trap: Path) -> None:
    """Shows that the test above can fail."""
    with np.load(trap, allow_pickle=True) as archive:
        archive["000000/loss"]
    assert "sprung" in names(trap.parent)


def test_an_array_of_objects_is_not_written(tmp_path: Path) -> None:
    recording = replace(full(), steps=np.array([Touch(tmp_path)] * 3))
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        save(tmp_path / "a.npz", recording)


def raise_in_block(path: Path, error: type[BaseException]) -> None:
    with recording_writer(path, {}) as writer:
        writer.add(full(1))
        raise error("in the block")


def write_objects(path: Path) -> None:
    save(path, full(1), replace(full(1), steps=np.array([Touch(path)] * 3)))


def write_unspeakable_header(path: Path) -> None:
    save(path, full(1), header={"folder": path})


FAILURES = [
    pytest.param(lambda path: raise_in_block(path, RuntimeError), RuntimeError, id="error"),
    pytest.param(lambda path: raise_in_block(path, KeyboardInterrupt), KeyboardInterrupt, id="^C"),
    pytest.param(write_objects, ValueError, id="array of objects"),
    pytest.param(write_unspeakable_header, TypeError, id="header that is no JSON"),
]


@pytest.mark.parametrize(("failing", "error"), FAILURES)
def test_a_failed_writing_leaves_nothing_behind(
    tmp_path: Path, failing: Callable[[Path], None], error: type[BaseException]
) -> None:
    with pytest.raises(error, match=r"in the block|Object arrays|JSON serializable"):
        failing(tmp_path / "a.npz")
    assert names(tmp_path) == []


@pytest.mark.parametrize(("failing", "error"), FAILURES)
def test_a_failed_writing_leaves_an_older_file_as_it_was(
    tmp_path: Path, failing: Callable[[Path], None], error: type[BaseException]
) -> None:
    content = save(tmp_path / "a.npz", full()).read_bytes()
    with pytest.raises(error, match=r"in the block|Object arrays|JSON serializable"):
        failing(tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == content


def test_the_file_takes_its_name_at_the_end(tmp_path: Path) -> None:
    with recording_writer(tmp_path / "a.npz", {}) as writer:
        writer.add(full())
        assert "a.npz" not in names(tmp_path)
    assert names(tmp_path) == ["a.npz"]


def no_file(path: Path) -> None:
    path.unlink()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def a_text(path: Path) -> None:
    path.write_text("height,weight\n161,65\n")


def a_single_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.arange(3))


def other_arrays(path: Path) -> None:
    np.savez(path, a=np.arange(3))


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_its_last_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def without_its_beginning(path: Path) -> None:
    path.write_bytes(path.read_bytes()[1000:])


def no_json(path: Path) -> None:
    rewritten(path, {"header.json": b"{'chunks': 1}"})


def no_unicode(path: Path) -> None:
    rewritten(path, {"header.json": b'{"chunks": "\xff"}'})


def a_list(path: Path) -> None:
    rewritten(path, {"header.json": b"[1, 2]"})


def another_format(path: Path) -> None:
    with_header(path, format="isograd certificate")


def no_format(path: Path) -> None:
    rewritten(path, {"header.json": b'{"chunks": 1, "schema": 1}'})


def later_schema(path: Path) -> None:
    with_header(path, schema=SCHEMA + 1)


def no_schema(path: Path) -> None:
    with_header(path, schema=None)


def no_count(path: Path) -> None:
    with_header(path, chunks=None)


def a_count_in_words(path: Path) -> None:
    with_header(path, chunks="two")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save(tmp_path / "a.npz", full(0), full(1))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_file, r"cannot read .*a\.npz: No such file or directory\."),
        (a_folder, r"cannot read .*a\.npz: Is a directory\."),
        (empty, r"a\.npz is damaged or no recording: .*\. Save it again, or copy it again\."),
        (a_text, r"a\.npz is damaged or no recording: "),
        (a_single_array, r"a\.npz is damaged or no recording: "),
        (other_arrays, r"a\.npz holds no header\.json: expected a recording saved by isograd\."),
        (half, r"a\.npz is damaged or no recording: "),
        (without_its_last_byte, r"a\.npz is damaged or no recording: "),
        (without_its_beginning, r"a\.npz"),
        (no_json, r"a\.npz: its header\.json is damaged: "),
        (no_unicode, r"a\.npz: its header\.json is damaged: "),
        (a_list, r"a\.npz is no recording: its header says no 'isograd recording'\."),
        (another_format, r"a\.npz is no recording: its header says no 'isograd recording'\."),
        (no_format, r"a\.npz is no recording: its header says no 'isograd recording'\."),
        (later_schema, r"a\.npz has schema 2; this version reads schema 1\."),
        (no_schema, r"a\.npz has schema None; this version reads schema 1\."),
        (no_count, r"a\.npz: its header does not say what the file holds\."),
        (a_count_in_words, r"a\.npz: its header does not say what the file holds\."),
    ],
)
def test_a_file_that_is_no_recording_is_refused(
    saved: Path, damage: Callable[[Path], None], message: str
) -> None:
    damage(saved)
    with pytest.raises(RecordingFileError, match=message):
        read(saved)


def test_a_header_is_read_without_the_chunks(saved: Path) -> None:
    rewritten(saved, {"000000/loss.npy": b"no array"})
    assert open_recording(saved).header["chunks"] == 2


@pytest.mark.parametrize("member", MEMBERS)
def test_a_missing_member_is_noticed(tmp_path: Path, member: str) -> None:
    path = rewritten(save(tmp_path / "a.npz", full()), {member: None})
    with pytest.raises(RecordingFileError, match=r"a\.npz"):
        read(path)


def test_a_missing_chunk_is_noticed(saved: Path) -> None:
    second = {name: None for name in members(saved) if name.startswith("000001/")}
    with pytest.raises(RecordingFileError, match=r"a\.npz"):
        read(rewritten(saved, second))


@pytest.mark.parametrize(
    "content",
    [b"", b"no array", b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f8'}"],
    ids=["empty", "text", "half a header"],
)
def test_a_member_that_is_no_array_is_refused(saved: Path, content: bytes) -> None:
    rewritten(saved, {"000000/grads/001.npy": content})
    with pytest.raises(RecordingFileError, match=r"a\.npz: 000000/grads/001\.npy is damaged: "):
        read(saved)


def test_a_member_cut_short_is_refused(saved: Path) -> None:
    with zipfile.ZipFile(saved) as archive:
        content = archive.read("000000/grads/001.npy")
    rewritten(saved, {"000000/grads/001.npy": content[:-1]})
    with pytest.raises(RecordingFileError, match=r"a\.npz: 000000/grads/001\.npy is damaged: "):
        read(saved)


@pytest.mark.parametrize("member", MEMBERS[:-1])
def test_a_flipped_bit_in_an_array_is_refused(tmp_path: Path, member: str) -> None:
    path = save(tmp_path / "a.npz", full())
    with zipfile.ZipFile(path) as archive:
        content = archive.read(member)
        start = archive.getinfo(member).header_offset
    flip(path, path.read_bytes().index(content, start) + len(content) - 1)
    with pytest.raises(RecordingFileError, match=rf"a\.npz: {member} is damaged: Bad CRC"):
        read(path)


def test_a_flipped_bit_in_the_header_is_refused(saved: Path) -> None:
    flip(saved, saved.read_bytes().index(b'"chunks"') + 1)
    with pytest.raises(RecordingFileError, match=r"a\.npz: its header\.json is damaged: Bad CRC"):
        read(saved)


def flip(path: Path, place: int, bit: int = 0) -> None:
    """Change one bit of a file."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)


def found_or_refused(path: Path, original: Recording) -> bool:
    """Whether a file is refused as it should be, or reads as the one recording it held."""
    try:
        with warnings.catch_warnings(action="error"):
            chunks = read(path)
    except RecordingFileError as error:
        return path.name in str(error)
    return [differences(original, chunk) for chunk in chunks] == [set()]


def entry(path: Path, member: str) -> int:
    """Where the archive's table of contents speaks of a member."""
    content, name = path.read_bytes(), member.encode()
    return content.rindex(b"PK\x01\x02", 0, content.rindex(name))


@pytest.mark.parametrize("member", ["000000/grads/001.npy", "header.json"])
@pytest.mark.parametrize(
    ("field", "offset"),
    [
        ("signature", 0), ("version needed", 6), ("flags", 8), ("compression", 10),
        ("time", 12), ("checksum", 16), ("compressed size", 20), ("size", 24),
        ("length of the name", 28), ("length of the extra", 30), ("disk", 34),
        ("attributes", 38), ("place", 42), ("name", 46), ("end of the name", 46 + 10),
    ],
)  # fmt: skip
@pytest.mark.parametrize("bit", [0, 3, 7])
def test_a_damaged_table_of_contents_is_refused_or_harmless(
    tmp_path: Path, member: str, field: str, offset: int, bit: int
) -> None:
    recording = made(steps=1)
    path = save(tmp_path / "a.npz", recording)
    flip(path, entry(path, member) + offset, bit)
    assert found_or_refused(path, recording), field


@pytest.mark.parametrize("offset", range(0, 22, 2))
@pytest.mark.parametrize("bit", [0, 7])
def test_a_damaged_end_is_refused_or_harmless(tmp_path: Path, offset: int, bit: int) -> None:
    recording = made(steps=1)
    path = save(tmp_path / "a.npz", recording)
    flip(path, path.read_bytes().rindex(b"PK\x05\x06") + offset, bit)
    assert found_or_refused(path, recording)


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.floats(0, 1, exclude_max=True), st.integers(0, 7))
def test_any_flipped_bit_is_refused_or_harmless(file: Path, place: float, bit: int) -> None:
    recording = made(sizes=(1, 1), steps=1)
    save(file, recording)
    flip(file, int(place * file.stat().st_size), bit)
    assert found_or_refused(file, recording)


@repeatably
@given(st.floats(0, 1, exclude_max=True))
def test_any_truncated_file_is_refused(file: Path, share: float) -> None:
    save(file, made(sizes=(1, 1), steps=1))
    file.write_bytes(file.read_bytes()[: int(share * file.stat().st_size)])
    with pytest.raises(RecordingFileError, match=r"a\.npz"):
        read(file)


def test_other_numbers_under_a_right_checksum_are_other_numbers(tmp_path: Path) -> None:
    """Shows that the tests for damage can fail: a forged file is read, and differs."""
    path = save(tmp_path / "a.npz", full())
    with zipfile.ZipFile(path) as archive:
        content = bytearray(archive.read("000000/loss.npy"))
    content[-8:] = struct.pack("<d", 1.5)
    rewritten(path, {"000000/loss.npy": bytes(content)})
    assert not found_or_refused(path, full())


def test_a_chunk_that_the_header_does_not_name_either_is_noticed(saved: Path) -> None:
    header = json.loads(zipfile.ZipFile(saved).read("header.json"))
    header["members"].remove("000001/loss.npy")
    changed = {"000001/loss.npy": None, "header.json": json.dumps(header).encode()}
    with pytest.raises(RecordingFileError, match=r"a\.npz: chunk 1 lacks 'loss'"):
        read(rewritten(saved, changed))
