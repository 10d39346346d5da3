"""The exact trajectory, step by step: each point is within its defect of an exact step."""

from __future__ import annotations

import itertools

import flint
import numpy as np
import pytest
from flint import arb

from shared.backend import Array
from shared.named_problems import problem
from shared.seeding import batch_runs, starting_params
from shared.truth.path import DIGITS, Path, PathPart
from tests.whole_balls import sigmoid, step

STEPS = 80
BITS = (64, 512, 960)
PEOPLE = problem("people16").changed(epochs=5)
every_precision = pytest.mark.parametrize("bits", BITS)
every_dtype = pytest.mark.parametrize("dtype", ["float64", "float32"])


def walked(bits: int, dtype: str = "float64", seed: int = 42) -> PathPart:
    return Path(PEOPLE, seed, dtype, bits).walk(STEPS)


def missed(part: PathPart, dtype: str) -> Array:
    """(s, P) how far each point is from an exact step out of the one before, over its defect."""
    data, rate = PEOPLE.dataset(dtype), arb(PEOPLE.optimizer_in(dtype).learning_rate)
    ((_, batches),) = batch_runs(PEOPLE, 42, 0, STEPS)
    found = []
    with flint.ctx.workprec(2000):
        for (here, there), (sample,), defects in zip(
            itertools.pairwise(part.exact), batches.tolist(), part.defects, strict=True
        ):
            row = [arb(v) for v in (*data.x[sample].tolist(), *data.y[sample].tolist())]
            made = step(list(here), row, rate)
            found.append([
                float((abs(a - b) / arb(float(defect))).abs_upper())
                for a, b, defect in zip(made, there, defects, strict=True)
            ])  # fmt: skip
    return np.array(found)


@every_dtype
@every_precision
def test_each_point_is_within_its_defect_of_an_exact_step(bits: int, dtype: str) -> None:
    assert missed(walked(bits, dtype), dtype).max() <= 1


@every_precision
def test_a_defect_is_hardly_more_than_a_rounding(bits: int) -> None:
    part = walked(bits)
    assert part.defects.min() > 0
    assert part.defects.max() < 2.0 ** (20 - bits) * abs(part.points).max()


@pytest.mark.parametrize("step_number", [0, 40, STEPS - 1])
def test_a_point_moved_by_two_defects_is_noticed(step_number: int) -> None:
    part = walked(512)
    exact = np.array(part.exact)
    with flint.ctx.workprec(600):
        exact[step_number + 1, 3] += 2 * arb(float(part.defects[step_number, 3]))
    wrong = PathPart(part.first, part.points, exact, part.defects)
    assert missed(wrong, "float64")[step_number, 3] > 1


def test_data_rounded_to_another_dtype_is_noticed() -> None:
    assert missed(walked(512, "float32"), "float64").max() > 2.0**400


def test_points_are_exact_numbers_and_floats_their_nearest() -> None:
    part = walked(512)
    assert not any(float(ball.rad()) for ball in part.exact.ravel())
    with flint.ctx.workprec(2000):
        away = [
            abs(ball - arb(float(point))) <= arb(float(np.spacing(abs(point)))) / 2
            for ball, point in zip(part.exact.ravel(), part.points.ravel(), strict=True)
        ]
    assert all(away)


@every_dtype
def test_the_path_starts_where_the_backends_do(dtype: str) -> None:
    part = walked(512, dtype)
    start = [w.ravel().astype(np.float64) for w in starting_params(PEOPLE, 42, dtype)]
    assert part.points[0].tolist() == np.concatenate(start).tolist()
    assert [float(ball) for ball in part.exact[0]] == part.points[0].tolist()


@pytest.mark.parametrize("cuts", [(1,), (16, 17), (7, 31, 64)])
def test_a_path_in_parts_is_the_path(cuts: tuple[int, ...]) -> None:
    whole, path = walked(512), Path(PEOPLE, 42, "float64", 512)
    parts = [path.walk(stop) for stop in (*cuts, STEPS)]
    assert [part.first for part in parts] == [0, *cuts]
    for part, (first, stop) in zip(parts, itertools.pairwise([0, *cuts, STEPS]), strict=True):
        assert part.points.tobytes() == whole.points[first : stop + 1].tobytes()
        assert part.defects.tobytes() == whole.defects[first:stop].tobytes()
        assert all(a == b for a, b in zip(part.exact.flat, whole.exact[first : stop + 1].flat))  # noqa: B905


def test_a_loss_is_the_mean_of_the_squares() -> None:
    path = Path(PEOPLE, 42, "float64", 512)
    last = path.walk(STEPS).exact[-1]
    loss, output = path.loss(last)
    data, outputs = PEOPLE.dataset("float64"), []
    with flint.ctx.workprec(600):
        w1, w2, w3, w4, b1, b2, w5, w6, b3 = last
        for x1, x2 in data.x.tolist():
            h = sigmoid(w1 * x1 + w2 * x2 + b1), sigmoid(w3 * x1 + w4 * x2 + b2)
            outputs.append(sigmoid(w5 * h[0] + w6 * h[1] + b3))
        squares = [(o - arb(v)) ** 2 for o, v in zip(outputs, data.y[:, 0].tolist(), strict=True)]
        assert loss == float(sum(squares, arb(0)) / len(squares))
    assert output[:, 0].tolist() == [float(o) for o in outputs]


def test_differences_are_rounded_once() -> None:
    path = Path(PEOPLE, 42, "float64", 512)
    part = path.walk(STEPS)
    stood = part.points[-1] * (1 + 2.0**-52)
    with flint.ctx.workprec(600):
        true = [float(arb(float(a)) - b) for a, b in zip(stood, part.exact[-1], strict=True)]
    assert path.differences(stood, part.exact[-1]).tolist() == true


def test_digits_are_those_of_the_exact_weights() -> None:
    path = Path(PEOPLE, 42, "float64", 512)
    last = path.walk(STEPS).exact[-1]
    for text, ball in zip(path.digits(last, np.zeros(len(last))), last, strict=True):
        significant = text.lstrip("-").partition("e")[0].replace(".", "").lstrip("0")
        assert len(significant) == DIGITS == 40
        with flint.ctx.workprec(600):
            assert abs(arb(text) - ball) <= abs(ball) * arb(10) ** (1 - DIGITS)


def test_digits_that_are_not_sure_are_left_out() -> None:
    path = Path(PEOPLE, 42, "float64", 512)
    last = path.walk(STEPS).exact[-1]
    whole = path.digits(last, np.zeros(len(last)))
    for text, sure in zip(whole, path.digits(last, np.full(len(last), 1e-20)), strict=True):
        assert len(sure) < len(text) - 15
        with flint.ctx.workprec(600):
            # A unit in the last digit that is told, which is less than ten radii.
            assert float(abs(arb(text) - arb(sure))) < 1e-19
