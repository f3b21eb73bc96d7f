"""A run: networks and baselines on the same data, in one folder."""

import contextlib
import dataclasses
import json
import shutil
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from jax.sharding import Mesh

from liquidjax.analysis.parameters import count_parameters
from liquidjax.experiments.shared.progress import Callback
from liquidjax.experiments.shared.run_folder import (
    CHECKPOINTS,
    RESULTS,
    begin,
    check_ready,
    end,
    go_on,
    mark_interrupted,
    write_results,
    write_sums,
)
from liquidjax.experiments.supervised import data as sources
from liquidjax.experiments.supervised import shifted
from liquidjax.experiments.supervised.baselines import baselines
from liquidjax.experiments.supervised.config import SupervisedConfig
from liquidjax.experiments.supervised.ensemble import Ensemble, compared, each, mean, scores_of
from liquidjax.experiments.supervised.growing import growing
from liquidjax.experiments.supervised.part import came_to_its_end, checkpoints_of, others_of, settings_of, stopped
from liquidjax.experiments.supervised.tables import write_table
from liquidjax.tasks.splits import Parts
from liquidjax.training import reports
from liquidjax.training.calibration import can_be_calibrated
from liquidjax.training.checkpoints.alone import alone
from liquidjax.training.examples import examples
from liquidjax.training.fit import Fitted, fit
from liquidjax.training.model import Model
from liquidjax.training.objective import Objective
from liquidjax.training.objectives import Forecast
from liquidjax.training.precision import computing
from liquidjax.training.predict import predict
from liquidjax.training.progress import Epoch

MODEL = "model.safetensors"
TENSORBOARD = "tensorboard"
CURVES = "metrics.jsonl"
SAMPLES = 5
"""Series in sample.csv."""
Samplings = Mapping[str, shifted.Asked]
"""The test series at other samplings, by the names of these."""


class Row(NamedTuple):
    """One line of the comparison: scores by name on the validation and the test data. seconds: with compilation.

    test: those at other samplings among them, behind the others and with the name of theirs, "accuracy, lost 0.5".
    ensemble: where members were trained, all of them; the scores are those of the best.
    """

    name: str
    parameters: int
    validation: dict[str, float]
    test: dict[str, float]
    seconds: float
    ensemble: Ensemble | None = None


class Result(NamedTuple):
    """The run folder, and the comparison with the first network first; interrupted: where, if it was."""

    folder: Path
    rows: list[Row]
    interrupted: str | None = None


class Plan(NamedTuple):
    """What a configuration comes to with its data: the parts, the objective, and the networks with their rates."""

    parts: Parts
    objective: Objective
    networks: dict[str, tuple[Any, float]]


def plan(config: SupervisedConfig) -> Plan:
    """Reads the data and builds the networks; nothing is trained.

    What does not fit is refused here, before a folder is made.

    Raises:
        FileNotFoundError: a source is not there.
        ImportError: a package that reads the data is not installed.
        ValueError: data, objective and networks do not fit, or a part has no known target.
    """
    parts = config.shift.with_room(sources.load(config.data))
    objective = config.objective.objective(parts.training)
    preparation = sources.preparation(config.inputs, parts.training)
    for name, part in zip(Parts._fields, parts, strict=True):
        targets = objective.targets(part, preparation)
        if targets is not None and not _known(objective, targets):
            raise ValueError(f"the {name} data must have a known target, and have none; other shares may help")
    outputs = config.objective.number(objective, parts.training)
    config.objective.check_losses(objective, parts.training, preparation, outputs)
    cells = config.model.networks(preparation.inputs, outputs, config.training.precision)
    if config.training.calibrate and not any(map(can_be_calibrated, cells.values())):
        raise ValueError(
            f"training.calibrate must be false, for none of the networks can be calibrated, got {', '.join(cells)}; an "
            "LTC can"
        )
    return Plan(parts, objective, dict(zip(cells, zip(cells.values(), config.rates(), strict=True), strict=True)))


def run(
    config: SupervisedConfig,
    folder: Path,
    callback: Callback = lambda job, epoch, seconds, numbers: None,
    stop: Callable[[], bool] = lambda: False,
    planned: Plan | None = None,
    *,
    resume: bool = False,
    debug_nans: bool = False,
    tensorboard: bool = False,
    notice: Callable[[str], None] = warnings.warn,
    watch: Callable[[str, Epoch], None] = lambda network, epoch: None,
    mesh: Mesh | None = None,
) -> Result:
    """Trains the networks and writes the run folder.

    The folder gets config.yaml (every setting), metrics.jsonl (a line for each epoch), model.safetensors (the first
    network, see `liquidjax.load`), results.json (the comparison), SHA256SUMS (of both .json files), overview.png and
    sample.csv (held-out series for `predict`). Where `stop` ended it, the model is what it was by then, and
    results.json holds what has been measured; interrupted.txt says so, and there is no picture. While it runs, the
    folder holds checkpoints/, from which it can go on, whatever ended it.

    Args:
        config: what to do.
        folder: where to write; it may exist if it is empty.
        callback: called after each epoch of each network.
        stop: asked after each batch; when it says True, the run ends there.
        planned: what `plan` made of the configuration; it is made where it is None.
        resume: whether the folder is that of a run that did not come to its end, to go on where it was.
        debug_nans: see `fit`.
        tensorboard: whether the curves are written for TensorBoard too, to the folder tensorboard/ of the run.
        notice: is told of a checkpoint that is damaged, and of what cannot be written for now.
        watch: called after each epoch with the name of the network and all that is known of the epoch; of a run that
            goes on, first with what was.
        mesh: see `fit`. Where its devices are those of several processes, this is for process 0; the others call
            `part.take_part`.

    Returns:
        The comparison, as far as it came.

    Raises:
        ImportError: a package that reads the data, scikit-learn or matplotlib is not installed.
        OSError: the folder cannot be written, or, at the end, what is to be in it.
        ValueError: the folder is not empty, or, to go on, is not that of such a run; another process writes there; or a
            setting does not fit the data.
        FloatingPointError: a network diverged.
    """
    planned = plan(config) if planned is None else planned
    checkpoints_of(config, folder, 0, notice)  # whether they can be written, before there is a folder
    check_ready(folder, resume)
    with alone(folder / CHECKPOINTS) if config.training.checkpoint_seconds is not None else contextlib.nullcontext():
        (go_on if resume else begin)(folder, config)
        with computing(config.training.precision):
            return _run(config, folder, callback, stop, planned, debug_nans, tensorboard, notice, watch, mesh)


def _run(
    config: SupervisedConfig,
    folder: Path,
    callback: Callback,
    stop: Callable[[], bool],
    planned: Plan,
    debug_nans: bool,
    tensorboard: bool,
    notice: Callable[[str], None],
    watch: Callable[[str, Epoch], None],
    mesh: Mesh | None,
) -> Result:
    parts, objective, networks = planned
    preparation, others = sources.preparation(config.inputs, parts.training), others_of(config, mesh)
    asked = config.shift.asked(parts.test)
    rows: list[Row] = []
    trained: dict[str, Fitted] = {}
    interrupted, first, unsaved = None, next(iter(networks)), None
    shutil.rmtree(folder / TENSORBOARD, ignore_errors=True)  # of a part before: all its epochs are reported again
    with growing(folder / CURVES, notice) as metrics:
        for name, (cell, learning_rate) in networks.items():
            if trained and stopped(stop, others):
                interrupted = f"Interrupted before the {name}; the {first} was trained to its end."
                break

            curves = reports.tensorboard(folder / TENSORBOARD / name) if tensorboard else None

            def report(epoch: Epoch, name: str = name, curves: Callable[[Epoch], None] | None = curves) -> None:
                reports.json_lines(metrics, network=name)(epoch)
                if curves is not None:
                    curves(epoch)
                scores = "".join(f"  validation {key} {mean(value):.3f}" for key, value in epoch.validation.items())
                callback(name, epoch.epoch, epoch.seconds, f"loss {mean(epoch.loss):.3f}{scores}")
                watch(name, epoch)

            fitted = fit(
                cell,
                objective,
                parts.training,
                parts.validation,
                preparation=preparation,
                **settings_of(config, cell, learning_rate),
                debug_nans=debug_nans,
                checkpoints=checkpoints_of(config, folder, len(trained), notice),
                mesh=mesh,
                callback=report,
                stop=stop,
            )
            seconds, done = fitted.seconds, len(fitted.history)
            if not came_to_its_end(fitted, config, stop, others):
                interrupted = (
                    f"Interrupted in epoch {done + 1} of {config.training.epochs} of the {name}; the {first} "
                    + ("is what it was by then." if name == first else "was trained to its end.")
                )
            trained[name], ensemble = _best(config, fitted, parts, objective, asked)
            model = model_of(config, trained[name])
            if name == first:
                try:
                    model.save(folder / MODEL)
                except OSError as error:  # as on a full disk: the others are trained, and it is tried again
                    notice(f"the model could not be written: {error}; it is written later")
                    unsaved = model
            elif interrupted:
                break
            rows.append(measured(name, model, parts, objective, seconds, asked)._replace(ensemble=ensemble))
            if interrupted:
                break
    if not interrupted:
        rows += without_network(config, parts, objective, asked)
    # Until all is there it is not a whole run, whenever it is killed.
    mark_interrupted(folder, interrupted or "Interrupted after the training, while the results were written.")
    if unsaved is not None:
        unsaved.save(folder / MODEL)
    write_results(folder, rows)
    write_sums(folder, CURVES, RESULTS)
    write_table(folder / "sample.csv", config.data, parts.test.take(range(min(SAMPLES, len(parts.test)))))
    if not interrupted:
        from liquidjax.experiments.supervised import figures  # with matplotlib

        figures.write(folder / "overview.png", config, trained, parts.test, rows)
        end(folder)
    return Result(folder, rows, interrupted)


def measured(
    name: str, model: Model, parts: Parts, objective: Objective, seconds: float, asked: Samplings = MappingProxyType({})
) -> Row:
    """The scores of a model."""
    validation, test = (scores_of(predict(model, part, objective)) for part in (parts.validation, parts.test))
    test |= shifted.scores(model, asked, objective)
    return Row(name, count_parameters(model.cell), validation, test, seconds)


def without_network(
    config: SupervisedConfig, parts: Parts, objective: Objective, asked: Samplings = MappingProxyType({})
) -> list[Row]:
    """The scores of the baselines; what answers an objective of the user's without a network, nobody here can know."""
    if config.objective.function is not None:
        return []
    preparation = sources.preparation(config.inputs, parts.training)
    training, *others = (examples(part, preparation, objective) for part in parts)
    others += [each.without_network(objective, preparation) for each in asked.values()]
    rows = []
    for name, found in baselines(objective, training, *others).items():
        validation, test, *again = (
            objective.scores(answers, np.asarray(part.targets))
            for answers, part in zip(found.answers, others, strict=True)
        )
        for sampling, scores in zip(asked, again, strict=True):
            test |= shifted.of_sampling(sampling, scores)
        rows.append(Row(name, found.parameters, validation, test, found.seconds))
    return rows


def model_of(config: SupervisedConfig, fitted: Fitted) -> Model:
    """The model that is kept, with the configuration in its notes, which name an objective of the user's."""
    model = fitted.model()
    params = fitted.last.params if config.training.keep == "last" else fitted.params
    objective = model.objective if config.objective.function is None else None
    return dataclasses.replace(model, params=params, objective=objective, notes={"config": as_json(config)})


def as_json(config: SupervisedConfig) -> str:
    """Every setting, as the notes of a model have them."""
    return json.dumps(dataclasses.asdict(config))


def _known(objective: Objective, targets: np.ndarray) -> bool:
    """Whether there is a target that is known; of a forecast one of a step that follows another."""
    targets = targets[:, 1:] if isinstance(objective, Forecast) else targets
    return bool(np.any(targets >= 0 if targets.dtype.kind in "iu" else ~np.isnan(targets)))


def _best(
    config: SupervisedConfig, fitted: Fitted, parts: Parts, objective: Objective, asked: Samplings
) -> tuple[Fitted, Ensemble | None]:
    """The training of the best member by validation loss, and how good all are; where there are no members, itself."""
    members = config.training.members
    if not members.number:
        return fitted, None
    trainings = each(fitted, members.number)
    ensemble = compared(members.varied, [model_of(config, training) for training in trainings], parts, objective, asked)
    return trainings[ensemble.best], ensemble
