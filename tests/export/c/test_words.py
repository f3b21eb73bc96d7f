"""Names of users in C: they are kept, and do no harm."""

import re

import hypothesis
import pytest
from hypothesis import strategies as st

from liquidjax.export.c import words


@hypothesis.given(st.text())
def test_a_comment_stays_one_line_of_ascii_in_one_comment(text):
    said = words.comment(text)
    assert said.isascii() and said.isprintable()
    assert not any(mark in said for mark in ("*/", "/*", "??"))


@hypothesis.given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_string_holds_the_bytes_of_the_name(text):
    said = words.literal(text)
    assert said.isascii() and said.isprintable() and "??" not in said
    inner = said[1:-1]
    pieces = re.findall(r'\\[0-7]{3}|\\["\\?]|[^"\\]', inner)
    assert "".join(pieces) == inner
    read = bytes(int(p[1:], 8) if len(p) == 4 else ord(p[-1]) for p in pieces)
    assert read == text.encode()


def test_a_string_that_c_could_not_hold_is_refused():
    with pytest.raises(ValueError, match="at most 4000 bytes in C, got 4002"):
        words.literal("é" * 2001)
    with pytest.raises(ValueError, match="without the character 0"):
        words.literal("a\0b")


@pytest.mark.parametrize("name", ["model", "a1", "pilot_2", "Wheel_left"])
def test_a_name_that_begins_identifiers_is_taken(name):
    words.check_name(name)


@pytest.mark.parametrize("name", ["", "1a", "_a", "a_", "a__b", "a-b", "a b", "é", "a\n", "a" * 41, None, 3, "x;"])
def test_any_other_name_is_refused(name):
    with pytest.raises(ValueError, match="name must begin the names in C"):
        words.check_name(name)


def test_a_long_paragraph_is_cut():
    lines = words.paragraph("word " * 1000).splitlines()
    assert len(lines) == 12 and lines[-1] == " * ..." and all(len(line) <= 110 for line in lines)
