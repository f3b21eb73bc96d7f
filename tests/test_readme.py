"""The example in the README runs as it stands."""

import re
import subprocess
import sys
from pathlib import Path

import liquidjax as lj
from liquidjax.interop import edifice

README = (Path(__file__).parent.parent / "README.md").read_text()


def test_the_fifteen_lines_run_and_give_the_shapes_they_promise(promotes):
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]
    names: dict = {}
    exec(code, names)
    assert names["state"].shape == names["tau"].shape == (16, 32)
    assert names["outputs"].shape == (100, 16, 4)


def test_every_file_the_readme_points_to_exists():
    for target in re.findall(r"\]\(([^)#][^)]*)\)", README):
        assert (Path(__file__).parent.parent / target).exists(), target


def test_every_name_the_readme_gives_exists():
    for module, prefix in ((lj, "lj"), (edifice, "edifice")):
        names = set(re.findall(rf"\b{prefix}\.(\w+)", README))
        assert names
        for name in names:
            assert hasattr(module, name), f"{prefix}.{name}"


DIVIDED = """
import jax, jax.numpy as jnp, liquidjax as lj
jax.config.update("jax_enable_x64", True)
cell = lj.LTC(3, lj.AutoNCP(8, 2))
CODE
params, inputs = cell.init(jax.random.key(0)), jax.random.normal(jax.random.key(1), (5, 4, 3))
gradients = [
    jax.jit(jax.grad(lambda p: jnp.mean(run(p, inputs) ** 2)))(params)
    for run in (outputs, lambda p, u: lj.unroll(cell, p, u)[1])
]
assert len(jax.jit(outputs)(params, inputs).devices()) == 2
for one, other in zip(*map(jax.tree.leaves, gradients)):
    assert jnp.allclose(one, other, rtol=1e-10, atol=1e-12), (one, other)
"""


def test_the_batch_can_be_divided_between_devices():
    """In a fresh process: the number of devices is settled when JAX first computes."""
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[1]
    program = DIVIDED.replace("CODE", code)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert not done.returncode, done.stderr
