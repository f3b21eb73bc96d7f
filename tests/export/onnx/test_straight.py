"""A function as one line of operations: the same numbers, without calls and without what is known beforehand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from drawn import drawn
from liquidjax.export.deployed import Deployed
from liquidjax.export.onnx.straight import computed, straight
from liquidjax.training.model import Model
from small_cells import CELLS


def run(program, *inputs):
    """What a program gives for inputs."""
    values = {**program.constants, **dict(zip(program.inputs, inputs, strict=True))}
    computed(program.equations, values)
    return [each.val if hasattr(each, "val") else values[each] for each in program.outputs]


def outline(*shape, dtype=np.float32):
    return jax.ShapeDtypeStruct(shape, dtype)


def operations(program):
    return [equation.primitive.name for equation in program.equations]


@pytest.mark.parametrize("name", ["ltc", "mixed memory, input"])
def test_a_step_is_the_same_numbers(name):
    cell = CELLS[name]
    deployed = Deployed(Model(cell, drawn(cell)))
    rng = np.random.default_rng(0)
    state = {key: rng.normal(size=(2, *like.shape)).astype("f") for key, like in deployed.state_shapes.items()}
    features, dt = rng.normal(size=(2, 3)).astype("f"), rng.uniform(size=2).astype("f")

    def step(features, dt, *before):
        after, answers = deployed.step(dict(zip(state, before, strict=True)), features, dt)
        return [answers, *(after[key] for key in state)]

    program = straight(step, [outline(2, 3), outline(2), *(outline(*leaf.shape) for leaf in state.values())])
    found = jax.jit(functools.partial(run, program))(features, dt, *state.values())
    wanted = jax.jit(step)(features, dt, *state.values())
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_nothing_is_called_and_what_is_known_is_computed():
    softened, doubled = jax.jit(lambda weight: jax.nn.softplus(weight)), jax.custom_vjp(lambda x: x + x)
    doubled.defvjp(lambda x: (x + x, None), lambda _, cotangent: (2 * cotangent,))

    @jax.checkpoint
    def weighted(x, weight):
        return doubled(jax.nn.relu(x)) * softened(weight)

    program = straight(weighted, [outline(3), np.ones(3, "f")])
    assert operations(program) == ["max", "add", "mul"]
    (constant,) = program.constants.values()
    np.testing.assert_allclose(constant, np.log1p(np.e), rtol=1e-6)


def test_what_no_output_needs_is_left_out():
    program = straight(lambda x, y: (jnp.sin(y), jnp.zeros(2))[0], [outline(3), outline(3)])
    assert operations(program) == ["sin"] and len(program.inputs) == 2


def test_what_depends_on_the_size_of_a_batch_is_left_to_do():
    (batch,) = jax.export.symbolic_shape("batch")
    program = straight(lambda x: jnp.ones((x.shape[0], 2)), [outline(batch, 3)])
    assert operations(program) == ["broadcast_in_dim"]


def test_numbers_that_are_outputs_as_they_are_stay_so():
    program = straight(lambda x, y: (x, y + 1, 2.0), [outline(2), np.ones(2, "f")])
    x, two, literal = run(program, np.zeros(2, "f"))
    assert operations(program) == [] and x.tolist() == [0, 0] and two.tolist() == [2, 2] and literal == 2
