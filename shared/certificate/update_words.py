"""What a finding calls the formula of an update, in the symbols of the docs."""

from __future__ import annotations

from shared.optimizer import Optimizer


def words(optimizer: Optimizer, slot: str) -> str:
    """Return what a finding calls the formula of a slot, or of the PARAMETER."""
    g = "(g + λw)" if optimizer.coupled_decay else "g"
    plain = g.strip("()")
    if slot == "velocity":
        return f"μv + η{g}" if optimizer.rate_place == "inside" else f"μv + {plain}"
    if slot in ("m", "v"):
        power, index = ("²", "2") if slot == "v" else ("", "1")
        return f"β{index} {slot} + (1 - β{index}) {g}{power}"
    decay = " - ηλw" if optimizer.decoupled_decay else ""
    return f"w - {_step_in_words(optimizer, g)}{decay}"


def _step_in_words(optimizer: Optimizer, g: str) -> str:
    if optimizer.name == "sgd":
        return f"η{g}"
    if optimizer.name == "momentum":
        if optimizer.rate_place == "inside":
            return f"(η{g} + μv)" if optimizer.nesterov else "v"
        return f"η({g.strip('()')} + μv)" if optimizer.nesterov else "ηv"
    mean, square = ("m", "v")
    if optimizer.name == "rmsprop":
        mean = g
    elif optimizer.bias_correction != "none":
        mean, square = "m̂", "v̂"
    divisor = {
        "outside": f"√{square} + ε", "inside": f"√({square} + ε)",
        "uncorrected": f"√{square} + ε/√(1 - β2^t)" if square == "v̂" else "√v + ε",
    }[optimizer.epsilon_place]  # fmt: skip
    return f"η {mean}/({divisor})" if optimizer.epsilon_place != "inside" else f"η {mean}/{divisor}"
