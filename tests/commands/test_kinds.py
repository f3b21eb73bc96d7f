"""Every command that has settings has their kind in the table."""

import typing

import pytest

from liquidjax import __main__ as cli
from liquidjax.commands.kinds import KINDS


@pytest.mark.parametrize("name", cli.FUNCTIONS)
def test_it_is_the_kind_that_the_function_says(name):
    function = cli.FUNCTIONS[name]
    said = typing.get_type_hints(function).get("settings")
    assert KINDS.get(name) is said
    assert cli.COMMANDS[name] == (function, said)


def test_nothing_else_is_in_it():
    assert KINDS.keys() <= cli.FUNCTIONS.keys()
