"""The docs hold: code in them runs, and commands in them exist."""

from __future__ import annotations

import re
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.comparison import compare
from shared.errors import BackendUnusable
from shared.named_problems import problem
from shared.network import Network
from shared.optimizer import Optimizer
from shared.problems import DTYPES
from shared.registry import find, load
from shared.seeding import initial_params
from tests.command_line import Ran, unwrapped
from tests.conformance_runs import checked, told_of
from tests.conftest import load_or_skip
from tests.gradient_check import excess

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def own_backend(source: str, folder: Path, name: str = "mine") -> Path:
    path = folder / f"{name}.py"
    path.write_text(source, "utf-8")
    return path


def blocks(heading: str, language: str = "python") -> list[str]:
    """Return the blocks of code below a heading of docs/your-own.md."""
    page = (ROOT / "docs" / "your-own.md").read_text("utf-8")
    (below,) = re.findall(rf"^## {heading}$(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    return re.findall(rf"```{language}\n(.*?)```", below, re.DOTALL)


@pytest.fixture
def source() -> str:
    """The backend that docs/your-own.md walks through."""
    (code,) = blocks(r"A whole one in \d+ lines")
    return code


@pytest.fixture
def port() -> str:
    """The port to autograd in the same page."""
    (code,) = blocks("A port of another framework")
    return code


def worst_excess(path: Path) -> float:
    """Hold the backend's first gradients to exact arithmetic; at most 1 is right."""
    people = problem("people16")
    backend = load(find(str(path))).create(people.network, people.optimizer, "float64")
    params, data = initial_params(people.network, 4, "float64"), people.dataset("float64")
    batches = [slice(i, i + 1) for i in range(16)] + [slice(0, 16)]
    return max(
        excess(params, data.x[b], data.y[b], backend.gradients(params, data.x[b], data.y[b]))
        for b in batches
    )


def test_the_backend_of_the_docs_is_right(source: str, tmp_path: Path) -> None:
    path = own_backend(source, tmp_path)
    assert worst_excess(path) <= 1
    told = compare(
        problem("people16").changed(epochs=30), 4, [load(find("numpy")), load(find(str(path)))]
    )
    assert not told.parted
    assert told.steps == 480


def test_another_form_of_the_slope_in_the_docs_is_certified_and_named(
    source: str, tmp_path: Path
) -> None:
    written = source.replace("* h * (1 - h)", "* (h - h * h)")
    assert written != source
    own = load(find(str(own_backend(written, tmp_path))))
    (certificate,) = compare(problem("people16").changed(epochs=30), 42, [own]).certificates
    assert certificate.certified
    named = {form for stage in certificate.stages for form in stage.forms}
    assert named == {"σ'(z) as a - a² in the hidden layers"}


def test_the_backend_of_the_docs_without_its_factor_is_seen(source: str, tmp_path: Path) -> None:
    wrong = source.replace("d2 = 2 * (o - y)", "d2 = (o - y)")
    assert wrong != source
    path = own_backend(wrong, tmp_path)
    assert worst_excess(path) > 1
    told = compare(
        problem("people16").changed(epochs=30), 4, [load(find("numpy")), load(find(str(path)))]
    )
    assert told.drift[0].first["gradients"] == 1
    assert min(one.ulps for one in told.drift[0].largest["gradients"]) > 2**50


def test_the_backend_of_the_docs_is_as_short_as_it_says(source: str) -> None:
    lines = [line for line in source.splitlines() if line.strip()]
    assert f"A whole one in {len(lines)} lines" in (ROOT / "docs" / "your-own.md").read_text()


def with_methods(source: str, methods: str) -> str:
    """Put two methods of the page, for another optimizer, in the place of the backend's own."""
    methods = textwrap.indent(methods, "    ")
    made, update = re.split(r"(?=^    def update)", methods, flags=re.MULTILINE)
    before, _, rest = source.partition("    def __init__")
    verbs = rest[rest.index("    def evaluate") : rest.index("    def update")]
    return f"from shared.optimizer import Optimizer\n{before}{made}{verbs}{update}"


@pytest.fixture
def with_momentum(source: str) -> str:
    """The backend of the page with the methods that know momentum."""
    momentum, _ = blocks("Optimizers with state")
    return with_methods(source, momentum)


@pytest.fixture
def with_adam(source: str) -> str:
    """The backend of the page with the methods that know Adam."""
    _, adam = blocks("Optimizers with state")
    return with_methods(source, adam)


def is_certified(path: Path, optimizer: Optimizer, dtype: str) -> bool:
    """Train the backend on people16 by an optimizer, each step judged."""
    one = replace(problem("people16").changed(epochs=5), optimizer=optimizer)
    (certificate,) = compare(one, 42, [load(find(str(path)))], dtype=dtype).certificates
    return certificate.certified


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_methods_of_the_docs_train_with_momentum(
    with_momentum: str, tmp_path: Path, dtype: str
) -> None:
    path = own_backend(with_momentum, tmp_path)
    assert is_certified(path, Optimizer(0.05, "momentum", momentum=0.75), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_methods_of_the_docs_train_with_adam(
    with_adam: str, tmp_path: Path, dtype: str
) -> None:
    path = own_backend(with_adam, tmp_path)
    assert is_certified(path, Optimizer(0.05, "adam", beta1=0.8, beta2=0.99, epsilon=0.1), dtype)


@pytest.mark.parametrize(
    "optimizer",
    [
        Optimizer(0.1), Optimizer(0.1, "momentum", nesterov=True),
        Optimizer(0.1, "momentum", rate_place="inside"),
        Optimizer(0.1, "momentum", weight_decay=0.1), Optimizer(0.1, "adam"),
    ],
    ids=str,
)  # fmt: skip
def test_the_methods_for_momentum_refuse_other_optimizers(
    with_momentum: str, tmp_path: Path, optimizer: Optimizer
) -> None:
    own = load(find(str(own_backend(with_momentum, tmp_path))))
    with pytest.raises(BackendUnusable, match="momentum, nothing else"):
        own.create(Network((2, 2, 1)), optimizer, "float64")


@pytest.mark.parametrize(
    "optimizer",
    [
        Optimizer(0.1), Optimizer(0.1, "rmsprop"), Optimizer(0.1, "adamw"),
        Optimizer(0.1, "adam", weight_decay=0.1), Optimizer(0.1, "adam", epsilon_place="inside"),
        Optimizer(0.1, "adam", bias_correction="dtype"),
        Optimizer(0.1, "adam", bias_correction="none"),
    ],
    ids=str,
)  # fmt: skip
def test_the_methods_for_adam_refuse_other_optimizers(
    with_adam: str, tmp_path: Path, optimizer: Optimizer
) -> None:
    own = load(find(str(own_backend(with_adam, tmp_path))))
    with pytest.raises(BackendUnusable, match="Adam, nothing else"):
        own.create(Network((2, 2, 1)), optimizer, "float64")


@pytest.mark.parametrize(
    ("number", "product"),
    [(0.1, "float32"), (np.float64(0.1), "float64"), (np.array(0.1), "float64")],
    ids=["of Python", "scalar", "shape ()"],
)
def test_what_a_number_makes_of_a_float32_array_is_as_the_page_says(
    number: Any, product: str
) -> None:
    assert (number * np.ones(2, "float32")).dtype == product


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The checks of tests/conformance on the page's port, and on its backends made wrong."""
    folder = tmp_path_factory.mktemp("docs")
    (mine,), (port,) = blocks(r"A whole one in \d+ lines"), blocks("A port of another framework")
    load_or_skip(find(str(own_backend(port, folder, "port"))))
    own_backend(mine.replace("d2 = 2 * (o - y)", "d2 = (o - y)"), folder)
    _, adam = blocks("Optimizers with state")
    heedless = adam.replace("epsilon=o", "bias_correction=optimizer.bias_correction, epsilon=o")
    own_backend(with_methods(mine, heedless), folder, "heedless")
    return checked(folder, ["port", "mine", "heedless"])


def test_the_page_shows_what_the_checks_say_of_the_port(ran: Ran) -> None:
    shown, _ = blocks("Every check at once", "text")
    lines = [line for line in shown.splitlines() if line != "..."]
    assert [line for line in lines if line not in told_of(ran, "port").splitlines()] == []


def test_the_page_shows_what_the_checks_say_of_a_factor_that_is_missing(ran: Ran) -> None:
    _, shown = blocks("Every check at once", "text")
    assert shown in told_of(ran, "mine")
    assert "backward, b3. It is" in unwrapped(told_of(ran, "mine"))
    assert "mine breaks backward;" in ran.text


def test_the_page_quotes_what_the_checks_say_of_an_option_that_is_ignored(ran: Ran) -> None:
    page = unwrapped((ROOT / "docs" / "your-own.md").read_text("utf-8"))
    (quoted,) = re.findall(r'the check `update` would fail with "(.*?)"', page)
    assert quoted in unwrapped(told_of(ran, "heedless"))
    assert "heedless breaks update;" in ran.text


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "epochs"), [("people16", 5), ("digits-softmax", 1)])
def test_the_port_of_the_docs_is_certified(
    port: str, tmp_path: Path, name: str, epochs: int, dtype: str
) -> None:
    own = load_or_skip(find(str(own_backend(port, tmp_path, "port"))))
    one = problem(name).changed(epochs=epochs)
    (certificate,) = compare(one, 42, [own], dtype=dtype, one_in=16).certificates
    assert certificate.certified


def test_the_port_of_the_docs_is_short(port: str) -> None:
    assert len([line for line in port.splitlines() if line.strip()]) < 60


def test_a_sigmoid_without_a_slope_of_its_own_is_as_the_page_says(
    port: str, tmp_path: Path
) -> None:
    plain = port.replace(
        "primitive(lambda z: 1 / (1 + np.exp(-z)))", "lambda z: 1 / (1 + np.exp(-z))"
    )
    plain = re.sub(r"^ *defvjp\(.*\n", "", plain, flags=re.MULTILINE)
    assert "defvjp(" not in plain
    own = load_or_skip(find(str(own_backend(plain, tmp_path, "port"))))
    backend = own.create(Network((1, 1)), Optimizer(0.1), "float32")
    one, b = np.ones((1, 1), "float32"), np.zeros(1, "float32")
    with np.errstate(all="ignore"):
        seen = [
            backend.gradients((np.array([[z]], "float32"), b), one, one).grads[0].item()
            for z in (-44, -45, -89)
        ]
    assert seen[0] < 0
    assert seen[1] == 0
    assert np.isnan(seen[2])


def test_autograd_derives_a_mean_and_a_maximum_as_the_page_says(port: str, tmp_path: Path) -> None:
    load_or_skip(find(str(own_backend(port, tmp_path, "port"))))
    import autograd.numpy as anp
    from autograd import grad

    assert grad(anp.mean)(np.ones(2, "float32")).dtype == np.float64
    assert grad(lambda z: anp.sum(z) / z.size)(np.ones(2, "float32")).dtype == np.float32
    assert grad(lambda z: anp.maximum(z, 0))(0.0) == 0.5
    assert grad(lambda z: anp.where(z > 0, z, 0))(0.0) == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page.read_text("utf-8"), page.parent) == []


def test_a_broken_link_is_noticed() -> None:
    assert broken_links("[x](docs/none.md)", ROOT) == ["docs/none.md"]


def broken_links(text: str, folder: Path) -> list[str]:
    """Return the relative links and images that name no file."""
    # Source that is shown has brackets before parentheses, too.
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    targets = re.findall(r"\]\(([^)#\s]+)", prose)
    return [t for t in targets if "://" not in t and not (folder / t).exists()]
