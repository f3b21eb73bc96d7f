"""The file of a model is one of safetensors: their package reads ours, and we read theirs."""

import hashlib
import json

import jax.numpy as jnp
import numpy as np
import pytest
import safetensors
import safetensors.flax
import safetensors.numpy

from liquidjax.training import tensors
from liquidjax.training.strict_json import parse

TEXT = 'a "text" in two\nlines, τ'
STRANGE = np.array([np.nan, -0.0, np.inf, 1e-45, 3.4e38], np.float32)
ARRAYS = {
    "b.weight": STRANGE,
    "a.weight": STRANGE[:2].astype(np.float64),
    "kind": np.array(True),
    "empty": np.zeros((0, 3), np.int8),
    "many": np.arange(24, dtype=np.uint16).reshape(2, 3, 4),
    "τ / 2": np.array(2**63, np.uint64),
    "half": np.ones(1, np.float16),
    "complex": np.array([1j], np.complex64),
}


@pytest.fixture
def file(tmp_path):
    tensors.write(tmp_path / "x.safetensors", ARRAYS, TEXT)
    return tmp_path / "x.safetensors"


def header_of(contents):
    return json.loads(contents[8 : 8 + int.from_bytes(contents[:8], "little")])


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape
        assert np.asarray(found[name]).tobytes() == array.tobytes()


def read(path):
    with tensors.opened(path) as opened:
        return {name: opened.array(name) for name in opened.structures}, opened.text


def test_gives_back_every_bit(file):
    arrays, text = read(file)
    assert_same(arrays, ARRAYS)
    assert text == TEXT


def test_their_package_reads_ours(file):
    assert_same(safetensors.numpy.load_file(file), ARRAYS)
    with safetensors.safe_open(file, "np") as opened:
        assert opened.metadata()["liquidjax"] == TEXT and len(opened.metadata()["sha256"]) == 64


def test_bfloat16_too(tmp_path):
    tensors.write(tmp_path / "x.safetensors", {"w": np.asarray(jnp.arange(3, dtype=jnp.bfloat16))}, "")
    theirs = safetensors.flax.load_file(tmp_path / "x.safetensors")["w"]
    ours = read(tmp_path / "x.safetensors")[0]["w"]
    assert theirs.dtype == ours.dtype == jnp.bfloat16 and theirs.tolist() == ours.tolist() == [0, 1, 2]


def test_their_package_writes_the_same(file):
    """Beside the order of the metadata, which is by chance there."""
    ours, theirs = file.read_bytes(), safetensors.numpy.save(ARRAYS, header_of(file.read_bytes())["__metadata__"])
    assert len(ours) == len(theirs) and list(header_of(ours).items()) == list(header_of(theirs).items())
    length = 8 + int.from_bytes(ours[:8], "little")
    assert ours[:8] == theirs[:8] and ours[length:] == theirs[length:]


def test_a_file_of_their_package_is_read_once_it_has_a_checksum(tmp_path):
    contents = safetensors.numpy.save(ARRAYS, {"sha256": "0" * 64, "liquidjax": TEXT})
    path = tmp_path / "x.safetensors"
    path.write_bytes(contents)
    with pytest.raises(ValueError, match="its checksum does not fit"):
        read(path)
    path.write_bytes(contents.replace(b"0" * 64, hashlib.sha256(contents).hexdigest().encode()))
    assert_same(read(path)[0], ARRAYS)


def test_the_checksum_is_that_of_the_file_with_zeros_in_its_place(file):
    contents = file.read_bytes()
    digest = header_of(contents)["__metadata__"]["sha256"].encode()
    assert hashlib.sha256(contents.replace(digest, b"0" * 64)).hexdigest().encode() == digest


def test_the_order_in_memory_and_of_the_names_does_not_matter(file, tmp_path):
    turned = {name: np.array(array, order="F") for name, array in reversed(ARRAYS.items())}
    tensors.write(tmp_path / "y.safetensors", turned, TEXT)
    assert (tmp_path / "y.safetensors").read_bytes() == file.read_bytes()


def test_numbers_are_where_a_processor_wants_them(file):
    contents = file.read_bytes()
    first = 8 + int.from_bytes(contents[:8], "little")
    for name, array in ARRAYS.items():
        assert (first + header_of(contents)[name]["data_offsets"][0]) % array.itemsize == 0


def test_a_text_that_looks_like_a_checksum_does_no_harm(tmp_path):
    for text in ("0" * 64, '","sha256":"' + "0" * 64, "f" * 64):
        tensors.write(tmp_path / "x.safetensors", {}, text)
        assert read(tmp_path / "x.safetensors") == ({}, text)


@pytest.mark.parametrize(
    "name, array",
    [
        ("__metadata__", np.ones(1)),
        ("w", np.ones(1, ">f4")),
        ("w", np.ones(1, complex)),
        ("w", np.array(["text"])),
        ("w", np.array([None])),
        ("w", np.ones(1, jnp.float8_e4m3fn)),
    ],
)
def test_what_the_format_does_not_know_is_refused(name, array, tmp_path):
    with pytest.raises(ValueError, match=f"{name} must be an array of one of bool, .* under another name"):
        tensors.write(tmp_path / "x.safetensors", {name: array}, "")
    assert not list(tmp_path.iterdir())


def test_what_would_not_be_read_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="must have a header of at most 16,777,216 bytes, got 16,777,3"):
        tensors.write(tmp_path / "x.safetensors", {}, "x" * tensors.LONGEST)
    assert not list(tmp_path.iterdir())
    tensors.write(tmp_path / "x.safetensors", {}, "x" * (tensors.LONGEST - 128))
    assert len(read(tmp_path / "x.safetensors")[1]) == tensors.LONGEST - 128


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "Expecting value"),
        ("{} {}", "Extra data"),
        ('{"a": {"b": 1, "b": 2}}', "the key b stands twice"),
        ('{"\\u001b[2J": 1, "\\u001b[2J": 2}', r"the key '\\x1b\[2J' stands twice"),
        ("[NaN]", "NaN is no JSON"),
        ("[-Infinity]", "-Infinity is no JSON"),
        ("[1e999]", "1e999 is no JSON"),
        ("1" * 5000, "limit"),
        ("[" * 100_000, "it is nested too deep"),
        (b"\xff", "decode"),
    ],
)
def test_what_is_no_json_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse(text)
