"""Where a process belongs: by what it is told, by the environment, by a cluster that JAX knows."""

import pytest

from liquidjax.training.processes.joined import joined
from liquidjax.training.processes.place import Place, place


@pytest.fixture(autouse=True)
def nothing_in_the_environment(monkeypatch):
    for name in ("JAX_COORDINATOR_ADDRESS", "JAX_PROCESS_ID", "JAX_NUM_PROCESSES", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)


def test_what_it_is_told_comes_before_the_environment(monkeypatch):
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "one:1")
    monkeypatch.setenv("JAX_PROCESS_ID", "2")
    monkeypatch.setenv("JAX_NUM_PROCESSES", "4")
    assert place() == Place("one:1", 2, 4) and place().port == 1
    assert place("[::1]:22", 0, 3) == Place("[::1]:22", 0, 3)


def test_slurm_says_it(monkeypatch):
    said = {"JOB_ID": "7", "STEP_NODELIST": "node[003,007]", "NTASKS": "2", "PROCID": "1", "LOCALID": "0"}
    for name, value in said.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    found = place()
    assert (found.process, found.number) == (1, 2) and str(found.coordinator).startswith("node003:")
    assert place("other:5").coordinator == "other:5"


def test_one_alone_needs_nobody():
    assert place(number=1) == Place(None, 0, 1)
    with joined(number=1) as watch:
        assert watch is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((), "the place of this process must be known: the coordinator .HOST:PORT of process 0., the process id"),
        (("here:1", 0), "got here:1, 0, None"),
        (("here", 0, 2), "the coordinator must be HOST:PORT, such as 10.0.0.1:1234, got 'here'"),
        (("here:0", 0, 2), "the coordinator must be HOST:PORT"),
        (("here:65536", 0, 2), "the coordinator must be HOST:PORT"),
        (("here:1", 2, 2), "the process id must be below the number of processes, 2, got 2"),
        (("here:1", -1, 2), "the process id must be an integer of at least 0"),
        (("here:1", 0, 0), "the number of processes must be an integer of at least 1"),
        (("here:1", 3, 1), "the process id must be below the number of processes, 1, got 3"),
    ],
)
def test_what_is_no_place_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        place(*given)


def test_the_environment_must_hold_numbers(monkeypatch):
    monkeypatch.setenv("JAX_PROCESS_ID", "first")
    with pytest.raises(ValueError, match="JAX_PROCESS_ID must be an integer of at least 0, got 'first'"):
        place()


def test_a_timeout_is_a_number():
    with pytest.raises(ValueError, match="timeout must be a number in"), joined("here:1", 0, 2, timeout=0.0):
        pass
