"""Configurations: YAML files over frozen dataclasses, read strictly."""

import dataclasses
import difflib
import os
import typing
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml

T = TypeVar("T")


def read(path: str | os.PathLike, kind: type[T]) -> T:
    """Reads a YAML file into a dataclass; what the file leaves out keeps its default.

    Args:
        path: the file.
        kind: a dataclass; its fields may be int, float, bool, str, Literal, or dataclasses of such.

    Returns:
        An instance of `kind`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no YAML, a key that does not exist or comes twice, a value of another type, or a value the
            dataclass refuses; the message names the file, the place and the nearest key.

    Example:
        >>> import pathlib, tempfile
        >>> from liquidjax.tasks.digits import Digits
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "digits.yaml"
        >>> _ = file.write_text("steps: 16")
        >>> read(file, Digits).steps
        16
    """
    try:
        mapping = yaml.load(Path(path).read_text(encoding="utf-8"), _StrictLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    try:
        return build(kind, {} if mapping is None else mapping)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def build(kind: type[T], mapping: Any, place: str = "") -> T:
    """An instance of the dataclass `kind` from nested dicts, as strictly as `read`.

    Example:
        >>> from liquidjax.tasks.digits import Digits
        >>> build(Digits, {"stepz": 16})
        Traceback (most recent call last):
        ...
        ValueError: unknown key `stepz`; did you mean `steps`?
    """
    if not isinstance(mapping, dict):
        raise ValueError(f"{_quoted(place) or 'the file'} must be a mapping (key: value), got {mapping!r}")
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(typing.cast(Any, kind))]
    values = {}
    for key, value in mapping.items():
        below = f"{place}.{key}" if place else str(key)
        if key not in names:
            # The nearest of all keys, so that a typing error is named even when it is a bad one.
            nearest = difflib.get_close_matches(str(key), names, n=1, cutoff=0)[0]
            raise ValueError(f"unknown key {_quoted(below)}; did you mean `{nearest}`?")
        values[key] = _value(hints[key], value, below)
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{place}: {error}" if place else str(error)) from error


def to_yaml(config: Any) -> str:
    """The YAML of a config dataclass, every field written out; `read` gives an equal one back.

    Example:
        >>> from liquidjax.tasks.digits import Digits
        >>> print(to_yaml(Digits()), end="")
        steps: 8
        test_share: 0.2
        validation_share: 0.15
        split_seed: 0
    """
    return yaml.safe_dump(dataclasses.asdict(config), sort_keys=False, allow_unicode=True)


def _value(hint: Any, value: Any, place: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type, hint), value, place)
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        if value not in choices:
            raise ValueError(f"{_quoted(place)} must be one of {', '.join(map(str, choices))}, got {value!r}")
        return value
    if hint is float and isinstance(value, str):
        # YAML 1.1 reads 1e-3, without a dot, as text.
        try:
            return float(value)
        except ValueError:
            pass
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:  # not isinstance: True is an int
        raise ValueError(f"{_quoted(place)} must be {hint.__name__}, got {type(value).__name__} {value!r}")
    return value


def _quoted(place: str) -> str:
    return f"`{place}`" if place else ""


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that comes twice, of which YAML would silently keep the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        keys = [key.value for key, _ in node.value]
        for twice in {key for key in keys if keys.count(key) > 1}:
            raise yaml.constructor.ConstructorError(None, None, f"the key `{twice}` comes twice", node.start_mark)
        return super().construct_mapping(node, deep)
