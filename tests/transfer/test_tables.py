"""Tables in CSV: what is between cells, hostile files, and formulas."""

import csv
import io

import pytest

from postreeve.transfer.tables import MOST_BREAKS, Row, read, text_of, write

SHAPES = [
    "mail,name\nann@ex.com,Ann\n",
    "\ufeffmail,name\r\nann@ex.com,Ann\r\n",
    "mail;name\rann@ex.com;Ann",
    "mail\tname\n\n ,\nann@ex.com\tAnn\n",
    '"mail","name"\n"ann@ex.com","Ann"',
]


@pytest.mark.parametrize("text", SHAPES)
def test_a_table_is_read_as_spreadsheets_write_it(text: str) -> None:
    rows = list(read(io.StringIO(text, newline="")))
    assert [row.cells for row in rows if "@" in row.cells[0] or row.line == 1] == [
        ["mail", "name"],
        ["ann@ex.com", "Ann"],
    ]


def test_a_row_has_the_number_of_its_first_line() -> None:
    rows = list(read(io.StringIO('mail,name\n\na,"two\nlines"\nb,one\n', newline="")))
    assert rows == [Row(1, ["mail", "name"]), Row(3, ["a", "two\nlines"]), Row(5, ["b", "one"])]


def test_rows_that_can_not_be_read_are_told_and_the_others_are_read() -> None:
    rows = list(read(io.StringIO('mail,name\na,"x"y\nb,ok\nc,"never closed\nd,ok\n', newline="")))
    assert [(row.line, list(row.cells), bool(row.problem)) for row in rows] == [
        (1, ["mail", "name"], False), (2, [], True), (3, ["b", "ok"], False), (4, [], True), (5, [], True),
    ]  # fmt: skip
    assert rows[-1].problem == "Lines 4 to 5 can not be read: unexpected end of data."


def test_a_quote_that_is_never_closed_takes_only_a_few_rows_and_each_is_counted() -> None:
    lines = ["mail,name", 'a,"open', *(f"a{number},x" for number in range(1000)), 'b,"two\nlines"']
    rows = list(read(io.StringIO("\n".join(lines), newline="")))
    lost = [row.line for row in rows if row.problem]
    assert lost == list(range(2, MOST_BREAKS + 3))
    assert [row.line for row in rows] == list(range(1, 1004))
    words = f"Lines 2 to {MOST_BREAKS + 2} can not be read: more than {MOST_BREAKS} line breaks in a row,"
    assert {row.problem for row in rows if row.problem} == {f"{words} as where a quote is not closed."}
    assert rows[-1].cells == ["b", "two\nlines"]


def test_cells_may_have_a_few_line_breaks() -> None:
    cell = "\n" * MOST_BREAKS
    [row] = read(io.StringIO(f'"mail{cell}"', newline=""))
    assert row.cells == [f"mail{cell}"]


def test_passwords_are_read_as_they_are() -> None:
    text = "mail, Password ,name\na,'=1,'=1\na,=1,=1,'=1\n"
    assert [row.cells for row in read(io.StringIO(text, newline=""), {"password"})][1:] == [
        ["a", "'=1", "=1"],
        ["a", "=1", "=1", "=1"],
    ]


def test_a_cell_as_large_as_a_file_is_no_cell() -> None:
    rows = list(read(io.StringIO(f'mail\n"{"x" * 10_000_000}"\nb\n', newline="")))
    assert [(row.line, list(row.cells)) for row in rows] == [(1, ["mail"]), (2, []), (3, ["b"])]


def test_an_empty_file_has_no_rows() -> None:
    assert list(read(io.StringIO("", newline=""))) == []
    assert list(read(io.StringIO("\n\n", newline=""))) == []


def test_a_file_is_utf_8() -> None:
    assert text_of("\ufeffJørn".encode()) == "Jørn"
    for octets in ("Jørn".encode("latin-1"), "Jørn".encode("utf-16")):
        with pytest.raises(UnicodeDecodeError):
            text_of(octets)


FORMULAS = [
    "=1+1", '=HYPERLINK("http://far.test","x")', "+49 30 1234567", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1",
    "''+1",
]  # fmt: skip
HARMLESS = ["", "Ann", "a=b", " =1", "'quoted'", "ann@ex.com", "x,y;z", 'say "hi"', "O'Neill", "'"]


@pytest.mark.parametrize("value", [*FORMULAS, *HARMLESS])
def test_no_cell_is_a_formula_and_each_comes_back_as_it_was(value: str) -> None:
    text = "".join(write([["head", value]]))
    [[_, cell]] = csv.reader(io.StringIO(text, newline=""))
    assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r", "\n"} or not cell
    assert (cell == value) == (value in HARMLESS)
    assert [row.cells for row in read(io.StringIO(text, newline=""))] == [["head", value]]
