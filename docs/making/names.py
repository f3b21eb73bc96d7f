"""The public names of the package, read off its source: what the pages of the API list, in groups as the house is."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "liquidjax"


class Name(NamedTuple):
    """A public class, function or described constant: where it is defined, and the path by which it is documented."""

    module: str
    name: str
    kind: str
    path: str
    summary: str


class Module(NamedTuple):
    """A module with the first words of its docstring and its public names in the order of the file."""

    path: str
    doc: str
    names: tuple[Name, ...]


def modules() -> list[Module]:
    """Every public module, by its path; a name that `liquidjax` exports is documented as `liquidjax.NAME`."""
    exported = _exported()
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        if len(parts) == 1 or (any(part.startswith("_") for part in parts) and parts[-1] != "_types"):
            continue
        path, tree = ".".join(parts), ast.parse(file.read_text())
        names = tuple(
            Name(path, name, kind, exported.get((path, name), f"{path}.{name}"), summary)
            for name, kind, summary in _defined(tree)
            if parts[-1] != "_types" or (path, name) in exported
        )
        if names:
            found.append(Module(path, ast.get_docstring(tree) or "", names))
    return found


def _exported() -> dict[tuple[str, str], str]:
    """(module, name) -> liquidjax.NAME, through the packages that export it too."""
    found = {}
    for node in ast.parse((PACKAGE / "__init__.py").read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("liquidjax"):
            for alias in node.names:
                found[_origin(node.module, alias.name), alias.name] = f"liquidjax.{alias.name}"
    return found


def _origin(module: str, name: str) -> str:
    """The module that defines a name which another one may only import."""
    file = ROOT.joinpath(*module.split("."), "__init__.py")
    if not file.exists():
        return module
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module and any(alias.name == name for alias in node.names):
            return _origin(node.module, name)
    return module


def _defined(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """(name, kind, first line of the docstring); constants only where a docstring describes them."""
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            kind, name = ("class" if isinstance(node, ast.ClassDef) else "function"), node.name
            doc = ast.get_docstring(node) or ""
        elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(after, ast.Expr):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if not (isinstance(target, ast.Name) and isinstance(after.value, ast.Constant)):
                continue
            kind, name, doc = "data", target.id, str(after.value.value)
        else:
            continue
        if not name.startswith("_"):
            yield name, kind, " ".join(doc.split("\n\n")[0].split())


def exports() -> list[str]:
    """The names in `from liquidjax import NAME`."""
    return sorted(path.removeprefix("liquidjax.") for path in _exported().values())
