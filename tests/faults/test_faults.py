"""Faults on purpose, a few of each kind; all of them where the tests are slow ones, as `make faults` counts them."""

import sys

import pytest

from faults import everything
from faults.mutated import all_kinds
from faults.server import Server

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked and looked at as Linux does")


def assert_fine(trials):
    found = list(trials)
    wrong = [trial for trial in found if not trial.fine]
    assert found and not wrong, "\n".join(map(str, wrong))
    return found


@pytest.fixture(scope="module", params=["small", pytest.param("whole", marks=pytest.mark.slow)])
def sizes(request):
    return everything.SMALL if request.param == "small" else everything.WHOLE


@pytest.fixture(scope="module")
def runs(sizes, tmp_path_factory):
    with Server() as server:
        yield everything.references(server, tmp_path_factory.mktemp("runs"), sizes)


def test_a_run_that_is_killed_or_stopped_goes_on_to_the_same_bits(runs, sizes, tmp_path):
    found = assert_fine(everything.of_kills(runs, tmp_path, sizes))
    assert sum(trial.outcome == "went on to the same bits" for trial in found) >= len(found) / 2


def test_damage_is_noticed_or_without_harm(runs, sizes, tmp_path):
    assert_fine(everything.of_damage(runs, tmp_path, sizes))


def test_full_disks_two_writers_and_read_only_folders(runs, sizes, tmp_path):
    assert_fine(everything.of_disks(runs, tmp_path, sizes))


def test_a_mutated_file_ends_in_a_result_or_an_error_of_the_package(tmp_path):
    assert_fine(all_kinds(tmp_path, everything.SMALL.mutated, seed=1))


@pytest.mark.slow
def test_many_mutated_files_do_so_in_bounded_memory(tmp_path):
    assert_fine(everything.of_files(tmp_path, everything.WHOLE.mutated))
