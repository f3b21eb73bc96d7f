"""The settings for a CPU, each time in a fresh process, because they can be made only once."""

import subprocess
import sys

import pytest

import liquidjax as lj

PROGRAM = """
import os
import jax, jax.numpy as jnp, liquidjax as lj
lj.tune_cpu()
lj.tune_cpu()  # a second time changes nothing
cell = lj.LTC(2, lj.AutoNCP(8, 2))
params = cell.init(jax.random.key(0))
print(float(lj.unroll(cell, params, jnp.ones((5, 16, 2)))[1].sum()))
print(os.environ["XLA_FLAGS"])
"""


def run(flags):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env={"XLA_FLAGS": flags, "PATH": ""}
    )
    assert not done.returncode, done.stderr
    value, flags = done.stdout.splitlines()
    return float(value), flags.split()


def test_flags_are_added_once_and_those_of_the_user_stay():
    tuned, flags = run("--xla_cpu_multi_thread_eigen=true")
    assert flags[:2] == ["--xla_cpu_multi_thread_eigen=true", "--xla_backend_extra_options=-unroll-threshold=40"]
    assert sum("unroll" in flag for flag in flags) == 1
    value, flags = run("--xla_backend_extra_options=-unroll-threshold=99")
    assert [flag for flag in flags if "unroll" in flag] == ["--xla_backend_extra_options=-unroll-threshold=99"]
    assert tuned == pytest.approx(value, rel=1e-5)


def test_it_is_refused_when_it_comes_too_late():
    lj.LTC(2, lj.AutoNCP(8, 2)).initial_state()
    with pytest.raises(RuntimeError, match="must be called before JAX computes anything"):
        lj.tune_cpu()
