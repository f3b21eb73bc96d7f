"""Configurations: YAML files over frozen dataclasses, read strictly.

Of YAML only that is read which version 1.1 and version 1.2 read alike: numbers are decimal (no 010, 0x10, 1_000 or
12:30:45, and no nan), the truth is `true` or `false` (no yes, no, on or off), and there are no dates, no tags, no
aliases and no merged maps. What looks like one of them is text, and refused where no text belongs.
"""

import dataclasses
import difflib
import os
import re
import types
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml

from liquidjax._bounds import shown

T = TypeVar("T")
SUFFIXES = (".yaml", ".yml")
LARGEST_FILE = 100_000
"""Bytes. A run has some dozens of settings."""
DEEPEST = 20
"""Levels of maps and lists within each other."""
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,99})", re.ASCII)
DECIMAL = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?", re.ASCII)
"""How numbers are written; Python's `int` and `float` would also take 1_0, nan and the digits of other scripts."""


def read(path: str | os.PathLike, kind: type[T]) -> T:
    """Reads a YAML file into a dataclass; what the file leaves out keeps its default.

    Args:
        path: the file.
        kind: a dataclass; its fields may be int, float, bool, str, Literal, one of these or None, a tuple of any number
            of one of these, or dataclasses of such. Where texts are listed, a text by itself is a list of one; where a
            dataclass with a class variable `by_itself` belongs, it is the field of that name.

    Returns:
        An instance of `kind`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not called .yaml, or holds no YAML of the kind this module reads, a key that does not exist or
            comes twice, a value of another type, or a value the dataclass refuses; the message names the file, the
            place and the nearest key.

    Example:
        >>> import pathlib, tempfile
        >>> from liquidjax.experiments.supervised.config import Inputs
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "inputs.yaml"
        >>> _ = file.write_text("fill: mean")
        >>> read(file, Inputs).fill
        'mean'
    """
    contents = _contents(path)
    try:
        return from_bytes(contents, kind)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def mapping(path: str | os.PathLike) -> Any:
    """What a YAML file says, read as strictly as by `read`, but for its keys, which are the caller's to look at.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "some.yaml"
        >>> _ = file.write_text("training.epochs: [3, 5]")
        >>> mapping(file)
        {'training.epochs': [3, 5]}
    """
    contents = _contents(path)
    try:
        return _mapping(contents)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _contents(path: str | os.PathLike) -> bytes:
    if not Path(path).name.endswith(SUFFIXES):
        raise ValueError(f"{path} must be a .yaml file")
    with Path(path).open("rb") as file:
        return file.read(LARGEST_FILE + 1)


def first_keys(path: str | os.PathLike) -> set[str]:
    """The keys of the first level of a YAML file, by which one can tell whose settings they are; errors as of `read`.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "some.yaml"
        >>> _ = file.write_text("seeds: 2")
        >>> first_keys(file)
        {'seeds'}
    """
    with Path(path).open("rb") as file:
        mapping = _mapping(file.read(LARGEST_FILE + 1))
    return set(mapping) if isinstance(mapping, dict) else set()


def from_bytes(contents: bytes, kind: type[T]) -> T:
    """What a file with these contents says, see `read`.

    Example:
        >>> from liquidjax.experiments.supervised.config import Inputs
        >>> from_bytes(b"step: 0.5", Inputs).step
        0.5
    """
    mapping = _mapping(contents)
    return build(kind, {} if mapping is None else mapping)


def _mapping(contents: bytes) -> Any:
    if len(contents) > LARGEST_FILE:
        raise ValueError(f"must be a YAML file of at most {LARGEST_FILE:,} bytes, and is longer")
    try:
        return yaml.load(contents.decode("utf-8"), _StrictLoader)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: not UTF-8
        text = " ".join(str(error).split())
        raise ValueError(f"not YAML: {text if len(text) <= 300 else text[:297] + '...'}") from error


def build(kind: type[T], mapping: Any, place: str = "", default: T | None = None, root: Any = None) -> T:
    """An instance of the dataclass `kind` from nested dicts, as strictly as `read`.

    Args:
        kind: the dataclass.
        mapping: its fields by name; those left out keep their defaults.
        place: where in the configuration this is, for errors.
        default: an instance whose values are the defaults; those of the class when None.
        root: the dataclass of the whole configuration, for errors; `kind` when None.

    Example:
        >>> from liquidjax.experiments.supervised.config import Inputs
        >>> build(Inputs, {"stepz": 16})
        Traceback (most recent call last):
        ...
        ValueError: unknown key `stepz`; did you mean `step`?
    """
    if not isinstance(mapping, dict):
        raise ValueError(f"{_quoted(place) or 'the file'} must be a mapping (key: value), got {shown(mapping)}")
    hints, root = typing.get_type_hints(kind), root or kind
    fields = {field.name: field for field in dataclasses.fields(typing.cast(Any, kind))}
    values = {}
    for key, value in mapping.items():
        below = f"{place}.{key}" if place else str(key)
        if key not in fields:
            raise ValueError(f"unknown key {_quoted(below)}; did you mean `{_nearest(str(key), fields, root)}`?")
        given = fields[key].default if default is None else getattr(default, key)
        values[key] = _value(hints[key], value, below, None if given is dataclasses.MISSING else given, root)
    missing = [name for name, field in fields.items() if name not in values and field.default is dataclasses.MISSING]
    if default is None and missing:
        raise ValueError(f"{_quoted(place) or 'the file'} must have the key `{missing[0]}` too")
    try:
        return kind(**values) if default is None else dataclasses.replace(typing.cast(Any, default), **values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{place}: {error}" if place else str(error)) from error


def to_yaml(config: Any) -> str:
    """The YAML of a config dataclass, every field written out; `read` gives an equal one back.

    Example:
        >>> from liquidjax.experiments.supervised.config import Inputs
        >>> print(to_yaml(Inputs()), end="")
        scale: true
        step: 1.0
        fill: carry
        indicators: false
        since: false
    """
    settings = _lists(dataclasses.asdict(config))
    return yaml.dump(settings, Dumper=_StrictDumper, sort_keys=False, allow_unicode=True)


def one_line(value: Any) -> str:
    """A value as it stands behind its key in a YAML file, on one line.

    Example:
        >>> one_line("x: 1"), one_line(("a", "1e3")), one_line(None), one_line(0.5)
        ("'x: 1'", "[a, '1e3']", 'null', '0.5')
    """
    text = yaml.dump([_lists(value)], Dumper=_StrictDumper, default_flow_style=True, width=10**9, allow_unicode=True)
    return text.strip()[1:-1]


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lists(each) for key, each in value.items()}
    return [_lists(each) for each in value] if isinstance(value, tuple) else value


def number(kind: type[T], text: str) -> T:
    """The int or float that is written so, as strictly as in a file.

    Example:
        >>> number(float, "1e-3"), number(int, "12")
        (0.001, 12)
        >>> number(int, "1_0")
        Traceback (most recent call last):
        ...
        ValueError: must be int, got '1_0'
    """
    if not (INTEGER if kind is int else DECIMAL).fullmatch(text):
        raise ValueError(f"must be {kind.__name__}, got {shown(text)}")
    return typing.cast(Any, kind)(text)


def _nearest(key: str, here: Iterable[str], root: Any) -> str:
    """The key that is meant: one of this level, or the place of another if its name is nearer.

    There always is one, so that a typing error is named even when it is a bad one.
    """
    names = {place.rpartition(".")[2]: place for place in reversed([*places(root)])} | {name: name for name in here}
    near = difflib.get_close_matches(key[:60], names, n=1) or difflib.get_close_matches(key[:60], here, n=1, cutoff=0)
    return names[near[0]]


def places(kind: Any, above: str = "") -> Iterator[str]:
    """The places of all keys of a dataclass, those of upper levels first.

    Example:
        >>> from liquidjax.experiments.supervised.config import SupervisedConfig
        >>> [*places(SupervisedConfig)][:6]
        ['data', 'inputs', 'model', 'objective', 'training', 'shift']
    """
    hints = typing.get_type_hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    yield from (f"{above}{name}" for name in names)
    for name in names:
        if dataclasses.is_dataclass(hints[name]):
            yield from places(hints[name], f"{above}{name}.")


def _value(hint: Any, value: Any, place: str, default: Any, root: Any) -> Any:
    if dataclasses.is_dataclass(hint):
        if isinstance(value, str) and (key := getattr(hint, "by_itself", None)):
            value = {key: value}
        return build(typing.cast(type, hint), value, place, default, root)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):  # `X | None`
        (hint,) = (kind for kind in typing.get_args(hint) if kind is not type(None))
        return None if value is None else _value(hint, value, place, default, root)
    if typing.get_origin(hint) is tuple:
        if isinstance(value, str) and typing.get_args(hint)[0] is str:
            value = [value]  # one by itself
        if not isinstance(value, list):
            raise ValueError(f"{_quoted(place)} must be a list such as [a, b], got {shown(value)}")
        (kind, *_) = typing.get_args(hint)
        return tuple(_value(kind, each, f"{place}.{i}", None, root) for i, each in enumerate(value))
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        if value not in choices:
            raise ValueError(f"{_quoted(place)} must be one of {', '.join(map(str, choices))}, got {shown(value)}")
        return value
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:  # not isinstance: True is an int
        advice = (
            {
                int: ", a decimal number such as 10",
                float: ", a decimal number such as 0.5",
                bool: ", true or false",
            }.get(hint, "")
            if isinstance(value, str)
            else ""
        )
        raise ValueError(f"{_quoted(place)} must be {hint.__name__}{advice}, got {type(value).__name__} {shown(value)}")
    return value


def _quoted(place: str) -> str:
    return f"`{place if len(place) <= 60 else place[:57] + '...'}`" if place else ""


class _StrictLoader(yaml.SafeLoader):
    """Reads what the module says, and no key twice, of which YAML would silently keep the last."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  # a class variable there too; not those of YAML 1.1
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            self.refuse(f"the alias *{event.anchor[:40]}; write out what it stands for", event)
        if event.tag is not None:
            self.refuse(f"the tag {event.tag[:40]}; leave it out", event)
        if self.depth == DEEPEST:
            self.refuse(f"more than {DEEPEST} levels of maps and lists", event)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.refuse("a key that is a map or a list", key)
            if key.value in seen:
                self.refuse(f"the key `{key.value[:40]}` comes twice", key, "")
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    @staticmethod
    def refuse(what: str, where: Any, why: str = "a configuration must not hold ") -> typing.NoReturn:
        raise yaml.constructor.ConstructorError(None, None, why + what, where.start_mark)


class _StrictDumper(yaml.SafeDumper):
    """Quotes every text that the loader, or that of another version of YAML, would take for something else."""

    def represent_str(self, data: str) -> Any:
        # Without quotes, or in single ones, PyYAML loses some of the characters that end a line, such as \x85.
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=None if data.isprintable() else '"')


_StrictDumper.add_representer(str, _StrictDumper.represent_str)

for tag, pattern, first in (
    ("null", re.compile("~|null|"), ["~", "n", ""]),
    ("bool", re.compile("true|false"), ["t", "f"]),
    ("int", INTEGER, list("-+0123456789")),
    ("float", re.compile(rf"(?=[^.eE]*[.eE]){DECIMAL.pattern}", re.ASCII), list("-+.0123456789")),
):
    # PyYAML asks `match`, not `fullmatch`.
    whole = re.compile(f"(?:{pattern.pattern})\\Z")
    _StrictLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", whole, first)
    _StrictDumper.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", whole, first)
