"""The docs hold: code in them runs, and commands in them exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.comparison import compare
from shared.problems import problem
from shared.registry import find, load
from shared.seeding import initial_params
from tests.gradient_check import excess

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def own_backend(source: str, folder: Path) -> Path:
    path = folder / "mine.py"
    path.write_text(source, "utf-8")
    return path


@pytest.fixture
def source() -> str:
    """The backend that docs/your-own.md walks through."""
    page = (ROOT / "docs" / "your-own.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    return str(code)


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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page.read_text("utf-8"), page.parent) == []


def test_a_broken_link_is_noticed() -> None:
    assert broken_links("[x](docs/none.md)", ROOT) == ["docs/none.md"]


def broken_links(text: str, folder: Path) -> list[str]:
    """Return the relative links and images that name no file."""
    targets = re.findall(r"\]\(([^)#\s]+)", text)
    return [t for t in targets if "://" not in t and not (folder / t).exists()]
