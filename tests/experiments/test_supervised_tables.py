"""Series and predictions as CSV: what is written is read again, whatever the names are."""

import csv
import io
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidjax.experiments.supervised import data as sources
from liquidjax.experiments.supervised.config import Data
from liquidjax.experiments.supervised.tables import write_predictions, write_table
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.training.objectives import Classification, Event, Forecast, Regression

# Readers take off blanks at the ends, refuse names that are all numbers, and NUL, and take a byte order mark away.
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff \t")
NAMES = st.text(LETTERS, min_size=1).filter(lambda name: not name.isnumeric() and name.strip(" \t"))
NUMBERS = st.floats(allow_nan=True, allow_infinity=False, width=64)


@st.composite
def series(draw):
    """Series of any names, features and lengths; at least one feature of each step is known."""
    features = tuple(draw(st.lists(NAMES.filter(lambda x: not x[0].isdigit()), min_size=1, max_size=3, unique=True)))
    names = tuple(draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)))
    lengths = [draw(st.integers(1, 3)) for _ in names]
    inputs = [np.array([[draw(NUMBERS) for _ in features] for _ in range(length)]) for length in lengths]
    steps = [np.array([draw(st.floats(1e-3, 1e3)) for _ in range(length)]) for length in lengths]
    return SequenceDataset.of(inputs, [np.cumsum(each) for each in steps], features=features, names=names)


@settings(deadline=None)
@given(series())
def test_series_are_read_back_bit_for_bit(tmp_path_factory, written):
    file = tmp_path_factory.mktemp("table") / "sample.csv"
    write_table(file, Data(), written)
    read = sources.unlabelled(Data(), str(file), written.features)
    assert (read.names, read.features) == (written.names, written.features)
    assert np.array_equal(read.mask, written.mask) and np.array_equal(read.times, written.times)
    assert np.array_equal(read.inputs[read.mask], written.inputs[written.mask], equal_nan=True)


def test_the_columns_are_those_of_the_settings_and_never_those_of_features(tmp_path):
    file = tmp_path / "sample.csv"
    written = SequenceDataset.of([np.ones((2, 2))], features=("time", "series"), names=('a,"b"',))
    write_table(file, Data(), written)
    assert file.read_text() == 'series_,time_,time,series\n"a,""b""",0,1,1\n"a,""b""",1,1,1\n'
    write_table(file, Data(series="who, or what", time="t"), written)
    assert file.read_text().splitlines()[0] == '"who, or what",t,time,series'
    write_table(file, Data(series="time_"), written)
    assert file.read_text().splitlines()[0] == "time_,time__,time,series"


def test_numbers_are_as_short_as_their_type_permits(tmp_path):
    values = np.array([[0.1], [1e-7], [3e20], [-0.0], [np.nan], [16777216.0]], np.float32)
    write_table(tmp_path / "x.csv", Data(), SequenceDataset.of([values]))
    fields = [line.split(",")[2] for line in (tmp_path / "x.csv").read_text().splitlines()[1:]]
    assert fields == ["0.1", "1e-07", "3e+20", "-0", "", "16777216"]
    again = np.array([np.nan if field == "" else np.float32(field) for field in fields], np.float32)
    assert np.array_equal(again, values[:, 0], equal_nan=True)


def predictions(model, data, answers) -> list[list[str]]:
    text = io.StringIO()
    fitting: Any = SimpleNamespace(**{"features": data.features, "classes": None, "outputs": None, **model})
    write_predictions(text, fitting, model["objective"], data, np.asarray(answers))
    return list(csv.reader(io.StringIO(text.getvalue())))


DATA = SequenceDataset.of(
    [np.ones((1, 2)), np.ones((2, 2))],
    times=[[0.25], [1, 1e6]],
    names=('walk "1", late', "2"),
    features=("x", "y, left"),
)
FIRST, SECOND = DATA.names
CLASSES = ("slow, or so", 'the "fast"', "x")
NAN = np.nan


def test_the_class_of_a_series():
    found = predictions({"objective": Classification(), "classes": CLASSES}, DATA, [[0.2, 0.5, 0.3], [1, 0, 0]])
    assert found == [
        ["series", "prediction", *(f"probability of {name}" for name in CLASSES)],
        [FIRST, CLASSES[1], "0.200000", "0.500000", "0.300000"],
        [SECOND, CLASSES[0], "1.000000", "0.000000", "0.000000"],
    ]


def test_the_class_of_each_step():
    answers = [[[0.2, 0.5, 0.3], [NAN] * 3], [[1, 0, 0], [0.1, 0.1, 0.8]]]
    found = predictions({"objective": Classification(at="step"), "classes": CLASSES}, DATA, answers)
    assert [row[:3] for row in found] == [
        ["series", "time", "prediction"],
        [FIRST, "0.25", CLASSES[1]],
        [SECOND, "1", CLASSES[0]],
        [SECOND, "1000000", CLASSES[2]],
    ]


@pytest.mark.parametrize(("objective", "answers"), [(Event(), [0.5, 0.75]), (Event("step"), [[0.5, NAN], [0.75, 0.1]])])
def test_an_event_is_named_above_one_half(objective, answers):
    found = predictions({"objective": objective, "classes": CLASSES[:2]}, DATA, answers)
    named = [row[-2:] for row in found]
    assert named[:3] == [
        ["prediction", f"probability of {CLASSES[1]}"],
        [CLASSES[0], "0.500000"],
        [CLASSES[1], "0.750000"],
    ]
    assert len(found) == (4 if objective.each_step else 3)


def test_values_and_what_comes_next():
    found = predictions({"objective": Regression(), "outputs": ("v, w", "z")}, DATA, [[0.1, 2.0], [-3e-9, 4.5]])
    assert found == [["series", "predicted v, w", "predicted z"], [FIRST, "0.1", "2"], [SECOND, "-3e-09", "4.5"]]
    # also where the data have classes or values, which a forecast does not learn
    for others in ({}, {"classes": CLASSES}, {"outputs": ("v",)}):
        answers = [[[1.5, 2], [NAN, NAN]], [[3, 4], [5, 6]]]
        found = predictions({"objective": Forecast(), **others}, DATA, answers)
        assert found[:2] == [["series", "time", "next x", "next y, left"], [FIRST, "0.25", "1.5", "2"]]
        assert len(found) == 4
