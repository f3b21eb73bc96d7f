"""Data sets that a function of anybody's makes, and what else is named in a module of theirs."""

import contextlib
import importlib
import inspect
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

from liquidjax._bounds import shown
from liquidjax._checks import described
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.readers.names import check_known

NAME = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*)")
"""package.module:function."""


def read_function(name: str) -> SequenceDataset:
    """What a function without arguments returns, named as "package.module:function".

    What the function raises is not caught.

    Args:
        name: the module, a colon, and the function, see `imported`.

    Raises:
        ValueError: no such name, no such module, no function of this name in it, or it returns no `SequenceDataset`.

    Example:
        >>> read_function("math:pi")
        Traceback (most recent call last):
            ...
        ValueError: math:pi must be a function without arguments, got 3.141592653589793
    """
    with imported(name) as function:
        if not callable(function):
            raise ValueError(f"{name} must be a function without arguments, got {described(function)}")
        try:
            inspect.signature(function).bind()
        except TypeError as error:
            raise ValueError(f"{name} must be a function without arguments, but {error}") from error
        data = function()
    if not isinstance(data, SequenceDataset):
        raise ValueError(f"{name} must return a SequenceDataset, got {described(data)}")
    return data


@contextlib.contextmanager
def imported(name: str, what: str = "function") -> Iterator[Any]:
    """What stands in a module under a name; for the time of the block, modules in the current folder are found too.

    Those come before installed ones.

    Args:
        name: the module, a colon, and the name in it: "package.module:function".
        what: that it should be, for errors.

    Raises:
        ValueError: no such name, no such module, or nothing of this name in it.

    Example:
        >>> with imported("math:pi", "number") as pi:
        ...     print(pi)
        3.141592653589793
    """
    found = NAME.fullmatch(name) if isinstance(name, str) else None
    if found is None:
        article = "an" if what[0] in "aeiou" else "a"
        raise ValueError(f"{article} {what} must be named as package.module:{what}, got {shown(name)}")
    module_name, own_name = found.groups()
    folder = os.getcwd()
    sys.path.insert(0, folder)
    try:
        importlib.invalidate_caches()  # the file may be younger than the last import
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
                said = f"{module_name} cannot be imported: {error}"
                raise ModuleNotFoundError(said, name=error.name) from error  # a module that this one imports
            raise ValueError(f"{name}: there is no module {error.name}, neither in {folder} nor installed") from error
        except SyntaxError as error:
            raise ValueError(f"{module_name} cannot be imported: {error}") from error
        check_known(own_name, [known for known in vars(module) if not known.startswith("__")], module_name, what)
        yield getattr(module, own_name)
    finally:
        with contextlib.suppress(ValueError):  # where the module has removed it already
            sys.path.remove(folder)
