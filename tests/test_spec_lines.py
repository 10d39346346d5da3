"""JSON is read with the line of every field, and what Python lets pass is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import UsageError
from shared.spec.lines import read_json

repeatably = settings(derandomize=True, deadline=None, max_examples=80)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e300, 1e300)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("ab.[]\"\\{é,: ", max_size=4), inner),
    max_leaves=12,
)  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file for all examples: each replaces the one before."""
    return tmp_path_factory.mktemp("lines") / "a.json"


def refusal(path: Path, content: str | bytes) -> str:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError) as error:
        read_json(path)
    return str(error.value).replace(str(path), "a.json")


@repeatably
@given(values, st.sampled_from([None, 0, 2]))
def test_any_json_is_read_as_python_reads_it(path: Path, value: Any, indent: int | None) -> None:
    path.write_text(json.dumps(value, indent=indent), "utf-8")
    assert read_json(path)[0] == value


def test_every_field_has_its_line(path: Path) -> None:
    path.write_text(
        '\ufeff\n{ "a": {\n"b" :\n[1, {"c": 2},\n"\\n]"],\n"d": {}},"e"\n:3}\n', "utf-8"
    )
    assert read_json(path)[1] == {
        "": 2, "a": 2, "a.b": 3, "a.b[0]": 4, "a.b[1]": 4, "a.b[1].c": 4, "a.b[2]": 5,
        "a.d": 6, "e": 6,
    }  # fmt: skip


@repeatably
@given(st.lists(st.sampled_from(["\n", " ", "\r\n", "\t"]), min_size=9, max_size=9))
def test_lines_are_counted_whatever_stands_between(path: Path, spaces: list[str]) -> None:
    parts = ["{", '"a"', ":", "[", "1", ",", '"x"', "]", "}"]
    path.write_bytes("".join(s + p for s, p in zip(spaces, parts, strict=True)).encode())
    lines = [1 + sum("\n" in space for space in spaces[: i + 1]) for i in range(9)]
    assert read_json(path)[1] == {
        "": lines[0], "a": lines[1], "a[0]": lines[4], "a[1]": lines[6],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{\n "a": 1,\n "a": 2}', "a.json, line 3, a: this field stands twice; expected it once."),
        ('{"a": {"b": 1,\n"b": 1}}', "a.json, line 2, a.b: this field stands twice"),
        ('{"a": [{"b": 1, "b": 1}]}', "a.json, line 1, a[0].b: this field stands twice"),
        ('{\n"a": NaN}', "a.json, line 2, a: NaN is no finite number; expected one."),
        ('{"a": [1,\n-Infinity]}', "a.json, line 2, a[1]: -Infinity is no finite number"),
        ('{"a": 1e999}', "a.json, line 1, a: 1e999 is no finite number"),
        ('{"a": 123456789012345678901}', "a.json, line 1, a: a number of 21 digits"),
        ('{"a": ' + "9" * 5000 + "}", "a.json holds a number of thousands of digits."),
        ('{"a": "\\ud800"}', "a.json, line 1, a: half a letter (a surrogate) stands alone."),
        ('{"\\udfff": 1}', "a.json, line 1: half a letter"),
        ('{"a": 1,}', "a.json, line 1, column 9: "),
        ('{\n "a" 1}', "a.json, line 2, column 6: Expecting ':' delimiter; expected a spec in"),
        ("{'a': 1}", "a.json, line 1, column 2: "),
        ("", "a.json, line 1, column 1: Expecting value"),
        ("{} {}", "a.json, line 1, column 4: Extra data"),
        ('{"a": "x\ny"}', "a.json, line 1, column 9: Invalid control character"),
        (b'{\n"a": "\xff"}', "a.json, line 2: not UTF-8; expected a spec in JSON."),
        ("[" * 100_000, "a.json is nested too deeply"),
    ],
    ids=lambda part: repr(part)[:30],
)  # fmt: skip
def test_what_is_no_such_json_is_told_with_its_line(
    path: Path, content: str | bytes, reason: str
) -> None:
    assert refusal(path, content).startswith(reason)


@pytest.mark.parametrize(
    ("name", "reason"), [("none.json", "cannot read"), ("folder", "is a folder; expected a spec")]
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=reason):
        read_json(tmp_path / name)


@repeatably
@given(st.binary(max_size=40) | st.text('{}[]",:1e9aN\\u ').map(str.encode))
def test_any_bytes_are_read_or_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        value, lines = read_json(path)
    except UsageError:
        return
    assert lines[""] >= 1
    assert value == json.loads(content.decode("utf-8-sig"))


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ('{"a": [1,]}', " No comma stands before ] in JSON."),
        ('{"a": 1,\n}', " No comma stands before } in JSON."),
        ('{"a": 1} // mine', " JSON knows no comments."),
        ('{// mine\n"a": 1}', " JSON knows no comments."),
        ('{"a": # mine\n1}', " JSON knows no comments."),
        ("{'a': 1}", " Texts stand in double quotes in JSON."),
        ('{"a" 1}', ""),
    ],
)
def test_what_other_languages_allow_is_told(path: Path, content: str, hint: str) -> None:
    assert refusal(path, content).endswith(f"expected a spec in JSON.{hint}")
