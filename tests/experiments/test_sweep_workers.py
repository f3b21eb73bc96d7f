"""Several workers of a sweep as processes of their own, one of them killed, on a journal, SQLite and PostgreSQL."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from optuna.trial import TrialState

from liquidjax.experiments.sweep import claims
from tiny_sweep import trials, write

POSTGRES = Path("/usr/lib/postgresql")
"""Where Debian has it, beside the search path."""
EPOCHS = 40
OPTIONS = ["--training.epochs", EPOCHS, "--training.checkpoint-seconds", "0", "--pruner", "none", "--trials", 6]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    return tmp_path


def worker(place, number, url):
    command = ["-m", "liquidjax", "sweep", "tiny.yaml", "--space", "space.yaml", *OPTIONS]
    given = [] if url is None else ["--storage", url]
    with (place / f"worker-{number}.txt").open("w") as out:
        return subprocess.Popen([sys.executable, *map(str, (*command, *given))], stdout=out, stderr=subprocess.STDOUT)


def wait_for(condition, seconds=240):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def in_the_middle(place, process, url):
    """The trial that a worker is training and how many of its epochs were told, when it is in the middle of one."""
    assert process.poll() is None, [file.read_text() for file in place.glob("worker-*.txt")]
    if not (place / "sweeps" / "tiny" / ".study").exists():
        return None
    for each in trials(url=url):
        told = len(each.intermediate_values)
        if each.state == TrialState.RUNNING and each.user_attrs.get("alive", [0, 0])[1] == process.pid:
            return (each.number, told) if 4 < told < EPOCHS - 10 else None
    return None


def four_workers(place, url=None):
    """One is killed in the middle of a trial, and one is stopped; the others do the rest."""
    workers = [worker(place, number, url) for number in range(4)]
    try:
        number, told = wait_for(lambda: in_the_middle(place, workers[0], url))
        curves = place / "sweeps" / "tiny" / f"trial-{number:04d}" / "metrics.jsonl"
        before = curves.read_text().splitlines()[: told - 1]
        workers[0].kill()
        wait_for(lambda: in_the_middle(place, workers[1], url))
        workers[1].send_signal(signal.SIGTERM)
        codes = [process.wait(timeout=300) for process in workers]
    finally:
        for process in workers:
            process.kill()
    texts = [(place / f"worker-{each}.txt").read_text() for each in range(4)]
    assert codes == [-signal.SIGKILL, 143, 0, 0], texts
    found = trials(url=url)
    assert [each.number for each in found] == list(range(6))
    assert [each.state for each in found] == [TrialState.COMPLETE] * 6, texts
    assert all(sorted(each.intermediate_values) == list(range(1, EPOCHS + 1)) for each in found)
    # What had been trained before the kill was not trained again: its lines are the same, their seconds too.
    assert before and curves.read_text().splitlines()[: len(before)] == before
    said = "".join(texts)
    begins = f"trial-{number:04d}: taken up again, for its worker has ended; it had told "
    assert int(said.split(begins)[1].split()[0]) >= told
    assert said.count("taken up again, for") == 2 and said.count(": stopped and saved") == 1
    assert sum(line.startswith("trial-") and ": accuracy " in line for line in said.splitlines()) == 6
    assert {path.name for path in (place / "sweeps" / "tiny").glob("trial-*")} == {f"trial-{i:04d}" for i in range(6)}


@pytest.mark.slow
@pytest.mark.parametrize("url", [None, "sqlite:///study.db"])
def test_four_workers_of_which_one_is_killed_end_with_every_trial_trained_once(url, place):
    four_workers(place, url)


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from liquidjax.experiments.sweep.claims import Claims\n"
        "claim = Claims(Path(sys.argv[1])).take(3); print(claim is not None, flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "True\n"
        locks = claims.Claims(tmp_path)
        assert locks.take(3) is None and locks.take(4) is not None
    finally:
        process.kill()
        process.communicate()
    assert locks.take(3) is not None


def programs():
    """The folder of the programs of a PostgreSQL server; None where there is none."""
    found = shutil.which("initdb")
    places = ([Path(found).resolve().parent] if found else []) + sorted(POSTGRES.glob("*/bin"), reverse=True)
    return next((each for each in places if (each / "postgres").exists() and (each / "pg_ctl").exists()), None)


@pytest.fixture
def postgres():
    """The URL of a database on a server of its own, which listens on a socket in its folder and on no port."""
    bin = programs()
    if bin is None:
        pytest.skip("needs PostgreSQL: initdb, pg_ctl and postgres")
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # short, for the path of a socket
    user = "postgres" if os.geteuid() == 0 else None  # a server does not run as root
    if user:
        shutil.chown(folder, user)

    def call(program, *arguments):
        subprocess.run([bin / program, *arguments], user=user, cwd=folder, check=True, capture_output=True)

    try:
        call("initdb", "-D", folder / "data", "-U", "liquid", "-A", "trust", "--no-sync")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        # With a log of its own: a server that holds the pipe would be waited for.
        call("pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql+psycopg://liquid@/postgres?host={folder}"
        finally:
            call("pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_the_server_of_the_tests_answers(postgres):
    """By its own client, which needs no driver of Python."""
    folder, host = programs(), postgres.partition("host=")[2]
    if folder is None or not (folder / "psql").exists():
        pytest.skip("needs psql")
    command = [folder / "psql", "-h", host, "-U", "liquid", "postgres", "-Atc", "select 6 * 7"]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "42\n"


@pytest.mark.slow
def test_four_workers_on_postgresql(postgres, place):
    pytest.importorskip("psycopg")
    four_workers(place, postgres)
