"""What the commands say, and how."""

import io
import shlex
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liquidjax.commands.words import count, notice, quoted


class FullDisk(io.StringIO):
    """A file where nothing can be written."""

    def write(self, text: str, /) -> int:
        raise OSError(28, "No space left on device")


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_a_shell_reads_a_path_as_it_is(name):
    assert shlex.split(quoted(Path(name))) == [str(Path(name))]


@pytest.mark.parametrize(
    ("given", "said"),
    [((1, "epoch"), "1 epoch"), ((0, "epoch"), "0 epochs"), ((2, "test series", "test series"), "2 test series")],
)
def test_a_number_of_things(given, said):
    assert count(*given) == said


def test_a_notice_is_a_line_on_stderr_and_no_error_where_that_is_full(capsys, monkeypatch):
    notice("the disk is slow")
    assert capsys.readouterr() == ("", "liquidjax: the disk is slow\n")
    monkeypatch.setattr(sys, "stderr", FullDisk())
    notice("the disk is full")
