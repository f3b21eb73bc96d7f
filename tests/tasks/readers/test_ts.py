"""Files of the UCR and UEA archives: what is read, and what aeon would read as something else."""

import numpy as np
import pytest
from aeon.datasets import load_from_ts_file

from liquidjax.tasks.readers.ts import read_ts

HEAD = "#a comment\n@problemName x\n@timeStamps false\n@missing false\n@univariate true\n@equalLength true\n"
UCR = f"{HEAD}@seriesLength 3\n@classLabel true Walk run\n@data\n"
KEYS = (
    "problemname, timestamps, missing, univariate, equallength, targetlabel, serieslength, dimension, dimensions, "
    "classlabel, data"
)


def read(tmp_path, text):
    (tmp_path / "some.ts").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_ts(tmp_path / "some.ts")


def test_classes_of_series_of_equal_length(tmp_path):
    data = read(tmp_path, f"{UCR}1,-2,3e-1:run\r\n .5 ,6,7.: Walk\n")
    np.testing.assert_array_equal(data.inputs[..., 0], [[1, -2, 0.3], [0.5, 6, 7]])
    assert data.classes == ("Walk", "run") and data.targets is not None and data.targets.tolist() == [1, 0]


def test_channels_of_unequal_length_with_missing_values_and_targets(tmp_path):
    head = "\ufeff@univariate false\n@dimensions 2\n@equalLength false\n@classLabel true 10 9\n@data\n"
    data = read(tmp_path, f"{head}1,2:3,?:10\n5:NaN:?\n")
    assert data.features == ("x1", "x2") and data.lengths.tolist() == [2, 1]
    np.testing.assert_array_equal(data.inputs, [[[1, 3], [2, np.nan]], [[5, np.nan], [np.nan, np.nan]]])
    assert data.classes == ("9", "10") and data.targets is not None and data.targets.tolist() == [1, -1]


def test_values_to_learn_and_none(tmp_path):
    data = read(tmp_path, "@targetLabel true\n@classLabel false\n@data\n1,2:-0.5\n3,4:?\n")
    assert data.classes is None
    np.testing.assert_array_equal(data.targets, [[-0.5], [np.nan]])
    data = read(tmp_path, "@classLabel false\n@data\n1,2\n3,4\n")
    assert data.targets is None and data.inputs[..., 0].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("", "FILE must hold a line @data, and series below it"),
        (UCR, "FILE must hold series below @data, and holds none"),
        (f"{UCR}1,2,3:walk\n", "FILE, line 10: the data has no class 'walk', did you mean 'Walk'? It has Walk, run"),
        (f"{UCR}1,2,3\n", "FILE, line 10: expected a series, a colon and a class, got '1,2,3'"),
        (f"{UCR}1,2,3:\n", "FILE, line 10: expected a class, or ? where it is not known, got a blank"),
        (f"{UCR}1,2,3:run\n\n", "FILE, line 11: expected a series, a colon and a class, got ''"),
        (f"{UCR}1,2:run\n", "FILE, line 10: expected 3 steps as in the header or before, got 2"),
        (f"{UCR}1,2,3:4,5,6:run\n", "FILE, line 10: expected 1 channels as in the header or before, got 2"),
        *(
            (f"{UCR}1,{cell},3:run\n", f"FILE, line 10, channel 1: expected a decimal number or ?, got '{cell}'")
            for cell in ("inf", "1_0", "0x1", "x", "٣", "(1;2)")
        ),
        *(
            (f"{UCR}1,{cell},3:run\n", f"FILE, line 10: expected a decimal number or ?, got '{cell}'")
            for cell in ("", "1e", "- 1", "1?", "nana")
        ),
        (
            f"{UCR}1,1e400,3:run\n",
            "FILE: inputs must be finite, or NaN where nothing was observed, got inf in series '1', step 1, feature "
            "'x1'",
        ),
        (
            f"{HEAD}@targetLabel true\n@data\n1:inf\n",
            "FILE, line 9, target: expected a decimal number or ?, got 'inf'",
        ),
        (
            f"{HEAD}@data\n1,2:a\n",
            "FILE: the header must say what is to be learnt: @classLabel or @targetLabel, true or false",
        ),
        (
            f"{HEAD}@targetLabel true\n@classLabel true a\n@data\n1:a\n",
            "FILE: @classLabel or @targetLabel must be true, got both",
        ),
        (f"1,2:a\n{UCR}1,2,3:run\n", "FILE, line 1: expected a line with @ or # first before @data, got '1,2:a'"),
        (f"{HEAD}@data run\n", "FILE, line 7: expected @data by itself, got '@data run'"),
        (
            "@equalLenght false\n@data\n",
            f"FILE, line 1: the header has no line 'equallenght', did you mean 'equallength'? It has {KEYS}",
        ),
        ("@equalLength flase\n", "FILE, line 1: expected @equallength true or false, got '@equalLength flase'"),
        ("@missing\n", "FILE, line 1: expected @missing true or false, got '@missing'"),
        ("@missing true false\n", "FILE, line 1: expected @missing true or false, got '@missing true false'"),
        ("@classLabel true\n", "FILE, line 1: expected the names of classes, each once, got '@classLabel true'"),
        (
            "@classLabel true a a\n",
            "FILE, line 1: expected the names of classes, each once, got '@classLabel true a a'",
        ),
        ("@classLabel true 1 1.0\n", "FILE, line 1 must write each class in one way, got '1' and '1.0'"),
        ("@classLabel false a\n", "FILE, line 1: expected @classlabel true or false, got '@classLabel false a'"),
        (f"{HEAD}@missing true\n", "FILE, line 7: @missing comes twice; leave one out"),
        ("@problemName\n", "FILE, line 1: expected @problemName and a name, got '@problemName'"),
        ("@seriesLength 1e3\n", "FILE, line 1: expected @serieslength and a number, got '@seriesLength 1e3'"),
        (
            f"{HEAD}@dimensions 2\n@classLabel true a\n@data\n1:2:a\n",
            "FILE: the header must say @univariate false where there are several dimensions",
        ),
        (
            "@univariate false\n@classLabel true a\n@data\n1,2:3,4:a\n1,2:a\n",
            "FILE, line 5: expected 2 channels as in the header or before, got 1",
        ),
        (
            "@univariate false\n@equalLength false\n@classLabel true a\n@data\n1,2:3:a\n",
            "FILE, line 5: expected 2 steps as in the header or before, got 1",
        ),
        (
            "@timeStamps true\n@classLabel true a\n@data\n(0,-1),(1,2):a\n",
            "FILE: series with time stamps are not read; write them as a table in CSV",
        ),
        ("@classLabel true ä\n".encode("latin-1"), "FILE must be text in UTF-8, and is not; save it as one"),
    ],
)
def test_refuses_the_rest_in_one_sentence(text, sentence, tmp_path):
    with pytest.raises(ValueError) as caught:
        read(tmp_path, text)
    assert str(caught.value) == sentence.replace("FILE", str(tmp_path / "some.ts"))


@pytest.mark.parametrize(
    "text, wrong",
    [
        (f"{UCR}1,2,3:WALK\n4,5,6:never\n", {"walk", "never"}),
        ("@classLabel true banana\n@data\n1,2:banana\n", {"baNaNa"}),
        ("@data\n1,2:3\n", {"3"}),
        ("1,2:a\n@equalLenght false\n@classLabel true a\n@data\n1,2:a\n", {"a"}),
    ],
    ids=["case and unknown classes", "nan within a class", "no line says that there are classes", "unknown lines"],
)
def test_what_is_guarded_against_is_what_aeon_takes(text, wrong, tmp_path):
    """Where a later aeon refuses it, the guard may go."""
    (tmp_path / "some.ts").write_text(text)
    _, labels = load_from_ts_file(str(tmp_path / "some.ts"))[:2]
    assert set(labels.tolist()) == wrong


def test_aeon_loses_signs_and_whole_numbers_of_series_with_time_stamps(tmp_path):
    (tmp_path / "some.ts").write_text("@timestamps true\n@classlabel true a\n@data\n(0,-1.5),(1,2),(2,2.5):a\n")
    series, _ = load_from_ts_file(str(tmp_path / "some.ts"))[:2]
    assert np.asarray(series).tolist() == [[[1.5, 2.5]]]


def test_the_file_must_be_there_and_be_called_ts(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_ts(tmp_path / "none.ts")
    with pytest.raises(ValueError, match=r"some must be called \.ts, to tell how it is read$"):
        read_ts(tmp_path / "some")
