"""Files that are written completely or not at all: when writing fails, and when two processes write one file."""

import errno
import os
import stat
import subprocess
import sys

import numpy as np
import pytest

from liquidjax import _files
from liquidjax.training import parameters

LIKE = {"w": np.zeros(50_000, np.float32)}


def test_a_block_that_fails_leaves_everything_as_it_was(tmp_path):
    _files.write_text(tmp_path / "x.txt", "before")
    with pytest.raises(KeyboardInterrupt), _files.replacing(tmp_path / "x.txt") as file:
        file.write(b"half of it")
        raise KeyboardInterrupt
    assert (tmp_path / "x.txt").read_text() == "before" and os.listdir(tmp_path) == ["x.txt"]


def test_nothing_is_seen_before_the_end(tmp_path):
    with _files.replacing(tmp_path / "x.txt") as file:
        file.write(b"all")
        file.flush()
        (temporary,) = tmp_path.iterdir()
        assert temporary.name != "x.txt"
    assert os.listdir(tmp_path) == ["x.txt"]


def test_two_at_a_time_have_names_of_their_own(tmp_path):
    with _files.replacing(tmp_path / "x.txt") as first, _files.replacing(tmp_path / "x.txt") as second:
        first.write(b"first")
        second.write(b"second, which is closed earlier")
    assert (tmp_path / "x.txt").read_text() == "first" and os.listdir(tmp_path) == ["x.txt"]


def test_the_file_is_on_the_disk_before_the_renaming_and_the_folder_after(tmp_path, monkeypatch):
    steps, sync, replace = [], os.fsync, _files.Path.replace

    def watched_sync(descriptor):
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def watched_replace(path, target):
        steps.append("renaming")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(_files.Path, "replace", watched_replace)
    _files.write_text(tmp_path / "x.txt", "text")
    assert steps == ["file", "renaming", "folder"]


def test_an_error_of_the_disk_says_of_which_file(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*x\.txt'") as caught:
        _files.write_text(tmp_path / "x.txt", "text")
    assert caught.value.errno == errno.ENOSPC and not os.listdir(tmp_path)


def test_what_killed_writers_left_is_removed_and_nothing_else(tmp_path):
    (tmp_path / ".liquidjax-01.tmp").write_text("half of it")
    (tmp_path / ".liquidjax-23.tmp" / "more").mkdir(parents=True)
    (tmp_path / ".liquidjax-45.tmp").symlink_to(tmp_path / "kept")
    (tmp_path / "kept").mkdir()
    _files.remove_unfinished(tmp_path)
    assert os.listdir(tmp_path) == ["kept"]


def test_it_is_as_open_as_other_files(tmp_path):
    """A temporary file of the system would be for its owner alone."""
    (tmp_path / "other").touch()
    _files.write_text(tmp_path / "x.txt", "text")
    assert (tmp_path / "x.txt").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_text_is_utf_8_whatever_the_language_of_the_machine(tmp_path):
    code = "import sys; from liquidjax import _files; _files.write_text(sys.argv[1], '\\u03c4 = 1 / rate')"
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "x.txt")], check=True, env=environment)
    assert (tmp_path / "x.txt").read_bytes() == "τ = 1 / rate".encode()


WRITER = """
import sys, time
import numpy as np
from liquidjax.training import parameters
file, value = sys.argv[1], float(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
end = time.monotonic() + 4
for _ in range(60):
    parameters.save(file, {"w": np.full(50_000, value, np.float32)})
    if time.monotonic() > end:
        break
"""


def test_two_processes_may_write_one_file_while_another_reads_it(tmp_path):
    file = tmp_path / "params.npz"
    parameters.save(file, {"w": np.ones(50_000, np.float32)})
    command = [sys.executable, "-c", WRITER, str(file)]
    writers = [
        subprocess.Popen([*command, str(value)], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for value, pipe in ((1, subprocess.PIPE), (2, subprocess.PIPE))
    ]
    for writer in writers:
        assert writer.stdout and writer.stdout.readline() == "ready\n"
    for writer in writers:
        print("go", file=writer.stdin, flush=True)
    seen = set()
    while any(writer.poll() is None for writer in writers):
        seen.add(tuple(np.unique(parameters.load(file, LIKE)["w"]).tolist()))
    for writer in writers:
        _, said = writer.communicate()
        assert writer.returncode == 0, said
    assert seen == {(1.0,), (2.0,)} and os.listdir(tmp_path) == ["params.npz"]
