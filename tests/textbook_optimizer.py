"""The optimizers once more, written for one tensor at a time so that a line of them can be wrong.

`Textbook` is right; each class below it has one mistake. `Mistaken` is NumPy's backend, but for its
update, which is made by one of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from impls.numpy_backprop import NumpyBackprop
from shared.backend import Array, OptimizerState, Params
from shared.network import Network
from shared.optimizer import Optimizer

Slots = dict[str, Array]


class Textbook:
    """The formulas of shared/optimizer.py, in the dtype of the run."""

    def __init__(self, one: Optimizer, dtype: str) -> None:
        self.one, self.number = one, np.dtype(dtype).type
        self.eta, self.decay = self.number(one.learning_rate), self.number(one.weight_decay)
        self.coupled = one.decay == "coupled"

    def moved(self, w: Array, g: Array, slots: Slots, t: int) -> tuple[Array, Slots]:
        """Return the next w and slots."""
        push = self.slope(g, w)
        after = self.carried(push, g, slots)
        return self.ended(w, self.step(push, after, t)), after

    def carried(self, push: Array, g: Array, slots: Slots) -> Slots:
        """Return the next slots; g is the gradient without what decays."""
        del g
        if "velocity" in slots:
            return {"velocity": self.velocity(slots["velocity"], push)}
        after = {"m": self.mean(slots["m"], push)} if "m" in slots else {}
        return {**after, "v": self.mean_square(slots["v"], push)} if "v" in slots else after

    def ended(self, w: Array, step: Array) -> Array:
        return self.shrunk(w) - step

    def slope(self, g: Array, w: Array) -> Array:
        return g + self.decay * w if self.coupled and self.decay else g

    def shrunk(self, w: Array) -> Array:
        if self.coupled or not self.decay:
            return w
        kept: Array = self.number(1 - self.one.learning_rate * self.one.weight_decay) * w
        return kept

    def velocity(self, v: Array, push: Array) -> Array:
        inside = self.one.rate_place == "inside"
        after: Array = self.number(self.one.momentum) * v + (self.eta * push if inside else push)
        return after

    def mean(self, m: Array, push: Array) -> Array:
        beta = self.one.beta1
        after: Array = self.number(beta) * m + self.number(1 - beta) * push
        return after

    def mean_square(self, v: Array, push: Array) -> Array:
        beta = self.one.beta2
        after: Array = self.number(beta) * v + self.number(1 - beta) * (push * push)
        return after

    def step(self, push: Array, after: Slots, t: int) -> Array:
        """Return what is subtracted, apart from what decays by itself."""
        if self.one.name == "sgd":
            return np.asarray(self.eta * push)
        if self.one.name == "momentum":
            return self.momentum_step(push, after["velocity"])
        first, second = self.shares(t)
        divisor = self.divisor(after["v"], second)
        if self.one.name == "rmsprop":
            return np.asarray(self.eta * (push / divisor))
        return np.asarray(self.eta * ((after["m"] / first) / divisor))

    def momentum_step(self, push: Array, v: Array) -> Array:
        inside, mu = self.one.rate_place == "inside", self.number(self.one.momentum)
        ahead: Array = v
        if self.one.nesterov:
            ahead = (self.eta * push if inside else push) + mu * v
        return ahead if inside else np.asarray(self.eta * ahead)

    def shares(self, t: int) -> tuple[Any, Any]:
        """Return 1 - β1^t and 1 - β2^t."""
        if self.one.name == "rmsprop" or self.one.bias_correction == "none":
            return self.number(1), self.number(1)
        betas = self.one.beta1, self.one.beta2
        if self.one.bias_correction == "dtype":
            first, second = (self.number(1) - self.number(beta) ** self.number(t) for beta in betas)
            return first, second
        first, second = (self.number(1 - beta**t) for beta in betas)
        return first, second

    def divisor(self, v: Array, share: Any) -> Array:
        epsilon, corrected = self.number(self.one.epsilon), v / share
        place = self.epsilon_place()
        if place == "inside":
            return np.asarray(np.sqrt(corrected + epsilon))
        added = epsilon / np.sqrt(share) if place == "uncorrected" else epsilon
        return np.asarray(np.sqrt(corrected) + added)

    def epsilon_place(self) -> str:
        return self.one.epsilon_place


class EpsilonInside(Textbook):
    def epsilon_place(self) -> str:
        return "inside"


class EpsilonOutside(Textbook):
    def epsilon_place(self) -> str:
        return "outside"


class EpsilonUncorrected(Textbook):
    def epsilon_place(self) -> str:
        return "uncorrected"


class Uncorrected(Textbook):
    """No bias correction."""

    def shares(self, t: int) -> tuple[Any, Any]:
        del t
        return self.number(1), self.number(1)


class FirstUncorrected(Textbook):
    """m is taken for m̂."""

    def shares(self, t: int) -> tuple[Any, Any]:
        return self.number(1), super().shares(t)[1]


class SecondUncorrected(Textbook):
    """v is taken for v̂."""

    def shares(self, t: int) -> tuple[Any, Any]:
        return super().shares(t)[0], self.number(1)


class CountedLate(Textbook):
    """Steps are counted from 0, and a divisor of 0 is avoided."""

    def shares(self, t: int) -> tuple[Any, Any]:
        return super().shares(max(1, t - 1))


class CountedTwice(Textbook):
    """The step is counted before it is made, and once more."""

    def shares(self, t: int) -> tuple[Any, Any]:
        return super().shares(t + 1)


class CorrectedInDtype(Textbook):
    """The powers of β are computed in the dtype of the run."""

    def shares(self, t: int) -> tuple[Any, Any]:
        betas = self.one.beta1, self.one.beta2
        first, second = (self.number(1) - self.number(beta) ** self.number(t) for beta in betas)
        return first, second


class OtherDecay(Textbook):
    """Decoupled where it should be coupled, and the other way round."""

    def __init__(self, one: Optimizer, dtype: str) -> None:
        super().__init__(one, dtype)
        self.coupled = not self.coupled


class DecayedLast(Textbook):
    """What decays is the parameter after the step."""

    def ended(self, w: Array, step: Array) -> Array:
        return self.shrunk(w - step)


class Undecayed(Textbook):
    """Nothing decays; `Mistaken` makes biases so."""

    def __init__(self, one: Optimizer, dtype: str) -> None:
        super().__init__(one, dtype)
        self.decay = self.number(0)


class RateOnTheOtherSide(Textbook):
    """The learning rate inside the velocity instead of outside, or the other way round."""

    def velocity(self, v: Array, push: Array) -> Array:
        outside = self.one.rate_place == "outside"
        after: Array = self.number(self.one.momentum) * v + (self.eta * push if outside else push)
        return after

    def momentum_step(self, push: Array, v: Array) -> Array:
        del push
        return v if self.one.rate_place == "outside" else np.asarray(self.eta * v)


class NotAhead(Textbook):
    """Nesterov's look ahead is missing."""

    def momentum_step(self, push: Array, v: Array) -> Array:
        del push
        return v if self.one.rate_place == "inside" else np.asarray(self.eta * v)


class Dampened(Textbook):
    """The slope is dampened by 1 - μ."""

    def velocity(self, v: Array, push: Array) -> Array:
        mu = self.number(self.one.momentum)
        return super().velocity(v, (self.number(1) - mu) * push)


class DampenedLater(Textbook):
    """The same, but the first velocity is the slope itself, as torch.optim.SGD has it."""

    def velocity(self, v: Array, push: Array) -> Array:
        mu = self.number(self.one.momentum)
        return super().velocity(v, push if not v.any() else (self.number(1) - mu) * push)


class UndecayedSquare(Textbook):
    """v takes in the square of the gradient without what decays."""

    def carried(self, push: Array, g: Array, slots: Slots) -> Slots:
        return {**super().carried(push, g, slots), "v": self.mean_square(slots["v"], g)}


class SwappedBetas(Textbook):
    """β1 and β2 change places, in the means."""

    def mean(self, m: Array, push: Array) -> Array:
        beta = self.one.beta2
        after: Array = self.number(beta) * m + self.number(1 - beta) * push
        return after


class NoRoot(Textbook):
    """D is v̂ + ε."""

    def divisor(self, v: Array, share: Any) -> Array:
        return np.asarray(v / share + self.number(self.one.epsilon))


class Unsquared(Textbook):
    """v is the mean of |g|."""

    def mean_square(self, v: Array, push: Array) -> Array:
        beta = self.one.beta2
        after: Array = self.number(beta) * v + self.number(1 - beta) * abs(push)
        return after


class MomentumOfOldSlope(Textbook):
    """The step is made by the velocity before it took the slope in."""

    def moved(self, w: Array, g: Array, slots: Slots, t: int) -> tuple[Array, Slots]:
        push = self.slope(g, w)
        return self.ended(w, self.step(push, slots, t)), self.carried(push, g, slots)


class Mistaken(NumpyBackprop):
    """NumPy's backend whose update is made by a Textbook; only some of its tensors, if said."""

    def __init__(
        self, network: Network, optimizer: Optimizer, dtype: str, kind: type[Textbook],
        tensors: str = "Wb",
    ) -> None:  # fmt: skip
        super().__init__(network, optimizer, dtype)
        self.names, self.tensors = network.param_names, tensors
        self.right, self.wrong = Textbook(optimizer, dtype), kind(optimizer, dtype)

    def update(
        self, params: Params, grads: Params, state: OptimizerState
    ) -> tuple[Params, OptimizerState]:
        moved = []
        for i, name in enumerate(self.names):
            book = self.wrong if name[0] in self.tensors else self.right
            own = {slot: tensors[i] for slot, tensors in state.slots.items()}
            with np.errstate(all="ignore"):
                moved.append(book.moved(params[i], grads[i], own, state.step + 1))
        slots = {slot: tuple(after[slot] for _, after in moved) for slot in state.slots}
        return tuple(w for w, _ in moved), OptimizerState(state.step + 1, slots)
