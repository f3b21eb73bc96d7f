"""The house: the contracts of pyproject.toml on who imports whom hold, and importing liquidjax stays light."""

import math
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
    heavy = [
        "aeon",
        "diffrax",
        "equinox",
        "flax",
        "gymnasium",
        "jax2onnx",
        "matplotlib",
        "mujoco",
        "networkx",
        "onnx",
        "onnxruntime",
    ]
    heavy += ["orbax", "pandas", "pyarrow", "rich", "safetensors", "sklearn", "tabulate", "torch", "tyro", "yaml"]
    heavy += ["optax", "optuna", "scipy"]
    code = f"import sys, liquidjax; print(*[m for m in {heavy!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


FIRST_USE = """
import sys, jax, jax.numpy as jnp, liquidjax as lj

def end(rate):
    return lj.solve(lambda rate, t, x: -rate * x, rate, jnp.ones(1), [0.0, 1.0]).states[-1, 0]

assert "diffrax" not in sys.modules
inside, slope = jax.jit(jax.value_and_grad(end))(2.0)
packages = ("diffrax", "equinox", "lineax", "optimistix")
modules = [vars(module) for name, module in sys.modules.items() if name.split(".")[0] in packages]
kinds = [vars(kind) for names in modules for kind in names.values() if isinstance(kind, type)]
kept = [value for names in (*modules, *kinds) for value in names.values()]
kept += [default for value in kept for default in getattr(value, "__defaults__", None) or ()]
kept += [part for value in kept if isinstance(value, (tuple, list)) for part in value]
assert len(modules) > 50 and not any(isinstance(value, jax.core.Tracer) for value in kept)
print(float(inside), float(slope), float(end(2.0)))
"""


def test_diffrax_may_be_imported_first_within_what_is_compiled():
    """It is imported where it is used, which may be while JAX traces: nothing of the trace may stay in its modules."""
    done = subprocess.run([sys.executable, "-c", FIRST_USE], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    inside, slope, outside = map(float, done.stdout.split())
    assert abs(inside - math.exp(-2)) < 1e-5 and abs(slope + math.exp(-2)) < 1e-5 and abs(outside - inside) < 1e-6


def test_every_test_that_is_listed_as_long_is_there():
    """A test that is renamed would otherwise come back into `make test` unseen."""
    for name in long_tests():
        file, function = name.split("[")[0].split("::")
        assert f"def {function}(" in (ROOT / file).read_text(), name
