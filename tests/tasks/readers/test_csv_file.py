"""CSV files: which are read, and the sentence for each that is not."""

import csv

import pytest

from liquidjax.tasks.readers import csv_file
from liquidjax.tasks.readers.csv_file import read_csv

HEAD = "id,t,x\n"
LAST = "the last of them is blank: leave out the last comma"
NUL = "holds a NUL byte, so it is no CSV in UTF-8; save it as one"
UTF_8 = "must be CSV in UTF-8, and is not; save it as one"


@pytest.mark.parametrize(
    "content, sentence",
    [
        ("", "FILE must hold the names of its columns and rows below them, and is empty"),
        ("\n \n\r\n", "FILE must hold the names of its columns and rows below them, and is empty"),
        (HEAD, "FILE must hold rows below the names of its columns, and holds none"),
        ("id,t,t\na,0,1\n", "FILE, line 1: columns 2 and 3 have the same name 't'; give each its own"),
        ("id, t ,\tt\na,0,1\n", "FILE, line 1: columns 2 and 3 have the same name 't'; give each its own"),
        ("\n\nid,,t\na,0,1\n", "FILE, line 3: column 2 has no name; name it, or remove it"),
        (
            "1,2.5,-3\na,0,1\n",
            "FILE, line 1: expected names of columns, got numbers: 1, 2.5, -3; write names above them",
        ),
        ("a;b\n1;2\n", "FILE, line 1: expected commas between the columns, got ';'; save it with commas"),
        ("a\tb\n1\t2\n", "FILE, line 1: expected commas between the columns, got '\\t'; save it with commas"),
        (f"{HEAD}a,0,1\n\na,0\n", "FILE, line 4: expected 3 values as in the header, got 2"),
        (f"{HEAD}a,0,1,2\n", "FILE, line 2: expected 3 values as in the header, got 4"),
        (
            f"{HEAD}a,0,1,\n",
            f"FILE, line 2: expected 3 values as in the header, got 4; {LAST}",
        ),
        (
            "id,t\na,0,\nb,0,\n",  # which pandas takes for an index before two columns
            f"FILE, line 2: expected 2 values as in the header, got 3; {LAST}",
        ),
        (
            "x\n1\n\n2\n",
            'FILE, line 3: expected a value, got a blank line; write "" where a value is missing, or remove the line',
        ),
        (f'{HEAD}a,0,"1\n', "FILE, line 2: not CSV: unexpected end of data; a quote may not be closed"),
        (f'{HEAD}"b\nb",0,1\n"a"b,0,1\n', "FILE, line 4: not CSV: ',' expected after '\"'"),
        (f"{HEAD}a,0,{'1' * 200_000}\n", "FILE, line 2: not CSV: field larger than field limit (131072)"),
        (f"{HEAD}a,0,1\na,0,1\0\n", f"FILE, line 3: {NUL}"),
        ("i\0d,t,x\na,0,1\n", f"FILE, line 1: {NUL}"),
        (HEAD.encode("utf-16-le"), f"FILE, line 1: {NUL}"),
        (HEAD.encode("utf-16"), f"FILE, line 1: {UTF_8}"),
        (f"{HEAD}a,0,1\r\nä,0,1\n".encode("latin-1"), f"FILE, line 3: {UTF_8}"),
    ],
)
def test_refuses_what_is_no_such_csv(content, sentence, tmp_path):
    file = tmp_path / "some.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError) as caught:
        read_csv([file])
    assert str(caught.value) == sentence.replace("FILE", str(file))


@pytest.mark.parametrize(
    "content, lines",
    [
        (f"{HEAD}a,0,1\nb,1,2\n", [2, 3]),
        (f"\ufeff{HEAD}a,0,1\r\nb,1,2", [2, 3]),
        (f"{HEAD}a,0,1\rb,1,2\r", [2, 3]),
        (f"\n{HEAD}\na,0,1\n \t\n\nb,1,2\n\n", [4, 7]),
        ('"id",t,"x"\n"a",0,"1"\nb,1,2\n', [2, 3]),
        (" id,t ,x\n a, 0,1 \n\tb,1, 2\n", [2, 3]),
    ],
    ids=["plain", "mark and Windows", "old Mac", "blank lines", "quotes", "blanks"],
)
def test_reads_cells_and_remembers_their_lines(content, lines, tmp_path):
    file = tmp_path / "some.csv"
    file.write_bytes(content.encode())
    columns = read_csv([file])
    assert columns.names == ["id", "t", "x"] and columns.line.tolist() == lines
    assert columns.texts("id").tolist() == ["a", "b"] and columns.numbers("x").tolist() == [1, 2]


def test_of_one_column_a_quoted_blank_is_a_missing_value_and_a_blank_line_at_the_end_is_nothing(tmp_path):
    (tmp_path / "some.csv").write_text('x\n1\n""\n2\n\n \n')
    assert read_csv([tmp_path / "some.csv"]).texts("x").tolist() == ["1", "", "2"]


def test_lines_are_right_behind_line_ends_within_quotes_and_in_every_chunk(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_file, "_CHUNK", 3)
    rows = [["a", "x\ny"], ["b", ""], [], ["c", "\r\n\n"], ["d\re", "1"], ["f", "\r"], [], [], ["g", "2"], ["h", "3"]]
    with (tmp_path / "some.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([["p", "q"], *rows])
    columns = read_csv([tmp_path / "some.csv"])
    assert columns.line.tolist() == [2, 4, 6, 9, 11, 15, 16]
    assert columns.frame["q"].tolist() == [row[1] for row in rows if row]


def test_files_need_the_same_columns_in_any_order(tmp_path):
    one, two, three = (tmp_path / f"{name}.csv" for name in "abc")
    one.write_text("t,x\n0,1\n")
    two.write_text("x,t\n2,1\n")
    three.write_text("t,y\n0,1\n")
    columns = read_csv([one, two])
    assert columns.numbers("x").tolist() == [1, 2] and columns.file.tolist() == [0, 1]
    with pytest.raises(ValueError) as caught:
        read_csv([one, two, three])
    assert str(caught.value) == f"all files must have the same columns, but {one} has 'x' and {three} has not"
