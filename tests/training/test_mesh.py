"""`fit` on a mesh: the devices share every batch, and it is the training of one device."""

import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.sharding import AxisType

from liquidjax.training.shares import shares_of
from small_training import trained, values

TESTS = Path(__file__).parents[1]
PROGRAM = """
import os, sys
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
sys.path[:0] = sys.argv[1:]
import diffrax, jax, numpy as np, pytest
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
import liquidjax as lj
from liquidjax.training.objectives import Classification, Forecast
from liquidjax.training.optimizer import Optimizer
from liquidjax.training.shares import shares_of
from small_data import series
from small_training import GRU, squares, trained, values
mesh = jax.make_mesh((2,), ("batch",))

def numbers(fitted):
    history = [(epoch.loss, epoch.validation_loss, epoch.skipped, epoch.validation) for epoch in fitted.history]
    return jax.tree.map(np.asarray, (fitted.params, history, fitted.best_epoch, fitted.last.step))

def compared(**settings):
    settings = {"batch_size": 2, "epochs": 2, **settings}
    one, two = (numbers(trained(**settings, mesh=each)) for each in (None, mesh))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-11, err_msg=str(settings)), one, two)
"""
CASES = {
    "a value, and a state that is bound to a device": """
compared(validation=values(1), params=jax.device_put(GRU.init(jax.random.key(3)), jax.devices()[0]))
""",
    "fewer series than a batch, of an odd number": "compared(data=values(2, (4,) * 5), validation=values(1, (4,) * 3),"
    "batch_size=32)",
    "unequal lengths and times, classes that are weighted": """
compared(cell=lj.Readout(lj.GRU(2, 2), 2), objective=Classification(class_weights=(1.0, 2.0)), epochs=1,
    data=series((5, 3, 3, 5, 5), classes=2), validation=series((3, 5), classes=2, seed=1))
""",
    "targets of each step": """
compared(cell=lj.Readout(lj.GRU(2, 2), 2), objective=Forecast(), data=series((3, 3, 2)), epochs=1,
    validation=series((3, 3), seed=1))
""",
    "members on series of their own, a function": """
compared(objective=squares, members={"seed": [3, 4]}, rows=[[0, 1, 2], [2, 3, 4]], epochs=1)
compared(members={"learning_rate": [0.05, 0.01]}, validation=values(1), epochs=1)
""",
    "an adaptive solver, of which each device has its own loop": """
adaptive = lj.Diffrax(diffrax.Tsit5(), diffrax.PIDController(rtol=1e-4, atol=1e-6))
cell = lj.Readout(lj.CTRNN(2, 2, integrator=adaptive), 1)
compared(cell=cell, data=values(0, (2,) * 4), validation=values(1, (2,) * 2), epochs=1)
""",
    "Newton's method until it has converged": """
compared(cell=lj.Readout(lj.CTRNN(2, 2), 1), method=lj.Newton("diagonal"), epochs=1)
""",
    "steps that are taken back": """
def odd(outputs, batch):
    return jax.numpy.where(batch.inputs[0, :, 0] > 1, np.inf, squares(outputs, batch))

compared(data=values(0, (4,) * 8), objective=odd, epochs=1)
assert 0 < trained(data=values(0, (4,) * 8), objective=odd, epochs=1, batch_size=2, mesh=mesh).history[0].skipped < 4
""",
    "a calibrated start, and an end by patience": """
cell = lj.Readout(lj.LTC(2, lj.FullyConnected(2)), 1)
settings = {"cell": cell, "calibrate": True, "validation": values(1), "epochs": 4, "patience": 1}
compared(**settings, optimizer=Optimizer("sgd", 0.5))
assert len(trained(**settings, optimizer=Optimizer("sgd", 0.5), batch_size=2, mesh=mesh).history) < 4
""",
    "dropout, of which each device draws its own": """
cell = lj.Readout(lj.CfC(2, 8, dropout=0.5), 1)
one, two, again = (trained(cell=cell, epochs=1, batch_size=6, mesh=each) for each in (None, mesh, mesh))
assert numbers(two)[1] == numbers(again)[1] != numbers(one)[1]
""",
    "what the devices do not divide, and what is bad in all": """
with pytest.raises(ValueError, match="multiple of the 2 devices that share a batch, such as 2 or 4, got 3"):
    trained(batch_size=3, mesh=mesh)
with pytest.raises(ValueError, match="such as 2, got 1"):
    trained(batch_size=1, mesh=mesh)
with pytest.raises(FloatingPointError, match="the first operation that was not finite is"):
    bad = values(0, (4,) * 4)
    trained(data=bad, batch_size=2, mesh=mesh, optimizer=Optimizer("sgd", 1e300, clip=None), debug_nans=True)
""",
}


def run(case):
    """In a fresh process, because the number of devices is settled when JAX first computes."""
    command = [sys.executable, "-c", PROGRAM + case, str(TESTS), str(TESTS.parent)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert not done.returncode, done.stderr[-3000:]


@pytest.mark.parametrize("case", CASES)
def test_two_devices_train_as_one(case):
    run(CASES[case])


def test_one_device_is_the_training_without_a_mesh_to_the_bit():
    mesh = jax.make_mesh((1, 1), ("other", "batch"), axis_types=(AxisType.Auto,) * 2)
    settings = {"validation": values(1), "epochs": 2}
    one, other = (trained(**settings, mesh=each) for each in (None, mesh))
    for left, right in zip(*map(jax.tree.leaves, (one.params, other.params)), strict=True):
        np.testing.assert_array_equal(left, right)
    assert [epoch.loss for epoch in one.history] == [epoch.loss for epoch in other.history]


@pytest.mark.parametrize(
    ("mesh", "message"),
    [
        (2, "mesh must be a jax.sharding.Mesh, such as"),
        (jax.make_mesh((1,), ("data",)), 'mesh must have an axis "batch", which shares a batch, got'),
    ],
)
def test_what_is_no_mesh_for_batches_is_refused(mesh, message):
    with pytest.raises(ValueError, match=message):
        trained(mesh=mesh)


def test_a_batch_is_filled_to_what_the_devices_divide():
    shares = shares_of(jax.make_mesh((1,), ("batch",)), 4)
    assert [shares.filled(size) for size in (1, 4)] == [1, 4]
    shares.devices = 4
    assert [shares.filled(size) for size in (1, 4, 5)] == [4, 4, 8]
