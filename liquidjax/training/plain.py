"""Cells, wirings, integrators and models as plain data, and built again from it; nothing in such data is trusted.

The data is that of `description`. Names are looked up in `registry` and among what is handed over, and never imported.
"""

import dataclasses
import difflib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from liquidjax._bounds import shown
from liquidjax.training import hints
from liquidjax.training.description import describe
from liquidjax.training.plain_array import NOT_FINITE, from_lists
from liquidjax.training.registry import OURS, known_classes, of_diffrax

DEEPEST = 32
"""Levels of dicts and lists within each other. A stack of blocks of cells with a wiring has half a dozen."""
Handed = Iterable[Any] | Mapping[str, Any]
"""What goes by its own name, or a dict from other names."""
_PLAIN = (bool, int, float, type(None))
_LEAVES = (*_PLAIN, str, np.generic, np.ndarray, jax.Array)


class _Known(NamedTuple):
    """What a name may stand for."""

    classes: Mapping[str, Any]
    functions: Mapping[str, Any]


def to_dict(value: Any) -> Any:
    """A cell, a wiring, an integrator, a model or another dataclass as nested dicts and lists of plain values.

    It is the description that `describe` returns, tried out: `from_dict` builds an equal object from it, once your own
    classes and functions are handed over.

    Args:
        value: a frozen dataclass.

    Returns:
        A dict of its fields, with the name of its class under "class", for JSON and YAML.

    Raises:
        ValueError: something in it has no name by which it could be found again, such as a lambda, or would not be the
            same when built again.

    Example:
        >>> import liquidjax as lj
        >>> to_dict(lj.GRU(inputs=2, units=3))
        {'class': 'liquidjax.GRU', 'inputs': 2, 'units': 3}
    """
    kind = type(value).__name__
    try:
        described = describe(value, kind)
        parts = [(describe(type(part) if _is_object(part) else part), part) for part in _parts(value)]
    except ValueError as error:
        raise ValueError(
            f"{str(error).rpartition('; ')[0]}; define it by `def` or `class` at the top of a module, and hand it over "
            "to what builds it again: functions=(it,) or classes=(it,)"
        ) from error
    classes, functions = {}, {}
    for name, part in parts:
        if isinstance(name, dict):  # an object without fields
            classes[name["class"]] = type(part)
        elif _is_object(part):
            classes[name] = type(part)
        else:
            functions[name] = part
    try:
        built = from_dict(
            described, {name: cls for name, cls in classes.items() if name not in known_classes()}, functions
        )
    except ValueError as error:
        raise ValueError(f"{kind} cannot be built again from its description: {error}") from error
    if not _equal(built, value):
        raise ValueError(
            f"{kind} must be equal to what is built from its description, which {_shown(value)} is not; fields may "
            "hold numbers of Python, text, tuples, and frozen dataclasses of such"
        )
    return described


def from_dict(mapping: Mapping[str, Any], classes: Handed = (), functions: Handed = ()) -> Any:
    """Builds what `to_dict` describes. Fields that are left out take their defaults.

    Args:
        mapping: the name of the class under "class", and its fields. For `liquidjax.LTC` the name may be `LTC`; lists
            stand for tuples and arrays.
        classes: your own classes: a tuple of them, or a dict from the names that the description has for them.
        functions: your own functions, such as the loss of a `StepLoss`, likewise.

    Returns:
        The object.

    Raises:
        ValueError: a class or a field is unknown or missing, or a value does not belong there; the message says where,
            and which name is the nearest.

    Example:
        >>> from_dict({"class": "LTC", "inputs": 2, "wiring": {"class": "AutoNCP", "units": 16, "outputs": 1}}).units
        16
        >>> from_dict({"class": "GRU", "inputs": 2, "unit": 3})
        Traceback (most recent call last):
        ...
        ValueError: unknown field 'unit' of GRU; did you mean units?
    """
    if not isinstance(mapping, Mapping) or "class" not in mapping:
        raise ValueError(f'expected a dict with the key "class" such as {{"class": "GRU", ...}}, got {_shown(mapping)}')
    return _object(mapping, "", 1, _Known(_all_classes(classes), _by_name("functions", functions)))


def _object(given: Mapping[str, Any], place: str, depth: int, known: _Known) -> Any:
    before = f"{place}: " if place else ""
    cls = _class(given["class"], before, known)
    parameters = dict(inspect.signature(cls).parameters)
    fields = _fields(cls)
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name == "class" or (cls not in OURS and name in fields and _is_default(value, fields[name])):
            continue
        if name not in parameters and name not in fields:
            nearest = _nearest(name, parameters)
            advice = f"did you mean {nearest}?" if nearest else "it has none"
            raise ValueError(f"{before}unknown field {_shown(name)} of {cls.__name__}; {advice}")
        below, hint = f"{place}.{name}" if place else name, parameters[name].annotation if name in parameters else Any
        values[name] = _value(value, below, depth + 1, known, hint, cls)
        if cls in of_diffrax() and not hints.fits(values[name], hint):
            raise ValueError(f"{below} must be {hints.named(hint)}, got {_shown(values[name])}")
    computed = {name: values.pop(name) for name in [*values] if name not in parameters}
    for name, parameter in parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            values |= _check_dict(values.pop(name, {}), f"{before}{name}")
        elif parameter.default is parameter.empty and name not in values:
            raise ValueError(f"{before}{cls.__name__} must have the field {name} too")
    try:
        built = cls(**values)
        wrong = [name for name, value in computed.items() if not _equal(getattr(built, name), value)]
    except MemoryError:
        raise
    except Exception as error:  # what a constructor raises is its own affair
        raise ValueError(f"{before}{_one_line(str(error))}") from error
    if wrong:
        raise ValueError(f"{before}{cls.__name__} computes the field {wrong[0]} itself, and to another value")
    return built


def _value(given: Any, place: str, depth: int, known: _Known, hint: Any, owner: Any) -> Any:
    if depth > DEEPEST:
        raise ValueError(f"{_shown(place)} must be within at most {DEEPEST} dicts and lists")
    if isinstance(given, Mapping) and all(isinstance(key, str) for key in given):
        if given.get("class") == "array":
            return from_lists(given, place)
        if "class" in given:
            return _object(given, place, depth, known)
        return {k: _value(each, f"{place}.{_shown(k)}", depth + 1, known, Any, owner) for k, each in given.items()}
    if isinstance(given, list | tuple):
        if all(type(each) in _PLAIN for each in given):  # the rows of a mask, of which there may be many
            return tuple(given)
        hinted = zip(given, hints.of_items(hint, len(given)), strict=True)
        return tuple(_value(v, f"{place}.{i}", depth + 1, known, h, owner) for i, (v, h) in enumerate(hinted))
    if isinstance(given, str):
        return _text(given, place, known, hint, owner)
    if type(given) not in _PLAIN:
        raise ValueError(f"{place} must be a number, text, None, or a list or dict of such, got {_shown(given)}")
    return given


def _text(given: str, place: str, known: _Known, hint: Any, owner: Any) -> Any:
    """What a text stands for: itself, a function by its name, or a number that is not finite."""
    if given in known.functions and hints.takes_objects(hint):
        return known.functions[given]
    if hints.takes_text(hint):
        return given
    if given in NOT_FINITE and hints.takes_floats(hint):
        return float(given)
    if hints.takes_functions(hint) or owner not in (*OURS, *of_diffrax()):
        raise ValueError(
            f"{place} is {_shown(given)}, which is not built into liquidjax; hand it over: functions=(it,), or "
            f"functions={{{_shown(given)}: it}} if that is not its name any more"
        )
    return given  # a constructor of ours or a type hint of diffrax says what belongs there


def _check_dict(given: Any, place: str) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ValueError(f"{place} must be a dict, got {_shown(given)}")
    return given


def _class(name: Any, before: str, known: _Known) -> Any:
    cls = known.classes.get(name) if isinstance(name, str) else None
    if cls is None:
        raise ValueError(
            f"{before}unknown class {_shown(name)}; did you mean {_nearest(name, known.classes)}? A class of your own "
            "must be handed over: classes=(MyCell,)"
        )
    return cls


def _all_classes(handed: Handed) -> dict[str, Any]:
    known = dict(known_classes())
    for name, cls in _by_name("classes", handed).items():
        if not isinstance(cls, type):
            raise ValueError(f"classes must be classes, got {_shown(cls)}")
        if known.setdefault(name, cls) is not cls:
            raise ValueError(f"classes must not have another class for {name}, which is one of liquidjax or diffrax")
    return known


def _by_name(argument: str, handed: Handed) -> dict[str, Any]:
    if isinstance(handed, Mapping):
        return {str(name): each for name, each in handed.items()}
    if isinstance(handed, str) or not isinstance(handed, Iterable):
        raise ValueError(f"{argument} must be a tuple or a dict from names, got {_shown(handed)}")
    named = {}
    for each in handed:
        try:
            name = None if isinstance(each, _LEAVES) else describe(each)
        except ValueError:
            name = None
        if not isinstance(name, str):
            raise ValueError(
                f"{argument} must be defined at the top of a module, or in a dict from names, got {_shown(each)}"
            )
        named[name] = each
    return named


def _fields(of: Any) -> dict[str, dataclasses.Field]:
    return {field.name: field for field in dataclasses.fields(of)} if dataclasses.is_dataclass(of) else {}


def _parts(value: Any) -> Iterator[Any]:
    """All objects, functions and classes that make up a value, itself included."""
    if isinstance(value, _LEAVES):
        return
    if isinstance(value, dict | list | tuple):
        inner = [*(value.values() if isinstance(value, dict) else value)]
    else:
        inner = [getattr(value, name) for name in _fields(value)] if _is_object(value) else []
    if _is_object(value) or not isinstance(value, dict | list | tuple):
        yield value
    for each in inner:
        if not isinstance(each, _LEAVES):
            yield from _parts(each)


def _is_object(value: Any) -> bool:
    """Whether it is an instance of a dataclass or of a NamedTuple."""
    is_dataclass = dataclasses.is_dataclass(value) and not isinstance(value, type)
    return is_dataclass or (isinstance(value, tuple) and hasattr(value, "_asdict"))


def _is_default(given: Any, field: dataclasses.Field) -> bool:
    """Whether an object or a function is the default of its field, which then needs no name in the registry."""
    if not isinstance(given, Mapping | str) or field.default is dataclasses.MISSING:
        return False
    try:
        return describe(field.default) == given
    except ValueError:
        return False


def _equal(first: Any, second: Any) -> bool:
    try:
        return type(first) is type(second) and bool(first == second)
    except (TypeError, ValueError):  # arrays have no single answer
        return False


def _nearest(name: Any, names: Iterable[str]) -> str | None:
    """The nearest of all names, so that a typing error is named even when it is a bad one."""
    return next(iter(difflib.get_close_matches(str(name)[:60], names, n=1, cutoff=0)), None)


def _shown(value: Any) -> str:
    return _one_line(shown(value))


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 300 else f"{text[:297]}..."
