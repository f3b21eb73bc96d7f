"""Model files that are damaged, or were made to do harm: each of them ends in a sentence, and none takes memory.

Where the checksum is right in a harmful file, it is computed here, as anybody could.
"""

import hashlib
import json
import sys
import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.training.plain import to_dict

CELL = lj.GRU(1, 2)
HUGE = 10**12


def contents_of(cell, folder):
    structure = jax.eval_shape(cell.init, jax.random.key(0))
    lj.Model(cell, jax.tree.map(lambda leaf: jnp.full(leaf.shape, 0.5, leaf.dtype), structure)).save(folder / "x")
    return (folder / "x").read_bytes()


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    return contents_of(CELL, tmp_path_factory.mktemp("honest"))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.safetensors"


def split(contents):
    """The header and the numbers."""
    end = 8 + int.from_bytes(contents[:8], "little")
    return json.loads(contents[8:end]), contents[end:]


def signed(header, numbers, digest="sha256"):
    """A file with the right checksum, of a header that is text or becomes it."""
    if isinstance(header, dict):
        metadata = {**header["__metadata__"], digest: "0" * 64}
        header = json.dumps({**header, "__metadata__": metadata})
    encoded = header.encode()
    whole = len(encoded).to_bytes(8, "little") + encoded + numbers
    return whole.replace(b"0" * 64, hashlib.sha256(whole).hexdigest().encode(), 1)


def refused(file, contents, most=600):
    """Loads what is refused: the message, and the bytes that were allocated for it."""
    file.write_bytes(contents)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError) as caught:
            lj.load(file)
        allocated = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert "model.safetensors" in message and message.isprintable() and len(message) < most + len(str(file))
    # Some megabytes to read, hash and trace in, and what parsed JSON costs, which is as long as the file at most.
    assert allocated < 2**22 + 40 * len(contents), (message, allocated)
    return message


def test_what_is_put_together_here_is_a_model(honest, file):
    """So each case is refused for what it was made for."""
    file.write_bytes(signed(*split(honest)))
    assert lj.load(file).cell == CELL
    assert (
        signed(honest[8 : -len(split(honest)[1])].decode().replace(digest_of(honest), "0" * 64), split(honest)[1])
        == honest
    )


def digest_of(contents):
    return split(contents)[0]["__metadata__"]["sha256"]


def test_every_flipped_bit_is_noticed(honest, file):
    """In the length, in the header and its padding, in the digest, in the numbers."""
    assert honest[8 : 8 + int.from_bytes(honest[:8], "little")].endswith(b" ")
    for position in range(len(honest)):
        damaged = bytearray(honest)
        damaged[position] ^= 1 << position % 8
        assert "is damaged, cut short" in refused(file, bytes(damaged))


def test_every_cut_and_everything_added_is_noticed(honest, file):
    for length in (*range(0, len(honest), 7), len(honest) - 1):
        refused(file, honest[:length])
    for more in (b"\0", b" ", honest):
        refused(file, honest + more)
        refused(file, more + honest)


def test_bytes_that_changed_places_are_noticed(honest, file):
    rng = np.random.default_rng(0)
    for _ in range(200):
        first, second = sorted(rng.choice(len(honest), 2, replace=False).tolist())
        if honest[first] != honest[second]:
            swapped = bytearray(honest)
            swapped[first], swapped[second] = honest[second], honest[first]
            refused(file, bytes(swapped))


def test_numbers_of_another_file_are_noticed(honest, file):
    header, numbers = honest[: -len(split(honest)[1])], split(honest)[1]
    refused(file, header + bytes(len(numbers)))


def of_header(**changes):
    """The file with other entries of its header; None leaves one out."""

    def make(honest):
        header, numbers = split(honest)
        header |= changes
        return signed({name: entry for name, entry in header.items() if entry is not None}, numbers)

    return make


def of_weight(**changes):
    return lambda honest: of_header(**{"inputs.weight": {**split(honest)[0]["inputs.weight"], **changes}})(honest)


def of_text(text):
    """The file with another text, which must be one of JSON or becomes it."""

    def make(honest):
        header, numbers = split(honest)
        header["__metadata__"]["liquidjax"] = text if isinstance(text, str) else json.dumps(text)
        return signed(header, numbers)

    return make


def said(**changes):
    """The file with other fields of what it says; `...` leaves one out."""

    def make(honest):
        text = json.loads(split(honest)[0]["__metadata__"]["liquidjax"]) | changes
        return of_text({name: value for name, value in text.items() if value is not ...})(honest)

    return make


def cell(described, **changes):
    return said(cell={**(described if isinstance(described, dict) else to_dict(described)), **changes})


def instead_of_the_cell(text):
    described = json.dumps(to_dict(CELL), separators=(",", ":"))
    return lambda honest: of_text(split(honest)[0]["__metadata__"]["liquidjax"].replace(described, text))(honest)


def nested(levels):
    inner = '{"class":"GRU","inputs":1,"units":1}'
    return '{"class":"Readout","outputs":1,"cell":' * levels + inner + "}" * levels


WIRED = {"class": "LTC", "inputs": 2}
ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
HOSTILE = {
    # The header.
    "nothing": lambda _: b"",
    "no header": lambda _: bytes(8),
    "a header of 2^64 bytes": lambda honest: b"\xff" * 8 + honest[8:],
    "a header of 4 GB": lambda honest: (2**32).to_bytes(8, "little") + honest[8:],
    "a header longer than is read": lambda _: signed('{"__metadata__":' + " " * 2**24 + "}", b""),
    "no JSON": lambda _: signed("hello", b""),
    "no UTF-8": lambda _: b"\x02" + bytes(7) + b"\xff\xff",
    "brackets": lambda _: signed("[" * 100_000, b""),
    "objects in objects": lambda _: signed('{"a":' * 100_000, b""),
    "lists beside lists": lambda _: signed('{"a":[' + "[]," * 100_000 + "[]]}", b""),
    "a list": lambda _: signed("[]", b""),
    "no metadata": of_header(__metadata__={}),
    "metadata of another package": lambda _: signed('{"__metadata__":{"format":"pt"}}', b""),
    "no checksum": lambda honest: signed(*split(honest), digest="md5"),
    "a checksum that is a number": lambda _: signed('{"__metadata__":{"sha256":0,"liquidjax":""}}', b""),
    "a checksum that is short": lambda _: signed('{"__metadata__":{"sha256":"0","liquidjax":""}}', b""),
    "a text that is a number": lambda _: signed('{"__metadata__":{"sha256":"' + "0" * 64 + '","liquidjax":3}}', b""),
    "a key that stands twice": lambda honest: signed(
        '{"__metadata__":{"sha256":"' + "0" * 64 + '","liquidjax":""},"w":' + 2 * '1,"w":' + "1}", b""
    ),
    "metadata that stand twice": lambda honest: signed(
        json.dumps(split(honest)[0]).replace(digest_of(honest), "0" * 64)[:-1] + ',"__metadata__":{}}', split(honest)[1]
    ),
    "NaN in the header": of_weight(shape=[float("nan")]),
    "an array that is a list": of_header(**{"inputs.weight": []}),
    "an array without a place": of_header(**{"inputs.weight": {"dtype": "F32", "shape": [1]}}),
    "an array with more": of_weight(more=1),
    "a type that does not exist": of_weight(dtype="F33"),
    "a type that is a list": of_weight(dtype=[]),
    "objects of Python": of_weight(dtype="object"),
    "eight bits": of_weight(dtype="F8_E4M3"),
    "another type of as many bytes": of_weight(dtype="I32"),
    "another type": of_weight(dtype="F64"),
    "a huge shape": of_weight(shape=[HUGE]),
    "a huge shape and place": of_weight(shape=[HUGE], data_offsets=[0, 4 * HUGE]),
    "a shape beyond 64 bits": of_weight(shape=[2**63, 2**63]),
    "a shape of 4000 digits": of_weight(shape=[10**4000]),
    "a shape of 10,000 axes": of_weight(shape=[1] * 10_000),
    "a negative shape": of_weight(shape=[-1, -3, 2]),
    "a shape of truths": of_weight(shape=[True, 3, 2]),
    "a shape of floats": of_weight(shape=[1.0, 3, 2]),
    "a shape of text": of_weight(shape="132"),
    "another shape of as many numbers": of_weight(shape=[6]),
    "no numbers behind a huge shape": of_weight(shape=[0, HUGE], data_offsets=[0, 0]),
    "negative places": of_weight(data_offsets=[-24, 0]),
    "places that are floats": of_weight(data_offsets=[0.0, 24.0]),
    "a place behind the end": of_weight(data_offsets=[HUGE, HUGE + 24]),
    "places in the wrong order": of_weight(data_offsets=[24, 0]),
    "three places": of_weight(data_offsets=[24, 48, 72]),
    "an array in the place of another": of_weight(data_offsets=[0, 24]),
    "bytes that belong to nobody": of_header(**{"inputs.bias": None}),
    "an array too many": of_header(more=ENTRY | {"shape": [0], "data_offsets": [0, 0]}),
    "a name that clears the screen": of_header(**{"\x1b[2J\n": ENTRY | {"shape": [0], "data_offsets": [0, 0]}}),
    "a name of 100 kB": of_header(**{"x" * 100_000: ENTRY | {"shape": [0], "data_offsets": [0, 0]}}),
    "1000 arrays too many": of_header(
        **{f"{i}" * 50: ENTRY | {"shape": [0], "data_offsets": [0, 0]} for i in range(1000)}
    ),
    # The text.
    "no text": of_text(""),
    "a text that is no JSON": of_text("hello"),
    "a text of brackets": of_text("[" * 100_000),
    "a text that is a list": of_text([]),
    "NaN in the text": of_text('{"format":NaN}'),
    "a number that is infinite": of_text('{"format":1e999}'),
    "a format that stands twice": of_text('{"format":1,"format":1}'),
    "a later format": said(format=2),
    "a later format of nobody's": said(format=2, liquidjax={"a": "b" * 1000}),
    "an earlier format": said(format=0),
    "a format of 4000 digits": said(format=10**4000),
    "a format that is true": said(format=True),
    "no format": said(format=...),
    "a version that is a number": said(liquidjax=1),
    "no cell": said(cell=...),
    "a field that does not exist": said(code="exit()"),
    "features that are text": said(features="xy"),
    "features of half a character": said(features=["\ud800"]),
    "features that are none": said(features=None),
    "too many features": said(features=["x", "y"]),
    "features that are numbers": said(features=[1]),
    "classes that are numbers": said(classes=3),
    "notes that are a list": said(notes=["a"]),
    "notes that are objects": said(notes={"a": {"class": "GRU"}}),
    "a preparation that is a cell": said(preparation=to_dict(CELL)),
    "a preparation of other inputs": said(preparation={"class": "Preparation", "mean": [0, 0], "spread": [1, 1]}),
    "a preparation by nothing": said(preparation={"class": "Preparation", "mean": [0], "spread": [0]}),
    "an objective that calls": said(objective={"class": "os.system", "command": "exit"}),
    # The cell.
    "no class": cell({}),
    "a cell that is null": said(cell=None),
    "a cell that is text": said(cell="liquidjax.GRU"),
    "a wiring for a cell": cell(lj.FullyConnected(3)),
    "a network without a state": cell(lj.NCPNetwork(1, 4, 1)),
    "a class of Python": cell({"class": "builtins.eval"}),
    "a class of a module that is not imported": cell({"class": "this.Zen"}),
    "a class by its file": cell({"class": "liquidjax.training.registry.CLASSES"}),
    "another cell": cell(lj.LSTM(1, 2)),
    "another size": cell(CELL, units=3),
    "a huge size": cell(CELL, units=HUGE),
    "a size of 4000 digits": cell(CELL, units=10**4000),
    "a negative size": cell(CELL, units=-1),
    "a size that is true": cell(CELL, units=True),
    "a size that is a list": cell(CELL, units=[[[]]]),
    "a field of Python": cell(CELL, __class__="GRU"),
    "deep": instead_of_the_cell(nested(31)),
    "too deep": instead_of_the_cell(nested(300)),
    "too deep for Python": instead_of_the_cell(nested(100_000)),
    "a wiring of a million": cell(WIRED, wiring={"class": "FullyConnected", "units": 10**6}),
    "inputs without end": cell(WIRED, inputs=HUGE, wiring={"class": "FullyConnected", "units": 3}),
    "layers without end": cell(lj.Stack(1, lj.Block(lj.GRU(1, 1))), layers=HUGE),
    "a backbone without end": cell({"class": "CfC", "inputs": 1, "units": 2, "backbone_layers": HUGE}),
    "a mask of a million": cell({"class": "Custom", "adjacency": [[0] * 1000] * 1000}),
    "a function": cell({"class": "StepLoss", "cell": to_dict(CELL), "loss": "os.abort"}),
    "an array of objects": cell(
        lj.Diffrax(), controller={"class": "array", "dtype": "O", "shape": [1], "values": ["os.abort"]}
    ),
    "an array of a huge shape": cell(
        lj.Diffrax(), controller={"class": "array", "dtype": "int8", "shape": [HUGE], "values": []}
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_each_ends_in_a_sentence_and_takes_no_memory(case, honest, file):
    modules = set(sys.modules)
    message = refused(file, HOSTILE[case](honest), most=8000 if case.startswith("1000") else 2000)
    assert set(sys.modules) == modules, message


def test_a_thousand_mistakes_are_not_all_listed(honest, file):
    message = refused(file, HOSTILE["1000 arrays too many"](honest), most=8000)
    assert message.endswith("and 970 more")


@pytest.mark.parametrize("name", ["inputs", "units", "backbone_units"])
@pytest.mark.parametrize("size", [10**9, 10**18, 10**40])
def test_sizes_without_end_take_no_memory_to_compare(name, size, honest, file):
    """Nothing of this size is made, not even to see that the file has other arrays."""
    refused(file, cell(lj.CfC(1, 2), **{name: size})(honest), most=3000)
