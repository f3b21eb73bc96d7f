"""Data sets in .npz files: what is taken, and the sentence for what is not."""

import struct
import zipfile

import numpy as np
import pytest

from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.readers.arrays import read_npz, write_npz

INPUTS = np.array([[[1.0], [2.0]], [[3.0], [np.nan]]])
KIND = "must be an array of numbers, booleans or text as numpy writes it, and is not"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_reads_what_numpy_writes(save, tmp_path):
    arrays = {"mask": [[True, True], [True, False]], "times": [[0.0, 0.5], [3, np.nan]], "targets": [1, -1]}
    texts = {"classes": ["a", "b"], "names": ["x", "y"], "groups": ["g", ""], "features": ["f"]}
    save(tmp_path / "some.npz", inputs=INPUTS, **arrays, **texts)
    data = read_npz(tmp_path / "some.npz")
    np.testing.assert_array_equal(data.inputs, INPUTS)
    assert data.times.tolist() == [[0, 0.5], [3, 0]] and data.lengths.tolist() == [2, 1]
    assert data.targets is not None and data.targets.tolist() == [1, -1]
    assert (data.classes, data.names, data.groups) == (("a", "b"), ("x", "y"), ("g", "")) and data.features == ("f",)


def test_dt_and_lengths_are_taken_for_times_and_mask(tmp_path):
    np.savez(tmp_path / "some.npz", inputs=INPUTS, lengths=[2, 1], dt=np.array([[np.nan, 0.5], [7, -1]], np.float32))
    data = read_npz(tmp_path / "some.npz")
    assert data.times.tolist() == [[0, 0.5], [0, 0]] and data.mask.tolist() == [[True, True], [True, False]]


def test_the_order_of_bytes_and_axes_does_not_matter(tmp_path):
    numbers = np.arange(12.0).reshape(2, 3, 2)
    np.savez(tmp_path / "some.npz", inputs=np.asfortranarray(numbers).astype(">f4"))
    data = read_npz(tmp_path / "some.npz")
    assert data.inputs.dtype == np.float32 and data.inputs.dtype.isnative
    np.testing.assert_array_equal(data.inputs, numbers)


@pytest.mark.parametrize(
    "arrays, sentence",
    [
        ({"inputs": None}, "expected the array inputs (series, time, features), got targets"),
        ({"times": [0, 1], "dt": [0, 1]}, "expected times or dt, got both; leave one out"),
        ({"mask": [[True]], "lengths": [1]}, "expected mask or lengths, got both; leave one out"),
        (
            {"target": [1, 2]},
            "a data set has no array 'target', did you mean 'targets'? It has inputs, times, dt, mask, lengths, "
            "targets, features, classes, outputs, names, groups",
        ),
        ({"inputs": INPUTS[0]}, "inputs must be (series, time, features), at least one of each, got shape (2, 1)"),
        ({"inputs": INPUTS[:0]}, "inputs must be (series, time, features), at least one of each, got shape (0, 2, 1)"),
        ({"inputs": INPUTS > 1}, "inputs must be numbers, got bool (2, 2, 1)"),
        ({"inputs": INPUTS + 1j}, f"inputs {KIND}"),
        ({"inputs": INPUTS.astype(str)}, "inputs must be numbers, got <U32 (2, 2, 1)"),
        ({"times": np.array([["2026-11-25"] * 2] * 2, "datetime64[D]")}, f"times {KIND}"),
        ({"mask": [[1, 1], [1, 0]]}, "mask must be booleans, got int64 (2, 2)"),
        ({"lengths": [0, 2]}, "lengths must be 2 integers from 1 to 2, got int64 (2,) [0, 2]"),
        ({"lengths": [1.0, 2.0]}, "lengths must be 2 integers from 1 to 2, got float64 (2,) [1.0, 2.0]"),
        ({"dt": [[0, 0.5], [1, 0]]}, "dt must be above 0 and finite, got 0.0 in series 2, step 1"),
        ({"dt": [0, 1, 2]}, "dt must be numbers (series, time) = (2, 2), got int64 (3,)"),
        ({"names": [1, 2]}, "names must be texts, in one axis, got int64 (2,)"),
        ({"names": [["a", "b"]]}, "names must be texts, in one axis, got <U1 (1, 2)"),
        ({"names": [b"a", b"b"]}, f"names {KIND}"),
        ({"names": np.array(["a", None], object)}, f"names {KIND}"),
        ({"names": ["a", "a"]}, "names must be 2 different names, got ('a', 'a')"),
    ],
)
def test_refuses_the_rest_in_one_sentence(arrays, sentence, tmp_path):
    file = tmp_path / "some.npz"
    arrays = {
        name: array for name, array in ({"inputs": INPUTS, "targets": [1, 2]} | arrays).items() if array is not None
    }
    np.savez(file, **arrays)
    with pytest.raises(ValueError) as caught:
        read_npz(file)
    assert str(caught.value) == f"{file}: {sentence}"


def npy(shape, kind="<f8", body=b""):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


ONE = ("inputs.npy", npy("(1, 1, 1)", body=bytes(8)))


@pytest.mark.parametrize(
    "members, method, sentence",
    [
        ([ONE, ONE], 0, "must hold every array once, got 'inputs' twice"),
        ([ONE], zipfile.ZIP_BZIP2, "inputs must be stored or deflated, and not encrypted"),
        ([ONE], zipfile.ZIP_LZMA, "inputs must be stored or deflated, and not encrypted"),
        (
            [("inputs.npy", npy("(1000000000000, 1, 1)"))],
            0,
            "inputs must have 8000000000085 bytes for float64 (1000000000000, 1, 1), got 85",
        ),
        (
            [("inputs.npy", npy("(1000000000000, 1, 0)"))],
            0,
            "inputs must be (series, time, features), at least one of each, got shape (1000000000000, 1, 0)",
        ),
        (
            [ONE, ("names.npy", npy("(1000000000000,)", "<U0"))],
            0,
            "names must have a type of at least one byte, got <U0",
        ),
        ([("inputs.npy", npy("(1, 1, 1)", "|O", bytes(8)))], 0, f"inputs {KIND}"),
        ([("inputs.npy", npy("__import__('os')"))], 0, f"inputs {KIND}"),
        ([("inputs.npy", npy("(" * 5000))], 0, f"inputs {KIND}"),
        ([("inputs.npy", b"something else")], 0, f"inputs {KIND}"),
        ([("inputs.npy", npy("(1, 1, 1)", "<i3", bytes(3)))], 0, "inputs must have a type that numpy knows, got <i3"),
        (
            [("inputs.npy", npy("(10000000, 1, 1)", body=bytes(80_000_000)))],
            zipfile.ZIP_DEFLATED,
            "must unpack to at most 200 times its size of 77957 bytes, got 80000080",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_hostile_file_takes_no_memory_and_runs_no_code(members, method, sentence, tmp_path):
    file = tmp_path / "some.npz"
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    with pytest.raises(ValueError) as caught:
        read_npz(file)
    sentence = sentence.replace("size of 77957 bytes", f"size of {file.stat().st_size} bytes")
    assert str(caught.value) == f"{file}: {sentence}"


def test_other_files_are_refused(tmp_path):
    np.save(tmp_path / "some.npy", INPUTS)
    (tmp_path / "some.npy").rename(tmp_path / "some.npz")
    with pytest.raises(
        ValueError, match=r"some\.npz must be a zip of arrays, and cannot be read: 'File is not a zip file'$"
    ):
        read_npz(tmp_path / "some.npz")
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "none.npz")


def test_writing_refuses_what_would_not_come_back(tmp_path):
    file = tmp_path / "some.npz"
    data = SequenceDataset(INPUTS, names=("a", "b\0"))
    with pytest.raises(ValueError, match=r"names must not end in a NUL character, got 'b\\x00'$"):
        write_npz(file, data)
    with pytest.raises(ValueError, match="at least one of each, got"):
        write_npz(file, data.take([]))
    assert not list(tmp_path.iterdir())
