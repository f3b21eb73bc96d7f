"""One design on one task: tuned, trained for each seed, and asked under every condition."""

import functools
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax.analysis.composition import composition
from liquidjax.analysis.parameters import count_parameters
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.experiments.shared.networks import FIRST_WIRING, reading
from liquidjax.experiments.shift import conditions
from liquidjax.experiments.shift.conditions import Condition, Variant
from liquidjax.experiments.shift.config import ShiftConfig
from liquidjax.experiments.shift.designs import DESIGNS, Design, build
from liquidjax.experiments.shift.tasks import ShiftTask
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.batches import Batches
from liquidjax.training.examples import examples
from liquidjax.training.fit import Fitted, fit
from liquidjax.training.objectives import Classification
from liquidjax.training.optimizer import Optimizer
from liquidjax.wirings import AutoNCP

STATES = 64
"""Series whose last states `composition` looks at."""


class Pair(NamedTuple):
    """What came of a design on a task.

    learning_rate, filter: what was chosen (filter: None where there is none); validation: the accuracies of the seeds;
    scores: {variant: {condition: accuracies of the seeds}}; halves, still: see `Composition`, means over
    the seeds.
    """

    task: str
    design: str
    parameters: int
    learning_rate: float
    filter: float | None
    validation: list[float]
    scores: dict[str, dict[str, list[float]]]
    halves: float
    still: float
    seconds: float


class Part(NamedTuple):
    """The data of a task as a design gets them."""

    training: SequenceDataset
    validation: SequenceDataset
    preparation: Preparation


def compute(
    task: ShiftTask,
    asked: Mapping[Condition, SequenceDataset],
    design: Design,
    config: ShiftConfig,
    stop: Callable[[], bool] = lambda: False,
) -> Pair | None:
    """Tunes, trains and tests; None where `stop` ended it.

    Args:
        task: what is learnt.
        asked: its conditions.
        design: who learns it.
        config: how.
        stop: asked after each batch.

    Raises:
        FloatingPointError: no training of a group of seeds stayed finite.
    """
    start = time.perf_counter()
    networks = [_network(design, task, config, group) for group in range(len(config.groups(design.name)))]
    trained = functools.partial(_trained, config=config, stop=stop)
    chosen = _chosen(trained, networks[0], task, design, config)
    if stop():
        return None
    constant, rate = chosen
    part = _part(task, design, constant)
    wanted: list[Variant] = ["told", "held"] if design.knows == "nothing" else ["told", "not told", "held"]
    packed = conditions.pack(_filtered(conditions.variants(asked, task.gap, wanted), constant), part.preparation)
    read = conditions.pack(_filtered(conditions.variants(asked, task.gap, ["told"]), constant), part.preparation)
    groups, properties, validation = [], [], []
    for number, (seeds, network) in enumerate(zip(config.groups(design.name), networks, strict=True)):
        fitted = trained(network, part, np.full(len(seeds), rate), seeds, order=1 + number)
        if stop():
            return None
        found = conditions.accuracies(network, fitted.params, packed)
        for form in design.readings:
            found[form] = conditions.accuracies(reading(network, form), fitted.params, read)["told"]
        groups.append(found)
        properties.append(_composition(network, fitted.params, *_steps(part)))
        best = np.asarray(fitted.best_epoch) - 1
        curves = np.array([epoch.validation["accuracy"] for epoch in fitted.history])
        validation += curves[best, np.arange(len(seeds))].tolist()
    scores = {
        variant: {
            condition: np.concatenate([group[variant][condition] for group in groups]).round(4).tolist()
            for condition in groups[0][variant]
        }
        for variant in groups[0]
    }
    halves, still = np.concatenate(properties, axis=1).mean(1).tolist()
    parameters = count_parameters(networks[0])
    seconds = time.perf_counter() - start
    return Pair(task.name, design.name, parameters, rate, constant, validation, scores, halves, still, seconds)


@functools.partial(jax.jit, static_argnums=0)
def _composition(cell, params, inputs, before):
    """Of members, (2, members)."""
    return jnp.stack(jax.vmap(lambda p: jnp.stack(composition(cell, p, inputs, before)))(params), axis=1)


def _steps(part: Part):
    """Inputs (batch, inputs) and what comes before them (time, batch, inputs), of validation series of one length."""
    some = part.validation.take(np.arange(min(STATES, len(part.validation))))
    shortest = int(some.lengths.min())
    inputs = np.moveaxis(examples(some, part.preparation, None).inputs[:, :shortest], 1, 0)
    return inputs[-1], inputs[:-1]


def _network(design: Design, task: ShiftTask, config: ShiftConfig, group: int) -> Readout:
    wiring = AutoNCP(config.neurons, task.classes, seed=FIRST_WIRING + group)
    inputs = task.training.inputs.shape[2]
    like = build(DESIGNS["LTC-NCP"], inputs, task.classes, 0, wiring, config.unfolds)
    return build(design, inputs, task.classes, count_parameters(like), wiring, config.unfolds)


def _part(task: ShiftTask, design: Design, constant: float | None) -> Part:
    training = task.mixed if design.mixed else task.training
    filtered = _filtered({"training": training, "validation": task.validation, "clean": task.training}, constant)
    return Part(filtered["training"], filtered["validation"], Preparation.learnt(filtered["clean"]))


def _filtered(data, constant):
    """Behind the low-pass filter, if there is one; its constant is in the unit of the times."""
    return data if constant is None else {key: conditions.smoothed(each, constant) for key, each in data.items()}


def _trained(network, part: Part, rates, seeds, order: int, config: ShiftConfig, stop) -> Fitted:
    lengths = part.training.lengths
    size = min(config.budget.batch_size, len(lengths))
    if len(lengths) < 6 * size and np.ptp(lengths):
        size = len(lengths) // 2 + 1  # or a few series would be cut into several shapes, each compiled for itself
    epochs = max(1, round(config.budget.steps / len(Batches(lengths, size))))
    return fit(
        network,
        Classification(),
        part.training,
        part.validation,
        preparation=part.preparation,
        optimizer=Optimizer(schedule="cosine"),
        epochs=epochs,
        batch_size=size,
        seed=order,
        members={"seed": list(map(int, seeds)), "learning_rate": list(map(float, rates))},
        stop=stop,
    )


def _chosen(trained, network, task: ShiftTask, design: Design, config: ShiftConfig) -> tuple[float | None, float]:
    """The constant of the filter (None without) and the learning rate with the lowest validation loss.

    As many trials for either: behind a filter the learning rate is the one in the middle.
    """
    budget = config.budget
    tried = sorted(budget.learning_rates)
    if design.filtered:
        tried = [tried[len(tried) // 2]]
    best = (np.inf, None, tried[0])
    rates = np.repeat(tried, budget.tuning_seeds)
    seeds = np.tile(np.arange(budget.tuning_seeds), len(tried))
    for constant in [each * task.gap for each in budget.filters] if design.filtered else [None]:
        fitted = trained(network, _part(task, design, constant), rates, seeds, order=0)
        if not fitted.history:  # stopped
            break
        losses = np.array([epoch.validation_loss for epoch in fitted.history])
        lowest = np.where(np.isfinite(losses), losses, np.inf).min(0).reshape(-1, budget.tuning_seeds).mean(1)
        if lowest.min() < best[0]:
            best = (float(lowest.min()), constant, tried[int(lowest.argmin())])
    return best[1], best[2]
