"""Archives that are damaged, of another version, or were made to do harm: each ends in one sentence.

Where the checksum is right in a harmful file, it is computed here, as anybody could.
"""

import hashlib
import io
import json
import tracemalloc
import zipfile

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

from liquidjax.export import stablehlo
from small_models import PLAIN

DESCRIPTION = "description.json"


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    path = tmp_path_factory.mktemp("honest") / "model.zip"
    stablehlo.write(PLAIN, path, platforms="cpu")
    return path.read_bytes()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.stablehlo.zip"


def members_of(archive):
    with zipfile.ZipFile(io.BytesIO(archive)) as members:
        return {name: members.read(name) for name in members.namelist()}


def packed(members, method=zipfile.ZIP_STORED):
    """A zip of members, a dict or pairs, with the right checksum behind it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, contents in members.items() if isinstance(members, dict) else members:
            archive.writestr(zipfile.ZipInfo(name), contents, method)
    contents = buffer.getvalue()[:-2] + (64).to_bytes(2, "little")
    return contents + hashlib.sha256(contents).hexdigest().encode()


def changed(members=None, said=None, without=()):
    """The honest archive with other members, whose digests are right, and other fields of its description."""

    def make(honest):
        found = members_of(honest) | (members or {})
        found = {name: contents for name, contents in found.items() if name not in without}
        description = json.loads(found.pop(DESCRIPTION))
        description["sha256"] = {name: hashlib.sha256(contents).hexdigest() for name, contents in found.items()}
        description |= said or {}
        description = {name: value for name, value in description.items() if value is not ...}
        return packed(found | {DESCRIPTION: json.dumps(description).encode()})

    return make


def described_by(text):
    return lambda honest: packed(members_of(honest) | {DESCRIPTION: text})


def state(**leaf):
    said = {"shape": [2], "dtype": "float32", "initial": [0.0, 0.0]} | leaf
    return changed(said={"state": {"cell": {name: value for name, value in said.items() if value is not ...}}})


def program(function, *arguments, **options):
    """Another program, rightly serialised."""
    exported = jax.export.export(jax.jit(function), platforms=("cpu",), **options)(*arguments)
    return bytes(exported.serialize(vjp_order=1))


def calling(honest):
    """A program of the right shapes that calls a function of the process it is loaded into."""
    t, b = jax.export.symbolic_shape("t, b")
    like = lambda *shape: jax.ShapeDtypeStruct(shape, jnp.float32)  # noqa: E731

    @jax.custom_vjp
    def outside(x):
        return jax.ffi.ffi_call("outside", jax.ShapeDtypeStruct(x.shape, x.dtype))(x)

    outside.defvjp(lambda x: (outside(x), None), lambda _, g: (g,))
    calls = jax.export.DisabledSafetyCheck.custom_call("outside")
    contents = program(
        lambda state, features, dt: (state, outside(features)),
        *({"cell": like(b, 2)}, like(t, b, 2), like(t, b)),
        disabled_checks=[calls],
    )
    return changed({"sequence.jax": contents})(honest)


def refused(file, contents):
    """Loads what is refused: the message; and that not much memory was taken."""
    file.write_bytes(contents)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"model\.stablehlo\.zip") as caught:
            stablehlo.load(file)
        allocated = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert message.isprintable() and len(message) < 1000 + len(str(file))
    assert allocated < 2**24 + 40 * len(contents), (message, allocated)
    return message


def test_what_is_put_together_here_is_an_archive(honest, file):
    """So each case is refused for what it was made for."""
    assert packed(members_of(honest)) == honest
    for contents in (honest, changed()(honest), state()(honest)):
        file.write_bytes(contents)
        assert stablehlo.load(file).about.features == ("x1", "x2")


def test_flipped_bits_cuts_and_additions_are_noticed(honest, file):
    rng = np.random.default_rng(0)
    for position in rng.choice(len(honest), 60, replace=False).tolist():
        damaged = bytearray(honest)
        damaged[position] ^= 1 << position % 8
        assert "is damaged, cut short" in refused(file, bytes(damaged))
    for length in (0, 1, 63, 64, 65, len(honest) // 2, len(honest) - 1):
        assert "is damaged, cut short" in refused(file, honest[:length])
    for more in (honest + b"\0", b"\0" + honest, honest + honest):
        assert "is damaged, cut short" in refused(file, more)


def test_an_archive_of_a_later_format_says_who_wrote_it(honest, file):
    """Whatever else is in it."""
    message = refused(file, packed({DESCRIPTION: b'{"format": 2, "liquidjax": "9.1", "new": {}}', "new": b"1"}))
    assert "is of format 2, and liquidjax" in message and "install the liquidjax that wrote it, 9.1, or" in message


HOSTILE = {
    "no zip": (lambda honest: b"no zip" * 100, "is damaged"),
    "an empty zip": (lambda honest: packed({}), "must hold description.json"),
    "compressed": (lambda honest: packed(members_of(honest), zipfile.ZIP_DEFLATED), "must be stored as it is"),
    "a bomb": (lambda honest: packed({"step.jax": bytes(1 << 26)}, zipfile.ZIP_DEFLATED), "must be stored as it is"),
    "a name that leads out": (changed({"../../load.py": b""}), "it must hold description.json"),
    "an absolute name": (changed({"/etc/motd": b""}), "it must hold description.json"),
    "a member too many": (changed({"more.txt": b""}), "it must hold description.json"),
    "a member too few": (changed(without=["step.jax"]), "it must hold description.json"),
    "no description": (lambda honest: packed({"README.txt": b""}), "must hold description.json"),
    "a description that is no JSON": (described_by(b"{"), "description.json is no JSON"),
    "a description that is no text": (described_by(b"\xff\xfe"), "description.json is no JSON"),
    "a description of brackets": (described_by(b"[" * 100_000), "nested too deep"),
    "a description that is a list": (described_by(b"[1]"), "must be an object of JSON"),
    "a key that comes twice": (described_by(b'{"format": 1, "format": 1}'), "the key format stands twice"),
    "no format": (changed(said={"format": ...}), "must be of format 1, got None"),
    "a format that is a truth": (changed(said={"format": True}), "must be of format 1, got True"),
    "a format of the past": (changed(said={"format": 0}), "must be of format 1, got 0"),
    "a format of 5000 digits": (described_by(b'{"format": ' + b"9" * 5000 + b"}"), "description.json is no JSON"),
    "another kind": (changed(said={"kind": "iree"}), "must be an export to stablehlo, got one to iree"),
    "a kind that clears the screen": (changed(said={"kind": "\x1b[2J"}), "must be an export to stablehlo"),
    "another digest": (changed(said={"sha256": {"step.jax": "0" * 64}}), "must have the digests"),
    "a field too few": (changed(said={"cell": ...}), "must say what `liquidjax export` says"),
    "a field too many": (changed(said={"more": 1}), "must say what `liquidjax export` says"),
    "features that are one text": (changed(said={"features": "x1"}), "features is of another kind"),
    "features that are numbers": (changed(said={"features": [1, 2]}), "features is of another kind"),
    "a dt that is text": (changed(said={"first_dt": "1"}), "first_dt is of another kind"),
    "another dtype": (changed(said={"dtype": "object"}), "dtype and sizes must be"),
    "sizes of something else": (changed(said={"sizes": {"x": 1}}), "dtype and sizes must be"),
    "notes that are lists": (changed(said={"notes": {"a": []}}), "notes is of another kind"),
    "a state of objects": (state(dtype="O"), "the state cell must be numbers"),
    "a state of long texts": (state(dtype="S1000000000"), "the state cell must be numbers"),
    "a state of an unknown dtype": (state(dtype="float3"), "must say what `liquidjax export` says"),
    "a state of a dtype that is none": (state(dtype=None, initial=None), "must say what `liquidjax export` says"),
    "a state of texts": (state(initial=["a", "b"]), "must say what `liquidjax export` says"),
    "a state in another shape": (state(initial=[0.0]), "must have the shape that it says"),
    "a state that is not even": (state(initial=[[0.0], 0.0]), "must say what `liquidjax export` says"),
    "a state that is missing": (state(initial=...), "must say what `liquidjax export` says, 'initial'"),
    "a program of nothing": (changed({"step.jax": b""}), "cannot be loaded by JAX"),
    "a program of noise": (changed({"step.jax": np.random.default_rng(0).bytes(5000)}), "cannot be loaded by JAX"),
    "a program cut short": (lambda honest: changed({"step.jax": members_of(honest)["step.jax"][:-500]})(honest), None),
    "a step in the place of a sequence": (
        lambda honest: changed({"sequence.jax": members_of(honest)["step.jax"]})(honest),
        "its sequence must be for",
    ),
    "a program without derivative": (
        lambda honest: changed({"step.jax": bytes(jax.export.export(jax.jit(jnp.sin))(np.ones(1)).serialize())})(
            honest
        ),
        "cannot be loaded by JAX",
    ),
    "a program of one number": (
        lambda honest: changed({"step.jax": program(jnp.sin, np.float32(1))})(honest),
        "cannot be loaded by JAX",
    ),
    "a program for other features": (changed(said={"features": ["x1", "x2", "x3"]}), "its step must be for"),
    "a program for other platforms": (changed(said={"made_for": ["cpu", "tpu"]}), "its step must be for"),
    "a program in another precision": (changed(said={"dtype": "float64"}), "its step must be for"),
    "a program that calls the outside": (calling, "its program calls what is outside of it"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_each_ends_in_one_sentence(case, honest, file):
    make, message = HOSTILE[case]
    assert (message or "") in refused(file, make(honest))


def test_two_members_of_one_name_are_refused(honest, file):
    twice = packed([*members_of(honest).items(), ("load.px", b"print('other')")])
    twice = twice[:-64].replace(b"load.px", b"load.py")
    assert "every name once" in refused(file, twice + hashlib.sha256(twice).hexdigest().encode())


def test_members_of_two_archives_are_not_mixed(honest, file):
    """A member of another archive, as after a mistake with two folders."""
    assert "must have the digests" in refused(file, packed(members_of(honest) | {"step.jax": b"of another"}))
