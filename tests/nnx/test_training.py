"""What Flax does with parameters it does with those of a cell: optimizers, freezing, sharding, checkpoints, files."""

import subprocess
import sys
from typing import Any

import flax.nnx
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest

import liquidjax as lj
import liquidjax.nnx
from untyped import untyped

nnx, lnnx = untyped(flax.nnx), untyped(liquidjax.nnx)  # much is wrong on purpose, or numpy's

CELL = lj.Readout(lj.GRU(2, 4), 1)
INPUTS = np.random.default_rng(0).normal(size=(8, 6, 2)).astype(np.float32)
TARGETS = INPUTS[..., :1].cumsum(1)
DT = np.random.default_rng(1).uniform(0.1, 1, (8, 6)).astype(np.float32)


def error(module):
    return jnp.mean((module(INPUTS, dt=DT) - TARGETS) ** 2)


def trained(module, wrt: Any = nnx.Param, steps=5, graph=True, after=lambda module: None):
    """The losses of a few steps."""
    optimizer = nnx.Optimizer(module, optax.adam(0.03), wrt=wrt)
    of = nnx.DiffState(0, wrt) if wrt is not nnx.Param else 0

    @nnx.jit(graph=graph, graph_updates=graph)
    def step(module, optimizer):
        loss, gradient = nnx.value_and_grad(error, argnums=of, graph=graph, graph_updates=graph)(module)
        optimizer.update(module, gradient)
        after(module)
        return loss

    return [float(step(module, optimizer)) for _ in range(steps)]


def numbers(module):
    return {path: np.asarray(leaf.get_value()) for path, leaf in nnx.to_flat_state(nnx.state(module, nnx.Param))}


@pytest.mark.parametrize("graph", [True, False], ids=["graph", "tree"])
def test_it_learns_with_an_optimizer_of_flax(graph, promotes):
    losses = trained(lnnx.RNN(CELL, rngs=nnx.Rngs(0)), graph=graph)
    assert losses == sorted(losses, reverse=True) and losses[-1] < 0.95 * losses[0]


def test_a_part_is_frozen_by_a_filter(promotes):
    module = lnnx.RNN(CELL, rngs=nnx.Rngs(0))
    before = numbers(module)
    trained(module, nnx.All(nnx.Param, nnx.PathContains("linear")))
    after = numbers(module)
    moved = {path for path in before if np.any(before[path] != after[path])}
    assert moved == {("cell", "params", "linear", "weight"), ("cell", "params", "linear", "bias")}


def explicit():
    return lj.LTC(2, lj.FullyConnected(3, 1), lj.SemiImplicit(2), constraints="explicit")


@pytest.mark.parametrize("graph", [True, False], ids=["graph", "tree"])
def test_explicit_constraints_are_kept_inside_the_compiled_step(graph, promotes):
    """The cell is somewhere in a model; an LTC of implicit constraints beside it stays as it is."""

    class Net(nnx.Module):
        def __init__(self):
            self.first = nnx.RNN(lnnx.RNNCell(lj.Readout(explicit(), 2), rngs=nnx.Rngs(0)), rngs=False)
            self.second = lnnx.RNN(lj.LTC(2, lj.FullyConnected(3, 1), lj.SemiImplicit(2)), rngs=nnx.Rngs(1))

        def __call__(self, inputs, dt):
            return self.second(self.first(inputs), dt=dt)

    module = Net()
    low = module.first.cell.params.cell
    low.leak_conductance[...] = jnp.array([-1.0, 0.2, -3.0])
    low.capacitance[...] = jnp.full(3, -1.0)
    implicit = module.second.cell.params.leak_conductance
    implicit[...] = jnp.full(3, -2.0)
    trained(module, steps=1, graph=graph, after=lnnx.project)
    assert np.all(low.leak_conductance[...] >= 0) and np.all(low.capacitance[...] >= 1e-6)
    assert np.all(low.synapses.weight[...] >= 0)
    assert np.all(implicit[...] < -1.9)


def test_trained_parameters_go_to_a_model_file_and_back(tmp_path, promotes):
    module = lnnx.RNN(CELL, rngs=nnx.Rngs(0))
    trained(module, steps=1)
    lj.Model(*module.pure()).save(tmp_path / "model.safetensors")
    loaded = lj.load(tmp_path / "model.safetensors")
    assert loaded.cell == CELL
    other = lnnx.RNN(CELL, rngs=nnx.Rngs(1))
    other.put(loaded.params)
    np.testing.assert_array_equal(other(INPUTS, dt=DT), module(INPUTS, dt=DT))
    stream = lj.Stream(*other.pure(), batch=(8,))
    outputs = [stream(INPUTS[:, t], DT[:, t]) for t in range(6)]
    np.testing.assert_allclose(outputs[-1], other(INPUTS, dt=DT)[:, -1], rtol=1e-5)


def test_orbax_keeps_it(tmp_path):
    module = lnnx.RNN(CELL, rngs=nnx.Rngs(0))
    checkpointer = ocp.StandardCheckpointer()
    checkpointer.save(tmp_path / "step", nnx.state(module))
    checkpointer.wait_until_finished()
    graphdef, shapes = nnx.split(nnx.eval_shape(lambda: lnnx.RNN(CELL, rngs=nnx.Rngs(1))))
    restored = nnx.merge(graphdef, checkpointer.restore(tmp_path / "step", shapes))
    checkpointer.close()
    np.testing.assert_array_equal(restored(INPUTS, dt=DT), module(INPUTS, dt=DT))


def test_what_flaxs_rnn_was_saved_with_is_what_ours_reads():
    theirs = nnx.RNN(lnnx.RNNCell(CELL, rngs=nnx.Rngs(0)), rngs=False)
    ours = lnnx.RNN(CELL, rngs=nnx.Rngs(1))
    nnx.update(ours, nnx.state(theirs, nnx.Param))
    np.testing.assert_allclose(ours(INPUTS), theirs(INPUTS), rtol=1e-5)


DIVIDED = """
import jax, numpy as np
from flax import linen, nnx
import liquidjax as lj, liquidjax.linen as llinen, liquidjax.nnx as lnnx

cell, inputs = lj.LSTM(2, 4), np.random.default_rng(0).normal(size=(3, 5, 2)).astype(np.float32)
wanted = lnnx.RNN(cell, rngs=nnx.Rngs(0))(inputs)
mesh = jax.make_mesh((2,), ("model",), axis_types=(jax.sharding.AxisType.Auto,))
with jax.set_mesh(mesh):
    metadata = {"recurrent": {"out_sharding": (None, None, "model")}}
    module = lnnx.RNN(lnnx.RNNCell(cell, rngs=nnx.Rngs(0), metadata=metadata))
    weight = module.cell.params.recurrent
    assert weight.get_value().sharding.spec == jax.P(None, None, "model"), weight.get_value().sharding
    assert len(weight.get_value().addressable_shards) == 2
    spec = nnx.get_partition_spec(nnx.state(module))["cell"]["params"]["recurrent"]
    assert spec.get_value() == jax.P(None, None, "model"), spec
    found = nnx.jit(lambda module, inputs: module(inputs))(module, inputs)
    assert np.allclose(found, wanted, atol=1e-6), abs(found - wanted).max()
    rnn = llinen.RNN(llinen.RNNCell(cell, partitioning={"recurrent": (None, None, "model")}))
    sharding = linen.get_sharding(jax.eval_shape(rnn.init, jax.random.key(0), inputs), mesh)
    variables = jax.jit(rnn.init, out_shardings=sharding)(jax.random.key(0), inputs)
    assert variables["params"]["cell"]["params"]["recurrent"].value.sharding.spec == jax.P(None, None, "model")
    params = llinen.from_linen(cell, jax.device_get(variables["params"]["cell"]["params"]))
    found = jax.jit(rnn.apply)(variables, inputs)
wanted = lj.unroll(cell, params, inputs.swapaxes(0, 1))[1].swapaxes(0, 1)
assert np.allclose(found, wanted, atol=1e-6), abs(found - wanted).max()
"""


def test_parameters_are_divided_between_devices():
    """In a fresh process: the number of devices is settled when JAX first computes."""
    program = "import os; os.environ['XLA_FLAGS'] += ' --xla_force_host_platform_device_count=2'\n" + DIVIDED
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert not done.returncode, done.stderr
