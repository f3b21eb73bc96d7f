"""One checkpoint on disk: whatever happens to its bytes is noticed, and it is there completely or not at all."""

import json
import os
import shutil

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liquidjax import _files
from liquidjax.training.checkpoints import disk

ARRAYS = {
    "state.params.weight": np.arange(12, dtype=np.float32).reshape(3, 4) - 0.3,
    "odd names: /../%s.\u00e4": np.array([1, 2], np.int8),
    "scalar": np.array(3, np.int32),
    "nothing": np.zeros((0, 4), np.float64),
    "flags": np.array([True, False]),
    "bfloat16": np.asarray(jnp.ones(3, jnp.bfloat16)),
    "half": np.array([1.5], np.float16),
    "complex": np.array([1 + 2j], np.complex64),
    "key": np.array([1, 2], np.uint32),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "not finite": np.array([np.nan, -0.0, np.inf]),
}
FACTS = {"epoch": 3, "scores": ["mse"], "learning_rate": 0.1, "nothing": None, "text": "\u00e4\n"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("disk") / "step-00000001"
    disk.write(folder, ARRAYS, FACTS)
    return folder


@pytest.fixture
def copy(written, tmp_path):
    return shutil.copytree(written, tmp_path / "copy")


def equal(found, expected):
    return found.keys() == expected.keys() and all(
        found[name].dtype == array.dtype
        and found[name].shape == array.shape
        and found[name].tobytes() == array.tobytes()
        for name, array in expected.items()
    )


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_what_is_read_is_what_was_written_to_the_bit(written):
    arrays, facts = disk.read(written)
    assert equal(arrays, ARRAYS) and list(arrays) == list(ARRAYS) and facts == FACTS


def test_without_arrays_there_are_facts(tmp_path):
    disk.write(tmp_path / "step", {}, {"epoch": 1})
    assert disk.read(tmp_path / "step") == ({}, {"epoch": 1})


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bit_that_is_flipped_is_noticed(written, copy, data):
    path = data.draw(st.sampled_from([path for path in files(written) if path.stat().st_size]))
    content = path.read_bytes()
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    flipped = bytearray(content)
    flipped[bit // 8] ^= 1 << bit % 8
    place = copy / path.relative_to(written)
    place.write_bytes(flipped)
    try:
        with pytest.raises(ValueError, match=r"is not what was written|manifest.json cannot be read"):
            disk.read(copy)
    finally:
        place.write_bytes(content)
    assert disk.read(copy)[1] == FACTS


def test_a_file_that_is_cut_off_is_noticed(written, copy):
    for path in files(written):
        place = copy / path.relative_to(written)
        content = place.read_bytes()
        for length in {0, 1, len(content) // 2, len(content) - 1} if content else ():
            place.write_bytes(content[:length])
            with pytest.raises(ValueError, match="is not what was written"):
                disk.read(copy)
        place.write_bytes(content)


def test_a_file_that_is_missing_is_noticed(written, copy):
    for path in files(written):
        place = copy / path.relative_to(written)
        content = place.read_bytes()
        place.unlink()
        with pytest.raises(ValueError, match=r"missing|cannot be read"):
            disk.read(copy)
        place.write_bytes(content)


def test_a_file_that_is_too_many_is_noticed(copy):
    (copy / "arrays" / "more").write_text("")
    with pytest.raises(ValueError, match="arrays/more is not in the manifest"):
        disk.read(copy)


def test_a_link_is_not_followed(copy):
    """It could lead out of the folder, or to a device that never ends."""
    place = next(path for path in files(copy) if path.parent != copy)
    place.unlink()
    place.symlink_to("/dev/zero")
    with pytest.raises(ValueError, match="is not what was written"):
        disk.read(copy)


def test_a_folder_of_another_kind_is_noticed(tmp_path):
    with pytest.raises(ValueError, match=r"manifest.json cannot be read"):
        disk.read(tmp_path)
    (tmp_path / "manifest.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"manifest.json cannot be read"):
        disk.read(tmp_path)


def test_a_later_format_is_told_from_damage(copy):
    content = json.loads((copy / "manifest.json").read_text().splitlines()[1])
    (copy / "manifest.json").write_text(disk._sealed(content | {"format": 2}))
    with pytest.raises(ValueError, match="format 2, and this version of liquidjax reads 1"):
        disk.read(copy)


def test_an_array_of_another_checkpoint_is_noticed(copy):
    """All the files belong together, and still the numbers are compared with their own hash."""
    content = json.loads((copy / "manifest.json").read_text().splitlines()[1])
    content["arrays"]["scalar"]["sha256"] = "0" * 64
    (copy / "manifest.json").write_text(disk._sealed(content))
    with pytest.raises(ValueError, match="the array scalar is not what was written"):
        disk.read(copy)


@pytest.mark.parametrize("place", ["mkdir", "orbax", "fsync", "rename"])
def test_a_full_disk_leaves_nothing(place, tmp_path, monkeypatch):
    import orbax.checkpoint.experimental.v1 as orbax

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    def full_of_tensorstore(*_, **__):
        raise ValueError("RESOURCE_EXHAUSTED: No space left on device")

    if place == "orbax":
        monkeypatch.setattr(orbax, "save", full_of_tensorstore)
    elif place == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(disk.Path, place, full)
    with pytest.raises(OSError, match="No space left"):
        disk.write(tmp_path / "step-00000001", {"a": np.ones(2)}, {})
    monkeypatch.undo()
    assert not list(tmp_path.iterdir())


def test_without_room_orbax_is_not_asked(tmp_path, monkeypatch):
    """It would fail too, but with the traces of its threads on the terminal."""
    import orbax.checkpoint.experimental.v1 as orbax

    def full(*_):
        raise OSError(28, "No space left on device")

    def never(*_):
        raise AssertionError

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    monkeypatch.setattr(orbax, "save", never)
    with pytest.raises(OSError, match="No space left"):
        disk.write(tmp_path / "step-00000001", {"a": np.ones(2)}, {})
    assert not list(tmp_path.iterdir())


def test_what_a_killed_writer_left_is_removed(tmp_path):
    (tmp_path / ".liquidjax-0123.tmp" / "arrays").mkdir(parents=True)
    (tmp_path / "step-00000001").mkdir()
    _files.remove_unfinished(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
