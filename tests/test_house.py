"""The house: the contracts of pyproject.toml on who imports whom hold, and importing liquidjax stays light."""

import subprocess
import sys
from pathlib import Path

from conftest import long_tests

ROOT = Path(__file__).parent.parent


def test_the_import_contracts_hold():
    """Lower floors only, packages in their rooms only: `lint-imports` by hand tells which import breaks which."""
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert not done.returncode, done.stdout + done.stderr


def test_import_is_light():
    heavy = ["aeon", "flax", "gymnasium", "jax2onnx", "matplotlib", "mujoco", "networkx", "onnx", "onnxruntime"]
    heavy += ["orbax", "pandas", "pyarrow", "rich", "safetensors", "sklearn", "tabulate", "torch", "tyro", "yaml"]
    heavy += ["optuna"]
    code = f"import sys, liquidjax; print(*[m for m in {heavy!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


def test_every_test_that_is_listed_as_long_is_there():
    """A test that is renamed would otherwise come back into `make test` unseen."""
    for name in long_tests():
        file, function = name.split("[")[0].split("::")
        assert f"def {function}(" in (ROOT / file).read_text(), name
