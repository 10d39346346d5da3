"""What the terminal is told of a step: factors, causes, columns, and what is not known."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from shared.explain.alignment import How, Placed
from shared.explain.differences import Difference, Why
from shared.explain.explanation import Explanation, Seen, explain
from shared.explain.factors import strip
from shared.explain.moment import Moment, worked_moment
from shared.network import Network
from shared.optimizer import Optimizer
from shared.registry import find, load, sources
from shared.report.explain_text import print_explanation
from shared.training import Missing
from tests.command_line import section, unwrapped
from tests.conftest import load_or_skip

SYMMETRIC = worked_moment("symmetric", "float64")


def printed(explanation: Explanation, width: int = 140) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    print_explanation(console, explanation)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def drawn(network: Network, samples: int) -> Moment:
    draw = np.random.RandomState(0)
    params = tuple(draw.normal(size=shape) for shape in network.param_shapes)
    x, y = (draw.normal(size=(samples, n)) for n in (network.sizes[0], network.sizes[-1]))
    numbers = tuple(range(50, 50 + samples))
    return replace(SYMMETRIC, network=network, params=params, x=x, y=y, samples=numbers)


def by_hand(moment: Moment, element: str) -> Explanation:
    return explain(moment, [load(find("numpy"))], element)


@pytest.fixture(scope="module")
def symmetric() -> Explanation:
    return explain(SYMMETRIC, [load_or_skip(source) for source in sources()], "w1")


def with_seen(explanation: Explanation, name: str, changed: Seen) -> Explanation:
    seen = tuple(changed if one.name == name else one for one in explanation.seen)
    return replace(explanation, seen=seen)


def of(explanation: Explanation, name: str) -> Seen:
    return next(one for one in explanation.seen if one.name == name)


def test_source_with_brackets_is_printed_as_it_stands(symmetric: Explanation) -> None:
    text = printed(symmetric)
    assert "123: slope * SLOPES[network.output](output)" in text
    assert "79: activations[-1] @ W.mT + b[..., None, :]" in text


def test_a_slope_is_told_with_its_pass(symmetric: Explanation) -> None:
    (row,) = [one for one in printed(symmetric).splitlines() if one.startswith("f'_h ")]
    assert row.split("  ")[1:] != []
    assert "67: a * (1 - a), backward" in row
    assert "m = mul k l, forward" in row
    assert "·  " in row


def test_what_a_node_saved_stands_beside_what_it_runs(symmetric: Explanation) -> None:
    assert "SigmoidBackward0 runs sigmoid_backward; saved result = h" in printed(symmetric)


def test_an_unknown_operation_is_named(symmetric: Explanation) -> None:
    torch = of(symmetric, "torch")
    index = next(one.index for one in torch.reading.operations if one.name == "aten.sigmoid")
    placed = list(torch.alignment.placed)
    placed[index] = Placed("a1", How.UNALIGNED)
    changed = replace(torch, alignment=replace(torch.alignment, placed=tuple(placed)))
    text = printed(with_seen(symmetric, "torch", changed))
    assert "torch: not aligned: aten.sigmoid, aten.sigmoid(v7); it seems to make h" in text


def test_none_is_named_where_all_are_known(symmetric: Explanation) -> None:
    assert "not aligned" not in printed(symmetric)


def test_what_is_left_unexplained_is_counted(symmetric: Explanation) -> None:
    accounts = tuple(replace(one, explained=one.explained & False) for one in symmetric.accounts)
    text = printed(replace(symmetric, accounts=accounts))
    assert "torch, beside numpy: 3 of 9 numbers of the gradients differ, 0 of them" in text


def test_what_is_compiled_otherwise_is_counted(symmetric: Explanation) -> None:
    accounts = tuple(
        replace(one, compiled=~one.compiled) if (one.backend, one.role) == ("jax", "dL/dW1")
        else one for one in symmetric.accounts
    )  # fmt: skip
    assert "as it trains, it gives 4 of all 9 other bits than one by one." in unwrapped(
        printed(replace(symmetric, accounts=accounts))
    )


def test_nothing_is_said_of_compiling_where_it_changes_nothing(symmetric: Explanation) -> None:
    assert "Compiled as one program" not in printed(symmetric)


def test_what_was_left_out_is_told_with_the_reason(symmetric: Explanation) -> None:
    text = printed(replace(symmetric, missing=(Missing("mine", "no reader knows it"),)))
    assert "Not explained: mine: no reader knows it" in text


def test_alone_a_backend_differs_from_nobody() -> None:
    text = printed(by_hand(SYMMETRIC, "w1"))
    assert "Why last digits differ" not in text
    assert "numpy: by hand" in text


def test_of_several_samples_the_telling_one_is_named() -> None:
    text = unwrapped(printed(by_hand(drawn(Network((3, 4, 1)), 3), "W1[0,2]")))
    assert "3 samples: 50, 51, 52" in text
    assert "These are the factors of one of 3 samples, number 5" in text


def test_of_one_sample_nothing_is_said_of_others() -> None:
    assert "of one of" not in printed(by_hand(drawn(Network((3, 4, 1)), 1), "W1[0,2]"))


def test_a_first_factor_that_is_a_sum_is_told() -> None:
    text = printed(by_hand(drawn(Network((3, 4, 2)), 1), "W1[0,2]"))
    assert "The first factor is a sum, over the units of the layer above." in text


def test_operations_without_a_name_of_their_own_are_counted_inside() -> None:
    network = Network((3, 4, 2), "tanh", "softmax", "categorical_cross_entropy")
    lines = section(printed(by_hand(drawn(network, 2), "W1[0,2]")), "The whole step")
    assert any("4 inside: maximum.reduce, subtract, exp, ..." in line for line in lines)


def test_an_exact_value_is_never_folded() -> None:
    tiny = replace(SYMMETRIC, x=np.array([[-200.0, -100.0]]))
    lines = printed(by_hand(tiny, "w1"), width=88).splitlines()
    assert any("e-131" in line and line.endswith("exact") for line in map(str.rstrip, lines))


def test_numbers_that_are_none_are_printed() -> None:
    broken = replace(SYMMETRIC, x=np.array([[np.inf, 1.0]]))
    assert "NaN" in printed(by_hand(broken, "w1"))


def test_the_choice_of_a_relu_is_a_number() -> None:
    text = printed(by_hand(drawn(Network((3, 4, 1), "relu"), 1), "W1[0,2]"))
    assert "[h[0] > 0]" in text


def test_a_weight_that_no_sample_moves_has_no_telling_sample() -> None:
    moment = drawn(Network((3, 4, 1)), 3)
    still = replace(moment, x=moment.x * [1, 1, 0])
    assert "and all of them add 0; the last is the sum" in unwrapped(
        printed(by_hand(still, "W1[0,2]"))
    )


def test_an_update_that_is_not_made_again_is_told() -> None:
    loaded = [load_or_skip(source) for source in sources()[:2]]
    adam = replace(SYMMETRIC, optimizer=Optimizer(0.05, "adam"))
    said = "The update of adam is not made again; only plain descent is."
    assert said in printed(explain(adam, loaded, "w1"))
    assert "The update of" not in printed(explain(SYMMETRIC, loaded, "w1"))


def test_what_was_asked_for_is_told_on_its_way(symmetric: Explanation) -> None:
    torch = section(printed(symmetric), "Why last digits differ")[1]
    assert torch == (
        "  dL/dw1 is the same. On its way: dL/dz_o1 (another order of multiplication), dL/dh1 "
        "(inherited)."
    )


def test_the_way_forward_is_shown_of_a_small_network(symmetric: Explanation) -> None:
    lines = section(printed(symmetric), "The way forward")
    assert lines[1].split() == ["z_h1", "-3.0", "=", "=", "="]
    assert [line.split()[0] for line in lines[1:]] == [
        "z_h1", "z_h2", "h1", "h2", "z_o1", "o1", "e1", "L",
    ]  # fmt: skip


def test_of_a_larger_one_it_is_not() -> None:
    assert "The way forward" not in printed(by_hand(drawn(Network((30, 4, 1)), 1), "W1[0,2]"))


@pytest.mark.parametrize(("z", "is_told"), [(13.0, True), (1.0, False)])
def test_digits_that_cancel_are_told(z: float, is_told: bool) -> None:
    params = (np.array([[z, 0], [0, 0]]), *SYMMETRIC.params[1:])
    moment = replace(SYMMETRIC, params=params, x=np.array([[1.0, 1.0]]))
    text = printed(by_hand(moment, "w1"))
    assert (
        "1-h1 is 2.3e-06: 18 of 53 bits cancel, whoever computes it from h1." in text
    ) == is_told


def test_the_letters_of_a_jaxpr_are_told(symmetric: Explanation) -> None:
    said = "jax's letters are its own: a = W_h, b = b_h, c = W_o, d = b_o, e = x, f = y, g = W_hᵀ"
    assert said in unwrapped(printed(symmetric))


def test_a_node_is_shown_with_what_its_operator_takes_alone(symmetric: Explanation) -> None:
    """The product for the layer below takes the weights, and not what else the node saved."""
    assert "AddmmBackward0 runs mm; saved mat2 = W_o\n" in "\n".join(
        map(str.rstrip, printed(symmetric).splitlines())
    )


def test_a_number_that_is_not_explained_is_told_so(symmetric: Explanation) -> None:
    w5 = replace(symmetric, strip=strip(SYMMETRIC.network, "w5", symmetric.spine))
    accounts = tuple(replace(one, explained=one.explained & False) for one in w5.accounts)
    assert "dL/dw5 is -1 ULP from numpy's, explained" in printed(w5)
    text = printed(replace(w5, accounts=accounts))
    assert "dL/dw5 is -1 ULP from numpy's, unexplained" in text


def with_zeros(explanation: Explanation, why: Why) -> Explanation:
    """The step, as if torch's dL/dw1 were 0 and the hand's -0, born there."""
    first = np.array([[True, False], [False, False]])
    seen = []
    for one, zero in zip(explanation.seen, (-0.0, 0.0, -0.0), strict=True):
        weights, *others = one.reading.gradients
        gradients = (np.where(first, zero, weights), *others)
        seen.append(replace(one, reading=replace(one.reading, gradients=gradients)))
    accounts = tuple(
        replace(one, here=first, explained=first)
        if (one.backend, one.role) == ("torch", "dL/dW1") else one
        for one in explanation.accounts
    )  # fmt: skip
    ours = explanation.spine["dL/dW1"].exact
    born = Difference(
        "dL/dW1", "torch", "numpy", first, first, first & False, ours, None, why, "a way"
    )
    return replace(
        explanation, seen=tuple(seen), accounts=accounts,
        differences=(*explanation.differences, born),
    )  # fmt: skip


def test_a_number_that_is_born_different_at_the_end_is_told_so(symmetric: Explanation) -> None:
    said = unwrapped(printed(with_zeros(symmetric, Why.ZERO)))
    assert "dL/dw1 is the other zero than numpy's, explained." in said
    assert "dL/dw1 (another sign of a zero)." in said


def test_of_equal_numbers_no_zero_is_spoken_of(symmetric: Explanation) -> None:
    assert "zero" not in printed(symmetric)
