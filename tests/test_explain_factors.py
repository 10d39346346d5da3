"""The chain rule of one weight: its factors, whose product is the gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from shared.errors import UsageError
from shared.explain.factors import Entry, Strip, moving, strip
from shared.explain.names import element_shown
from shared.explain.spine import Role, spine
from shared.network import Network
from shared.worked import worked_steps
from tests.explained_runs import Step, roles

TINY, SMALL = Step(worked="asymmetric"), Step((3, 4, 2), 3)
ONE_OUTPUT = Step((3, 4, 1), 3)
WORKED = {step.name: step for step in worked_steps()}


def exact(spine: Mapping[str, Role], entry: Entry) -> Fraction:
    """A number of the spine, to 25 digits."""
    role = spine[entry.role]
    where = np.ravel_multi_index(entry.index, role.exact.shape)
    return Fraction(role.digits[int(where)])


def product(spine: Mapping[str, Role], entries: tuple[Entry, ...]) -> Fraction:
    found = Fraction(1)
    for one in entries:
        found *= exact(spine, one)
    return found


def agree(a: Fraction, b: Fraction) -> bool:
    """Whether 20 digits agree."""
    return abs(a - b) <= abs(b) / 10**20


def names(found: Strip, network: Network) -> list[str]:
    return [element_shown(one.role, one.index, network) for one in found.factors]


@pytest.mark.parametrize("worked", list(WORKED))
@pytest.mark.parametrize("element", Network((2, 2, 1)).element_names)
def test_the_product_of_the_factors_is_the_exact_gradient(worked: str, element: str) -> None:
    step = Step(worked=worked)
    found = strip(step.network, element, roles(step))
    true = Fraction(WORKED[worked].exact[f"dL/d{element}"])
    assert agree(product(roles(step), found.factors), true)


@pytest.mark.parametrize("left_out", range(5))
def test_without_one_of_its_factors_it_is_not(left_out: int) -> None:
    found = strip(TINY.network, "w1", roles(TINY))
    others = tuple(one for i, one in enumerate(found.factors) if i != left_out)
    true = Fraction(WORKED["asymmetric"].exact["dL/dw1"])
    assert not agree(product(roles(TINY), others), true)


STRIPS = {
    "w1": ["dL/do1", "o1(1 - o1)", "w5", "h1(1 - h1)", "x1"],
    "w2": ["dL/do1", "o1(1 - o1)", "w5", "h1(1 - h1)", "x2"],
    "w3": ["dL/do1", "o1(1 - o1)", "w6", "h2(1 - h2)", "x1"],
    "b2": ["dL/do1", "o1(1 - o1)", "w6", "h2(1 - h2)"],
    "w6": ["dL/do1", "o1(1 - o1)", "h2"],
    "b3": ["dL/do1", "o1(1 - o1)"],
}


@pytest.mark.parametrize("element", STRIPS)
def test_the_factors_lead_from_the_loss_to_the_weight(element: str) -> None:
    found = strip(TINY.network, element, roles(TINY))
    assert names(found, TINY.network) == STRIPS[element]
    assert not found.begins_with_sum
    assert (found.element, found.sample, found.sums_over) == (element, 0, 1)


def test_every_product_is_that_of_the_factors_before_it() -> None:
    found = strip(TINY.network, "w1", roles(TINY))
    products = [i for i, one in enumerate(found.entries) if not one.is_factor]
    assert len(products) == 4
    for i in products:
        before = tuple(one for one in found.entries[:i] if one.is_factor)
        assert agree(product(roles(TINY), before), exact(roles(TINY), found.entries[i]))


def test_the_last_product_is_the_gradient_itself() -> None:
    last = strip(TINY.network, "w6", roles(TINY)).entries[-1]
    assert last == Entry("dL/dW2", (0, 1), is_factor=False)


def test_where_several_units_take_part_above_it_begins_with_their_sum() -> None:
    found = strip(SMALL.network, "W1[2,1]", roles(SMALL))
    assert found.begins_with_sum
    assert names(found, SMALL.network) == ["dL/dh[2]", "h[2](1 - h[2])", "x[1]"]


def test_of_the_last_layer_nothing_is_summed_above() -> None:
    found = strip(SMALL.network, "W2[1,3]", roles(SMALL))
    assert not found.begins_with_sum
    assert names(found, SMALL.network) == ["dL/do[1]", "o[1](1 - o[1])", "h[3]"]


def _shares(step: Step, layer: int, unit: int, below: str, index: int) -> list[Fraction]:
    """What each sample adds to a gradient."""
    return [
        exact(roles(step), Entry(f"dL/dz{layer}", (sample, unit), True))
        * exact(roles(step), Entry(below, (sample, index), True))
        for sample in range(step.m)
    ]


@pytest.mark.parametrize("unit", range(4))
@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize("step", [SMALL, ONE_OUTPUT], ids=str)
def test_of_several_samples_the_one_that_adds_most_is_taken(
    step: Step, unit: int, index: int
) -> None:
    found = strip(step.network, f"W1[{unit},{index}]", roles(step))
    shares = _shares(step, 1, unit, "x", index)
    assert found.sample == max(range(3), key=lambda sample: abs(shares[sample]))
    assert found.sums_over == 3
    assert agree(product(roles(step), found.factors), shares[found.sample])


def test_not_every_weight_takes_the_same_sample() -> None:
    """Else the test above would not tell."""
    elements = [f"W1[{unit},{index}]" for unit in range(4) for index in range(3)]
    found = {strip(SMALL.network, one, roles(SMALL)).sample for one in elements}
    assert len(found) > 1


def test_all_samples_together_are_the_gradient() -> None:
    total = sum(_shares(SMALL, 2, 1, "a1", 3), Fraction(0))
    assert agree(total, exact(roles(SMALL), Entry("dL/dW2", (1, 3), False)))


@pytest.mark.parametrize(
    "network",
    [
        Network((2, 3, 1), output="sigmoid", loss="binary_cross_entropy"),
        Network((2, 3, 2), output="softmax", loss="categorical_cross_entropy"),
        Network((2, 3, 2), output="identity"),
    ],
    ids=lambda one: one.loss,
)
def test_without_a_slope_at_the_output_it_begins_at_z(network: Network) -> None:
    draw = np.random.RandomState(3)
    params = tuple(draw.normal(size=shape) for shape in network.param_shapes)
    found = spine(network, params, draw.normal(size=(1, 2)), np.eye(network.sizes[-1])[:1])
    names = network.element_names
    element = next(one for one in names if one.startswith("W2"))
    one = strip(network, element, found)
    assert [entry.role for entry in one.factors] == ["dL/dz2", "a1"]
    assert agree(product(found, one.factors), exact(found, one.entries[-1]))


def test_with_one_output_and_a_cross_entropy_it_leads_on_from_z() -> None:
    network = Network((2, 3, 1), output="sigmoid", loss="binary_cross_entropy")
    draw = np.random.RandomState(3)
    params = tuple(draw.normal(size=shape) for shape in network.param_shapes)
    found = spine(network, params, draw.normal(size=(1, 2)), np.ones((1, 1)))
    one = strip(network, "W1[2,1]", found)
    assert [entry.role for entry in one.factors] == ["dL/dz2", "W2", "f'1", "x"]
    assert agree(product(found, one.factors), exact(found, one.entries[-1]))


def test_of_a_network_of_one_unit_to_a_layer_it_leads_through_all() -> None:
    step = Step((2, 1, 1, 1))
    found = strip(step.network, step.network.element_names[0], roles(step))
    expected = ["dL/da3", "f'3", "W3", "f'2", "W2", "f'1", "x"]
    assert [one.role for one in found.factors] == expected
    assert agree(product(roles(step), found.factors), exact(roles(step), found.entries[-1]))


@pytest.mark.parametrize("name", ["w7", "W1[0,0]", "", "b0"])
def test_a_parameter_that_the_network_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        strip(TINY.network, name, roles(TINY))
    expected = "expected one of w1, w2, w3, w4, b1, b2, w5, w6, b3."
    assert str(caught.value) == f"weight {name!r} is none of this network's; {expected}"


def test_of_a_larger_network_the_first_and_the_last_are_named() -> None:
    with pytest.raises(UsageError, match=r"one of W1\[0,0\] to W1\[3,2\], b1\[0\] to b1\[3\]"):
        strip(SMALL.network, "W1[0,99]", roles(SMALL))


def test_the_first_that_moves_is_found() -> None:
    found = dict(roles(TINY))
    exact = np.where([[True, True], [False, True]], 0, found["dL/dW1"].exact)
    found["dL/dW1"] = replace(found["dL/dW1"], exact=exact)
    assert moving(TINY.network, found) == "w3"
    assert moving(TINY.network, roles(TINY)) == "w1"


def test_where_none_moves_it_is_the_first() -> None:
    still = {name: replace(one, exact=one.exact * 0) for name, one in roles(TINY).items()}
    assert moving(TINY.network, still) == "w1"


def test_a_misspelt_parameter_is_refused_with_what_was_meant() -> None:
    with pytest.raises(UsageError, match=r"W1\[3,2\]"):
        strip(SMALL.network, "W1[3,2", roles(SMALL))
