"""The folder of a run, and what is said where it can go on."""

from pathlib import Path

import pytest

from liquidjax.commands.beginning import folder_of, how_to_go_on, place_of


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((None, None, None), "train needs a configuration, or --resume with the folder of a run, and not both"),
        ((Path("x.yaml"), None, Path("run")), "and not both"),
        ((None, Path("new"), Path("run")), "a run goes on in its own folder: leave out --folder, or --resume"),
    ],
)
def test_a_run_begins_or_goes_on(given, message):
    with pytest.raises(ValueError, match=message):
        place_of("train", *given)


def test_one_that_goes_on_stays_where_it_is():
    with place_of("train", None, None, Path("run")) as folder:
        assert folder == Path("run")
    assert not folder.exists()


def test_a_folder_of_its_own_is_gone_if_nothing_came_of_it():
    with folder_of(Path("walks.yaml"), None) as folder:
        assert folder.is_dir() and folder.parent == Path("runs") and folder.name.startswith("walks-")
    assert not folder.exists()
    with pytest.raises(OSError, match="the disk is full"), folder_of(Path("walks.yaml"), None) as folder:
        (folder / "config.yaml").touch()
        raise OSError("the disk is full")
    assert (folder / "config.yaml").exists()


def test_the_folder_that_is_asked_for_is_made_by_the_run_alone():
    with folder_of(Path("walks.yaml"), Path("mine")) as folder:
        assert folder == Path("mine") and not folder.exists()


@pytest.mark.parametrize("saved", [True, False])
def test_an_error_of_the_disk_says_how_to_go_on_where_there_is_something_to_go_on_with(saved):
    run = Path("it's a run")
    (run / "checkpoints" if saved else run).mkdir(parents=True)
    (run / "config.yaml").touch()
    with pytest.raises(OSError) as error, how_to_go_on(run):
        raise OSError("the disk is full")
    go_on = "; once that is mended, go on: liquidjax train --resume 'it'\"'\"'s a run'"
    assert str(error.value) == f"the disk is full{go_on if saved else ''}"
