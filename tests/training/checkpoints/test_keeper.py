"""When checkpoints are written, which are kept, and from which a training goes on."""

import multiprocessing
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from liquidjax.training.checkpoints import disk
from liquidjax.training.checkpoints.keeper import Checkpoints

ONES = {"a": np.ones(2)}


@pytest.fixture
def told():
    return []


@pytest.fixture
def checkpoints(tmp_path, told):
    return Checkpoints(tmp_path / "run" / "checkpoints", keep=2, notice=told.append)


def names(checkpoints):
    return sorted(path.name for path in Path(checkpoints.folder).iterdir() if not path.name.startswith("."))


def damage(checkpoints, name):
    (checkpoints.folder / name / "manifest.json").write_text("")


def saved(checkpoints, *steps):
    with checkpoints.opened() as keeper:
        for step in steps:
            keeper.save(step, ONES, {"step": step})


def last(checkpoints):
    with checkpoints.opened() as keeper:
        found = keeper.last()
        return found and found[1]["step"]


def test_a_relative_folder_will_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved(Checkpoints("here"), 1)
    assert last(Checkpoints("here")) == 1


def test_without_one_there_is_none(checkpoints):
    assert last(checkpoints) is None


def test_the_newest_are_kept_and_the_last_is_found(checkpoints, told):
    saved(checkpoints, 9, 10, 100_000_000, 11)
    assert names(checkpoints) == ["step-00000011", "step-100000000"]
    assert last(checkpoints) == 100_000_000 and not told


def test_one_after_the_same_step_is_the_later(checkpoints):
    with checkpoints.opened() as keeper:
        keeper.save(3, ONES, {"step": "before"})
        keeper.save(3, ONES, {"step": "after"})
    assert names(checkpoints) == ["step-00000003", "step-00000003-2"] and last(checkpoints) == "after"


def test_a_damaged_one_is_told_and_the_one_before_is_taken(checkpoints, told):
    saved(checkpoints, 1, 2)
    damage(checkpoints, "step-00000002")
    assert last(checkpoints) == 1
    (sentence,) = told
    assert "step-00000002 is damaged (manifest.json is not what was written); going on from step-00000001" in sentence
    # It is set aside, and neither in the way nor gone.
    assert names(checkpoints) == ["damaged-step-00000002", "step-00000001"]
    saved(checkpoints, 2)
    damage(checkpoints, "step-00000002")
    assert last(checkpoints) == 1
    assert names(checkpoints) == ["damaged-step-00000002", "damaged-step-00000002-2", "step-00000001"]


def test_when_all_are_damaged_it_is_an_error_and_nothing_is_moved(checkpoints):
    saved(checkpoints, 1, 2)
    damage(checkpoints, "step-00000001")
    damage(checkpoints, "step-00000002")
    with pytest.raises(ValueError, match=r"no checkpoint in .* is whole \(step-00000002: .*train from the start in"):
        last(checkpoints)
    assert names(checkpoints) == ["step-00000001", "step-00000002"]


def test_what_does_not_belong_there_is_left_alone(checkpoints):
    checkpoints.folder.mkdir(parents=True)
    (checkpoints.folder / "step-mine").mkdir()
    (checkpoints.folder / "notes.txt").write_text("mine")
    saved(checkpoints, 1, 2, 3)
    assert names(checkpoints) == ["notes.txt", "step-00000002", "step-00000003", "step-mine"] and last(checkpoints) == 3


def test_one_that_cannot_be_written_is_told_and_the_last_stays(checkpoints, told, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with checkpoints.opened() as keeper:
        assert keeper.standing == "there is no checkpoint yet"
        keeper.save(1, ONES, {"step": 1})
        monkeypatch.setattr(os, "fsync", full)
        keeper.save(2, ONES, {"step": 2})
        monkeypatch.undo()
        assert str(keeper.newest).endswith("step-00000001") and "step-00000001" in keeper.standing
    (sentence,) = told
    assert "step-00000002 could not be written" in sentence and "No space left" in sentence
    assert names(checkpoints) == ["step-00000001"] and last(checkpoints) == 1


def test_it_is_due_after_its_seconds(checkpoints, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with checkpoints.opened() as keeper:
        now[0] = 59.0
        assert not keeper.due()
        now[0] = 60.0
        assert keeper.due()
        keeper.save(1, ONES, {})
        assert not keeper.due()
        now[0] = 120.0
        assert keeper.due()


def hold(folder, ready, leave):
    with Checkpoints(folder).opened():
        ready.set()
        leave.wait(30)


def test_two_do_not_write_to_one_folder(checkpoints):
    with checkpoints.opened(), pytest.raises(ValueError, match="another training is writing to"), checkpoints.opened():
        pass
    context = multiprocessing.get_context("spawn")
    ready, leave = context.Event(), context.Event()
    other = context.Process(target=hold, args=(checkpoints.folder, ready, leave))
    other.start()
    try:
        assert ready.wait(60)
        with pytest.raises(ValueError, match="another training is writing to"), checkpoints.opened():
            pass
        other.kill()  # who is killed leaves no lock behind
        other.join()
        saved(checkpoints, 1)
    finally:
        other.kill()
    assert last(checkpoints) == 1


def test_what_a_killed_writer_left_is_removed_when_it_goes_on(checkpoints):
    saved(checkpoints, 1)
    shutil.copytree(checkpoints.folder / "step-00000001", checkpoints.folder / ".liquidjax-0123.tmp")
    assert last(checkpoints) == 1
    assert not list(checkpoints.folder.glob(".liquidjax*"))


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ValueError, match="must be a folder, and is a file"),
        Checkpoints(tmp_path / "file").opened(),
    ):
        pass


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"seconds": -1}, r"seconds must be a number in"),
        ({"seconds": float("nan")}, r"seconds must be a number in"),
        ({"keep": 0}, "keep must be an integer of at least 1"),
        ({"folder": 3}, "folder must be a path"),
    ],
)
def test_settings_out_of_range_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Checkpoints(**{"folder": "here", **settings})


def test_without_being_told_otherwise_it_warns(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    saved(checkpoints, 1, 2)
    damage(checkpoints, "step-00000002")
    with pytest.warns(UserWarning, match="is damaged"):
        last(checkpoints)


def test_a_folder_that_cannot_be_read_is_passed_over(checkpoints, told, monkeypatch):
    saved(checkpoints, 1, 2)
    read = disk.read

    def broken(folder):
        if folder.name == "step-00000002":
            raise OSError(5, "Input/output error")
        return read(folder)

    monkeypatch.setattr(disk, "read", broken)
    assert last(checkpoints) == 1 and "Input/output error" in told[0]
