"""Curves that grow line by line, also on a disk that is full for a while."""

import errno

import pytest

from liquidjax.experiments.supervised.growing import Growing, growing


@pytest.fixture
def full(monkeypatch):
    """Switches the disk between full and not: a list that holds something while it is full."""
    state, append, end = [], Growing._append, Growing.end

    def unless_full(write):
        def wrapped(*arguments):
            if state:
                raise OSError(errno.ENOSPC, "No space left on device")
            write(*arguments)

        return wrapped

    monkeypatch.setattr(Growing, "_append", unless_full(append))
    monkeypatch.setattr(Growing, "end", unless_full(end))
    return state


def test_it_can_be_read_while_it_grows(tmp_path):
    with growing(tmp_path / "x", print) as file:
        print("one", 1, file=file)
        assert (tmp_path / "x").read_text() == "one 1\n"
        print("two", end="", file=file)
        assert (tmp_path / "x").read_text() == "one 1\n"
        print("", file=file)
    assert (tmp_path / "x").read_text() == "one 1\ntwo\n"


def test_what_did_not_fit_is_told_once_and_written_when_there_is_room(tmp_path, full):
    told = []
    with growing(tmp_path / "x", told.append) as file:
        print("one", file=file)
        full.append(True)
        print("two", file=file)
        print("three", file=file)
        assert (tmp_path / "x").read_text() == "one\n" and len(told) == 1 and "No space left" in told[0]
        full.clear()
        print("four", file=file)
        assert (tmp_path / "x").read_text() == "one\ntwo\nthree\nfour\n"
        print("five", file=file)
    assert (tmp_path / "x").read_text() == "one\ntwo\nthree\nfour\nfive\n" and len(told) == 1


def test_what_never_fits_is_an_error_at_the_end(tmp_path, full):
    with pytest.raises(OSError, match="No space left"), growing(tmp_path / "x", lambda _: None) as file:
        full.append(True)
        print("one", file=file)


def test_half_a_line_is_written_again(tmp_path):
    with growing(tmp_path / "x", lambda _: None) as file:
        print("one", file=file)
        with (tmp_path / "x").open("a") as other:  # as much of it as there was room for
            other.write("tw")
        file.whole = False
        print("two", file=file)
        assert (tmp_path / "x").read_text() == "one\ntwo\n"
