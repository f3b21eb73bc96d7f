"""Settings that are given in Python, refused what they are refused in a file: values of another type than their own."""

import dataclasses
import typing
from typing import Any

from liquidjax._bounds import shown
from liquidjax.training import hints


def check_fields(settings: Any) -> None:
    """Raises the ValueError for a field of a dataclass that holds something else than its type says.

    To be called in `__post_init__`, before the values are looked at. A whole number is a floating point number too.

    Args:
        settings: a dataclass of the kinds of fields that `configuration.read` knows.

    Example:
        >>> from liquidjax.experiments.supervised.config import Data
        >>> Data(split="serie")
        Traceback (most recent call last):
            ...
        ValueError: split must be 'series' or 'time', got 'serie'
    """
    kinds = typing.get_type_hints(type(settings))
    for field in dataclasses.fields(settings):
        value, kind = getattr(settings, field.name), kinds[field.name]
        items = zip(value, hints.of_items(kind, len(value)), strict=True) if isinstance(value, tuple) else ()
        if not hints.fits(value, kind) or not all(hints.fits(item, hint) for item, hint in items):
            several = typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else None
            expected = hints.named(kind) if several is None else f"a tuple of {hints.named(several)}"
            raise ValueError(f"{field.name} must be {expected}, got {shown(value)}")
