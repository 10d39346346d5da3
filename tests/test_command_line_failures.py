"""What can go wrong outside anybody's control ends in one sentence and an exit code, too."""

from __future__ import annotations

import argparse
import io
import signal
import sys

import pytest

import compare


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ModuleNotFoundError("No module named 'rich'", name="rich"), 3, "rich is not installed"),
        (OSError(28, "No space left on device", "a.json"), 2, "cannot write a.json: No space"),
        (KeyboardInterrupt(), 130, "before there was anything to report"),
    ],
)
def test_a_failure_is_one_sentence(
    error: BaseException,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def failing(_: argparse.Namespace) -> int:
        raise error

    monkeypatch.setitem(compare.COMMANDS, "list", failing)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert compare.main(["list"]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def dotted(_: argparse.Namespace) -> int:
    print("• all")
    return 0


def test_a_terminal_that_lacks_the_letters_gets_others(monkeypatch: pytest.MonkeyPatch) -> None:
    bytes_written = io.BytesIO()
    narrow = io.TextIOWrapper(bytes_written, encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setitem(compare.COMMANDS, "list", dotted)
    assert compare.main(["list"]) == 0
    narrow.flush()
    assert bytes_written.getvalue() == b"? all\n"
