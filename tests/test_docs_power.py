"""README.md quotes the record of power as docs/power.md has it, misses and all."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
FIRST, LAST = "- float64: of ", "- Not counted: "


def quoted(page: str) -> list[str]:
    """The sentences of the result, from the first to the last of them."""
    lines = (ROOT / page).read_text("utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(FIRST))
    end = next(i for i, line in enumerate(lines) if line.startswith(LAST))
    return lines[start : end + 1]


def test_the_first_page_quotes_the_record_as_it_is() -> None:
    assert quoted("README.md") == quoted("docs/power.md")
    assert len(quoted("README.md")) == 4
