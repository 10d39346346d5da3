"""The literal sigmoid is NaN under autodiff where e^-z is infinite, and only it, and only there."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import flint
import numpy as np
import pytest

from benchmarks.sigmoid_ways import (
    Limits,
    Step,
    Way,
    exact,
    in_torch,
    limits,
    torch_walk,
    walks,
    ways,
)

pytestmark = pytest.mark.usefixtures("all_loaded")  # the exhibit needs both frameworks

LITERALS = ("torch literal", "JAX literal")
OTHERS = ("by hand", "torch built-in", "JAX built-in")
FAR = np.float32(-100)
DTYPE = "float32"


@cache
def found(name: str, dtype: str) -> Limits:
    return limits(ways()[name], dtype)


@cache
def sweep(dtype: str) -> Any:
    """Some two thousand floats from -0 to the lowest, evenly by their bits."""
    bits = np.dtype(dtype.replace("float", "uint"))
    last = int(np.array(np.finfo(dtype).max).view(bits))
    places = [last * part // 2000 for part in range(2001)]
    return -np.array(places, bits).view(dtype)


def nan_at(way: Way, z: Any) -> bool:
    return bool(np.isnan(way(z)[1]))


@pytest.mark.parametrize("name", LITERALS)
def test_a_literal_is_nan_from_its_limit_on(name: str, dtype: str) -> None:
    assert nan_at(ways()[name], found(name, dtype).nan)


@pytest.mark.parametrize("name", LITERALS)
def test_one_float_nearer_to_zero_it_is_finite(name: str, dtype: str) -> None:
    z = found(name, dtype).nan
    assert np.isfinite(ways()[name](np.nextafter(z, z.dtype.type(0)))[1])


@pytest.mark.parametrize("name", LITERALS)
def test_the_limit_is_where_the_exponential_is_more_than_any_float(name: str, dtype: str) -> None:
    z = found(name, dtype).nan
    with flint.ctx.workprec(128):
        overflow = -flint.arb(float(np.finfo(dtype).max)).log()
        assert float(z) < overflow < float(np.nextafter(z, z.dtype.type(0)))


@pytest.mark.parametrize("name", LITERALS)
def test_it_is_nan_at_all_z_below_and_at_none_above(name: str, dtype: str) -> None:
    zs = sweep(dtype)
    np.testing.assert_array_equal(np.isnan(ways()[name](zs)[1]), zs <= found(name, dtype).nan)


@pytest.mark.parametrize("name", LITERALS)
def test_the_sigmoid_itself_is_right_there(name: str, dtype: str) -> None:
    assert ways()[name](found(name, dtype).nan)[0] == 0


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("neighbour", LITERALS)
def test_the_others_have_a_slope_of_0_there(name: str, neighbour: str, dtype: str) -> None:
    assert ways()[name](found(neighbour, dtype).nan)[1] == 0


@pytest.mark.parametrize("name", OTHERS)
def test_the_others_have_no_limit(name: str, dtype: str) -> None:
    assert found(name, dtype).nan is None


@pytest.mark.parametrize("name", OTHERS)
def test_the_others_are_nan_nowhere(name: str, dtype: str) -> None:
    assert not np.isnan(ways()[name](sweep(dtype))[1]).any()


def test_a_literal_that_is_a_built_in_has_no_limit(dtype: str) -> None:
    import torch

    assert limits(partial(in_torch, torch.sigmoid), dtype).nan is None


@pytest.mark.parametrize("framework", ["torch", "JAX"])
def test_a_literal_loses_its_slope_long_before_a_built_in(framework: str, dtype: str) -> None:
    own, built_in = (found(f"{framework} {kind}", dtype).gone for kind in ("literal", "built-in"))
    assert own > 0.75 * built_in


@pytest.mark.parametrize("name", [*LITERALS, *OTHERS])
def test_a_slope_is_above_0_until_it_is_lost(name: str, dtype: str) -> None:
    zs = sweep(dtype)
    np.testing.assert_array_equal(ways()[name](zs)[1] > 0, zs > found(name, dtype).gone)


@pytest.mark.parametrize(
    ("z", "digits"),
    [(0, ("0.50000", "0.25000")), (-1000, ("5.0760e-435", "5.0760e-435"))],
)
def test_exact_values_may_be_below_every_float(z: int, digits: tuple[str, str]) -> None:
    assert exact(z) == digits


def births(steps: list[Step]) -> list[tuple[tuple[float, ...], str]]:
    return [(step.inputs, step.name) for step in steps if step.bears_nan]


def torch_steps(z: Any) -> list[Step]:
    return next(iter(walks(z).values()))


def jax_steps(z: Any) -> list[Step]:
    return list(walks(z).values())[1]


def test_in_torch_the_nan_is_born_in_the_exponential_from_0_and_infinity() -> None:
    (((cotangent, kept), name),) = births(torch_steps(FAR))
    assert (name, cotangent, np.signbit(cotangent), kept) == ("ExpBackward0", 0, True, np.inf)


def test_in_jax_the_nan_is_born_in_a_product_of_0_and_infinity() -> None:
    (((cotangent, e), name),) = births(jax_steps(FAR))
    assert (name, cotangent, np.signbit(cotangent), e) == ("i = mul h b", 0, True, np.inf)


def test_no_nan_is_born_in_torchs_built_in() -> None:
    import torch

    steps = torch_walk(torch.sigmoid, FAR)
    assert [step.name for step in steps] == ["SigmoidBackward0"]
    assert births(steps) == []


@pytest.mark.parametrize("walk", [torch_steps, jax_steps])
def test_no_nan_is_born_near_zero(walk: Any) -> None:
    assert births(walk(np.float32(-20))) == []


@pytest.mark.parametrize(("walk", "name"), [(torch_steps, LITERALS[0]), (jax_steps, LITERALS[1])])
@pytest.mark.parametrize("z", [-1.5, -20, -60, -1000])
def test_a_walk_ends_in_the_slope(walk: Any, name: str, z: float, dtype: str) -> None:
    at = np.dtype(dtype).type(z)
    np.testing.assert_array_equal(walk(at)[-1].output, ways()[name](at)[1])


def test_a_nan_that_went_in_is_not_born() -> None:
    assert not Step("neg", (np.nan,), np.nan).bears_nan
