"""The parameters of a cell as a tree of Flax's: an `nnx.Param` under each name."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flax import nnx


class Parameters(nnx.Pytree):
    """A group of parameters: an `nnx.Param` under each name, or another group; called, the arrays of all of them.

    A number is a name too: `module.params.backbone[0].weight`, in a path of Flax `("backbone", "0", "weight")`.
    """

    def __init__(self, names: Mapping[str, Any]):
        for name, value in names.items():
            setattr(self, name, Parameters(value) if isinstance(value, Mapping) else value)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def __getitem__(self, name: str | int) -> Any:
        return getattr(self, str(name))

    def __call__(self) -> dict[str, Any]:
        """The arrays in a dict of dicts. A call, so that `nnx.tabulate` has a row for each group."""
        names = {}
        for name, value in vars(self).items():
            if isinstance(value, Parameters):
                names[name] = value()
            elif isinstance(value, nnx.Variable):
                names[name] = value.get_value()
            elif hasattr(value, "dtype"):  # an array that somebody put in the place of a variable
                names[name] = value
        return names


def put(group: Parameters, names: Mapping[str, Any]) -> None:
    """Puts arrays into the variables of the same names."""
    for name, value in names.items():
        held = getattr(group, name)
        if isinstance(held, Parameters):
            put(held, value)
        elif isinstance(held, nnx.Variable):
            held.set_value(value)
        else:
            setattr(group, name, value)
