"""That an installed liquidjax works, outside of a checkout: python -I smoke.py [VERSION]

VERSION is the one that it should be; without, any is right. It needs nothing but liquidjax, and writes into the folder
that it is started in.
"""

import importlib
import pkgutil
import shutil
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import liquidjax as lj
from liquidjax.experiments.shared.shipped import located

EXTRAS = (
    *("aeon", "filelock", "flax", "gymnasium", "iree", "jax2onnx", "matplotlib", "mujoco", "onnx", "onnxruntime"),
    *("optuna", "orbax", "pandas", "PIL", "pyarrow", "safetensors", "sklearn", "sqlalchemy", "tensorboardX"),
)
"""What modules of liquidjax may find missing: packages of its extras."""
QUICKLY = ("--folder", "run", "--training.epochs", "2", "--model.compare", "--training.compare-learning-rates")


def main() -> None:
    expected = sys.argv[1] if len(sys.argv) > 1 else version("liquidjax")
    print(installed(expected))
    for cell in (lj.LTC(3, lj.AutoNCP(16, 2)), lj.CfC(3, 8), lj.CTRNN(3, 4, lj.Diffrax())):
        print(learns(cell))
    print(kept_and_exported())
    print(modules())
    print(command_line(expected))
    print(digits())


def installed(expected: str) -> str:
    """It is the one of this environment, with its version, its types and its configurations."""
    file = Path(lj.__file__)
    assert file.is_relative_to(sys.prefix), f"{file} is not in {sys.prefix}"
    assert version("liquidjax") == lj.__version__ == expected, (version("liquidjax"), lj.__version__, expected)
    assert (file.parent / "py.typed").is_file()
    assert located(Path("digits")) == file.parent / "configs" / "digits.yaml"
    return f"liquidjax {expected} in {file.parent}"


def learns(cell: lj.Cell) -> str:
    """The gradient of a run over a sequence is that of its difference quotient, along itself."""
    inputs = jax.random.normal(jax.random.key(0), (12, 2, 3))
    params = cell.init(jax.random.key(1))

    @jax.jit
    def loss(params):
        return jnp.mean((lj.unroll(cell, params, inputs, 0.1)[1] - 1.0) ** 2)

    value, slope = jax.value_and_grad(loss)(params)
    square = sum(float(jnp.sum(leaf**2)) for leaf in jax.tree.leaves(slope))
    step = 0.01 / square**0.5

    def moved(step):
        return float(loss(jax.tree.map(lambda leaf, along: leaf + step * along, params, slope)))

    ahead, behind = moved(step), moved(-step)
    assert np.isclose((ahead - behind) / (2 * step), square, rtol=0.05), (ahead, behind, step, square)
    return f"{type(cell).__name__}: loss {float(value):.3f}, and its gradient is right"


def kept_and_exported() -> str:
    """A model is the same when loaded; its C file is compiled and compared by the export, where there is a compiler."""
    cell = lj.Readout(lj.LTC(2, lj.AutoNCP(12, 3)), 2)
    model = lj.Model(cell, cell.init(jax.random.key(2)), features=("x", "y"), outputs=("a", "b"))
    model.save("kept.safetensors")
    loaded = lj.load("kept.safetensors")
    assert loaded.cell == cell
    for one, other in zip(jax.tree.leaves(loaded.params), jax.tree.leaves(model.params), strict=True):
        np.testing.assert_array_equal(one, other)
    if not any(map(shutil.which, ("cc", "gcc", "clang"))):
        return "saved and loaded; there is no C compiler to export for"
    status, said = run("export", "kept.safetensors", "--format", "c")
    assert status == 0 and Path("kept.c").is_file(), said
    return f"saved and loaded; {said.splitlines()[1]}"


def modules() -> str:
    """Every module of the package is there and is imported, or lacks a package of an extra."""
    lacking = {}
    found = [each.name for each in pkgutil.walk_packages(lj.__path__, "liquidjax.", onerror=lambda name: None)]
    for name in found:
        try:
            importlib.import_module(name)
        except ImportError as error:
            missing = (error.name or "").split(".")[0]
            assert missing in EXTRAS or 'pip install "liquidjax[' in str(error), f"{name}: {error}"
            lacking[name] = missing
    return f"{len(found) - len(lacking)} modules are imported, {len(lacking)} lack a package of an extra"


def command_line(expected: str) -> str:
    """The program is there, explains itself, finds a configuration by its name, and refuses in one line."""
    status, said = run("--version")
    assert status == 0 and said.startswith(f"liquidjax {expected} (jax "), said
    status, said = run("--help")
    assert status == 0 and all(command in said for command in ("train", "predict", "export", "sweep")), said
    status, said = run("train", "co2", "--help")
    assert status == 0 and "liquidjax.tasks.co2" in said, said
    status, said = run("train", "nothing")
    assert status == 2 and "digits" in said and len(said.splitlines()) == 1, said
    return "the command line answers"


def digits() -> str:
    """`liquidjax train digits` with its extra; without, the sentence that names it."""
    status, said = run("train", "digits", *QUICKLY)
    if find_spec("sklearn") is None:
        assert status == 2 and 'pip install "liquidjax[' in said and len(said.splitlines()) == 1, said
        return f"train digits is refused: {said.strip()}"
    assert status == 0 and "logistic regression" in said, said
    status, said = run("predict", "run", "run/sample.csv")
    assert status == 0, said
    return "train digits trains, and predict reads its model"


def run(*arguments: str) -> tuple[int, str]:
    """The status of the program of this environment, and all that it said."""
    program = Path(sys.executable).with_name("liquidjax")
    done = subprocess.run([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


if __name__ == "__main__":
    main()
