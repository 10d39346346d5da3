"""A terminal gets the colour it wants."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from shared.report.terminal import LEAST_WIDTH, report_console
from tests.command_line import on_posix, without
from tests.terminal import at_terminal

COLOUR = re.compile(r"\x1b\[(?:[\d;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[\d;]*)?m")


@pytest.mark.parametrize("code", ["\x1b[33m", "\x1b[1;31m", "\x1b[38;5;70m", "\x1b[97m"])
def test_a_colour_is_noticed(code: str) -> None:
    assert COLOUR.search(code)
    assert not COLOUR.search("\x1b[1m\x1b[0m\x1b[2K\x1b[?25l")


@on_posix
@pytest.mark.parametrize(
    ("changes", "coloured", "styled"),
    [
        ({"TERM": "xterm-256color"}, True, True),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, False, True),
        ({"TERM": "dumb"}, False, False),
    ],
    ids=["as it is", "no colour", "a dumb terminal"],
)
def test_a_terminal_gets_the_colour_it_wants(
    tmp_path: Path, changes: dict[str, str], coloured: bool, styled: bool
) -> None:
    missing = without(tmp_path, "jax")
    got = at_terminal("--backends", "numpy,jax", "--epochs", "3", **changes, **missing)
    assert "Not compared: jax" in got
    assert bool(COLOUR.search(got)) is coloured
    assert ("\x1b" in got) is styled


@pytest.mark.parametrize(("columns", "width"), [(40, LEAST_WIDTH), (79, LEAST_WIDTH), (120, 120)])
def test_no_terminal_is_so_narrow_that_numbers_are_cut(
    columns: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    assert report_console().width == width
