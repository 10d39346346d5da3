"""The minibatch loop of every PyTorch tutorial: modules, a loss object and an optimizer object.

It stands for what somebody who knows PyTorch would write first, with the samples in memory.
Nothing is recorded.
"""

from __future__ import annotations

import torch
from torch import nn

from shared.backend import Array, Params


def train(params: Params, x: Array, y: Array, batches: Array, learning_rate: float) -> Params:
    """Train from `params`, a step for each row of indices; return the last parameters."""
    (hidden, n_in), (n_out, _) = params[0].shape, params[2].shape
    model = nn.Sequential(
        nn.Linear(n_in, hidden, dtype=torch.float64),
        nn.Sigmoid(),
        nn.Linear(hidden, n_out, dtype=torch.float64),
    )
    with torch.no_grad():
        for parameter, start in zip(model.parameters(), params, strict=True):
            parameter.copy_(torch.tensor(start))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)

    for batch in torch.from_numpy(batches):
        optimizer.zero_grad()
        loss = criterion(model(inputs[batch]), targets[batch])
        loss.backward()
        optimizer.step()

    return tuple(parameter.detach().numpy() for parameter in model.parameters())
