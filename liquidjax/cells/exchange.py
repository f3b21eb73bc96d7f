"""Another cell in the place of one, in whatever holds it."""

import dataclasses
from collections.abc import Callable
from typing import Any


def exchanged(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same with others in the place of the objects for which `change` returns another; itself where there are none.

    Dataclasses, tuples and lists are looked through, from the outside in; what was changed is not looked into again.

    Args:
        value: a cell, or what holds cells.
        change: (object) -> that object, or the one in its place.

    Example:
        >>> import liquidjax as lj
        >>> larger = lambda value: lj.GRU(1, 5) if isinstance(value, lj.GRU) else value
        >>> exchanged(lj.Readout(lj.GRU(1, 2), outputs=3), larger)
        Readout(cell=GRU(inputs=1, units=5), outputs=3)
    """
    changed = change(value)
    if changed is not value:
        return changed
    if isinstance(value, tuple | list):
        parts = [exchanged(part, change) for part in value]
        if all(new is old for new, old in zip(parts, value, strict=True)):
            return value
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return value
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
    others = {name: new for name, old in fields.items() if (new := exchanged(old, change)) is not old}
    return dataclasses.replace(value, **others) if others else value
