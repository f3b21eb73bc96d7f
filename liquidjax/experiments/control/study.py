"""One design on one task: tuned, trained for each seed, and driven through every fault."""

import functools
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from liquidjax.analysis.parameters import count_parameters
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.experiments.control.config import ControlConfig
from liquidjax.experiments.control.controllers import Controller, Estimated, Expert, NetworkController, Nobody
from liquidjax.experiments.control.demonstrations import dataset
from liquidjax.experiments.control.designs import ENGINEERS, Design
from liquidjax.experiments.control.filters import Filter
from liquidjax.experiments.control.tasks import ControlTask, driven, filter_of, kalman
from liquidjax.experiments.shared.networks import FIRST_WIRING, network, reading
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.fit import Fitted, fit
from liquidjax.training.model import Model
from liquidjax.training.objectives import Regression
from liquidjax.training.optimizer import Optimizer
from liquidjax.wirings import AutoNCP

ENGINEERS_NOISE = 0.3
"""For which the engineer's Kalman filter is made: the middle one of the grid."""
CALM = 1.0
"""Time constant of what calms the actions of a network, in frames."""


class Pair(NamedTuple):
    """What came of a design on a task.

    learning_rate, constant: what was chosen (None where there is nothing to choose, as in the filter); imitation: the
    squared errors of the seeds on clean validation data, in variances of the expert's actions; survival, cost:
    {variant: {condition: means of the seeds over the episodes}}, the latter of a second; activity: of the seeds on
    clean frames, how far the action moves in a second, in multiples of its limit.

    Variants: told the time that has passed, not told; euler: trained parameters read as a step of an equation; calmed:
    behind a low-pass filter of the actions.
    """

    task: str
    design: str
    parameters: int
    learning_rate: float | None
    constant: float | None
    imitation: list[float]
    survival: dict[str, dict[str, list[float]]]
    cost: dict[str, dict[str, list[float]]]
    activity: list[float]
    seconds: float


class Part(NamedTuple):
    """The demonstrations as a design gets them, and the filter they came through."""

    training: SequenceDataset
    validation: SequenceDataset
    preparation: Preparation
    filter: Filter | None


def compute(
    task: ControlTask,
    design: Design,
    config: ControlConfig,
    stop: Callable[[], bool] = lambda: False,
    keep: Callable[[Model], None] = lambda model: None,
) -> Pair | None:
    """Tunes, trains and drives; None where `stop` ended it.

    Args:
        task: what is learnt.
        design: who learns it.
        config: how.
        stop: asked after each batch.
        keep: called with the trained network that imitates best.

    Raises:
        FloatingPointError: no training of a group of seeds stayed finite.
    """
    start, plant = time.perf_counter(), task.plant
    groups = config.groups(design.name)
    networks = [network_of(design, task, config, group) for group in range(len(groups))]
    part_of = functools.cache(functools.partial(_part, task, design))
    trained = functools.partial(_trained, config=config, stop=stop)
    constant, rate = _chosen(trained, networks[0], part_of, design, config)
    if stop():
        return None
    part = part_of(constant)
    found: list[dict[str, dict[str, dict[str, np.ndarray]]]] = []
    imitation: list[float] = []
    best: tuple[float, Model | None] = (np.inf, None)
    for number, (seeds, cell) in enumerate(zip(groups, networks, strict=True)):
        fitted = trained(cell, part, np.full(len(seeds), rate), seeds, order=1 + number)
        if stop():
            return None
        errors = lowest(fitted)
        imitation += errors.tolist()
        if errors.min() < best[0]:
            best = (float(errors.min()), fitted.model(int(errors.argmin())))
        control = functools.partial(NetworkController, preparation=part.preparation, limit=plant.limit)
        who: dict[str, Controller] = {"told": control(cell, filter=part.filter)}
        if design.network.euler:
            who["euler"] = control(reading(cell, "euler"), filter=part.filter)
        if plant.traced and not design.front and not design.faulty:
            who["calmed"] = control(cell, calm=CALM * plant.frame)
        asked = {name: (each, task.told) for name, each in who.items()}
        if task.not_told is not None and not design.front and design.network.knows != "nothing":
            asked["not told"] = (who["told"], task.not_told)
        found.append({})
        for name, (each, episodes) in asked.items():
            found[-1][name] = driven(plant, each, fitted.params, len(seeds), episodes)
            if stop():
                return None
    assert best[1] is not None  # there is a group
    keep(best[1])

    def joined(key: str) -> dict[str, dict[str, list[float]]]:
        return {
            variant: {
                condition: np.concatenate([group[variant][key][condition] for group in found]).round(4).tolist()
                for condition in values[key]
            }
            for variant, values in found[0].items()
        }

    return Pair(
        plant.name,
        design.name,
        count_parameters(networks[0]),
        rate,
        constant,
        np.round(imitation, 6).tolist(),
        joined("survival"),
        joined("cost"),
        joined("activity")["told"]["clean 1"],
        time.perf_counter() - start,
    )


def engineer(task: ControlTask, name: str) -> Pair:
    """One of `ENGINEERS` on a task, driven through the same episodes."""
    start, plant = time.perf_counter(), task.plant
    expert = plant.expert()
    controllers: dict[str, Callable[[], Controller]] = {
        "nobody": Nobody,
        "expert": lambda: Expert(expert, plant.limit),
        "Kalman + expert": lambda: Estimated(expert, plant.limit, kalman(task, ENGINEERS_NOISE)),
    }
    assert tuple(controllers) == ENGINEERS
    controller = controllers[name]()
    found = {"told": driven(plant, controller, None, 1, task.told)}
    if name == "Kalman + expert" and task.not_told is not None:
        found["not told"] = driven(plant, controller, None, 1, task.not_told)
    survival, cost, activity = (
        {
            variant: {condition: each.round(4).tolist() for condition, each in values[key].items()}
            for variant, values in found.items()
        }
        for key in ("survival", "cost", "activity")
    )
    seconds = time.perf_counter() - start
    return Pair(plant.name, name, 0, None, None, [], survival, cost, activity["told"]["clean 1"], seconds)


def network_of(design: Design, task: ControlTask, config: ControlConfig, group: int) -> Readout:
    """The network of a group of seeds, as large as the LTC-NCP of the first wiring unless the settings say how large.

    Example:
        >>> from liquidjax.experiments.control.config import Budget
        >>> from liquidjax.experiments.control.designs import DESIGNS
        >>> from liquidjax.experiments.control.tasks import load
        >>> config = ControlConfig(budget=Budget(series=4, frames=10), starts=1)
        >>> task = load("cart-pole", config)
        >>> [count_parameters(network_of(DESIGNS[name], task, config, 0)) for name in ("LTC-NCP", "GRU")]
        [301, 297]
    """
    plant = task.plant

    def of(cell: str, knows, parameters: int, seed: int) -> Readout:
        wiring = AutoNCP(config.neurons, plant.actions, seed=seed)
        return network(cell, knows, plant.positions, plant.actions, parameters, wiring, config.unfolds)

    parameters = config.parameters or count_parameters(of("LTC-NCP", "dynamics", 0, FIRST_WIRING))
    return of(design.network.cell, design.network.knows, parameters, FIRST_WIRING + group)


def lowest(fitted: Fitted) -> np.ndarray:
    """The validation loss (members,) of the best epoch of each."""
    losses = np.array([epoch.validation_loss for epoch in fitted.history])
    return np.where(np.isfinite(losses), losses, np.inf).min(0)


def _part(task: ControlTask, design: Design, constant: float | None) -> Part:
    filter = filter_of(task, design.front, constant)
    of = functools.partial(dataset, task.plant, filter=filter)
    clean = of(task.training)
    training = of(task.faulty) if design.faulty else clean
    return Part(training, of(task.validation), Preparation.learnt(clean), filter)


def _trained(cell, part: Part, rates, seeds, order: int, config: ControlConfig, stop) -> Fitted:
    budget = config.budget
    batches = -(-len(part.training) // budget.batch_size)
    return fit(
        cell,
        Regression("step"),
        part.training,
        part.validation,
        preparation=part.preparation,
        optimizer=Optimizer(schedule="cosine"),
        epochs=max(1, round(budget.steps / batches)),
        batch_size=budget.batch_size,
        seed=order,
        members={"seed": list(map(int, seeds)), "learning_rate": list(map(float, rates))},
        stop=stop,
    )


def _chosen(trained, cell, part_of, design: Design, config: ControlConfig) -> tuple[float | None, float]:
    """The constant of the filter (None without) and the learning rate with the lowest validation loss."""
    budget = config.budget
    best = (np.inf, None, budget.learning_rates[0])
    rates = np.repeat(budget.learning_rates, budget.tuning_seeds)
    seeds = np.tile(np.arange(budget.tuning_seeds), len(budget.learning_rates))
    constants = {"": (None,), "low-pass": budget.low_pass, "Kalman": budget.kalman}
    for constant in constants[design.front]:
        fitted = trained(cell, part_of(constant), rates, seeds, order=0)
        if not fitted.history:  # stopped
            break
        losses = lowest(fitted).reshape(-1, budget.tuning_seeds).mean(1)
        if losses.min() < best[0]:
            best = (float(losses.min()), constant, budget.learning_rates[int(losses.argmin())])
    return best[1], best[2]
