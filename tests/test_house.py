"""The house: a module imports only from lower floors, and importing liquidjax stays light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "liquidjax"
FLOORS = {
    "_types": 0,
    "_checks": 0,
    "_belong": 0.5,
    "_bounds": 0,
    "_files": 0,
    "cpu": 0,
    "wirings": 1,
    "reparam": 1,
    "integrators": 2,
    "layers": 2,
    "cells": 3,
    "sequences": 4,
    "models": 5,
    "analysis": 5,
    "testing": 5,
    "plots": 5,
    "interop": 6,
    "tasks": 6,
    "training": 6,
    "rl": 7,
    "experiments": 8,
    "__main__": 9,
    "__init__": 10,
}
MODULES = sorted(ROOT.rglob("*.py"))


def floor(path):
    return FLOORS[path.relative_to(ROOT).parts[0].removesuffix(".py")]


def imports(path):
    """The rooms of this package that the module imports from, by name."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "liquidjax" and len(parts) > 1:
                yield parts[1]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_come_from_lower_floors(path):
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    for name in imports(path):
        if name == room:
            continue  # within a room the files may know each other
        assert name in FLOORS, f"{path}: import the module liquidjax.{name} is defined in, not the package"
        assert FLOORS[name] < floor(path), f"{path} on floor {floor(path)} imports {name} on floor {FLOORS[name]}"


def test_import_is_light():
    heavy = ["aeon", "flax", "gymnasium", "matplotlib", "networkx", "orbax", "rich", "sklearn", "tabulate", "torch"]
    heavy += ["tyro", "yaml"]
    code = f"import sys, liquidjax; print(*[m for m in {heavy!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
