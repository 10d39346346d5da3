"""How far rounding may carry any program from the exact trajectory: the tube, and who is in it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from shared.backend import Array
from shared.registry import Loaded
from shared.truth import flow as flowing
from shared.truth import tube as tubes
from shared.truth.carried import Carried
from shared.truth.findings import Truth
from shared.truth.tube import Tube, step_bounds
from tests.certified_runs import trained
from tests.followed import followed, of_kind, people, taken, walked
from tests.kinds import COVERING, Kind


@cache
def three(seed: int, name: str, epochs: int, dtype: str, *loaded: Loaded) -> Truth:
    return followed(
        *(trained(people(name, epochs), seed, one, dtype) for one in loaded),
        names=[one.name for one in loaded],
    )


@pytest.mark.parametrize(
    ("name", "seed", "epochs"),
    [("people16", 4, 100), ("people16-centered", 42, 40), ("people4", 1, 100)],
)
def test_the_tube_contains_the_drift_of_every_backend(
    all_loaded: list[Loaded], name: str, seed: int, epochs: int, dtype: str
) -> None:
    truth = three(seed, name, epochs, dtype, *all_loaded)
    assert len(truth.backends) == len(all_loaded)
    for backend in truth.backends:
        for mark, ulps in zip(truth.marks, backend.ulps, strict=True):
            assert ulps <= mark.tube_ulps + 0.5
        assert max(backend.unexplained) < (1e-3 if dtype == "float32" else 1e-9)


def bounded(tube: Tube, products: Array, made: Array) -> Array:
    for product, one in zip(products, made, strict=True):
        tube.add(product, one)
        if tube.is_due:
            tube.width(1)
    return tube.width(1)


def drawn(blocks: int = 30, size: int = 4) -> tuple[Array, Array]:
    random = np.random.RandomState(3)
    return (
        np.eye(size) + 0.3 * random.normal(size=(blocks, size, size)),
        random.uniform(size=(blocks, size)),
    )


def test_a_tube_of_twice_the_bounds_is_twice_as_wide() -> None:
    products, made = drawn()
    once, twice = (bounded(Tube(4, 0), products, factor * made) for factor in (1, 2))
    assert abs(twice / once - 2).max() < 1e-9


def test_a_tube_of_one_span_is_the_sum_of_sizes() -> None:
    """Of blocks far enough apart each is carried on with its signs, by all that come later."""
    products, made = drawn(7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tubes, "SPAN", 1)
        found = bounded(Tube(4, 0), products, made)
    true = np.zeros(4)
    for first in range(7):
        later = np.eye(4)
        for product in products[first + 1 :]:
            later = product @ later
        true += abs(later) @ made[first]
    assert abs(found / true - 1).max() < 1e-12


def test_a_bound_left_out_is_noticed() -> None:
    products, made = drawn()
    less = np.array(made)
    less[0] = 0
    assert (bounded(Tube(4, 0), products, less) < bounded(Tube(4, 0), products, made)).all()


@pytest.mark.parametrize(("span", "share"), [(1, 0.1), (4, 0.25)])
def test_a_tube_hardly_depends_on_how_many_blocks_are_taken_together(
    span: int, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sizes are taken inside of a span, so that a longer one is wider, if anything."""
    one = people(epochs=100)
    usual = walked(one, 42).passed[-1].tube
    monkeypatch.setattr(tubes, "SPAN", span)
    other = walked(one, 42).passed[-1].tube
    assert abs(other / usual - 1).max() < share
    assert (np.sign(span - 2) * (other - usual) >= -1e-9 * usual).all()


@pytest.mark.filterwarnings("error")
def test_a_tube_that_overflows_is_infinitely_wide() -> None:
    tube = Tube(2, 0)
    for _ in range(8):
        tube.add(1e200 * np.array([[1.0, -1.0], [1.0, 1.0]]), np.ones(2))
        if tube.is_due:
            tube.width(1)
    assert (tube.width(1) == np.inf).all()


@pytest.mark.parametrize("kind", COVERING, ids=str)
def test_bounds_on_a_step_are_finite_and_hold_what_it_missed(kind: Kind, dtype: str) -> None:
    run = trained(of_kind(kind), 5, dtype=dtype)
    data = run.problem.dataset(dtype)
    for chunk in run.chunks[:4]:
        points = np.concatenate(
            [w.reshape(len(chunk.steps), -1).astype(np.float64) for w in chunk.before], axis=-1
        )
        samples = [v[chunk.batches].astype(np.float64) for v in (data.x, data.y)]
        bounds = step_bounds(run.problem, dtype, points, samples[0], samples[1])
        missed = abs(taken(run.with_chunks(chunk)).residuals())
        assert (missed <= bounds).all()
        assert not (missed <= bounds * 1e-3).all()


def test_marks_do_not_change_the_tube_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking closes a span early, which may make it narrower and never wider."""
    one = people(epochs=100)
    usual = walked(one, 42).passed[-1].tube
    monkeypatch.setattr(flowing, "mark_steps", lambda steps: (*range(64, steps, 64), steps))
    often = walked(one, 42).passed[-1].tube
    assert abs(often / usual - 1).max() < 0.1


def measured(products: Array) -> Tube:
    tube = Tube(products.shape[1], 0)
    for end, product in enumerate(products, start=1):
        tube.add(product, np.zeros(len(product)))
        if tube.is_due:
            tube.width(10 * end)
    return tube


def test_growth_is_the_largest_between_the_ends_of_any_two_spans(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tubes, "SPAN", 1)
    products, _ = drawn(20)
    products[:8] *= 0.2
    tube, found = measured(products), {}
    for first in range(20):
        whole = np.eye(4)
        for last in range(first, 20):
            whole = products[last] @ whole
            found[float(np.linalg.norm(whole, 2))] = (10 * first, 10 * (last + 1))
    largest = max(found)
    assert abs(10**tube.growth_log10 / largest - 1) < 1e-12
    assert (tube.growth_from, tube.growth_to) == found[largest]
    # What was squeezed at first has grown less from the start.
    assert tube.growth_from >= 80


def test_where_nothing_grows_there_is_no_growth() -> None:
    tube = measured(np.array([0.5 * np.eye(3)] * 6))
    assert (tube.growth_log10, tube.growth_from, tube.growth_to) == (0.0, 0, 0)


@pytest.mark.filterwarnings("error")
def test_growth_beyond_any_float_is_infinite() -> None:
    assert measured(np.array([1e200 * np.eye(2)] * 8)).growth_log10 == np.inf


@pytest.mark.parametrize("squeezed", [False, True])
def test_the_largest_growth_is_that_of_the_start_or_of_a_change_on_the_way(squeezed: bool) -> None:
    """The start is looked at after every step, and may have been squeezed before."""
    carried = Carried(2, 0, 0)
    peak = np.array([0.1 * np.eye(2) if squeezed else 9 * np.eye(2), np.eye(2)])
    blocks = [peak, *[np.array([3.0 * np.eye(2)])] * 2, *[np.array([0.01 * np.eye(2)])] * 2]
    step = 0
    for products in blocks:
        carried.go_on(step, products, np.zeros(2), [])
        step += len(products)
        if carried.is_due:
            carried.tube(1.0)
    log10, (first, last) = carried.largest_growth
    if squeezed:
        assert (first, last) != (0, 0)
    else:
        assert abs(10**log10 - 9) < 1e-9
        assert (first, last) == (0, 1)
