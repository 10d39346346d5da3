"""A table in CSV is read as it stands, or refused with the line and the column."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from shared.errors import UsageError
from shared.tables.table import Columns, open_table
from tests.command_line import on_posix

TWO = "a,b,name\n1,2.5,x\n-3e2,.5,y\n"


def saved(folder: Path, content: str | bytes) -> Path:
    path = folder / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(
    folder: Path, content: str | bytes, *names: str, labels: str | None = None,
    delimiter: str | None = None,
) -> Columns:  # fmt: skip
    return open_table(saved(folder, content), delimiter).read(names or ("a", "b"), labels)


def numbers(columns: Columns) -> list[list[float]]:
    rows: list[list[float]] = np.concatenate([b.values for b in columns.blocks], axis=1).tolist()
    return rows


def refusal(folder: Path, content: str | bytes, *names: str, **options: str) -> str:
    with pytest.raises(UsageError) as error:
        read(folder, content, *names, **options)
    message = str(error.value)
    assert str(folder / "a.csv") in message
    return message.replace(str(folder / "a.csv"), "a.csv")


def test_the_named_columns_are_read_in_the_order_asked_for(tmp_path: Path) -> None:
    assert numbers(read(tmp_path, TWO, "b", "a")) == [[2.5, 1.0], [0.5, -300.0]]


@pytest.mark.parametrize(
    "content",
    [
        TWO.replace("\n", "\r\n"),
        "\ufeff" + TWO,
        TWO.rstrip("\n"),
        TWO + "\n\n \r\n",
        TWO.replace("b,", '"b",').replace("2.5,", '"2.5",'),
        TWO.replace("1,2.5", " 1 ,\t2.5 "),
        TWO.replace("x", '"x, \n\n ""and"" more"'),
    ],
    ids=["CR LF", "BOM", "no end", "blank lines at the end", "quotes", "spaces", "lines in quotes"],
)
def test_every_usual_form_of_csv_is_read(tmp_path: Path, content: str) -> None:
    assert numbers(read(tmp_path, content)) == [[1.0, 2.5], [-300.0, 0.5]]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_a_delimiter_may_be_said(tmp_path: Path, delimiter: str) -> None:
    content = TWO.replace(",", delimiter)
    assert numbers(read(tmp_path, content, delimiter=delimiter)) == [[1.0, 2.5], [-300.0, 0.5]]


def test_a_column_that_nobody_names_may_hold_anything(tmp_path: Path) -> None:
    assert numbers(read(tmp_path, "a,junk\n1,\n2,nan\n", "a")) == [[1.0], [2.0]]


def test_labels_are_texts_without_the_spaces_around(tmp_path: Path) -> None:
    columns = read(tmp_path, "a,name\n1, x \n2,ü\n", "a", labels="name")
    assert columns.labels == ("x", "ü")


def test_a_sample_is_told_by_the_line_in_which_it_begins(tmp_path: Path) -> None:
    columns = read(tmp_path, 'a,name\n1,"x\ny"\n2,z\n', "a")
    assert [columns.place(i) for i in range(2)] == [
        f"{tmp_path / 'a.csv'}, line {n}" for n in (2, 4)
    ]


def test_numbers_are_read_to_the_last_bit(tmp_path: Path) -> None:
    values = [0.1, 5e-324, 1.7976931348623157e308, -0.0, 1 / 3]
    content = "a\n" + "".join(f"{value!r}\n" for value in values)
    assert (
        read(tmp_path, content, "a").blocks[0].values[:, 0].tobytes() == np.array(values).tobytes()
    )


ROWS = [
    ("a,b\n1,x\n", "a.csv, line 2, column 'b': expected a number, got 'x'."),
    ("a,b\n1,2\n3, \n", "a.csv, line 3, column 'b': the field is empty. Nothing is filled in"),
    ("a,b\nNaN,2\n", "a.csv, line 2, column 'a': expected a finite number, got 'NaN'."),
    ("a,b\n1,-inf\n", "a.csv, line 2, column 'b': expected a finite number, got '-inf'."),
    ("a,b\n1,Infinity\n", "a.csv, line 2, column 'b': expected a finite number, got 'Infinity'."),
    ("a,b\n1,2\n1,1e999\n", "a.csv, line 3, column 'b': the number is larger than float64"),
    ("a,b\n1_0,2\n", "a.csv, line 2, column 'a': expected a number, got '1_0'."),
    ("a,b\n1,٣\n", "a.csv, line 2, column 'b': expected a number, got '٣'."),
    ("a,b\n1e,2\n", "a.csv, line 2, column 'a': expected a number, got '1e'."),
    ("a,b\n1.2.3,2\n", "a.csv, line 2, column 'a': expected a number, got '1.2.3'."),
    ('a,b\n"1,5",2\n', "a.csv, line 2, column 'a': expected a number with a decimal point, got"),
    (f"a,b\n{'x' * 99},2\n", f"a.csv, line 2, column 'a': expected a number, got '{'x' * 40}...'."),
    ("a,b\n1\n", "a.csv, line 2: expected 2 fields, one for each column that line 1 names; got 1."),
    ("a,b\n1,2,3\n", "a.csv, line 2: expected 2 fields"),
    ("a,b\n1,2,\n", "a.csv, line 2: expected 2 fields"),
    ("a,b\n1,2\n\n3,4\n", "a.csv, line 3 is blank; expected a row, or the end."),
    ("\na,b\n1,2\n", "a.csv, line 1 is blank"),
    ("a,b\n", "a.csv names columns and holds no row"),
    ("", "a.csv is empty; expected a line that names the columns"),
    ("\n\n", "a.csv is empty"),
    ("a,b,a\n1,2,3\n", "a.csv, line 1: two columns are called 'a'; expected different names."),
    ("a,, b\n1,2,3\n", "a.csv, line 1: column 2 of 3 has no name"),
    ("1,2,1\n1,2,3\n", "two columns are called '1'; expected different names. Line 1 should name"),
    ("1,2\n1,2\n", "a.csv has no column 'a'. Line 1 should name the columns; it looks like a row"),
    ("a;b\n1;2\n", "a.csv, line 1: the columns look separated by ';': say \"delimiter\": \";\"."),
    ("a\tb\n1\t2\n", "the columns look separated by a tab: say \"delimiter\": \"\\t\"."),
    ("a|b\n1|2\n", "the columns look separated by '|': say"),
    ('a,b\n"1"2,3\n', "a.csv, line 2: it is not quoted as CSV is"),
    ('a,b\n1,"2\n3,4\n', "a.csv, line 2: a quote is opened and not closed."),
    ("a,b\r1,2\r", "a.csv, line 1: a carriage return stands in it"),
    (f"a,b\n1,{'2' * 140_000}\n", "a.csv, line 2: a field is longer than 131,072 characters"),
    (b"a,b\n1,2\n1,\0\n", "a.csv, line 3 holds a NUL byte"),
    (b"a,b\n1,\xff\n", "a.csv, line 2 is not UTF-8: it holds the byte 0xff."),
    (b"\xff\xfea\0,\0b\0\n\0", "a.csv, line 1 holds a NUL byte"),
    ("a,bb\n1,2\n", "a.csv has no column 'b'. Did you mean 'bb'?"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "reason"), ROWS, ids=lambda part: repr(part)[:40])
def test_what_cannot_be_read_is_told_with_line_and_column(
    tmp_path: Path, content: str | bytes, reason: str
) -> None:
    assert reason in refusal(tmp_path, content)


def test_an_empty_label_is_refused(tmp_path: Path) -> None:
    told = refusal(tmp_path, "a,name\n1,x\n2, \n", "a", labels="name")
    assert "a.csv, line 3, column 'name': the field is empty." in told


def test_a_comma_is_suggested_where_another_delimiter_was_said(tmp_path: Path) -> None:
    assert "look separated by ','" in refusal(tmp_path, "a,b\n1,2\n", delimiter=";")


def test_a_delimiter_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"delimiter 'x' cannot be used; expected ',', ';', a tab"):
        open_table(saved(tmp_path, TWO), "x")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("none.csv", "cannot read .*: No such file or directory"),
        ("folder.csv", "is a folder; expected a table in CSV"),
        ("a.parquet", r"expected the name of a table to end in \.csv or \.npz"),
        ("a", r"could be anything"),
        ("folder.npz", "is a folder; expected a table in NPZ"),
        ("a\0.csv", "null"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(UsageError) as error:
        open_table(tmp_path / name)
    assert re.search(reason, str(error.value))


@on_posix
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(UsageError, match="is a pipe or a device; expected a table in CSV"):
        open_table(tmp_path / "a.csv")
