"""Leaving one device or one process: `jax.shard_map` over a batch, and `jax.export`."""

import subprocess
import sys

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

import liquidjax as lj
from drawn import drawn
from liquidjax.cells.ode import is_adaptive
from test_conformance import CELLS

SHARDED = """
import functools
import jax, jax.numpy as jnp, numpy as np, liquidjax as lj
from jax.sharding import AxisType, PartitionSpec as P
jax.config.update("jax_enable_x64", True)
mesh = jax.make_mesh((2,), ("batch",), axis_types=(AxisType.Auto,))
inputs = np.random.default_rng(0).normal(size=(5, 4, 2))
ltc = lj.LTC(2, lj.AutoNCP(8, 2))
stack = lj.Stack(2, lj.Block(lj.GatedLinear(4, 4)), 2)
for cell, options in (
    (ltc, {}), (lj.CfC(2, 4), {"gradient": lj.Recursive()}), (ltc, {"gradient": lj.SegmentedAdjoint(2)}),
    (lj.LTC(2, lj.AutoNCP(8, 2), lj.SemiImplicit(1)), {"method": lj.Newton("layered")}),
    (lj.CTRNN(2, 3), {"method": lj.Newton("diagonal")}), (stack, {"method": lj.Associative()}),
):
    params = cell.init(jax.random.key(0))

    def loss(params, inputs):
        return jnp.sum(jnp.sin(lj.unroll(cell, params, inputs, 0.1, **options)[1]))

    @jax.jit
    @functools.partial(jax.shard_map, mesh=mesh, in_specs=(P(), P(None, "batch")), out_specs=(P(), P()))
    def shared(params, inputs):
        return jax.value_and_grad(lambda params: jax.lax.psum(loss(params, inputs), "batch"))(params)

    for one, other in zip(*map(jax.tree.leaves, (shared(params, inputs), jax.value_and_grad(loss)(params, inputs)))):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9, err_msg=str((cell, options)))
"""


def test_shard_map_runs_gradients_and_methods_of_every_kind_with_its_checks():
    """In a fresh process, because the number of devices is settled when JAX first computes."""
    program = "import os\nos.environ['XLA_FLAGS'] = os.environ.get('XLA_FLAGS', '')" + (
        " + ' --xla_force_host_platform_device_count=2'\n" + SHARDED
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert not done.returncode, done.stderr


def test_shard_map_over_one_device_is_the_run():
    cell = lj.CTRNN(3, 2)
    params, inputs = drawn(cell), np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)
    specs = {"in_specs": (P(), P(None, "batch")), "out_specs": P(None, "batch")}
    mesh = jax.make_mesh((1,), ("batch",), axis_types=(AxisType.Auto,))
    shared = jax.jit(jax.shard_map(lambda p, u: lj.unroll(cell, p, u)[1], mesh=mesh, **specs))
    np.testing.assert_allclose(shared(params, inputs), lj.unroll(cell, params, inputs)[1], rtol=1e-6)


EXPORTABLE = {name: cell for name, cell in CELLS.items() if not is_adaptive(cell)}  # its callbacks stay in the process


@pytest.mark.parametrize("cell", EXPORTABLE.values(), ids=EXPORTABLE.keys())
def test_parameters_of_every_cell_serialise_as_they_are(cell):
    params = jax.eval_shape(cell.init, jax.random.key(0))
    inputs = jax.ShapeDtypeStruct((3, 2, cell.inputs), jnp.float32)
    exported = jax.export.export(jax.jit(lambda params, u: lj.unroll(cell, params, u, 0.1, validate=False)))
    back = jax.export.deserialize(exported(params, inputs).serialize())
    assert back.in_tree == jax.tree.structure(((params, inputs), {}))


def test_what_was_exported_computes_the_same():
    cell = CELLS["ltc"]
    params, inputs = cell.init(jax.random.key(0)), np.ones((3, 2, 3), np.float32)
    run = jax.jit(lambda params, u: lj.unroll(cell, params, u, 0.1, validate=False))
    back = jax.export.deserialize(jax.export.export(run)(params, inputs).serialize())
    for ours, theirs in zip(*map(jax.tree.leaves, (back.call(params, inputs), run(params, inputs))), strict=True):
        np.testing.assert_array_equal(ours, theirs)
