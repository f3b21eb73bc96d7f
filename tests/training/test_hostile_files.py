"""Checkpoints that were made to do harm: their checksum is right, and still each of them ends in a ValueError.

The zips are put together here, byte by byte where zipfile would not, and signed like those of `save`.
"""

import hashlib
import io
import struct
import tracemalloc
import zipfile
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.training import parameters

LIKE = {"b": jnp.arange(3.0), "w": jnp.ones((2, 3))}
HUGE = 10**12
HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
NUMBERS = np.ones((2, 3), np.float32).tobytes()
CELL = lj.GRU(inputs=2, units=3)


def npy(header=HEADER, numbers=NUMBERS, version=1, length=None):
    """A .npy file with any text as its header."""
    text = header.encode("latin1") + b" " * (-(len(header) + 11) % 64) + b"\n"
    length = len(text) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + length.to_bytes(2 if version == 1 else 4, "little") + text + numbers


def plain(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def sign(archive):
    """Gives a zip the comment with the right checksum; anything else just the checksum."""
    if archive[-22:-18] == b"PK\5\6":
        archive = archive[:-2] + (64).to_bytes(2, "little")
    return archive + hashlib.sha256(archive).hexdigest().encode()


def pack(w=None, method=zipfile.ZIP_STORED, extra=()):
    """Parameters like LIKE with other bytes for w, and more members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, contents in (("b.npy", plain(np.arange(3, dtype=np.float32))), ("w.npy", w or npy()), *extra):
            archive.writestr(zipfile.ZipInfo(name), contents, method)
    return buffer.getvalue()


def patched(field, value, header=b"PK\1\2", size=4, archive=None):
    """A field of the last header of a kind overwritten: PK12 in the directory, 34 before a member, 56 at the end."""
    archive = bytearray(archive or pack())
    place = archive.rfind(header) + field
    archive[place : place + size] = value.to_bytes(size, "little")
    return bytes(archive)


def with_name(name, flags=0, local=None):
    """One member under any bytes as its name; local: the name before the member where that is another."""
    contents, local = npy(), name if local is None else local
    sizes = struct.pack("<3I", zlib.crc32(contents), len(contents), len(contents))
    first = struct.pack("<4s5H", b"PK\3\4", 20, flags, 0, 0, 33) + sizes + struct.pack("<2H", len(local), 0)
    line = struct.pack("<4s6H", b"PK\1\2", 20, 20, flags, 0, 0, 33) + sizes
    line += struct.pack("<5H2I", len(name), 0, 0, 0, 0, 0, 0) + name
    start = len(first) + len(local) + len(contents)
    return first + local + contents + line + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 1, 1, len(line), start, 0)


def twice():
    archive = pack(extra=[("v.npy", npy())])
    return archive.replace(b"v.npy", b"w.npy")


def bomb(method):
    """64 MB of zeros in 64 kB or less."""
    zeros = npy(f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({1 << 24},), }}", bytes(1 << 26))
    return pack(zeros, method)


def shaped(shape, numbers=NUMBERS):
    return pack(npy(HEADER.replace("(2, 3)", shape), numbers))


def typed(descr, numbers=NUMBERS):
    return pack(npy(HEADER.replace("'<f4'", descr), numbers))


HOSTILE = {
    "nothing": lambda: b"",
    "no zip": lambda: b"no zip" * 100,
    "an end without a zip": lambda: b"PK\5\6" + bytes(18),
    "the end only, with a directory of 4 GB": lambda: patched(12, 0xFFFFFFF0, b"PK\5\6"),
    "a directory that starts elsewhere": lambda: patched(12, 46, b"PK\5\6"),
    "compressed": lambda: pack(method=zipfile.ZIP_DEFLATED),
    "a bomb of deflate": lambda: bomb(zipfile.ZIP_DEFLATED),
    "a bomb of bzip2": lambda: bomb(zipfile.ZIP_BZIP2),
    "a method that does not exist": lambda: patched(10, 77, size=2),
    "compressed, says the member only": lambda: patched(8, 8, b"PK\3\4", size=2),
    "encrypted": lambda: patched(8, 1, size=2),
    "encrypted, says the member only": lambda: patched(6, 1, b"PK\3\4", size=2),
    "strongly encrypted": lambda: patched(8, 0x41, size=2),
    "patched data": lambda: patched(8, 0x20, size=2),
    "sizes that come later": lambda: patched(8, 8, size=2),
    "a version of zip to come": lambda: patched(6, 99, size=2),
    "a member before the file": lambda: patched(42, 0xFFFFFFF0),
    "a member elsewhere": lambda: patched(42, 7),
    "two members in one place": lambda: patched(42, 0),
    "bytes before the first member": lambda: b"#!/bin/sh\n" + pack(),
    "bytes between the members": lambda: patched(28, 70, b"PK\3\4", size=2),
    "another checksum of zip": lambda: patched(16, 12345),
    "a member of 4 GB": lambda: patched(20, 0xFFFFFFF0, archive=patched(24, 0xFFFFFFF0)),
    "a member cut short": lambda: patched(20, 100, archive=patched(24, 100)),
    "two sizes": lambda: patched(24, 0xFFFFFFF0),
    "a name that comes twice": twice,
    "another name before the member": lambda: with_name(b"w.npy", local=b"v.npy"),
    "a name with a 0": lambda: with_name(b"w.npy\0.txt"),
    "a name that is no UTF-8": lambda: with_name(b"\xff\xfe.npy", flags=0x800),
    "a name that leads out": lambda: with_name(b"../../w.npy"),
    "a name that clears the screen": lambda: with_name(b"\x1b[2J\nfine.npy"),
    "a name of 60 kB": lambda: with_name(b"w" * 60_000 + b".npy"),
    "no name": lambda: with_name(b""),
    "a folder": lambda: pack(extra=[("w/", b"")]),
    "a text": lambda: pack(extra=[("w.txt", b"hello")]),
    "too much": lambda: pack(extra=[("v.npy", npy())]),
    "objects": lambda: typed("'|O'", b"cos\nsystem\n(S'false'\ntR."),
    "text": lambda: typed("'<U6'"),
    "dates": lambda: typed("'<M8[s]'"),
    "void": lambda: typed("'|V4'"),
    "a float of 3 bytes": lambda: typed("'<f3'"),
    "another byte order": lambda: typed("'>f4'"),
    "fields": lambda: typed("[('a', '<f4')]"),
    "arrays in arrays": lambda: typed("('<f4', (2, 3))"),
    "a type of 1 GB": lambda: typed("'|V1073741824'"),
    "a huge shape": lambda: shaped(f"({HUGE},)"),
    "a shape beyond 64 bits": lambda: shaped(f"({HUGE}, {HUGE})"),
    "a shape of 5000 digits": lambda: shaped(f"({'9' * 5000},)"),
    "a negative shape": lambda: shaped("(-2, -3)"),
    "a shape of floats": lambda: shaped("(2.0, 3)"),
    "a shape of truths": lambda: shaped("(True, 6)"),
    "a shape of text": lambda: shaped("('2', '3')"),
    "a shape of 20,000 axes": lambda: shaped(f"({'1, ' * 20_000})"),
    "no shape": lambda: pack(npy("{'descr': '<f4', 'fortran_order': False, }")),
    "one key more": lambda: pack(npy(HEADER.replace("}", "'more': 1, }"))),
    "a header that calls": lambda: pack(npy(HEADER.replace("False", "exit()"))),
    "a header that does not end": lambda: pack(npy("{'descr': (((")),
    "a header with an open string": lambda: pack(npy('{"""')),
    "a header of brackets": lambda: pack(npy("(" * 60_000)),
    "a header that is no dict": lambda: pack(npy("[1, 2]")),
    "no header": lambda: pack(b"\x93NUMPY\1\0"),
    "no .npy": lambda: pack(b"hello"),
    "an empty member": lambda: pack(extra=[("v.npy", b"")]),
    "version 2": lambda: pack(npy(version=2)),
    "version 3": lambda: pack(npy(version=3)),
    "version 2 with a header of 4 GB": lambda: pack(npy(version=2, length=0xFFFFFFFF)),
    "a header of 64 kB that is not there": lambda: pack(npy(length=0xFFFF)),
    "a header cut in two": lambda: pack(npy(length=20)),
    "bytes behind the array": lambda: pack(npy(numbers=NUMBERS + b"more")),
    "an array cut short": lambda: pack(npy(numbers=NUMBERS[:-1])),
    "an array without numbers": lambda: pack(npy(numbers=b"")),
    "5,000 members": lambda: pack(extra=[(f"{i}.npy", plain(np.ones(1))) for i in range(5000)]),
    "a member of 64 MB": lambda: pack(extra=[("v.npy", bytes(1 << 26))]),
}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "params.npz"


def refused(file, like, cell=None):
    """Loads what is refused: the message, and the bytes that were allocated for it."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"params\.npz") as caught:
            parameters.load(file, like, cell)
        return str(caught.value), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_what_is_put_together_here_is_a_file_of_parameters(file):
    """So each case is refused for what it was made for."""
    file.write_bytes(sign(pack()))
    back = parameters.load(file, LIKE)
    assert np.array_equal(back["w"], np.ones((2, 3))) and np.array_equal(back["b"], [0, 1, 2])
    file.write_bytes(sign(with_name(b"w.npy")))
    assert parameters.load(file, {"w": LIKE["w"]})["w"].shape == (2, 3)


@pytest.mark.parametrize("case", HOSTILE)
def test_each_ends_in_a_value_error_and_takes_no_memory(case, file):
    file.write_bytes(sign(HOSTILE[case]()))
    size = file.stat().st_size
    message, allocated = refused(file, LIKE)
    assert message.isprintable() and len(message) < 3000
    # Half a megabyte to read and hash in, and what a directory costs, which is as long as the file at most.
    assert allocated < 2**19 + min(30 * size, 2**24)
    refused(file, {"w": LIKE["w"]})


@pytest.mark.parametrize("shape", [(HUGE,), (HUGE, HUGE)])
def test_nothing_is_allocated_for_a_shape_that_was_even_expected(shape, file):
    file.write_bytes(sign(shaped(str(shape))))
    like = {"b": LIKE["b"], "w": jax.ShapeDtypeStruct(shape, jnp.float32)}
    message, allocated = refused(file, like)
    assert "must have" in message and allocated < 2**20


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"hello",
        b"\xff\xff",
        b"[" * 100_000,
        b'{"class": ' * 100_000,
        b"1" * 10_000,
        b'{"class": "liquidjax.GRU"}',
        b'{"class": ["liquidjax.GRU"], "inputs": {}}',
        b"[[],[],[]]",
        b"null",
        b"NaN",
        b'"' + b"x" * (1 << 26) + b'"',
    ],
    ids=lambda text: f"{text[:20]}...",
)
def test_the_description_of_a_cell_is_not_trusted_either(text, file):
    file.write_bytes(sign(pack(extra=[("cell.json", text)])))
    message, allocated = refused(file, LIKE, CELL)
    assert len(message) < 1000 and allocated < 2**24
    parameters.load(file, LIKE)  # where nobody asks for it, it is not read


def test_a_foreign_order_of_the_numbers_is_read_as_it_is_meant(file):
    """Earlier files of numpy arrays in the order of Fortran."""
    array = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    file.write_bytes(sign(pack(plain(array))))
    assert b"'fortran_order': True" in file.read_bytes()
    assert np.array_equal(parameters.load(file, LIKE)["w"], [[0, 1, 2], [3, 4, 5]])
