"""Data sets that a function makes: found by its name, called, and what it returns is looked at."""

import sys

import pytest

from liquidjax.tasks.readers.function import imported, read_function

MODULE = """
from liquidjax.tasks.dataset import SequenceDataset


def load():
    from its_neighbour import LENGTH

    return SequenceDataset([[[1.0]] * LENGTH])


def nothing():
    pass


def number(argument=3):
    return argument


def needs(argument):
    return argument


def fails():
    raise KeyError("mine")


constant = 3
"""


@pytest.fixture(autouse=True)
def current_folder(tmp_path, monkeypatch):
    """With modules that are forgotten behind the test."""
    (tmp_path / "some_data.py").write_text(MODULE)
    (tmp_path / "its_neighbour.py").write_text("LENGTH = 2\n")
    (tmp_path / "broken_data.py").write_text("import no_such_module\n")
    monkeypatch.chdir(tmp_path)
    yield
    for name in ("some_data", "its_neighbour", "broken_data"):
        sys.modules.pop(name, None)


def test_modules_of_the_current_folder_are_found_while_it_runs(tmp_path):
    assert read_function("some_data:load").inputs.tolist() == [[[1], [1]]]
    assert str(tmp_path) not in sys.path


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("some_data", "a function must be named as package.module:function, got 'some_data'"),
        ("some data:load", "a function must be named as package.module:function, got 'some data:load'"),
        ("some_data:load()", "a function must be named as package.module:function, got 'some_data:load()'"),
        (".some_data:load", "a function must be named as package.module:function, got '.some_data:load'"),
        (3, "a function must be named as package.module:function, got 3"),
        ("no_data:load", "no_data:load: there is no module no_data, neither in FOLDER nor installed"),
        ("some_data.a:load", "some_data.a:load: there is no module some_data.a, neither in FOLDER nor installed"),
        (
            "some_data:lode",
            "some_data has no function 'lode', did you mean 'load'? It has SequenceDataset, load, nothing, number, "
            "needs, fails, constant",
        ),
        ("some_data:constant", "some_data:constant must be a function without arguments, got 3"),
        (
            "some_data:needs",
            "some_data:needs must be a function without arguments, but missing a required argument: 'argument'",
        ),
        ("some_data:nothing", "some_data:nothing must return a SequenceDataset, got None"),
        ("some_data:number", "some_data:number must return a SequenceDataset, got 3"),
    ],
)
def test_refuses_the_rest_in_one_sentence(name, sentence, tmp_path):
    with pytest.raises(ValueError) as caught:
        read_function(name)
    assert str(caught.value) == sentence.replace("FOLDER", str(tmp_path))


def test_a_module_that_is_no_python_is_named(tmp_path):
    (tmp_path / "no_python.py").write_text("x = 1\ndef load(:\n")
    with pytest.raises(ValueError, match=r"no_python cannot be imported: invalid syntax \(no_python\.py, line 2\)"):
        read_function("no_python:load")


def test_what_stands_in_a_module_is_found_by_its_name():
    with imported("some_data:constant", "number") as found:
        assert found == 3
    message = r"an objective must be named as package\.module:objective, got 'some_data'"
    with pytest.raises(ValueError, match=message), imported("some_data", "objective"):
        raise AssertionError("it must not come to this")
    message = "some_data has no number 'constent', did you mean 'constant'"
    with pytest.raises(ValueError, match=message), imported("some_data:constent", "number"):
        raise AssertionError("it must not come to this")


def test_what_the_module_or_the_function_raises_is_its_own():
    with pytest.raises(ModuleNotFoundError, match="broken_data cannot be imported: No module named 'no_such_module'"):
        read_function("broken_data:load")
    with pytest.raises(KeyError, match="mine"):
        read_function("some_data:fails")
