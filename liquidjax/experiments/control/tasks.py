"""The tasks: what is shown, and all episodes in which whoever has learnt it is driven."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from liquidjax._types import Params
from liquidjax.experiments.control.cartpole import CartPole
from liquidjax.experiments.control.closed_loop import Driven, drive
from liquidjax.experiments.control.config import ControlConfig
from liquidjax.experiments.control.controllers import Controller
from liquidjax.experiments.control.demonstrations import Demonstrations, demonstrate, disturbance
from liquidjax.experiments.control.designs import Front
from liquidjax.experiments.control.faults import Faults, Schedule, schedule, taken
from liquidjax.experiments.control.filters import Filter, Kalman, LowPass
from liquidjax.experiments.control.plant import STEP, Plant

BLOCK = 500
"""Episodes that a compiled program drives at once, so that all of them share it."""
SEEDS = {"training": 0, "faulty": 1, "validation": 2, "starts": 3, "faults": 4}
"""Of everything that is drawn: the same for everybody."""


class Episodes(NamedTuple):
    """Episodes under each of some conditions, `starts` of each, one condition after another."""

    conditions: tuple[str, ...]
    starts: np.ndarray
    schedule: Schedule


class ControlTask(NamedTuple):
    """plant; training, validation: clean demonstrations; faulty: to learn from with faults; told: all conditions; not
    told: those in which other times pass, which are not told, () where it is not asked.
    """

    plant: Plant
    training: Demonstrations
    faulty: Demonstrations
    validation: Demonstrations
    told: Episodes
    not_told: Episodes | None


def load(name: str, config: ControlConfig) -> ControlTask:
    """A task as the settings have it.

    Example:
        >>> from liquidjax.experiments.control.config import Budget, Grid
        >>> grid = Grid(rates=(0.5,), delay=(), jitter=(), noise=(), lost=())
        >>> config = ControlConfig(grid=grid, budget=Budget(series=4, frames=10), starts=3)
        >>> task = load("cart-pole", config)
        >>> task.told.conditions, task.told.starts.shape, task.not_told.conditions
        (('clean 1', 'rate 0.5', 'together 1'), (9, 4), ('rate 0.5', 'together 1'))
    """
    plant = plants()[name]()
    budget = config.budget
    shown = functools.partial(demonstrate, plant, frames=budget.frames)
    own = plant.traced  # the one whose physics cost little
    faults = (config.grid if own else config.mujoco_grid).faults()
    faults = {key: each for key, each in faults.items() if plant.frame / each.rate >= 1}
    total = round((config.seconds if own else config.mujoco_seconds) / STEP / plant.frame) * plant.frame
    timed = {key: each for key, each in faults.items() if each.in_time}
    not_told = _episodes(plant, timed, config.starts, total) if own and timed else None
    return ControlTask(
        plant,
        shown(budget.series, faults=Faults(), seed=SEEDS["training"]),
        shown(budget.series, faults=budget.faults, seed=SEEDS["faulty"]),
        shown(max(1, budget.series // 4), faults=Faults(), seed=SEEDS["validation"]),
        _episodes(plant, faults, config.starts, total),
        None if not_told is None else not_told._replace(schedule=not_told.schedule._replace(told=_none(not_told))),
    )


def plants() -> dict[str, Any]:
    """The classes of the plants; those of MuJoCo are imported where one of them is made."""
    from liquidjax.experiments.control.mujoco import DoublePendulum, Swimmer

    return {plant.name: plant for plant in (CartPole, DoublePendulum, Swimmer)}


def filter_of(task: ControlTask, front: Front, constant: float | None) -> Filter | None:
    """The filter with a constant, as `Budget` lists them."""
    if not front or constant is None:
        return None
    if front == "low-pass":
        return LowPass(task.plant.positions, constant * task.plant.frame)
    return kalman(task, constant)


def kalman(task: ControlTask, noise: float) -> Kalman:
    """The Kalman filter of a task for so much noise; what its model does not foresee is seen in the demonstrations."""
    plant, (A, B) = task.plant, task.plant.linear()
    spread = task.training.full[:, 0].std(0)
    return Kalman(A, B, disturbance(A, B, task.training), noise * np.asarray(plant.noise_unit), spread)


def driven(
    plant: Plant, controller: Controller, params: Params, members: int, episodes: Episodes
) -> dict[str, dict[str, np.ndarray]]:
    """What comes of driving through all episodes: {"survival", "cost", "activity": {condition: (members,)}}."""
    rows = len(episodes.starts)
    if plant.traced:
        # Those of about as many entries together; the last block is filled up.
        order = np.argsort((episodes.schedule.steps > 0).sum(0), kind="stable")
        size = min(BLOCK, rows)
        blocks = [np.resize(order[first : first + size], size) for first in range(0, rows, size)]
        found = {name: np.zeros((members, rows)) for name in Driven._fields}
        for block in blocks:
            part = drive(plant, controller, params, episodes.starts[block], taken(episodes.schedule, block), members)
            for name, values in found.items():
                values[:, block] = getattr(part, name)
    else:
        found = drive(plant, controller, params, episodes.starts, episodes.schedule, members)._asdict()
    return {
        key: by_condition(found[name], episodes.conditions)
        for key, name in {"survival": "survived", "cost": "cost", "activity": "activity"}.items()
    }


def by_condition(values: np.ndarray, conditions: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Means (members,) over the episodes of each condition, of values (members, rows)."""
    means = np.asarray(values, float).reshape(len(values), len(conditions), -1).mean(-1)
    return dict(zip(conditions, means.T, strict=True))


def _episodes(plant: Plant, faults: Mapping[str, Faults], starts: int, total: int) -> Episodes:
    made = schedule(list(faults.values()), starts, plant.frame, total, plant.noise_unit, SEEDS["faults"])
    begun = np.tile(plant.starts(starts, SEEDS["starts"]), (len(faults), 1))
    return Episodes(tuple(faults), begun, made)


def _none(episodes: Episodes) -> np.ndarray:
    return np.zeros(len(episodes.starts), bool)
