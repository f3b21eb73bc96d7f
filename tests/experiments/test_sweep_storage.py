"""Where a study is kept: which disks are of a network, a journal after a kill, and errors without passwords."""

import errno
from pathlib import Path

import optuna
import pytest
from sqlalchemy import exc

from liquidjax.experiments.sweep import disks, storage

MOUNTS = """\
/dev/sda / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
tmpfs /home/me/local tmpfs rw 0 0
me@host:/data /mnt/my\\040data fuse.sshfs rw 0 0
/dev/sdb /mnt/disk ext4 rw 0 0
//server/share /mnt/disk cifs rw 0 0
short line
"""


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("/home/me/study.journal", "nfs4"),
        ("/home", "nfs4"),
        ("/homes/study.journal", None),
        ("/home/me/local/deeper/study.journal", None),
        ("/mnt/my data/study.journal", "fuse.sshfs"),
        ("/mnt/disk/study.journal", "cifs"),  # mounted over the other
        ("/var/study.journal", None),
    ],
)
def test_the_deepest_mount_says_whether_a_disk_is_of_a_network(place, kind, tmp_path):
    (tmp_path / "mounts").write_text(MOUNTS)
    assert disks.network_disk(Path(place), tmp_path / "mounts") == kind


def test_where_nobody_can_tell_nothing_is_said(tmp_path):
    assert disks.network_disk(tmp_path, tmp_path / "none") is None


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("study.journal", "a journal file on a network disk (nfs) loses or damages what several workers write; use a "),
        ("sqlite:////home/me/study.db", "SQLite on a network disk (nfs)"),
        ("sqlite:///study.db?timeout=9", "SQLite on a network disk (nfs)"),
        ("postgresql+psycopg://me@host/db", None),
        ("redis://host", None),
    ],
)
def test_files_on_a_network_disk_are_warned_of_in_a_line(url, what, monkeypatch):
    monkeypatch.setattr(storage, "network_disk", lambda path: "nfs")
    found = storage.warning(url)
    assert found is None if what is None else found is not None and found.startswith(what) and "\n" not in found
    monkeypatch.setattr(storage, "network_disk", lambda path: None)
    assert storage.warning(url) is None


def test_passwords_are_not_printed():
    for url in (
        "postgresql://me:secret@host:5432/db",
        "postgresql://me:sec/r@et@host:5432/db",
        "redis://:secret@host/0",
    ):
        assert "sec" not in storage.without_password(url) and "@host" in storage.without_password(url)


def test_errors_of_a_storage_are_told_from_others(tmp_path):
    url = "postgresql://me:secret@h/d"
    with pytest.raises(ConnectionError, match=r"^the storage postgresql://\*\*\*@h/d cannot be"), storage.reached(url):
        raise optuna.exceptions.StorageInternalError("gone")
    with pytest.raises(ConnectionError) as caught, storage.reached("a.journal"), storage.reached("a.journal"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert str(caught.value).count("cannot be reached") == 1
    with pytest.raises(FileNotFoundError), storage.reached("a.journal"):  # of the data
        (tmp_path / "walks.csv").read_text()
    with pytest.raises(ZeroDivisionError), storage.reached("a.journal"):
        raise ZeroDivisionError
    with pytest.raises(ValueError, match=r"a trial was ended in .* by another"), storage.reached("a.journal"):
        raise optuna.exceptions.UpdateFinishedTrialError("trial 3")


def numbers(file):
    with storage.quiet():
        return len(optuna.load_study(study_name="one", storage=storage.opened(str(file))).get_trials())


def test_a_journal_goes_on_after_a_line_that_was_only_begun(tmp_path):
    file = tmp_path / "study.journal"
    with storage.quiet():
        optuna.create_study(storage=storage.opened(str(file)), study_name="one").ask()
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"op_code":4,"work')  # as a full disk leaves it
    assert numbers(file) == 1
    with storage.quiet():
        optuna.load_study(study_name="one", storage=storage.opened(str(file))).ask()
    assert numbers(file) == 2 and file.read_bytes().startswith(whole) and b'"work{' not in file.read_bytes()


def test_the_lock_of_a_journal_is_free_when_its_holder_has_ended(tmp_path):
    """Those of Optuna stay, and with a relative path for ever."""
    file = tmp_path / "study.journal"
    storage.opened(str(file))
    lock = storage._Lock(file)
    lock.acquire()
    lock._lock.release(force=True)  # as the system does
    with storage.quiet():
        optuna.create_study(storage=storage.opened(str(file)), study_name="one")
    assert not (tmp_path / "study.journal.lock").is_symlink()


STRANGE = [b"hello", b"hello\nworld\n", b'{"a": 1}\n', b'{"op_code":77}\n', b'{"op_code":1}\n{"op\n{}\n']


@pytest.mark.parametrize("content", STRANGE)
def test_a_file_that_is_no_journal_is_refused_and_not_touched(content, tmp_path):
    (tmp_path / "my.log").write_bytes(content)
    with pytest.raises(ValueError, match=r"my\.log is (no journal of Optuna|damaged, or no journal)"):
        storage.opened(str(tmp_path / "my.log"))
    assert (tmp_path / "my.log").read_bytes() == content


def test_a_database_has_no_connection_open_when_it_is_let_go(tmp_path):
    store = storage.opened(f"sqlite:///{tmp_path}/study.db")
    with storage.quiet():
        optuna.create_study(storage=store, study_name="one")
    assert store.engine.pool.checkedin() > 0
    storage.let_go(store)
    assert store.engine.pool.checkedin() == store.engine.pool.checkedout() == 0
    storage.let_go(storage.opened(str(tmp_path / "study.journal")))  # which has none


def test_tables_that_others_make_at_the_same_time_are_no_error(tmp_path, monkeypatch):
    """As PostgreSQL says when several workers begin: they look, none finds a table, and all make it."""
    tries, made = [], optuna.storages.RDBStorage

    def racing(*arguments, **named):
        tries.append(1)
        if len(tries) < 4:
            raise exc.IntegrityError("CREATE TYPE studydirection", {}, Exception("duplicate key"))
        return made(*arguments, **named)

    monkeypatch.setattr(storage.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(optuna.storages, "RDBStorage", racing)
    storage.opened(f"sqlite:///{tmp_path}/study.db")
    assert len(tries) == 4
    tries.clear()
    monkeypatch.setattr(storage, "TRIES", 2)
    with pytest.raises(ConnectionError, match="duplicate key"):
        storage.opened(f"sqlite:///{tmp_path}/study.db")
    assert len(tries) == 2
