"""Hidden units in another order: the same function, recognised bit for bit or not at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backend import Params
from shared.certificate.findings import CARRIED, START, BackendCertificate
from shared.certificate.renamed import Renaming, in_words, renamings
from shared.named_problems import problem
from shared.network import Network
from shared.seeding import initial_params
from tests.certified_runs import Run, general, on_batches, put, reloaded, trained

DEEP = (3, 5, 4, 6, 2)


def renamed(params: Params, renaming: Renaming) -> Params:
    """Put the hidden units in another order: unit i becomes the one named i-th."""
    turned = list(params)
    for i, units in enumerate(map(list, renaming)):
        turned[2 * i] = turned[2 * i][units]
        turned[2 * i + 1] = turned[2 * i + 1][units]
        turned[2 * i + 2] = turned[2 * i + 2][:, units]
    return tuple(turned)


def same_bits(one: Params, other: Params) -> bool:
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


def found(got: Params, seed: Params) -> Renaming:
    return renamings(got, seed)[()]


def drawn(sizes: Sequence[int], seed: int = 3, dtype: str = "float64") -> Params:
    return initial_params(Network(tuple(sizes)), seed, dtype, "fan_in_normal")


@st.composite
def orders(draw: st.DrawFn, most: int) -> tuple[tuple[int, ...], Renaming]:
    """The sizes of a network, and an order of the units of each hidden layer."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=3, max_size=most))
    return tuple(sizes), tuple(tuple(draw(st.permutations(range(n)))) for n in sizes[1:-1])


@given(orders(6), st.sampled_from(["float32", "float64"]))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_the_order_of_the_units_of_every_layer_is_found(
    drawn_order: tuple[tuple[int, ...], Renaming], dtype: str
) -> None:
    sizes, order = drawn_order
    seed = drawn(sizes, dtype=dtype)
    got = renamed(seed, order)
    assert renamings(got, seed) == ({} if same_bits(got, seed) else {(): order})


@given(orders(5), st.integers(0, 2**32 - 1))
@settings(derandomize=True, deadline=None, max_examples=100)
def test_units_that_look_alike_are_told_apart_by_others(
    drawn_order: tuple[tuple[int, ...], Renaming], draw: int
) -> None:
    """With weights of 0 and 1 alone many units are equal from below, from above, or altogether."""
    sizes, order = drawn_order
    random = np.random.RandomState(draw)
    seed = tuple(random.randint(2, size=w.shape).astype(float) for w in drawn(sizes))
    got = renamed(seed, order)
    if not same_bits(got, seed):
        assert same_bits(renamed(seed, found(got, seed)), got)


@pytest.mark.parametrize("told_by", [1, 2], ids=["biases", "columns"])
def test_units_with_equal_rows_are_told_apart_at_once(told_by: int) -> None:
    """Of 40 units there are more orders than can be tried."""
    seed = [np.ones((40, 2)), np.ones(40), np.ones((3, 40)), np.zeros(3)]
    seed[told_by] = np.random.RandomState(1).normal(size=seed[told_by].shape)
    order = (tuple(np.random.RandomState(2).permutation(40).tolist()),)
    assert found(renamed(tuple(seed), order), tuple(seed)) == order


def test_other_biases_of_the_outputs_are_no_order_of_copies() -> None:
    seed = [np.ones((40, 1)), np.ones(40), np.ones((2, 40)), np.arange(2.0)]
    got = [*seed[:3], seed[3][::-1]]
    assert found(tuple(got), tuple(seed)) == ()


def test_what_a_search_finds_is_held_to_what_it_has_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    seed = drawn((2, 3, 1))
    order: Renaming = ((1, 2, 0),)
    got = renamed(seed, order)
    wrong: Renaming = ((1, 0, 2),)
    monkeypatch.setattr("shared.certificate.renamed._candidates", lambda *_: iter([wrong, order]))
    assert found(got, seed) == order
    monkeypatch.setattr("shared.certificate.renamed._candidates", lambda *_: iter([wrong]))
    assert found(got, seed) == ()


def test_copies_of_one_unit_take_each_others_places() -> None:
    seed = [np.ones((300, 1)), np.ones(300), np.ones((1, 300)), np.zeros(1)]
    seed[0][5] = 2.0
    order = (tuple(np.roll(range(300), 7).tolist()),)
    got = renamed(tuple(seed), order)
    assert got[0][12] == 2.0
    (units,) = found(got, tuple(seed))
    assert units[12] == 5
    assert sorted(units) == list(range(300))


def rings(*rounds: Sequence[int]) -> Params:
    """Two hidden layers of units that all look alike, joined in rings: unit to unit, and back."""
    n = sum(map(len, rounds))
    joined = np.zeros((n, n))
    for ring in rounds:
        for one, following in zip(ring, [*ring[1:], ring[0]], strict=True):
            joined[one, one] = joined[one, following] = 1.0
    return np.ones((n, 1)), np.zeros(n), joined, np.zeros(n), np.ones((1, n)), np.zeros(1)


def test_a_tie_that_cannot_be_paired_in_order_is_tried_out() -> None:
    seed = rings([0, 1, 2], [3, 4, 5])
    order = ((0, 3, 1, 4, 2, 5), (5, 0, 4, 1, 3, 2))
    got = renamed(seed, order)
    assert same_bits(renamed(seed, found(got, seed)), got)


def test_two_rings_are_not_one_though_every_unit_looks_alike() -> None:
    assert found(rings([0, 1, 2, 3, 4, 5]), rings([0, 1, 2], [3, 4, 5])) == ()


def nudged(params: Params, tensor: int) -> Params:
    changed = [w.copy() for w in params]
    changed[tensor].flat[-1] = np.nextafter(changed[tensor].flat[-1], math.inf)
    return tuple(changed)


@pytest.mark.parametrize("tensor", range(8))
def test_one_other_bit_is_another_function(tensor: int) -> None:
    seed = drawn(DEEP)
    got = renamed(seed, ((1, 0, 2, 4, 3), (3, 1, 2, 0), (5, 4, 3, 2, 1, 0)))
    assert found(got, seed)
    assert found(nudged(got, tensor), seed) == ()


def test_a_zero_of_the_other_sign_is_another_bit() -> None:
    seed = drawn((2, 3, 1))
    got = renamed(seed, ((2, 0, 1),))
    assert (got[1] == 0).all()
    got[1][0] = -0.0
    assert found(got, seed) == ()


HALF_MOVED: dict[str, Callable[[Params], Params]] = {
    "rows alone": lambda p: (p[0][::-1], p[1][::-1], *p[2:]),
    "weights without biases": lambda p: (p[0][::-1], p[1], p[2][:, ::-1], *p[3:]),
    "biases alone": lambda p: (p[0], p[1][::-1], *p[2:]),
    "columns alone": lambda p: (*p[:2], p[2][:, ::-1], *p[3:]),
    "inputs": lambda p: (p[0][:, ::-1], *p[1:]),
    "outputs": lambda p: (*p[:6], p[6][::-1], p[7][::-1]),
    "biases of the outputs": lambda p: (*p[:7], p[7][::-1]),
}


@pytest.mark.parametrize("half_moved", HALF_MOVED.values(), ids=HALF_MOVED)
def test_units_that_are_not_moved_as_a_whole_are_not_the_same_function(
    half_moved: Callable[[Params], Params],
) -> None:
    seed = initial_params(Network(DEEP), 3, "float64")
    assert found(half_moved(seed), seed) == ()


def test_a_network_without_hidden_units_has_nothing_to_rename() -> None:
    seed = initial_params(Network((3, 2)), 3, "float64")
    assert found((seed[0][::-1], seed[1][::-1]), seed) == ()


def test_replicas_are_renamed_each_in_its_own_way() -> None:
    seeds = [drawn((2, 4, 1), seed) for seed in (1, 2, 3, 4)]
    order: list[Renaming] = [((1, 0, 2, 3),), ((0, 1, 2, 3),), ((3, 2, 1, 0),)]
    got = [renamed(*pair) for pair in zip(seeds, order, strict=False)] + [drawn((2, 4, 1), 9)]
    stacked = [tuple(map(np.stack, zip(*each, strict=True))) for each in (got, seeds)]
    assert renamings(*stacked) == {(0,): order[0], (2,): order[2], (3,): ()}


@pytest.mark.parametrize(
    ("renaming", "said"),
    [
        (((1, 0),), "unit 1 of layer 1 is the seed's unit 2, unit 2 its unit 1."),
        (
            ((0, 2, 1), (1, 0)),
            (
                "unit 2 of layer 1 is the seed's unit 3, unit 3 its unit 2, "
                "unit 1 of layer 2 is the seed's unit 2, and 1 more."
            ),
        ),
        (
            (tuple(np.roll(range(2000), -1).tolist()),),
            (
                "unit 1 of layer 1 is the seed's unit 2, unit 2 its unit 3, "
                "unit 3 its unit 4, and 1,997 more."
            ),
        ),
    ],
)
def test_the_first_units_are_named_and_the_others_counted(renaming: Renaming, said: str) -> None:
    assert in_words(renaming) == f"The same function, units renamed: {said}"


# The certificate of a run that starts so.

RUN = trained(problem("people16").changed(epochs=3))
LARGER = trained(general((4, 6, 5, 3), 9, 3, 4))
PAIR = trained(general((4, 6, 3), 9, 3, 4), (1, 2))
ORDER: Renaming = ((1, 0, 2, 5, 3, 4), (4, 0, 1, 2, 3))


def starting(run: Run, start: Params) -> BackendCertificate:
    """Train honestly from there."""
    return run.with_chunks(on_batches(run, run.whole.batches, start)).judged()


def of(one: BackendCertificate) -> Renaming:
    assert one.placement is not None
    return one.placement.renamed


@pytest.mark.parametrize(
    ("run", "order"), [(RUN, ((1, 0),)), (LARGER, ORDER)], ids=["2-2-1", "4-6-5-3"]
)
def test_a_run_with_units_renamed_differs_at_the_start_alone(run: Run, order: Renaming) -> None:
    start = renamed(run.start, order)
    certificate = starting(run, start)
    apart = sum(int((a != b).sum()) for a, b in zip(start, run.start, strict=True))
    assert certificate.found == apart
    assert {one.stage for one in certificate.findings} == {START}
    assert {one.note for one in certificate.findings} == {in_words(order)}
    assert of(certificate) == order
    assert not certificate.certified


def test_a_start_that_is_one_float_aside_is_not_called_the_same_function() -> None:
    certificate = starting(RUN, nudged(renamed(RUN.start, ((1, 0),)), 1))
    assert {one.note for one in certificate.findings} == {""}
    assert of(certificate) == ()


@pytest.mark.parametrize("row", [0, 3], ids=["between chunks", "within one"])
def test_only_the_start_is_asked(row: int) -> None:
    """Units that change places later are a link that does not hold."""
    first, second = reloaded(RUN, 8, back=0).chunks
    before = [w.copy() for w in second.before]
    for w, one in zip(before, renamed(tuple(w[row] for w in before), ((1, 0),)), strict=True):
        w[row] = one
    certificate = RUN.with_chunks(first, replace(second, before=tuple(before))).judged()
    assert of(certificate) == ()
    notes = {(one.step, one.note) for one in certificate.findings if one.stage == CARRIED}
    assert notes == {(9 + row, "")}


def pair(*each: Renaming) -> Params:
    """The first parameters of two replicas, in orders of their own."""
    singles = [tuple(w[i] for w in PAIR.start) for i in range(2)]
    turned = [renamed(*one) for one in zip(singles, each, strict=True)]
    return tuple(map(np.stack, zip(*turned, strict=True)))


SAME: Renaming = ((0, 1, 2, 3, 4, 5),)
SWAPPED: Renaming = ((1, 0, 2, 3, 4, 5),)


def test_of_replicas_the_first_that_is_renamed_is_told() -> None:
    certificate = starting(PAIR, pair(SAME, SWAPPED))
    assert {one.element[0] for one in certificate.findings} == {1}
    assert of(certificate) == SWAPPED
    assert {one.note for one in certificate.findings} == {in_words(SWAPPED)}


@pytest.mark.parametrize("aside", [0, 1])
def test_of_replicas_that_start_aside_all_have_to_be_renamed(aside: int) -> None:
    start = pair(*((SAME, SWAPPED) if aside == 0 else (SWAPPED, SAME)))
    certificate = starting(PAIR, put_in(start, (aside, 0)))
    assert of(certificate) == ()
    notes = {(one.element[0], one.note) for one in certificate.findings}
    assert (1 - aside, in_words(SWAPPED)) in notes
    assert {note for replica, note in notes if replica == aside} <= {""}


def put_in(params: Params, place: tuple[int, ...]) -> Params:
    changed = [w.copy() for w in params]
    changed[1][place] = 7.0
    return tuple(changed)


def test_what_is_wrong_besides_is_counted_besides() -> None:
    start = renamed(RUN.start, ((1, 0),))
    recording = on_batches(RUN, RUN.whole.batches, start)
    wrong = RUN.with_chunks(put(recording, "loss", 0, (9,), 7.0)).judged()
    assert of(wrong) == ((1, 0),)
    assert [one.stage for one in wrong.findings] == [START] * 8 + ["loss"]
