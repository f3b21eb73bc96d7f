"""The example in the README runs as it stands."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import liquidjax as lj
from liquidjax import __main__ as cli
from liquidjax.experiments.shared import configuration as configs
from liquidjax.experiments.supervised import run as supervised_run
from liquidjax.experiments.supervised.config import SupervisedConfig
from liquidjax.interop import edifice

README = (Path(__file__).parent.parent / "README.md").read_text()


def code_with(part: str) -> str:
    (code,) = (code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if part in code)
    return code


@pytest.fixture
def walks(tmp_path, monkeypatch):
    """The table of the section on one's own data: 20 people, two gaits, clocks and lengths of their own, gaps."""
    rng = np.random.default_rng(0)
    lines = ["person,seconds,left,right,gait"]
    for person in range(20):
        gait, seconds = ("slow", "fast")[person % 2], 0.0
        for _ in range(rng.integers(6, 12)):
            seconds += rng.uniform(0.5, 1.5)
            left = "" if rng.random() < 0.1 else f"{np.sin((1 + person % 2) * seconds):.3f}"
            lines.append(f"p{person},{seconds:.2f},{left},{np.cos(seconds):.3f},{gait}")
    (tmp_path / "walks.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_ones_own_data_are_trained_on_as_it_says(walks, capsys, promotes):
    exec(code_with("walks.csv"), {})
    assert "'accuracy'" in capsys.readouterr().out and (walks / "walks.safetensors").exists()


def test_the_estimators_do_what_it_says(tmp_path, monkeypatch, capsys, promotes):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(code_with("LiquidClassifier"), names)
    assert names["classifier"].score(names["X"], names["y"]) > 0.8
    assert capsys.readouterr().out.splitlines()[-1] == "(40, 1, 5)"
    assert lj.load("waves.safetensors").classes == ("fast", "slow")


@pytest.fixture
def configuration(walks):
    """What the README says to write into a file, in that file, beside the data."""
    (text,) = (block for block in re.findall(r"\n\n((?:    .*\n)+)", README) if "source: walks.csv" in block)
    (walks / "walks.yaml").write_text(textwrap.dedent(text))


def test_its_configuration_compares_what_it_says(configuration):
    planned = supervised_run.plan(configs.read("walks.yaml", SupervisedConfig))
    assert list(planned.networks) == ["LTC", "LSTM", "GRU"]


def test_its_configuration_trains(configuration, capsys):
    cli.main(["train", "walks.yaml", "--training.epochs", "1", "--training.no-tune-cpu", "--folder", "run"])
    out = capsys.readouterr().out
    assert re.findall(r"^(LTC|LSTM|GRU|logistic regression) ", out, re.M) == [
        "LTC",
        "LSTM",
        "GRU",
        "logistic regression",
    ]
    cli.main(["predict", "run", "walks.csv"])
    assert len(capsys.readouterr().out.splitlines()) == 21


def test_the_fifteen_lines_run_and_give_the_shapes_they_promise(promotes):
    names: dict = {}
    exec(code_with("lj.time_constant"), names)
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
import jax, jax.numpy as jnp, liquidjax as lj, numpy as np
jax.config.update("jax_enable_x64", True)
cell = lj.CTRNN(3, 2)
CODE
params, inputs = jax.jit(cell.init)(jax.random.key(0)), np.random.default_rng(1).normal(size=(5, 4, 3))
gradients = [
    jax.jit(jax.grad(lambda p: jnp.mean(run(p, inputs) ** 2)))(params)
    for run in (outputs, lambda p, u: lj.unroll(cell, p, u)[1])
]
assert len(jax.jit(outputs)(params, inputs).devices()) == 2
for one, other in zip(*map(jax.tree.leaves, gradients)):
    assert np.allclose(one, other, rtol=1e-10, atol=1e-12), (one, other)
"""


def test_the_batch_can_be_divided_between_devices():
    """In a fresh process: the number of devices is settled when JAX first computes."""
    program = DIVIDED.replace("CODE", code_with("shard_map"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert not done.returncode, done.stderr
