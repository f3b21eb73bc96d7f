"""Files with bytes changed, left out or put in: each is a data set or a ValueError, and nothing else."""

import warnings

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.readers.arrays import write_npz
from liquidjax.tasks.readers.reader import read
from random_data import mutations

CSV = 'id,t,x,y\n"a",2026-11-25T10:00:00.5,1.5e0,u\na,2026-11-26,,u\nb,2026-11-25,-3,\n"b\n",2026-11-27,4,v\n'
TS = "@problemName x\n@univariate false\n@equalLength false\n@classLabel true a b\n@data\n"
TS += "1,-2.5:3e0,?:a\n4:5:b\n6:nan:?\n"
OPTIONS = {"series": "id", "time": "t", "target": "y", "time_unit": "h", "unsorted": "sort", "duplicates": "mean"}
DATA = SequenceDataset.of([np.ones((3, 2)), np.zeros((2, 2))], targets=[0, 1], classes=("a", "b"), groups=("g", "h"))


def arrays(path):
    write_npz(path, DATA)


def compressed(path):
    np.savez_compressed(path, inputs=DATA.inputs, lengths=DATA.lengths, dt=np.ones(3), names=DATA.names)


def parquet(path):
    columns = {"id": ["a", "a", "b"], "t": pyarrow.array([1, 2, 3], pyarrow.timestamp("s")), "x": [1.0, None, 2.0]}
    pyarrow.parquet.write_table(pyarrow.table(columns | {"y": ["u", "u", "v"]}), path)


@pytest.mark.parametrize(
    "name, write, options",
    [
        ("some.csv", lambda path: path.write_text(CSV), OPTIONS),
        ("some.ts", lambda path: path.write_text(TS), {}),
        ("some.npz", arrays, {}),
        ("some.npz", compressed, {}),
        ("some.parquet", parquet, OPTIONS),
    ],
    ids=["csv", "ts", "npz", "compressed npz", "parquet"],
)
def test_a_mutated_file_is_a_data_set_or_a_value_error(name, write, options, tmp_path):
    file = tmp_path / name
    write(file)
    assert len(read(file, **options)) >= 2
    read_again = refused = 0
    for content in mutations(file.read_bytes(), 300, seed=0):
        file.write_bytes(content)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                data = read(file, **options)
            assert isinstance(data, SequenceDataset) and len(data)
            read_again += 1
        except ValueError as error:
            assert "\n" not in str(error) and len(str(error)) < len(str(file)) * 2 + 400, str(error)
            refused += 1
    assert read_again and refused > 100


def test_a_mutated_folder_is_a_data_set_or_a_value_error(tmp_path):
    for number, content in enumerate(mutations(b"t,x,y\n0,1,u\n1,,u\n", 300, seed=0)):
        (tmp_path / "b.csv").write_text("t,x,y\n0,3,v\n")
        (tmp_path / "a.csv").write_bytes(content)
        try:
            assert read(tmp_path, time="t", target="y").names == ("a", "b")
        except ValueError as error:
            assert "\n" not in str(error), (number, str(error))
