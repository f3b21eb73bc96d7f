"""What autodoc is told: docstrings in the form of the package, and which members are nobody's business."""

import importlib.util
import sys
from typing import Any, TypeVar

from making.api import linker
from making.docstrings import Link, restructured
from making.names import modules

LINKS: dict[str, Link] = {}


def missing(*packages: str) -> list[str]:
    """Those that are not installed, in whose place autodoc imports something empty."""
    return [package for package in packages if importlib.util.find_spec(package) is None]


def docstring(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Rewrites the lines in their place."""
    if not LINKS:
        LINKS.update(linker(modules()))
    module = getattr(obj, "__module__", None) or name.rpartition(".")[0]
    lines[:] = restructured(lines, LINKS.get(module) or LINKS["liquidjax.cells.ltc"])


def skip(app: Any, what: str, name: str, obj: Any, would: bool, options: Any) -> bool | None:
    """Fields of a NamedTuple, which Python describes as `Alias for field number 0`, and scikit-learn's own methods."""
    theirs = name.startswith("set_") and name.endswith("_request")
    return True if theirs or type(obj).__name__ == "_tuplegetter" else None


def type_variable(app: Any, env: Any, node: Any, text: Any) -> Any:
    """A type variable is no name that could be linked to: its text stays."""
    module, _, name = node.get("reftarget", "").rpartition(".")
    return text if isinstance(getattr(sys.modules.get(module), name, None), TypeVar) else None
