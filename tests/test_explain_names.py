"""What quantities are called on the page."""

from __future__ import annotations

import pytest

from shared.explain.names import element_shown, shown
from shared.network import Network

TINY, SMALL, DEEP = Network((2, 2, 1)), Network((3, 4, 2)), Network((5, 4, 3, 2))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a1", "h"),
        ("a2", "o"),
        ("z1", "z_h"),
        ("W2", "W_o"),
        ("dL/da2", "dL/do"),
        ("dL/dz1", "dL/dz_h"),
        ("dL/dW1", "dL/dW_h"),
        ("dL/db2", "dL/db_o"),
        ("f'1", "f'_h"),
        ("1-a1", "1-h"),
        ("e^-z2", "e^-z_o"),
        ("1+e^-z2", "1+e^-z_o"),
        ("x W1ᵀ", "x W_hᵀ"),
        ("(dL/da1·(1 - a1))·a1", "(dL/dh·(1 - h))·h"),
        ("fma(u2, v2, u1·v1) [u: a1, v: W2] + b2", "fma(u2, v2, u1·v1) [u: h, v: W_o] + b_o"),
        ("x", "x"),
        ("L", "L"),
        ("Σe²", "Σe²"),
        ("W1[0,2]", "W1[0,2]"),
        ("w1", "w1"),
        ("a12", "a12"),
        ("b3", "b3"),
    ],
)
def test_with_one_hidden_layer_its_activations_are_h_and_the_output_is_o(
    text: str, expected: str
) -> None:
    assert shown(text, TINY) == shown(text, SMALL) == expected


@pytest.mark.parametrize("text", ["a1", "z2", "dL/dW3", "dL/da1·(a1·(1 - a1))"])
def test_deeper_networks_keep_their_numbers(text: str) -> None:
    assert shown(text, DEEP) == text


@pytest.mark.parametrize(
    ("role", "index", "expected"),
    [
        ("W1", (0, 0), "w1"),
        ("W1", (1, 0), "w3"),
        ("W2", (0, 1), "w6"),
        ("b1", (1,), "b2"),
        ("b2", (0,), "b3"),
        ("dL/dW1", (0, 1), "dL/dw2"),
        ("dL/db2", (0,), "dL/db3"),
        ("x", (0, 1), "x2"),
        ("a1", (0, 1), "h2"),
        ("a2", (0, 0), "o1"),
        ("dL/da1", (0, 1), "dL/dh2"),
        ("dL/dz2", (0, 0), "dL/dz_o1"),
        ("f'2", (0, 0), "o1(1 - o1)"),
        ("f'1", (0, 1), "h2(1 - h2)"),
    ],
)
def test_numbers_of_the_small_network_have_the_names_of_the_text(
    role: str, index: tuple[int, ...], expected: str
) -> None:
    assert element_shown(role, index, TINY) == expected


@pytest.mark.parametrize(
    ("role", "index", "expected"),
    [
        ("W1", (0, 2), "W1[0,2]"),
        ("dL/dW2", (1, 3), "dL/dW2[1,3]"),
        ("b1", (3,), "b1[3]"),
        ("x", (2, 1), "x[1]"),
        ("a1", (2, 3), "h[3]"),
        ("dL/da2", (2, 1), "dL/do[1]"),
        ("f'1", (0, 2), "h[2](1 - h[2])"),
    ],
)
def test_numbers_of_another_network_are_counted_from_0(
    role: str, index: tuple[int, ...], expected: str
) -> None:
    assert element_shown(role, index, SMALL) == expected


def test_a_deep_network_keeps_its_layers() -> None:
    assert element_shown("a2", (0, 1), DEEP) == "a2[1]"
    assert element_shown("dL/dW3", (1, 2), DEEP) == "dL/dW3[1,2]"


@pytest.mark.parametrize(
    ("activation", "expected"),
    [("sigmoid", "h[1](1 - h[1])"), ("tanh", "1 - h[1]²"), ("relu", "[h[1] > 0]")],
)
def test_a_slope_is_written_with_the_activation(activation: str, expected: str) -> None:
    assert element_shown("f'1", (0, 1), Network((3, 4, 2), activation)) == expected


def test_the_slope_of_nothing_is_1() -> None:
    assert element_shown("f'2", (0, 0), Network((3, 4, 2), output="identity")) == "1"
