"""Under strict promotion of dtypes nothing is added up that has not the same dtype: no float64 comes in unseen."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.analysis.trajectory import time_constants
from liquidjax.cells.wrappers.base import ode_inside
from liquidjax.rl import Critic, DiscreteActor
from liquidjax.rl.replay import Transition
from liquidjax.rl.sac import SAC, act, update
from liquidjax.sequences.methods.associative import reads_state
from liquidjax.training.objectives import Classification
from liquidjax.training.optimizer import Optimizer
from small_cells import CELLS, NCP
from small_data import series
from small_training import trained

KEY = jax.random.key(0)


TIME, BATCH = 3, 2
each_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)


@pytest.fixture(autouse=True)
def strict():
    with jax.numpy_dtype_promotion("strict"):
        yield


def arguments(cell, dtype=np.float32):
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), cell.init(KEY))
    dt = np.full((TIME, BATCH), 0.1, dtype)
    return params, np.ones((TIME, BATCH, cell.inputs), dtype), dt, np.arange(6).reshape(TIME, BATCH) != 3


def dtypes(tree):
    return {leaf.dtype for leaf in jax.tree.leaves(tree)}


@each_cell
def test_init_step_unroll_and_gradient(cell):
    """Traced in bfloat16, where numbers that are float32 by themselves show, and run in float32."""
    params, inputs, dt, mask = arguments(cell, jnp.bfloat16)

    def loss(params, inputs, dt):
        state, outputs = lj.unroll(cell, params, inputs, dt, mask=mask, key=jax.random.key(1), reverse=True)
        assert dtypes((state, outputs)) == {jnp.dtype(jnp.bfloat16)}
        return jnp.sum(outputs)

    gradient = jax.eval_shape(jax.grad(loss, argnums=(0, 1, 2)), params, inputs, dt)
    assert dtypes(gradient) == {jnp.dtype(jnp.bfloat16)}
    params, inputs, *_ = arguments(cell)
    state, _ = lj.step(cell, params, cell.initial_state((BATCH,)), inputs[0], 1)  # a whole number for dt
    assert dtypes(state) == {np.dtype("float32")} and all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))


QUICK = ("ltc", "gated linear", "mixed memory, input")


@pytest.mark.parametrize(
    "cell",
    [pytest.param(cell, id=name, marks=() if name in QUICK else pytest.mark.slow) for name, cell in CELLS.items()],
)
def test_every_gradient_and_method_that_runs_it(cell):
    params, inputs, dt, mask = arguments(cell)
    ways: list[Any] = [{"gradient": way} for way in (lj.BPTT(), lj.Chunked(), lj.Recursive())]
    try:
        flows = ode_inside(cell)
    except ValueError:
        flows = None
    if flows is not None:
        ways += [{"gradient": lj.SegmentedAdjoint(2)}, {"gradient": lj.Backsolve(anyway=True)}]
    if not reads_state(cell):
        ways.append({"method": lj.Associative()})
    if isinstance(cell.initial_state((BATCH,)), jax.Array):
        ways += [{"method": lj.Newton(kind)} for kind in ("full", "diagonal")]
    if isinstance(flows, lj.LTC):
        ways.append({"method": lj.Newton("layered")})
    for way in ways:

        def loss(params, way=way):
            return jnp.sum(lj.unroll(cell, params, inputs, dt, mask=mask, **way)[1])

        assert dtypes(jax.eval_shape(jax.grad(loss), params)) == {jnp.dtype("float32")}, way


@pytest.mark.parametrize(
    "integrator",
    [lj.SemiImplicit(2), lj.Exponential(2), lj.Euler(2), lj.Midpoint(2), lj.RK4(20), lj.Diffrax()],
    ids=lambda integrator: type(integrator).__name__,
)
def test_every_integrator(integrator):
    for cell in (lj.NeuralODE(3, 2, 4, integrator), lj.LTC(3, lj.FullyConnected(2), integrator)):
        params, inputs, dt, _ = arguments(cell)
        loss = lambda p, cell=cell, u=inputs, dt=dt: jnp.sum(lj.unroll(cell, p, u, dt)[1])  # noqa: E731
        assert dtypes(jax.eval_shape(jax.grad(loss), params)) == {jnp.dtype("float32")}


def test_readings():
    cell = lj.LTC(3, NCP)
    params, inputs, dt, _ = arguments(cell)
    for read in (time_constants, lj.state_sensitivity, lj.lyapunov_exponent):
        assert read(cell, params, inputs, dt).dtype == np.float32
    assert np.all(lj.newton_convergence(cell, params, inputs, dt).converged)
    now = cell.initial_state((BATCH,)), inputs[0]
    assert dtypes((lj.time_constant(cell, params, *now), lj.equilibrium(cell, params, *now))) == {np.dtype("float32")}


def test_training_steps():
    cell = lj.Readout(lj.LTC(3, lj.FullyConnected(2), constraints="explicit"), 3)
    data, rule = series((TIME,) * 4, features=3, classes=3), Optimizer("adamw", 0.1, "cosine", weight_decay=0.1)
    for members in (None, {"learning_rate": [0.1, 0.2], "clip": [1.0, 2.0]}):
        settings: dict[str, Any] = {"optimizer": rule, "epochs": 1, "batch_size": 2, "members": members}
        fitted = trained(cell, Classification(smoothing=0.1), data, data, **settings)
        assert dtypes((fitted.params, fitted.last.params)) == {np.dtype("float32")}

    sac = SAC(DiscreteActor(cell), Critic(lj.NCPNetwork(3, 6, 3)))
    learner, states = sac.init(KEY), sac.initial_states((4,))
    seen = np.ones((4, 3), np.float32)
    after, action = act(sac, learner, states, seen, KEY)
    batch = Transition(seen, action, np.ones(4, np.float32), seen, np.zeros(4, bool), states, after)
    learner, losses = update(sac, learner, batch, KEY)
    assert dtypes((learner.actor, learner.critics, losses)) == {np.dtype("float32")}
