"""What the columns of a table are taken for."""

import dataclasses

import pytest

from liquidjax.experiments.supervised.config import Data
from liquidjax.experiments.supervised.guess import guess
from tiny_series import as_csv, rows


def guessed(tmp_path, text):
    """The settings that differ from the usual ones, and what each column is taken for."""
    file = tmp_path / "walks.csv"
    file.write_text(text)
    found, usual = guess(str(file)), Data(source=str(file))
    settings = {
        field.name: getattr(found.data, field.name)
        for field in dataclasses.fields(Data)
        if getattr(found.data, field.name) != getattr(usual, field.name)
    }
    return settings, found.columns


def table(header, *lines):
    return "\n".join([header, *lines]) + "\n"


WALK = ["ann,0,1.5,slow", "ann,2,2.5,slow", "bob,0,3.5,fast", "bob,3,1.0,fast", "cyd,0,7,slow"]


def test_the_tiny_table(tmp_path):
    settings, columns = guessed(tmp_path, as_csv(rows()))
    assert settings == {"series": "who", "time": "when", "target": ("gait",), "group": "person"}
    assert columns == {
        "who": "series",
        "when": "time",
        "x": "feature",
        "y, left": "feature",
        "gait": "target",
        "person": "group",
    }


@pytest.mark.parametrize(
    ("series", "time", "target"),
    [
        ("who", "t", "gait"),
        ("Subject ID", "Time", "Class"),
        ("trial", "date-time", "is_event"),
        ("cow", "when", "Label"),
    ],
)
def test_columns_are_known_by_their_names(series, time, target, tmp_path):
    settings, _ = guessed(tmp_path, table(f"{series},{time},x,{target}", *WALK))
    assert settings == {"series": series, "time": time, "target": (target,)}


def test_series_are_what_times_do_not_go_back_in(tmp_path):
    """A column of texts, or of numbers that stand together; not one of numbers that come again."""
    settings, columns = guessed(tmp_path, table("t,level,run,x", "0,1,7,3", "1,2,7,4", "0,1,8,5", "1,2,8,4"))
    assert settings == {"series": "run", "time": "t"} and columns["level"] == "feature"
    settings, _ = guessed(tmp_path, table("t,level,x", "0,1,3", "1,2,4", "0,1,5", "1,2,4"))
    assert settings == {"time": "t"}
    settings, _ = guessed(tmp_path, table("t,cow,x", "0,elsa,3", "0,berta,4", "1,elsa,5", "2,berta,4"))
    assert settings == {"series": "cow", "time": "t"}


def test_one_series_of_dates_has_nothing_to_learn_but_what_comes_next(tmp_path):
    lines = [f"2026-03-{day:02d},{day}.5,{'' if day % 3 else 2}" for day in range(1, 20)]
    settings, columns = guessed(tmp_path, table("day,level,rain", *lines))
    assert settings == {"time": "day", "time_unit": "D"}
    assert columns == {"day": "time", "level": "feature", "rain": "feature"}


@pytest.mark.parametrize(
    ("second", "unit"),
    [
        ("2026-01-01T00:00:00.5Z", "ms"),
        ("2026-01-01T00:00:01Z", "s"),
        ("2026-01-01T00:59:59Z", "m"),
        ("2026-01-01T01:00:00Z", "h"),
        ("2026-01-07T23:00:00Z", "D"),
        ("2026-01-08T00:00:00Z", "W"),
        ("2027-01-08T00:00:00Z", "W"),
        ("2026-01-01T00:00:00.0000001Z", "ns"),
    ],
)
def test_dates_are_counted_in_the_longest_unit_of_a_typical_step(second, unit, tmp_path):
    lines = [f"{who},{time},{x}" for who in "ab" for time, x in (("2026-01-01T00:00:00Z", 1), (second, 2))]
    assert guessed(tmp_path, table("who,date,x", *lines))[0] == {"series": "who", "time": "date", "time_unit": unit}


def test_markers_of_missing_numbers_are_found_and_what_else_is_no_number_is_left_out(tmp_path):
    text = table(
        "who,t,x,note,y,born,empty,label", "a,0,1,good,?,2001-02-03,,1", "a,1,NA,bad,1,2001-02-03,,0", "b,0,-,,2,,,1"
    )
    settings, columns = guessed(tmp_path, text)
    assert settings["missing"] == ("-", "?", "NA") and settings["features"] == ("x", "y")
    assert columns["note"] == "left out: text" and columns["born"] == "left out: date"
    assert columns["empty"] == "left out: nothing" and columns["label"] == "target"


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("label", "0 0 1 1 0", {"classes": True}),
        ("label", "0 0 1 0 1", {"classes": True, "target_at": "step"}),
        ("label", "0 0 1.5 1.5 0", {}),
        ("target", "0 0 1 1 0", {}),
        ("target", "a a 1 1 a", {"classes": True}),
        ("y", "0.5 0.7 1 2 3", {"target_at": "step"}),
        ("outcome", "a a b ? ?", {"missing": ("?",)}),
        ("outcome", "a a b b none", {}),
        ("outcome", "a none b b none", {"target_at": "step"}),
        ("gait", "a a b b a", {}),
        ("gait", "a b a b a", {"target_at": "step"}),
    ],
)
def test_targets_and_whether_they_are_classes(name, labels, expected, tmp_path):
    lines = [f"{row.rpartition(',')[0]},{label}" for row, label in zip(WALK, labels.split(), strict=True)]
    settings, _ = guessed(tmp_path, table(f"who,t,x,{name}", *lines))
    assert settings == {"series": "who", "time": "t", "target": (name,)} | expected


def test_another_name_of_a_series_is_no_target(tmp_path):
    text = table("who,t,x,file", "a,0,1,f1", "a,1,2,f1", "b,0,1,f2", "b,1,2,f2")
    assert guessed(tmp_path, text)[0] == {"series": "who", "time": "t", "features": ("x",)}


def test_a_time_with_gaps_is_none(tmp_path):
    settings, columns = guessed(tmp_path, table("t,x", "0,1", ",2", "2,3"))
    assert settings == {} and columns == {"t": "feature", "x": "feature"}


def test_folders_are_series_by_themselves(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("seconds,x\n0,1\n2,3\n")
    assert guess(str(tmp_path)).data == Data(str(tmp_path), time="seconds")
    (tmp_path / "labels.csv").write_text("series,target\na,slow\nb,fast\n")
    assert guess(str(tmp_path)).data == Data(str(tmp_path), time="seconds", labels="labels.csv")
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(f"seconds,x,gait\n0,1,{name}\n2,3,{name}\n")
    (tmp_path / "labels.csv").unlink()
    (tmp_path / "c.csv").write_text("seconds,x,gait\n0,1,a\n2,3,a\n")
    assert guess(str(tmp_path)).data == Data(str(tmp_path), time="seconds", target=("gait",))


def test_parquet_has_types_of_its_own(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "id": [1, 1, 2, 2, 3],
            "when": pandas.to_datetime(["2026-01-01", "2026-01-02"] * 2 + ["2026-01-01"]),
            "x": [1.5, None, 2, 3, 4],
            "wet": [True, False] * 2 + [True],
            "speed": [1.25, 2, 3, 4, None],
            "label": [0, 0, 1, 1, 0],
        }
    )
    frame.to_parquet(tmp_path / "walks.parquet")
    found = guess(str(tmp_path / "walks.parquet"))
    assert found.data == Data(
        str(tmp_path / "walks.parquet"),
        series="id",
        time="when",
        time_unit="D",
        target=("label",),
        classes=True,
        features=("x", "speed"),
    )
    assert found.columns["wet"] == "left out: bool"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("who,gait\na,slow\n", "must have a column of numbers to read, besides"),
        ("t\n1\n", "must have a column of numbers to read, besides t"),
        ("", "is empty"),
        ("1,2\n3,4\n", "expected names of columns, got numbers"),
        ("when,x\n2026-02-30,1\n", "expected a date that exists"),
        ("when,x\n2026-02-20,1\n2026-02-20T10:00Z,1\n", "expected a time zone for all dates, or for none"),
    ],
)
def test_what_cannot_be_guessed_is_refused(text, message, tmp_path):
    (tmp_path / "walks.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        guess(str(tmp_path / "walks.csv"))
