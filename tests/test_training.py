"""The loop: chunks of bounded size that change no bit, backends in lockstep, contracts held."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

import shared.training
from impls.numpy_backprop import NumpyBackprop
from shared.backend import Recording
from shared.errors import BackendUnavailable, ContractError
from shared.named_problems import problem
from shared.network import Network
from shared.problems import Problem
from shared.registry import Loaded, Source, find, load
from shared.seeding import initial_params
from shared.training import Trainee, chunk_ends, lockstep, prepare, step_size_bytes

NUMPY = load(find("numpy"))
SHORT = problem("people16").changed(epochs=6)
LOGITS = replace(SHORT, network=Network((2, 2, 1), loss="binary_cross_entropy"))
WIDE = replace(SHORT, network=Network((2, 5, 3, 1), "tanh"), batch_size=4)


def run(loaded: list[Loaded], every: int = 1, seeds: int | list[int] = 5) -> list[Trainee]:
    trainees = [Trainee(one, SHORT, "float64") for one in loaded]
    for trainee in trainees:
        trainee.start(seeds)
    for _ in lockstep(trainees, every):
        pass
    return trainees


def recorded(trainee: Trainee) -> list[Recording]:
    trainee.start(5)
    return [recordings[0] for recordings in lockstep([trainee])]


@pytest.mark.parametrize("steps", [1, 7, 16, 50, 4096])
def test_chunks_change_no_bit(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    trainee = Trainee(NUMPY, SHORT, "float64")
    (whole,) = recorded(trainee)
    monkeypatch.setattr(shared.training, "CHUNK_STEPS", steps)
    chunks = recorded(trainee)
    assert all(len(chunk.steps) <= steps for chunk in chunks)
    assert np.concatenate([chunk.steps for chunk in chunks]).tolist() == list(range(1, 97))
    for tensor in range(4):
        joined = np.concatenate([chunk.after[tensor] for chunk in chunks])
        assert joined.tobytes() == np.ascontiguousarray(whole.after[tensor]).tobytes()
    for earlier, later in itertools.pairwise(chunks):
        assert earlier.final[0][0].tobytes() == np.ascontiguousarray(later.before[0][0]).tobytes()


def test_a_chunk_is_bounded_by_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    trainee = Trainee(NUMPY, SHORT, "float64")
    monkeypatch.setattr(shared.training, "CHUNK_BYTES", 10 * step_size_bytes(trainee))
    ends = [0, *chunk_ends(trainee, every=1)]
    assert max(np.diff(ends)) <= 10
    assert ends[-1] == 96


@pytest.mark.parametrize("seeds", [5, [1, 2, 3]], ids=str)
@pytest.mark.parametrize("one", [SHORT, LOGITS, WIDE], ids=lambda one: str(one.network))
def test_the_size_of_a_step_counts_what_is_recorded(one: Problem, seeds: int | list[int]) -> None:
    trainee = Trainee(NUMPY, one, "float64")
    trainee.start(seeds)
    ((recording,),) = lockstep([trainee])
    counted = step_size_bytes(trainee) * len(recording.steps)
    # Logits are counted whether there are any or not, and at most the inputs once more.
    spare = recording.batches.size * (one.network.sizes[0] + one.network.sizes[-1])
    recorded = size_of(recording, trainee)
    assert recorded <= counted <= recorded + spare * recording.grads[0].itemsize


def size_of(recording: Recording, trainee: Trainee) -> int:
    """Bytes of the parameters, gradients, samples, activations, logits, slopes and losses."""
    evaluation, logits = recording.evaluation, recording.evaluation.logits
    arrays = [*recording.after, *recording.grads, *(recording.deltas or ()), evaluation.loss]
    arrays += [*(evaluation.activations or ()), *(() if logits is None else (logits,))]
    arrays += [trainee.data.x[recording.batches], trainee.data.y[recording.batches]]
    return sum(a.nbytes for a in arrays)


@pytest.mark.parametrize(("total", "limit"), [(80_000, 4096), (97, 10), (5, 5), (1, 100)])
def test_chunks_are_equal_where_possible(total: int, limit: int) -> None:
    ends = shared.training._even_ends(0, total, limit)
    lengths = np.diff([0, *ends])
    assert lengths.sum() == total
    assert lengths.max() <= limit
    fewest = math.ceil(total / limit)
    even = any(total % count == 0 for count in range(fewest, 2 * fewest + 1))
    assert (len(set(lengths.tolist())) == 1) == even


def test_without_recording_chunks_end_at_the_marks() -> None:
    trainee = Trainee(NUMPY, problem("people16").changed(epochs=25), "float64")
    assert list(chunk_ends(trainee, every=0)) == [16, 176, 336, 400]


def test_recording_or_not_all_end_in_equal_bits(loaded: Loaded) -> None:
    with_records, without = run([loaded])[0], run([loaded], every=0)[0]
    for a, b in zip(with_records.params, without.params, strict=True):
        assert a.tobytes() == b.tobytes()


def test_all_backends_start_from_the_same_bits(all_loaded: list[Loaded]) -> None:
    trainees = [Trainee(one, SHORT, "float64") for one in all_loaded]
    expected = initial_params(SHORT.network, 5, "float64")
    for trainee in trainees:
        trainee.start(5)
    first = next(lockstep(trainees))
    for recording in first:
        for w, start in zip(recording.before, expected, strict=True):
            assert np.ascontiguousarray(w[0]).tobytes() == start.tobytes()


def test_replicas_start_from_their_own_seeds(loaded: Loaded) -> None:
    trainee = Trainee(loaded, SHORT, "float64")
    trainee.start([5, 7, 9])
    for row, seed in enumerate([5, 7, 9]):
        for w, start in zip(
            trainee.params, initial_params(SHORT.network, seed, "float64"), strict=True
        ):
            assert w[row].tobytes() == start.tobytes()


def test_a_ragged_last_batch_is_a_call_of_its_own(loaded: Loaded) -> None:
    ragged = replace(SHORT, batch_size=5, epochs=2)
    trainee = Trainee(loaded, ragged, "float64")
    trainee.start(5)
    batches = [recordings[0].batches for recordings in lockstep([trainee])]
    assert [b.shape for b in batches] == [(3, 5), (1, 1), (3, 5), (1, 1)]
    assert np.concatenate([b.ravel() for b in batches]).tolist() == [*range(16), *range(16)]
    assert trainee.state.step == ragged.step_count == 8


def test_recorded_arrays_are_read_only(loaded: Loaded) -> None:
    trainee = Trainee(loaded, SHORT, "float64")
    (recording,) = recorded(trainee)
    for array in (*recording.before, *recording.after, *recording.grads, *recording.final[0]):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_time_is_counted_without_compiling(loaded: Loaded) -> None:
    trainee = Trainee(loaded, SHORT, "float64")
    recorded(trainee)
    assert trainee.train_s > 0
    assert trainee.compile_s >= 0
    assert trainee.setup_s > 0


def test_a_recording_that_breaks_the_contract_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    trainee = Trainee(NUMPY, SHORT, "float64")
    honest = trainee.backend.train

    def shortened(*arguments: object) -> Recording:
        recording = honest(*arguments)  # type: ignore[arg-type]
        return replace(recording, grads=tuple(g[:-1] for g in recording.grads))

    monkeypatch.setattr(trainee.backend, "train", shortened)
    with pytest.raises(ContractError, match="gradient W1"):
        recorded(trainee)


class Broken(NumpyBackprop):
    """A backend whose framework is installed but does not load."""

    def __init__(self, *_: object) -> None:
        raise ImportError("libsomething.so: cannot open")


def test_a_backend_that_does_not_load_is_missing() -> None:
    broken = Loaded(Source("broken", "nowhere"), Broken, "1.0")
    trainees, missing = prepare([NUMPY, broken], SHORT, "float64")
    assert [trainee.name for trainee in trainees] == ["numpy"]
    assert [one.name for one in missing] == ["broken"]
    assert "libsomething" in missing[0].reason
    with pytest.raises(BackendUnavailable, match="libsomething"):
        prepare([broken], SHORT, "float64")
