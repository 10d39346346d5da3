"""What every backend promises: right gradients, pure verbs, equal bits by every road.

Each test runs for each file in impls/, found through the registry.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pytest

from impls import numpy_backprop
from impls.numpy_backprop import NumpyBackprop
from shared.backend import (
    Array,
    Backend,
    Dataset,
    Evaluation,
    OptimizerState,
    Params,
    Recording,
    StepGradients,
)
from shared.errors import BackendUnusable
from shared.named_problems import problem
from shared.network import Network
from shared.optimizer import Optimizer
from shared.registry import Loaded, find
from shared.seeding import initial_params
from tests.conftest import Make, load_or_skip
from tests.gradient_check import TANHS, excess


@dataclass(frozen=True)
class Case:
    """A network, a batch size and replica axes."""

    sizes: tuple[int, ...]
    m: int
    replicas: tuple[int, ...] = ()

    def __str__(self) -> str:
        axes = "".join(f"-R{r}" for r in self.replicas)
        return f"{'x'.join(map(str, self.sizes))}-m{self.m}{axes}"

    def params(self, dtype: str) -> Params:
        rng = np.random.RandomState(7)
        shapes = Network(self.sizes).param_shapes
        return tuple(rng.normal(size=(*self.replicas, *s)).astype(dtype) for s in shapes)

    def data(self, dtype: str, n: int = 11) -> Dataset:
        rng = np.random.RandomState(8)
        x = rng.normal(size=(n, self.sizes[0])).astype(dtype)
        y = rng.uniform(size=(n, self.sizes[-1])).astype(dtype)
        return Dataset(x, y)

    def batches(self, k: int, n: int = 11) -> Array:
        return np.random.RandomState(9).randint(0, n, (k, *self.replicas, self.m))


CASES = [
    Case((2, 2, 1), 1),
    Case((2, 2, 1), 1, (3,)),
    Case((3, 1), 2),
    Case((3, 4, 2), 5),
    Case((5, 4, 3, 2), 7, (2,)),
    Case((2, 3, 2), 4, (2, 3)),
]


@pytest.fixture(params=CASES, ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    chosen: Case = request.param
    return chosen


def train(backend: Backend, case: Case, dtype: str, k: int = 12, every: int = 1) -> Recording:
    return backend.train(
        case.params(dtype), OptimizerState(), case.data(dtype), case.batches(k), every
    )


def all_arrays(recording: Recording) -> list[Array]:
    evaluation = recording.evaluation
    final, _ = recording.final
    return [
        *recording.before, *recording.after, *recording.grads, *(evaluation.activations or ()),
        evaluation.loss, *final,
    ]  # fmt: skip


def equal_bits(a: list[Array], b: list[Array]) -> bool:
    return len(a) == len(b) and all(
        left.shape == right.shape
        and left.dtype == right.dtype
        and left.tobytes() == right.tobytes()
        for left, right in zip(a, b, strict=True)
    )


def test_equal_bits_tells_a_flipped_bit() -> None:
    one, other = np.ones((2, 3)), np.ones((2, 3))
    assert equal_bits([one], [other])
    other[1, 2] = np.nextafter(1, 2)
    assert not equal_bits([one], [other])
    assert not equal_bits([one], [one[:1]])


def test_gradients_are_exact_up_to_rounding(make: Make, case: Case, dtype: str) -> None:
    backend, params, data = (
        make(sizes=case.sizes, dtype=dtype),
        case.params(dtype),
        case.data(dtype),
    )
    batch = case.batches(1)[0]
    result = backend.gradients(params, data.x[batch], data.y[batch])
    for i in np.ndindex(case.replicas):
        assert result.evaluation.activations is not None
        one = StepGradients(
            Evaluation(
                tuple(a[i] for a in result.evaluation.activations), None, result.evaluation.loss[i]
            ),
            tuple(g[i] for g in result.grads),
        )
        own = batch[i]
        assert excess(tuple(w[i] for w in params), data.x[own], data.y[own], one) <= 1


@pytest.mark.parametrize("factor", [1 + 1e-12, 2.0, -1.0, float("nan")])
@pytest.mark.parametrize("tensor", range(4))
def test_a_wrong_gradient_is_noticed(factor: float, tensor: int) -> None:
    case = Case((3, 4, 2), 5)
    params, data = case.params("float64"), case.data("float64")
    x, y = data.x[:5], data.y[:5]
    result = NumpyBackprop(Network(case.sizes), Optimizer(0.1), "float64").gradients(params, x, y)
    assert excess(params, x, y, result) <= 1
    result.grads[tensor].ravel()[-1] *= factor
    assert excess(params, x, y, result) > 1


def test_the_loss_is_the_mean_of_squares(make: Make, case: Case, dtype: str) -> None:
    data = case.data(dtype)
    answer = make(sizes=case.sizes, dtype=dtype).evaluate(case.params(dtype), data.x, data.y)
    assert answer.activations is not None
    squares = (answer.activations[-1].astype(np.float64) - data.y) ** 2
    exact = squares.mean(axis=(-2, -1))
    # Difference twice, square, every addition, and a mean that may multiply by a reciprocal.
    roundings = 5 + data.y.size
    assert answer.loss.shape == case.replicas
    assert (np.abs(answer.loss - exact) <= roundings * np.finfo(dtype).eps / 2 * exact).all()


def test_results_have_the_dtype_of_the_run(make: Make, case: Case, dtype: str) -> None:
    recording = train(make(sizes=case.sizes, dtype=dtype), case, dtype)
    assert {str(array.dtype) for array in all_arrays(recording)} == {dtype}


def test_train_makes_the_steps_of_gradients_and_update(make: Make, case: Case, dtype: str) -> None:
    backend, data, batches = make(sizes=case.sizes, dtype=dtype), case.data(dtype), case.batches(12)
    recording = train(backend, case, dtype)
    params, state = case.params(dtype), OptimizerState()
    for t, batch in enumerate(batches):
        result = backend.gradients(params, data.x[batch], data.y[batch])
        after, state = backend.update(params, result.grads, state)
        assert result.evaluation.activations is not None
        assert recording.evaluation.activations is not None
        stepwise = [*params, *result.grads, *result.evaluation.activations, *after]
        stepwise.append(np.asarray(result.evaluation.loss))
        trained = [
            *(w[t] for w in recording.before), *(g[t] for g in recording.grads),
            *(a[t] for a in recording.evaluation.activations), *(w[t] for w in recording.after),
            np.asarray(recording.evaluation.loss[t]),
        ]  # fmt: skip
        assert equal_bits(stepwise, trained), f"step {t + 1}"
        params = after
    assert state.step == 12


@pytest.mark.parametrize("seed", [3, 5, 29, 42])
def test_recording_changes_no_bit_of_a_long_run(make: Make, dtype: str, seed: int) -> None:
    """Some programs differ in one bit in hundreds of steps: a short run would not show it."""
    people = problem("people16")
    backend, data = make(dtype=dtype), people.dataset(dtype)
    params = initial_params(people.network, seed, dtype)
    batches = np.arange(640)[:, None] % 16
    ends = [backend.train(params, OptimizerState(), data, batches, every) for every in (0, 1, 7)]
    for other in ends[1:]:
        assert equal_bits(list(ends[0].final[0]), list(other.final[0]))


@pytest.mark.parametrize("every", [0, 3, 5, 100])
def test_recording_changes_nothing(make: Make, case: Case, dtype: str, every: int) -> None:
    backend = make(sizes=case.sizes, dtype=dtype)
    whole, thin = train(backend, case, dtype), train(backend, case, dtype, every=every)
    assert equal_bits(list(whole.final[0]), list(thin.final[0]))
    kept = [t for t in range(1, 13) if every and t % every == 0]
    assert thin.steps.tolist() == kept
    rows = [t - 1 for t in kept]
    assert (thin.batches == whole.batches[rows]).all()
    for fewer, more in (
        (thin.before, whole.before), (thin.after, whole.after), (thin.grads, whole.grads),
        (thin.evaluation.activations or (), whole.evaluation.activations or ()),
        ((thin.evaluation.loss,), (whole.evaluation.loss,)),
    ):  # fmt: skip
        assert equal_bits([np.array(a) for a in fewer], [a[rows] for a in more])


def test_each_step_starts_where_the_last_one_ended(make: Make, case: Case, dtype: str) -> None:
    recording = train(make(sizes=case.sizes, dtype=dtype), case, dtype)
    assert equal_bits([w[0] for w in recording.before], list(case.params(dtype)))
    assert equal_bits([w[1:] for w in recording.before], [w[:-1] for w in recording.after])
    assert equal_bits([w[-1] for w in recording.after], list(recording.final[0]))
    shared = [
        np.shares_memory(b, a) for b, a in zip(recording.before, recording.after, strict=True)
    ]
    assert all(shared), "with every = 1, before and after are views of one array"


def test_a_run_in_two_calls_is_the_run_in_one(make: Make, case: Case, dtype: str) -> None:
    backend, data, batches = make(sizes=case.sizes, dtype=dtype), case.data(dtype), case.batches(12)
    whole = train(backend, case, dtype)
    first = backend.train(case.params(dtype), OptimizerState(), data, batches[:7])
    second = backend.train(*first.final, data, batches[7:])
    assert second.steps.tolist() == [8, 9, 10, 11, 12]
    assert second.final[1].step == 12
    joined = [
        np.concatenate([a, b]) for a, b in zip(all_arrays(first), all_arrays(second), strict=True)
    ]
    count = len(whole.final[0])
    assert equal_bits(joined[:-count], all_arrays(whole)[:-count])
    assert equal_bits(list(second.final[0]), list(whole.final[0]))


def test_equal_arguments_give_equal_bits(make: Make, case: Case, dtype: str) -> None:
    once, again = (train(make(sizes=case.sizes, dtype=dtype), case, dtype) for _ in range(2))
    assert equal_bits(all_arrays(once), all_arrays(again))


def test_arguments_stay_as_they_were(make: Make, case: Case, dtype: str) -> None:
    backend, data, batches = make(sizes=case.sizes, dtype=dtype), case.data(dtype), case.batches(4)
    params, grads = case.params(dtype), tuple(np.ones_like(w) for w in case.params(dtype))
    given = [*params, *grads, data.x, data.y, batches]
    copies = [array.copy() for array in given]
    for array in given:
        array.flags.writeable = False
    state = OptimizerState()
    backend.evaluate(params, data.x, data.y)
    backend.gradients(params, data.x[batches[0]], data.y[batches[0]])
    backend.update(params, grads, state)
    backend.train(params, state, data, batches)
    assert equal_bits(given, copies)
    assert state.step == 0


def test_a_replica_takes_the_first_step_of_its_own_run(make: Make, dtype: str) -> None:
    """Both are held to exact arithmetic; another matmul kernel may give other last bits."""
    case = Case((3, 4, 2), 5, (4,))
    backend, params, data = (
        make(sizes=case.sizes, dtype=dtype),
        case.params(dtype),
        case.data(dtype),
    )
    batches = case.batches(1)
    together = backend.train(params, OptimizerState(), data, batches)
    assert together.evaluation.activations is not None
    for r in range(4):
        own = tuple(w[r] for w in params)
        alone = backend.train(own, OptimizerState(), data, batches[:, r])
        assert equal_bits([w[0] for w in alone.before], [w[0, r] for w in together.before])
        x, y = data.x[batches[0, r]], data.y[batches[0, r]]
        for result in (
            backend.gradients(own, x, y),
            _step_of(together, 0, (r,)),
            _step_of(alone, 0, ()),
        ):
            assert excess(own, x, y, result) <= 1


def test_a_replica_with_another_ones_batch_is_noticed(make: Make) -> None:
    case = Case((3, 4, 2), 5, (4,))
    params, data, batches = case.params("float64"), case.data("float64"), case.batches(1)
    together = make(sizes=case.sizes).train(params, OptimizerState(), data, batches)
    x, y = data.x[batches[0, 2]], data.y[batches[0, 2]]
    assert excess(tuple(w[1] for w in params), x, y, _step_of(together, 0, (1,))) > 1


def _step_of(recording: Recording, t: int, replica: tuple[int, ...]) -> StepGradients:
    index = (t, *replica)
    assert recording.evaluation.activations is not None
    activations = tuple(a[index] for a in recording.evaluation.activations)
    evaluation = Evaluation(activations, None, recording.evaluation.loss[index])
    return StepGradients(evaluation, tuple(g[index] for g in recording.grads))


def test_saturation_and_overflow_are_quiet_and_right(make: Make, dtype: str) -> None:
    """e^-z overflows far below zero; the answer is 0 all the same, and the gradient is finite."""
    params = tuple(np.asarray(w, dtype) for w in ([[1e4], [-1e4]], [0, 0], [[1, 1]], [0]))
    backend = make(sizes=(1, 2, 1), dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = backend.gradients(params, np.ones((1, 1), dtype), np.zeros((1, 1), dtype))
    assert result.evaluation.activations is not None
    assert result.evaluation.activations[0].tolist() == [[1.0, 0.0]]
    assert all(np.isfinite(g).all() for g in result.grads)


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_derivatives_come_from_the_framework(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With tanh in the place of the sigmoid, the gradient follows: it was derived, not written."""
    case = Case((3, 4, 2), 5)
    params, data = case.params("float64"), case.data("float64")
    x, y = data.x[:5], data.y[:5]
    loaded = load_or_skip(find(name))
    if name == "torch":
        import torch

        monkeypatch.setattr(torch, "sigmoid", torch.tanh)
    else:
        import jax

        monkeypatch.setattr(jax.nn, "sigmoid", jax.numpy.tanh)
    backend = loaded.create(Network(case.sizes), Optimizer(0.1), "float64")
    result = backend.gradients(params, x, y)
    assert excess(params, x, y, result, TANHS) <= 1
    assert excess(params, x, y, result) > 1


def test_derivatives_by_hand_do_not_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The counter-check: NumPy's derivative is written for the sigmoid, and stays."""
    case = Case((3, 4, 2), 5)
    params, data = case.params("float64"), case.data("float64")
    monkeypatch.setitem(numpy_backprop.FUNCTIONS, "sigmoid", np.tanh)
    backend = numpy_backprop.NumpyBackprop(Network(case.sizes), Optimizer(0.1), "float64")
    result = backend.gradients(params, data.x[:5], data.y[:5])
    assert excess(params, data.x[:5], data.y[:5], result, TANHS) > 1


def test_an_unknown_device_is_refused(loaded: Loaded) -> None:
    with pytest.raises(BackendUnusable, match="nonsense"):
        loaded.create(Network((2, 2, 1)), Optimizer(0.1), "float64", device="nonsense")


def test_global_state_is_left_alone(all_loaded: list[Loaded]) -> None:
    import jax
    import torch

    def state() -> list[object]:
        one = jax.numpy.ones(1).dtype.name  # float64 were JAX's global flag set
        return [torch.get_default_dtype(), torch.is_grad_enabled(), one, np.geterr()]

    before = state()
    for loaded in all_loaded:
        train(loaded.create(Network((2, 2, 1)), Optimizer(0.1), "float64"), CASES[0], "float64")
    assert state() == before
    assert before[:3] == [torch.float32, True, "float32"]


def test_jax_compiles_once_for_equal_chunks() -> None:
    backend = load_or_skip(find("jax")).create(Network((2, 2, 1)), Optimizer(0.1), "float64")
    case = CASES[0]
    assert isinstance(backend.compile_s, float)
    first = train(backend, case, "float64")
    compiled = backend.compile_s
    assert compiled > 0
    again = backend.train(*first.final, case.data("float64"), case.batches(12))
    assert backend.compile_s == compiled
    backend.train(*again.final, case.data("float64"), case.batches(13))
    assert backend.compile_s > compiled
