"""The scalar loop of the beginner's text, which stands for what NumPy is first used for.

One variable per weight, one line per partial derivative, one sample at a time, after Victor Zhou,
"Machine Learning for Beginners: An Introduction to Neural Networks" (2019). Nothing is recorded.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shared.backend import Array, Params


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def deriv_sigmoid(x: Any) -> Any:
    fx = sigmoid(x)
    return fx * (1 - fx)


class OurNeuralNetwork:
    """Two inputs, a hidden layer with two neurons (h1, h2), an output layer with one (o1)."""

    def __init__(self, weights: list[float], biases: list[float]) -> None:
        self.w1, self.w2, self.w3, self.w4, self.w5, self.w6 = weights
        self.b1, self.b2, self.b3 = biases

    def train(self, data: Array, all_y_trues: Array, epochs: int, learn_rate: float) -> None:
        for _ in range(epochs):
            for x, y_true in zip(data, all_y_trues, strict=True):
                sum_h1 = self.w1 * x[0] + self.w2 * x[1] + self.b1
                h1 = sigmoid(sum_h1)
                sum_h2 = self.w3 * x[0] + self.w4 * x[1] + self.b2
                h2 = sigmoid(sum_h2)
                sum_o1 = self.w5 * h1 + self.w6 * h2 + self.b3
                o1 = sigmoid(sum_o1)
                y_pred = o1

                d_L_d_ypred = -2 * (y_true - y_pred)

                d_ypred_d_w5 = h1 * deriv_sigmoid(sum_o1)
                d_ypred_d_w6 = h2 * deriv_sigmoid(sum_o1)
                d_ypred_d_b3 = deriv_sigmoid(sum_o1)

                d_ypred_d_h1 = self.w5 * deriv_sigmoid(sum_o1)
                d_ypred_d_h2 = self.w6 * deriv_sigmoid(sum_o1)

                d_h1_d_w1 = x[0] * deriv_sigmoid(sum_h1)
                d_h1_d_w2 = x[1] * deriv_sigmoid(sum_h1)
                d_h1_d_b1 = deriv_sigmoid(sum_h1)

                d_h2_d_w3 = x[0] * deriv_sigmoid(sum_h2)
                d_h2_d_w4 = x[1] * deriv_sigmoid(sum_h2)
                d_h2_d_b2 = deriv_sigmoid(sum_h2)

                self.w1 -= learn_rate * d_L_d_ypred * d_ypred_d_h1 * d_h1_d_w1
                self.w2 -= learn_rate * d_L_d_ypred * d_ypred_d_h1 * d_h1_d_w2
                self.b1 -= learn_rate * d_L_d_ypred * d_ypred_d_h1 * d_h1_d_b1

                self.w3 -= learn_rate * d_L_d_ypred * d_ypred_d_h2 * d_h2_d_w3
                self.w4 -= learn_rate * d_L_d_ypred * d_ypred_d_h2 * d_h2_d_w4
                self.b2 -= learn_rate * d_L_d_ypred * d_ypred_d_h2 * d_h2_d_b2

                self.w5 -= learn_rate * d_L_d_ypred * d_ypred_d_w5
                self.w6 -= learn_rate * d_L_d_ypred * d_ypred_d_w6
                self.b3 -= learn_rate * d_L_d_ypred * d_ypred_d_b3


def train(params: Params, x: Array, y: Array, epochs: int, learning_rate: float) -> Params:
    """Train from `params`, sample by sample in file order; return the last parameters."""
    W1, b1, W2, b2 = (w.ravel().tolist() for w in params)
    network = OurNeuralNetwork([*W1, *W2], [*b1, *b2])
    network.train(x, y[:, 0], epochs, learning_rate)
    return (
        np.array([[network.w1, network.w2], [network.w3, network.w4]]),
        np.array([network.b1, network.b2]),
        np.array([[network.w5, network.w6]]),
        np.array([network.b3]),
    )
