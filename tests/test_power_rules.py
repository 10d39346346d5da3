"""Rules of other tools: what each looks at, where its limits lie, and what it makes of NaN."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.backend import Array, Evaluation, OptimizerState, Params, Recording
from shared.evaluation import CurveTaker
from shared.named_problems import problem
from shared.network import Network
from shared.power.rules import BLOCK, RULES, Rule, Run
from shared.registry import Loaded, find, load
from shared.training import Trainee, lockstep
from tests.certified_runs import put
from tests.form_backends import Writing, written
from tests.recordings import made

NAMED = {rule.name: rule for rule in RULES}
ASSERT_CLOSE, KERAS, CHEX = "assert_close, all", "Keras, all", "chex, weights"
MEANS, README, REPROD_LOG, MUFFIN = "PaDiff, means", "PaDiff, README", "reprod_log", "Muffin, 0.15"
FINAL_LOSS, CURVE, WEIGHTS = "allclose, final loss", "loss curve, 1 %", "assert_close, weights"
EVERYWHERE = {ASSERT_CLOSE, KERAS, MEANS, README, REPROD_LOG}
SHAPES = Network((2, 2, 1)).param_shapes
W1_ELEMENTS = 4
STEPS = 3
repeatably = settings(derandomize=True, deadline=None, max_examples=100)

Place = tuple[str, tuple[int, ...]]
W1_GRADIENT: Place = ("grads", (1, 0, 0))
W1_FINAL: Place = ("final", (0, 0))
LAST_MARK: Place = ("curve", (-1,))
FIRST_MARK: Place = ("curve", (0,))


def run(value: float = 1.0, dtype: str = "float64", steps: int = STEPS, chunks: int = 1) -> Run:
    """A run of a 2-2-1 net in which every recorded number is the same."""

    def filled(*shape: int) -> Array:
        return np.full(shape, value, dtype)

    def params(*lead: int) -> Params:
        return tuple(filled(*lead, *shape) for shape in SHAPES)

    recording = Recording(
        steps=np.arange(1, steps + 1), batches=np.zeros((steps, 1), int),
        before=params(steps), after=params(steps), state_before={}, state_after={},
        evaluation=Evaluation(
            (filled(steps, 1, 2), filled(steps, 1, 1)), filled(steps, 1, 1), filled(steps)
        ),
        grads=params(steps), deltas=(filled(steps, 1, 2), filled(steps, 1, 1)),
        final=(params(), OptimizerState(steps)),
    )  # fmt: skip
    return Run((recording,) * chunks, filled(3), dtype)


def with_number(base: Run, where: Place, value: float, tensor: int = 0) -> Run:
    """The same run with one number exchanged, in its last chunk."""
    group, place = where
    if group == "curve":
        curve = base.curve.copy()
        curve[place] = value
        return replace(base, curve=curve)
    *others, last = base.recordings
    return replace(base, recordings=(*others, put(last, group, tensor, place, value)))


def flagging(doubted: Run, trusted: Run) -> set[str]:
    return {rule.name for rule in RULES if rule.differs(doubted, trusted)}


def test_every_rule_has_a_name_of_its_own() -> None:
    assert len(NAMED) == len(RULES) == 10


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_says_whose_it_is_and_fits_a_column(rule: Rule) -> None:
    assert rule.tool
    assert rule.compares
    assert rule.source.endswith(".")
    assert len(rule.name) <= 22


LIMITS = [
    (FINAL_LOSS, "float64", LAST_MARK, 1e-5 + 1e-8),
    (CURVE, "float64", FIRST_MARK, 0.01),
    (WEIGHTS, "float64", W1_FINAL, 2e-7),
    (WEIGHTS, "float32", W1_FINAL, 1e-5 + 1.3e-6),
    (ASSERT_CLOSE, "float64", W1_GRADIENT, 2e-7),
    (ASSERT_CLOSE, "float32", W1_GRADIENT, 1e-5 + 1.3e-6),
    (CHEX, "float64", W1_FINAL, 1e-6),
    (KERAS, "float64", W1_GRADIENT, 2e-6),
    (MEANS, "float64", W1_GRADIENT, 1e-7 * W1_ELEMENTS),
    (README, "float64", W1_GRADIENT, 1e-4),
    (REPROD_LOG, "float64", W1_GRADIENT, 1e-6 * W1_ELEMENTS),
    (MUFFIN, "float64", W1_GRADIENT, 0.15),
]
"""By how much one number may differ from 1."""
at_its_limit = pytest.mark.parametrize(("name", "dtype", "where", "limit"), LIMITS)


@at_its_limit
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("share", "flags"), [(0.97, False), (1.03, True)], ids=["in", "out"])
def test_a_rule_has_the_limit_that_is_published(
    name: str, dtype: str, where: Place, limit: float, sign: int, share: float, flags: bool
) -> None:
    doubted = with_number(run(dtype=dtype), where, 1 + sign * share * limit)
    assert NAMED[name].differs(doubted, run(dtype=dtype)) is flags


RELATIVE = [
    (FINAL_LOSS, LAST_MARK, 1e-5, 1e-8), (CURVE, FIRST_MARK, 0.01, 0.0),
    (WEIGHTS, W1_FINAL, 1e-7, 1e-7), (ASSERT_CLOSE, W1_GRADIENT, 1e-7, 1e-7),
    (CHEX, W1_FINAL, 1e-6, 0.0), (KERAS, W1_GRADIENT, 1e-6, 1e-6),
]  # fmt: skip


@pytest.mark.parametrize(("name", "where", "relative", "absolute"), RELATIVE)
def test_the_trusted_run_is_what_a_difference_is_relative_to(
    name: str, where: Place, relative: float, absolute: float
) -> None:
    limit = relative + absolute
    # One is allowed limit - relative * limit beside the smaller number, limit beside the larger.
    smaller = with_number(run(), where, 1 - (limit - relative * limit / 2))
    assert NAMED[name].differs(run(), smaller)
    assert not NAMED[name].differs(smaller, run())


@pytest.mark.parametrize(
    ("name", "limit"),
    [(README, 1e-4), (REPROD_LOG, 1e-6 * W1_ELEMENTS), (MUFFIN, 0.15)],
)
def test_an_absolute_rule_does_not_mind_which_run_is_trusted(name: str, limit: float) -> None:
    other = with_number(run(), W1_GRADIENT, 1 + 1.0001 * limit)
    assert NAMED[name].differs(other, run())
    assert NAMED[name].differs(run(), other)


@pytest.mark.parametrize(
    ("name", "where", "limit"),
    [
        (FINAL_LOSS, LAST_MARK, 1e-5 * 1000 + 1e-8), (CURVE, FIRST_MARK, 0.01 * 1000),
        (WEIGHTS, W1_FINAL, 1e-7 * 1000 + 1e-7), (ASSERT_CLOSE, W1_GRADIENT, 1e-7 * 1000 + 1e-7),
        (CHEX, W1_FINAL, 1e-6 * 1000), (KERAS, W1_GRADIENT, 1e-6 * 1000 + 1e-6),
        (MEANS, W1_GRADIENT, 1e-7 * 1000 * W1_ELEMENTS), (README, W1_GRADIENT, 1e-4),
        (REPROD_LOG, W1_GRADIENT, 1e-6 * W1_ELEMENTS), (MUFFIN, W1_GRADIENT, 0.15),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("share", "flags"), [(0.97, False), (1.03, True)], ids=["in", "out"])
def test_only_a_relative_limit_grows_with_the_numbers(
    name: str, where: Place, limit: float, share: float, flags: bool
) -> None:
    doubted = with_number(run(1000.0), where, 1000 + share * limit)
    assert NAMED[name].differs(doubted, run(1000.0)) is flags


@pytest.mark.parametrize(
    ("where", "tensor", "seen_by"),
    [
        (("activations", (1, 0, 1)), 0, EVERYWHERE | {MUFFIN}),
        (("activations", (2, 0, 0)), 1, EVERYWHERE | {MUFFIN}),
        (("logits", (0, 0, 0)), 0, EVERYWHERE | {MUFFIN}),
        (("loss", (1,)), 0, EVERYWHERE | {MUFFIN}),
        (("grads", (0, 1, 0)), 0, EVERYWHERE | {MUFFIN}),
        (("grads", (2, 0)), 3, EVERYWHERE | {MUFFIN}),
        (("after", (0, 1)), 1, EVERYWHERE),
        (("after", (2, 0, 1)), 2, EVERYWHERE),
        (("final", (0, 1)), 2, {WEIGHTS, CHEX}),
        (("curve", (1,)), 0, {CURVE}),
        (("curve", (2,)), 0, {CURVE, FINAL_LOSS}),
        (("before", (0, 0, 0)), 0, set()),
        (("deltas", (0, 0, 0)), 0, set()),
        (("batches", (0, 0)), 0, set()),
    ],
)
def test_a_rule_looks_at_what_it_says_and_at_nothing_else(
    where: Place, tensor: int, seen_by: set[str]
) -> None:
    assert flagging(with_number(run(), where, 10, tensor), run()) == seen_by


def test_equal_runs_are_flagged_by_none() -> None:
    assert flagging(run(), run()) == set()


@pytest.mark.parametrize(
    ("where", "seen_by"),
    [
        (W1_GRADIENT, EVERYWHERE - {REPROD_LOG}),
        (("activations", (1, 0, 0)), EVERYWHERE - {REPROD_LOG} | {MUFFIN}),
        (("loss", (1,)), EVERYWHERE - {REPROD_LOG}),
        (W1_FINAL, {WEIGHTS, CHEX}),
        (LAST_MARK, {FINAL_LOSS, CURVE}),
    ],
)
@pytest.mark.parametrize("swapped", [False, True], ids=["doubted", "trusted"])
def test_a_nan_in_one_run(where: Place, seen_by: set[str], swapped: bool) -> None:
    one, other = with_number(run(), where, np.nan), run()
    assert (flagging(other, one) if swapped else flagging(one, other)) == seen_by


@pytest.mark.parametrize(
    ("where", "seen_by"),
    [
        (W1_GRADIENT, {ASSERT_CLOSE}),
        (("activations", (1, 0, 0)), {ASSERT_CLOSE}),
        (W1_FINAL, {WEIGHTS}),
        (LAST_MARK, {FINAL_LOSS, CURVE}),
    ],
)
def test_a_nan_at_the_same_place_of_both_runs(where: Place, seen_by: set[str]) -> None:
    broken = with_number(run(), where, np.nan)
    assert flagging(broken, broken) == seen_by


@pytest.mark.parametrize("name", [REPROD_LOG, MUFFIN])
def test_a_nan_hides_a_large_difference_in_the_same_tensor(name: str) -> None:
    far = with_number(run(), W1_GRADIENT, 100)
    assert NAMED[name].differs(far, run())
    assert not NAMED[name].differs(with_number(far, ("grads", (1, 1, 1)), np.nan), run())


@pytest.mark.parametrize("where", [W1_GRADIENT, W1_FINAL, LAST_MARK, ("loss", (0,))])
def test_equal_infinities_differ_for_none(where: Place) -> None:
    infinite = with_number(run(), where, np.inf)
    assert flagging(infinite, infinite) == set()


@pytest.mark.parametrize("value", [1.0, -np.inf])
@pytest.mark.parametrize("swapped", [False, True], ids=["doubted", "trusted"])
def test_an_infinity_differs_from_all_else(value: float, swapped: bool) -> None:
    pair = [with_number(run(), W1_GRADIENT, one) for one in (np.inf, value)]
    assert flagging(*pair[:: -1 if swapped else 1]) == EVERYWHERE | {MUFFIN}


def test_means_do_not_see_what_cancels() -> None:
    moved = with_number(with_number(run(), W1_GRADIENT, 2), ("grads", (1, 1, 1)), 0)
    assert flagging(moved, run()) == EVERYWHERE - {MEANS} | {MUFFIN}


def test_a_tensor_of_another_shape_differs_for_all_that_are_shown_it() -> None:
    (recording,) = run().recordings
    wider = replace(recording.evaluation, activations=(np.ones((STEPS, 2, 2)),) * 2)
    doubted = replace(run(), recordings=(replace(recording, evaluation=wider),))
    assert flagging(doubted, run()) == EVERYWHERE | {MUFFIN}


def test_a_tensor_of_another_dtype_differs_for_all_that_are_shown_it() -> None:
    (recording,) = run().recordings
    rounded = replace(recording, grads=tuple(g.astype("float32") for g in recording.grads))
    doubted = replace(run(), recordings=(rounded,))
    assert flagging(doubted, run()) == EVERYWHERE | {MUFFIN}


@pytest.mark.parametrize("absent", ["activations", "logits"])
@pytest.mark.parametrize("swapped", [False, True], ids=["doubted", "trusted"])
def test_what_one_run_alone_records_is_compared_by_none(absent: str, swapped: bool) -> None:
    (recording,) = run().recordings
    without: dict[str, Any] = {absent: None}
    fewer = replace(recording, evaluation=replace(recording.evaluation, **without))
    pair = [replace(run(), recordings=(fewer,)), run()]
    assert flagging(*pair[:: -1 if swapped else 1]) == set()


def test_runs_without_recorded_steps_are_told_by_their_ends() -> None:
    bare = run(steps=0)
    assert flagging(bare, bare) == set()
    assert flagging(with_number(bare, W1_FINAL, 2), bare) == {WEIGHTS, CHEX}


def test_every_chunk_is_looked_at() -> None:
    doubted = with_number(run(chunks=3), W1_GRADIENT, 10)
    assert flagging(doubted, run(chunks=3)) == EVERYWHERE | {MUFFIN}


@pytest.mark.parametrize("step", [0, BLOCK - 1, BLOCK, 2 * BLOCK + 6])
def test_every_step_of_a_long_chunk_is_looked_at(step: int) -> None:
    long = run(steps=2 * BLOCK + 7)
    doubted = with_number(long, ("loss", (step,)), 10)
    assert flagging(doubted, long) == EVERYWHERE | {MUFFIN}


def test_a_tensor_larger_than_a_block_is_looked_at() -> None:
    wide = np.ones((2, 2, BLOCK))
    moved = wide.copy()
    moved[1, 1, -1] = 1e6
    assert flagging(with_w1_gradients(moved), with_w1_gradients(wide)) == EVERYWHERE | {MUFFIN}


def accepted(check: Callable[..., object], *arrays: Array, **options: Any) -> bool:
    """Whether an assertion of a library holds."""
    try:
        check(*arrays, **options)
    except AssertionError:
        return False
    return True


def torch_differs(a: Array, b: Array) -> bool:
    torch = pytest.importorskip("torch", reason="compared with torch.testing itself")
    tensors = (torch.from_numpy(np.array(one)) for one in (a, b))
    return not accepted(torch.testing.assert_close, *tensors)


def numpy_differs(a: Array, b: Array, **options: float) -> bool:
    return not accepted(np.testing.assert_allclose, a, b, **options)


SPOKEN: dict[str, Callable[[Array, Array], bool]] = {
    ASSERT_CLOSE: torch_differs,
    KERAS: lambda a, b: numpy_differs(a, b, rtol=1e-6, atol=1e-6),
    README: lambda a, b: numpy_differs(a, b, rtol=0, atol=1e-4),
    MEANS: lambda a, b: numpy_differs(a.mean(), b.mean(), rtol=1e-7, atol=0),
    REPROD_LOG: lambda a, b: bool(np.abs(a - b).mean() > 1e-6),
    MUFFIN: lambda a, b: float(np.max(np.abs(a - b))) > 0.15,
}
"""What the libraries themselves, or the published lines written out, say of one tensor."""

NEAR = [0, 0, 1e-8, 5e-8, 1e-7, 2e-7, 1e-6, 1.3e-6, 2e-6, 1.13e-5, 1e-5, 1e-4, 0.15, 1, -1e-6]
VALUES = [0.0, -0.0, 1.0, 1.0, -3.0, 1e-7, 1e5, 1e-300, 3e38, np.inf, -np.inf, np.nan]


@st.composite
def tensor_pairs(draw: st.DrawFn) -> tuple[Array, Array]:
    """W1 in several steps of two runs: equal numbers, or some that lie near the limits."""
    dtype = draw(st.sampled_from(["float64", "float32"]))
    numbers = st.lists(st.sampled_from(VALUES), min_size=8, max_size=8)
    gaps = st.lists(st.sampled_from(NEAR), min_size=8, max_size=8)
    with np.errstate(all="ignore"):
        trusted = np.array(draw(numbers)).astype(dtype)
        doubted = trusted + np.array(draw(gaps)).astype(dtype)
    return doubted.reshape(2, 2, 2), trusted.reshape(2, 2, 2)


def with_w1_gradients(tensor: Array) -> Run:
    base = run(dtype=tensor.dtype.name, steps=len(tensor))
    (recording,) = base.recordings
    return replace(base, recordings=(replace(recording, grads=(tensor, *recording.grads[1:])),))


@pytest.mark.parametrize("name", SPOKEN)
@repeatably
@given(pair=tensor_pairs())
def test_a_rule_says_what_the_tool_would_say_of_one_step_after_the_other(
    name: str, pair: tuple[Array, Array]
) -> None:
    with np.errstate(all="ignore"):
        said = any(SPOKEN[name](a, b) for a, b in zip(*pair, strict=True))
    doubted, trusted = map(with_w1_gradients, pair)
    assert NAMED[name].differs(doubted, trusted) is said


@repeatably
@given(pair=tensor_pairs())
def test_numbers_of_the_curve_are_compared_as_numpy_does(pair: tuple[Array, Array]) -> None:
    doubted, trusted = (
        Run(run(dtype=w.dtype.name).recordings, w.reshape(-1), w.dtype.name) for w in pair
    )
    with np.errstate(all="ignore"):
        last = np.allclose(doubted.curve[-1], trusted.curve[-1])
        whole = np.allclose(doubted.curve, trusted.curve, rtol=0.01, atol=0)
    assert NAMED[FINAL_LOSS].differs(doubted, trusted) is not last
    assert NAMED[CURVE].differs(doubted, trusted) is not whole


@repeatably
@given(pair=tensor_pairs())
def test_final_weights_are_compared_as_chex_does(pair: tuple[Array, Array]) -> None:
    doubted, trusted = (
        replace(base, recordings=(replace(recording, final=((w[0],), OptimizerState())),))
        for w in pair
        for base in (run(dtype=w.dtype.name),)
        for recording in base.recordings
    )
    with np.errstate(all="ignore"):
        said = numpy_differs(pair[0][0], pair[1][0], rtol=1e-6, atol=0)
    assert NAMED[CHEX].differs(doubted, trusted) is said


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("steps", [0, 1, 40])
def test_any_bits_are_compared_without_a_warning(dtype: str, steps: int) -> None:
    doubted, trusted = (
        Run((made(seed, steps=steps, dtype=dtype, logits=True),), np.ones(2, dtype), dtype)
        for seed in (1, 2)
    )
    assert {type(rule.differs(doubted, trusted)) for rule in RULES} == {bool}


def trained(loaded: Loaded, dtype: str = "float64", rate: float | None = None) -> Run:
    """Train people16 from the calm seed 4, as the study does."""
    one = problem("people16").changed(epochs=40, learning_rate=rate)
    trainee = Trainee(loaded, one, dtype)
    trainee.start(4)
    taker = CurveTaker(trainee)
    recordings = []
    for (recording,) in lockstep([trainee]):
        taker.add(recording)
        recordings.append(recording)
    return Run(tuple(recordings), taker.finish().loss, dtype)


def of_tanh(z: Array) -> Array:
    """The sigmoid in another right form."""
    half = z.dtype.type(0.5)
    form: Array = half + half * np.tanh(half * z)
    return form


def test_two_correct_backends_are_told_apart_by_bits_alone() -> None:
    numpy, other = trained(load(find("numpy"))), trained(written(Writing(sigmoid=of_tanh)))
    assert (numpy.recordings[-1].final[0][0] != other.recordings[-1].final[0][0]).any()
    assert flagging(other, numpy) == set()


def test_a_learning_rate_of_one_percent_more_is_seen_in_numbers_and_not_in_the_curve() -> None:
    numpy = trained(load(find("numpy")))
    wrong = trained(written(Writing(sigmoid=of_tanh)), rate=0.05 * 1.01)
    assert flagging(wrong, numpy) == {*EVERYWHERE, FINAL_LOSS, WEIGHTS, CHEX}


def test_a_gradient_that_is_wrong_by_a_ten_billionth_is_seen_by_none() -> None:
    def grown(tensor: str, _step: int, gradient: Array) -> Array:
        return gradient * (1 + 1e-10) if tensor == "W1" else gradient

    assert flagging(trained(written(Writing(fault=grown))), trained(load(find("numpy")))) == set()


def test_in_float32_two_correct_backends_are_told_apart_by_means() -> None:
    numpy, other = (
        trained(loaded, "float32")
        for loaded in (load(find("numpy")), written(Writing(sigmoid=of_tanh)))
    )
    assert MEANS in flagging(other, numpy)
