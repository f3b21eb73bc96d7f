"""Two processes with two devices each train as one, and where one is lost the other leaves, and nothing is lost."""

import re
import shutil
import signal

import numpy as np
import pytest

from joined_training import found, settings_of_training
from liquidjax.training.checkpoints.keeper import Checkpoints
from liquidjax.training.processes.watch import STATUS
from processes_of import together
from small_training import trained


@pytest.fixture(scope="module")
def alone():
    return found(trained(**settings_of_training()))


def assert_same(other, alone):
    """In float32, by rounding."""
    np.testing.assert_allclose(other["history"], alone["history"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(other["params"], alone["params"], rtol=0, atol=1e-5)
    assert other["steps"] == alone["steps"]


def of_checkpoints(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_two_processes_with_two_devices_each_train_as_one(alone):
    first, second = together()
    assert (first.status, second.status) == (0, 0), first.err + second.err
    assert first.found == second.found
    assert_same(first.found, alone)
    assert not second.err


def test_one_is_asked_to_stop_and_all_do_after_the_same_step_and_any_number_goes_on(alone, tmp_path):
    """The second is asked; the first, which writes, and the second are at one step; one process goes on, and four
    devices of one, each with all the losses of the whole."""
    folder = tmp_path / "saved"
    first, second = together(acts={1: ("stop", 6)}, folder=str(folder))
    assert (first.status, second.status) == (0, 0), first.err + second.err
    assert first.found == second.found and 6 <= first.found["steps"] < alone["steps"]
    assert of_checkpoints(folder)[-1] == f"step-{first.found['steps']:08d}"
    shutil.copytree(folder, tmp_path / "other")
    assert_same(found(trained(**settings_of_training(), checkpoints=Checkpoints(folder))), alone)
    (four,) = together(1, devices=4, folder=str(tmp_path / "other"))
    assert_same(four.found, alone)


def test_each_may_train_on_its_own_devices_and_save_by_itself(alone, tmp_path):
    """The one has done half of it when the other has ended: nobody waits for anybody."""
    ends = together(own={1: {"epochs": 3}}, training={"by_itself": True}, folder=str(tmp_path))
    assert [each.status for each in ends] == [0, 0], ends[0].err + ends[1].err
    assert_same(ends[0].found, alone)
    assert [len(each.found["history"]) for each in ends] == [6, 3]
    last = [of_checkpoints(tmp_path / str(process))[-1] for process in (0, 1)]
    assert last == ["step-00000024-2", "step-00000012-2"]  # that they ended


def test_another_training_in_one_process_is_refused_by_all():
    first, second = together(own={1: {"seed": 3}}, timeout=30.0)
    assert "process 1 must be given the training of process 0, but training: " in second.err and second.status == 1
    assert "process 1 ended with an error: process 1 must be given" in first.err and first.status == STATUS


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        ({"epochs": 7}, "epochs: 6 there, 7 here"),
        ({"batch_size": 8}, "batch_size: 4 there, 8 here"),
        ({"debug_nans": True}, "debug_nans: false there, true here"),
    ],
)
def test_other_settings_in_one_process_are_refused_without_checkpoints_too(own, sentence):
    """They would compute something else in a step that they share, or another number of steps."""
    first, second = together(own={1: own}, timeout=30.0)
    assert sentence in second.err and second.status == 1
    assert sentence in first.err and first.status == STATUS


def test_a_mesh_of_several_processes_has_no_other_axis():
    """What a process wishes is summed along one."""
    ends = together(training={"along_another_axis": 2})
    sentence = 'must have the axis "batch" alone, such as jax.make_mesh((4,), ("batch",)), got '
    assert all(sentence in each.err for each in ends)


def test_where_one_processor_draws_other_digits_the_start_is_that_of_process_0(alone):
    first, second = together(own={1: {"draws_otherwise": True}})
    assert (first.status, second.status) == (0, 0), first.err + second.err
    assert first.found == second.found
    assert_same(first.found, alone)


def test_calibrated_members_of_two_processes_are_those_of_one():
    training = {"ltc": True, "calibrate": True, "members": {"seed": [1, 2], "learning_rate": [0.01, 0.05]}, "epochs": 2}
    first, second = together(training=training)
    assert (first.status, second.status) == (0, 0), first.err + second.err
    assert first.found == second.found
    assert_same(first.found, found(trained(**settings_of_training(**training))))


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("signal_name", ["SIGKILL", "SIGSTOP"])
def test_one_is_killed_or_stopped_and_the_others_leave_and_say_who(signal_name, victim, alone, tmp_path):
    ends = together(acts={victim: (signal_name, 10)}, folder=str(tmp_path / "saved"), timeout=20.0)
    other = ends[1 - victim]
    assert other.status == STATUS and other.err.count("\n") == 1
    assert f"process {1 - victim} of 2 ends here: missing: process {victim}, not heard of for" in other.err
    if signal_name == "SIGKILL":
        assert ends[victim].status == -signal.SIGKILL and other.seconds - ends[victim].seconds < 60
    steps = [int(name.removeprefix("step-")) for name in of_checkpoints(tmp_path / "saved")]
    assert max(steps) >= 8  # the last whole one before its tenth question, or that after it
    assert_same(found(trained(**settings_of_training(), checkpoints=Checkpoints(tmp_path / "saved"))), alone)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_one_that_is_alive_but_stands_still_is_named(victim):
    ends = together(acts={victim: ("sleep", 10)}, timeout=20.0)
    assert [each.status for each in ends] == [STATUS, STATUS]
    # The others are not held up by the step itself, but by the first number that they look at.
    place = r"(step [234] of epoch 3|the validation)"
    sentence = rf"missing at {place}: process {victim}, which for \d+ s got no further than step 1 of epoch 3\n"
    assert all(re.search(sentence, each.err) for each in ends), ends[0].err + ends[1].err


@pytest.mark.slow
def test_one_that_fails_takes_the_others_along():
    first, second = together(acts={1: ("fail", 10)}, timeout=30.0)
    assert second.status == 1 and "the sensor is on fire" in second.err
    assert first.status == STATUS and "process 1 ended with an error: the sensor is on fire" in first.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("here", "sentence"),
    [(0, "process 1 has not come to localhost:"), (1, "so process 0 has not been started, or is out of reach")],
)
def test_one_that_never_comes_is_said(here, sentence):
    (only,) = together(here=[here], coming=3.0)
    assert only.status == STATUS and sentence in only.err and only.err.count("\n") == 1
