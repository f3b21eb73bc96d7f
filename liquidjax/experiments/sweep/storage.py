"""Where a study is kept: a journal file on one machine, or any storage that Optuna knows by its URL."""

import contextlib
import importlib.util
import itertools
import os
import random
import re
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from liquidjax.experiments.sweep.disks import network_disk

MISSING = 'a sweep needs Optuna: pip install "liquidjax[sweep]"'
JOURNALS = (".journal", ".log")
"""How the name of a journal file ends."""
FORMS = "a journal file such as study.journal, postgresql+psycopg://user@host/database, or another that Optuna knows"
SECONDS = 10
"""To wait for a database that does not answer."""
TRIES = 6
"""To make the tables of a database, while others do so too."""
TIMED = ("postgresql", "postgresql+psycopg", "postgresql+psycopg2", "mysql", "mysql+mysqldb", "mysql+pymysql")
"""Whose drivers are told so by the same name."""
_BEGIN = b'{"op_code":'
"""Of each line of a journal."""
REMOTE = ("sqlalchemy", "redis", "grpc", "psycopg", "psycopg2", "pymysql", "MySQLdb")
"""Packages whose errors mean that a storage does not do what it should."""


class UnreachableError(ConnectionError):
    """A storage cannot be reached; the message says what to do."""


def check_installed() -> None:
    """Raises the ImportError where Optuna is not installed."""
    if importlib.util.find_spec("optuna") is None:
        raise ImportError(MISSING)


def without_password(url: str) -> str:
    """A storage as it may be printed.

    Example:
        >>> without_password("postgresql://me:se/cr@et@host/db"), without_password("study.journal")
        ('postgresql://***@host/db', 'study.journal')
    """
    scheme, found, rest = url.partition("://")
    return f"{scheme}://***@{rest.rpartition('@')[2]}" if found and "@" in rest else url


def warning(url: str) -> str | None:
    """What a person should know before several machines write there: None, or one sentence."""
    file = _file(url)
    kind = None if file is None else network_disk(file)
    if kind is None:
        return None
    what = "SQLite" if url.startswith("sqlite") else "a journal file"
    return (
        f"{what} on a network disk ({kind}) loses or damages what several workers write; use a database such as "
        "PostgreSQL, or a file on a disk of the machine"
    )


def opened(url: str) -> Any:
    """The storage of Optuna.

    Args:
        url: a file that ends in .journal or .log, redis://host, grpc://host:port, or what SQLAlchemy knows.

    Raises:
        ConnectionError: it cannot be reached; the message says what to do, and no password.
        ImportError: the driver of the database is not installed.
        ValueError: it is no storage, or damaged.
    """
    _check(url)
    import optuna
    from optuna import storages

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with reached(url):
        if "://" not in url or url.startswith("redis"):
            from optuna.storages import journal

            redis = url.startswith("redis")
            if not redis:
                _check_journal(Path(url))
            lock: Any = _Lock(Path(url))
            backend: Any = journal.JournalRedisBackend(url) if redis else journal.JournalFileBackend(url, lock)
            with undamaged(url):
                return storages.JournalStorage(backend)
        if url.startswith("grpc://"):
            host, _, port = url.removeprefix("grpc://").partition(":")
            return storages.GrpcStorageProxy(host=host, port=int(port or 13000))
        options: dict[str, Any] = {"pool_pre_ping": True}  # a connection may be closed while a trial is trained
        if url.partition("://")[0] in TIMED:
            options["connect_args"] = {"connect_timeout": SECONDS}
        try:
            return _database(url, options)
        except ImportError as error:
            raise ImportError(
                f"the driver of {without_password(url)} is not installed; for PostgreSQL: pip install psycopg[binary], "
                "and write postgresql+psycopg://user@host/database"
            ) from error


def let_go(store: Any) -> None:
    """Closes the connections of a storage that is a database; a server has only so many for all workers."""
    engine = getattr(store, "engine", None)
    if engine is not None:
        store.remove_session()
        engine.dispose()


@contextlib.contextmanager
def reached(url: str) -> Iterator[None]:
    """Makes one error of all those that mean that the storage cannot be reached; Optuna's warnings are left out.

    Raises:
        ConnectionError: the same in a sentence.
    """
    try:
        with quiet():
            yield
    except UnreachableError:
        raise
    except Exception as error:
        if type(error).__name__ == "UpdateFinishedTrialError":  # which not every version of Optuna has
            raise ValueError(f"a trial was ended in {without_password(url)} by another program: {error}") from error
        file = _file(url)
        own = isinstance(error, OSError) and file is not None and str(error.filename or file).startswith(str(file))
        if not _remote(error) and not own:
            raise
        why = re.sub(r"\(Background on this error.*", "", " ".join(str(error).split())).strip()
        what = "look whether its folder is there and can be written" if file else "look whether it runs"
        raise UnreachableError(
            f"the storage {without_password(url)} cannot be reached: {why[:300]}; {what}, or name another with "
            "--storage; nothing is lost, the same command goes on"
        ) from error


@contextlib.contextmanager
def undamaged(url: str) -> Iterator[None]:
    """Makes one error of all those by which Optuna says that a journal holds something else.

    Raises:
        ValueError: the same in a sentence.
    """
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        if "://" in url:
            raise
        raise ValueError(f"{url} is damaged, or no journal of Optuna: {error!r}") from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings that Optuna gives of whatever it has had for less than some years."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def _database(url: str, options: dict[str, Any]) -> Any:
    """The database, whose tables are made if they are not there; several workers may begin with that at once."""
    from optuna.storages import RDBStorage
    from sqlalchemy import exc

    for number in itertools.count(1):
        try:
            return RDBStorage(url, engine_kwargs=options)
        except exc.DBAPIError as error:
            made = isinstance(error, exc.IntegrityError | exc.ProgrammingError) or "already exists" in str(error)
            if not made or number == TRIES:  # by another worker meanwhile
                raise
        time.sleep(number * random.uniform(0.1, 0.5))


class _Lock:
    """One writer of a journal at a time; the system lets go of the lock when a process ends, however it ends.

    Those of Optuna are files that whoever is killed leaves behind: others wait half a minute, and for ever where the
    path of the journal is a relative one. What is written to the end of a file at once does not mix with what such
    programs write.
    """

    def __init__(self, journal: Path):
        import filelock

        self._journal = journal
        self._lock = filelock.FileLock(journal.with_name(f".{journal.name}.flock"))

    def acquire(self) -> bool:
        self._lock.acquire(poll_interval=0.005)
        with self._journal.open("r+b") as file:  # a line that did not come to its end, as on a full disk, takes no more
            end = file.seek(0, os.SEEK_END)
            while end and (file.seek(end - 1), file.read(1))[1] != b"\n":
                end -= 1
            file.truncate(end)
        return True

    def release(self) -> None:
        self._lock.release()


def _remote(error: Exception) -> bool:
    from optuna.exceptions import StorageInternalError

    return isinstance(error, StorageInternalError) or any(
        kind.__module__.partition(".")[0] in REMOTE for kind in type(error).__mro__
    )


def _check(url: str) -> None:
    if "://" not in url:
        if not url.endswith(JOURNALS):
            raise ValueError(f"the storage must be {FORMS}; got {url!r}, a file that does not end in .journal or .log")
    elif url.startswith("sqlite") and _file(url) is None:
        raise ValueError(f"the storage must outlive the command: {FORMS}; got {url!r}, which is in memory")


def _check_journal(file: Path) -> None:
    """Raises the ValueError for a file that is none, before anything is written to it."""
    if file.is_file():
        with file.open("rb") as journal:
            begin = journal.read(len(_BEGIN))
        if not _BEGIN.startswith(begin):
            raise ValueError(f"{file} is no journal of Optuna; name another file with --storage")


def _file(url: str) -> Path | None:
    """The file that a storage is; None where it is a server."""
    if "://" not in url:
        return Path(url)
    if not url.startswith("sqlite"):
        return None
    place = url.partition("://")[2].removeprefix("/").partition("?")[0]
    return None if place in ("", ":memory:") else Path(place)
