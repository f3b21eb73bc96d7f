"""The closed loop: the sensors' frames to a controller, its action to the physics, held until the next one.

Episodes are entries of some steps of physics, see `Schedule`; where an entry begins with a frame that arrives, the
controller is called. A plant that JAX can trace runs in one compiled scan, others an entry at a time on the host.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._types import Array, Params
from liquidjax.experiments.control.controllers import Controller
from liquidjax.experiments.control.faults import Schedule
from liquidjax.experiments.control.plant import STEP, Plant

CHUNK = 125
"""Entries that are compiled together, so that episodes of any length share a program."""


class Driven(NamedTuple):
    """What came of it, (members, rows) each.

    lived: steps of physics before the end or the fall; survived: whether it is the end; cost: of a second, with that of
    the time after a fall; activity: how far the action moves in a second, in multiples of its limit; calls: of the
    controller.
    """

    lived: np.ndarray
    survived: np.ndarray
    cost: np.ndarray
    activity: np.ndarray
    calls: np.ndarray


class Sensors(NamedTuple):
    """What is between plant and controller.

    buffer: the last frames (depth, members, rows, 2 positions), the newest first; arrived: how many there were, int
    (rows,); clock: steps of physics since the last call; calls: how many there were; memory: the controller's; action:
    what is held; moved: how far it has moved so far, (members, rows).
    """

    buffer: Array
    arrived: Array
    clock: Array
    calls: Array
    memory: Any
    action: Array
    moved: Array


class Traced(NamedTuple):
    """What can be looked at in an episode: an entry for each, (entries, members, rows, ...)."""

    states: Any
    action: Any
    call: Any
    memory: Any


def drive(
    plant: Plant, controller: Controller, params: Params, starts: np.ndarray, schedule: Schedule, members: int = 1
) -> Driven:
    """Runs all episodes of a schedule.

    Args:
        plant: what is controlled.
        controller: by whom.
        params: with a leading axis (members,), or None.
        starts: the states in which they begin, (rows, states).
        schedule: what happens to their frames.
        members: how many.

    Example:
        >>> from liquidjax.experiments.control.cartpole import CartPole
        >>> from liquidjax.experiments.control.controllers import Expert, Nobody
        >>> from liquidjax.experiments.control.faults import Faults
        >>> from liquidjax.experiments.control.faults import schedule as made
        >>> plant = CartPole()
        >>> asked = made([Faults()], rows=5, frame=4, total=400, unit=plant.noise_unit, seed=0)
        >>> [bool(drive(plant, who, None, plant.starts(5, 0), asked).survived.all())
        ...  for who in (Expert(plant.expert(), plant.limit), Nobody())]
        [True, False]
    """
    run = _compiled if plant.traced else _on_the_host
    lived, alive, cost, sensors, _ = run(plant, controller, params, starts, schedule, members, False)
    total = schedule.steps.sum(0)
    seconds = STEP * total
    cost = (np.asarray(cost, float) + plant.fallen * STEP * (total - lived)) / seconds
    activity = np.asarray(sensors.moved, float) / plant.limit / (STEP * np.maximum(lived, 1))
    calls = np.broadcast_to(np.asarray(sensors.calls), cost.shape)
    return Driven(lived, np.asarray(alive), cost, activity, calls)


def watch(plant: Plant, controller: Controller, params: Params, start: np.ndarray, schedule: Schedule) -> Traced:
    """One episode of one member and all that happens in it, an entry after another."""
    run = _compiled if plant.traced else _on_the_host
    *_, traced = run(plant, controller, params, start[None], schedule, 1, True)
    return jax.tree.map(lambda leaf: np.asarray(leaf), traced)


def _begin(plant: Plant, controller: Controller, members: int, rows: int, depth: int) -> Sensors:
    nothing = jnp.zeros(rows, int)
    return Sensors(
        jnp.zeros((depth, members, rows, 2 * plant.positions)),
        nothing,
        nothing,
        nothing,
        controller.begin(members, rows),
        jnp.zeros((members, rows, plant.actions)),
        jnp.zeros((members, rows)),
    )


def _react(
    controller: Controller,
    params: Params,
    sensors: Sensors,
    full: Array,
    alive: Array,
    steps: Array,
    frame: Array,
    noise: Array,
    delay: Array,
    told: Array,
    typical: int,
) -> tuple[Sensors, Array]:
    """(sensors, whether the controller was called (rows,)) at the beginning of an entry of so many steps."""
    depth = sensors.buffer.shape[0]
    new = full.astype(noise.dtype) + jnp.pad(noise, ((0, 0), (0, full.shape[-1] - noise.shape[-1])))
    shifted = jnp.concatenate([new[None], sensors.buffer[:-1]])
    buffer = jnp.where(frame[:, None], shifted, sensors.buffer)
    chosen = (delay == jnp.arange(depth)[:, None]).astype(noise.dtype)
    received = jnp.einsum("dr,dmrf->mrf", chosen, buffer)
    arrived = sensors.arrived + frame.astype(int)
    call = frame & (arrived > delay)
    since = jnp.where(told & (sensors.calls > 0), sensors.clock, typical)
    memory, action = controller.act(params, sensors.memory, received, sensors.action, since, call)
    action = jnp.where(call[:, None], action, sensors.action)
    moved = sensors.moved + jnp.where(alive, jnp.sum(jnp.abs(action - sensors.action), axis=-1), 0)
    clock = jnp.where(call, 0, sensors.clock) + steps.astype(int)
    return Sensors(buffer, arrived, clock, sensors.calls + call.astype(int), memory, action, moved), call


def _compiled(plant, controller, params, starts, schedule: Schedule, members: int, record: bool):
    """In chunks of one length, each a scan, of which the last is filled with entries of no steps."""
    rows = len(starts)
    states = jnp.broadcast_to(jnp.asarray(starts, float), (members, *starts.shape))
    alive, cost = jnp.ones((members, rows), bool), jnp.zeros((members, rows))
    sensors = _begin(plant, controller, members, rows, int(schedule.delay.max()) + 1)
    carry = (states, alive, cost, jnp.zeros((members, rows), int), sensors)
    parts = []
    for first in range(0, len(schedule.steps), CHUNK):
        part = [values[first : first + CHUNK] for values in schedule[:3]]
        part = [np.pad(v, [(0, CHUNK - len(v))] + [(0, 0)] * (v.ndim - 1)) for v in part]
        carry, traced = _chunk(plant, controller, record, params, carry, *part, schedule.delay, schedule.told)
        parts.append(traced)
    states, alive, cost, lived, sensors = carry
    traced = jax.tree.map(lambda *leaves: np.concatenate(leaves)[: len(schedule.steps)], *parts) if record else None
    return np.asarray(lived), alive, cost, sensors, traced


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _chunk(plant, controller, record, params, carry, steps, frame, noise, delay, told):
    def entry(carry, now):
        states, alive, cost, lived, sensors = carry
        count, taken, noise = now
        full = plant.full(states)
        sensors, call = _react(controller, params, sensors, full, alive, count, taken, noise, delay, told, plant.frame)
        moved = plant.advance(states, sensors.action, alive, count)
        after = (moved.states, moved.alive, cost + moved.cost, lived + moved.lived, sensors)
        return after, Traced(states, sensors.action, call, sensors.memory) if record else None

    return jax.lax.scan(entry, carry, (steps, frame, noise))


_reacting = functools.partial(jax.jit, static_argnums=(0, 10))(_react)


def _on_the_host(plant, controller, params, starts, schedule: Schedule, members: int, record: bool):
    rows = len(starts)
    states = np.broadcast_to(starts, (members, *starts.shape))
    alive, cost, lived = np.ones((members, rows), bool), np.zeros((members, rows)), np.zeros((members, rows), int)
    sensors = _begin(plant, controller, members, rows, int(schedule.delay.max()) + 1)
    parts = []
    for now in zip(*schedule[:3], strict=True):
        full = np.asarray(plant.full(states), np.float32)
        sensors, call = _reacting(
            controller, params, sensors, full, alive, *now, schedule.delay, schedule.told, plant.frame
        )
        if record:
            parts.append(Traced(states, sensors.action, call, sensors.memory))
        moved = plant.advance(states, np.asarray(sensors.action), alive, now[0])
        states, alive, cost, lived = moved.states, moved.alive, cost + moved.cost, lived + moved.lived
    traced = jax.tree.map(lambda *leaves: np.stack(leaves), *parts) if record else None
    return lived, alive, cost, sensors, traced
