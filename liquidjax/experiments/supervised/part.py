"""What every process does of a run: it trains each network. What process 0 does beside that is in `run.py`."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jax.sharding import Mesh

from liquidjax.experiments.shared.run_folder import CHECKPOINTS
from liquidjax.experiments.supervised import data as sources
from liquidjax.experiments.supervised.config import SupervisedConfig
from liquidjax.tasks.splits import Parts
from liquidjax.training.calibration import can_be_calibrated
from liquidjax.training.checkpoints.keeper import Checkpoints
from liquidjax.training.fit import Fitted, fit
from liquidjax.training.objective import Objective
from liquidjax.training.processes.agree import any_of_all
from liquidjax.training.processes.watch import Watch
from liquidjax.training.shares import shares_of


def take_part(
    config: SupervisedConfig,
    folder: Path,
    parts: Parts,
    objective: Objective,
    networks: Mapping[str, tuple[Any, float]],
    stop: Callable[[], bool],
    mesh: Mesh,
    debug_nans: bool = False,
) -> bool:
    """What another process than 0 does of a run: it trains along, and writes nothing.

    Args:
        config, folder, stop, mesh, debug_nans: see `run`.
        parts, objective, networks: see `Plan`.

    Returns:
        Whether it came to its end.

    Raises:
        FloatingPointError: a network diverged.
    """
    preparation, others = sources.preparation(config.inputs, parts.training), others_of(config, mesh)
    for number, (cell, learning_rate) in enumerate(networks.values()):
        if number and stopped(stop, others):
            return False
        fitted = fit(
            cell,
            objective,
            parts.training,
            parts.validation,
            preparation=preparation,
            **settings_of(config, cell, learning_rate),
            debug_nans=debug_nans,
            checkpoints=checkpoints_of(config, folder, number, warnings.warn),
            mesh=mesh,
            stop=stop,
        )
        if not came_to_its_end(fitted, config, stop, others):
            return False
    return True


def others_of(config: SupervisedConfig, mesh: Mesh | None) -> Watch | None:
    """The watch over the other processes that train along on a mesh; None where there are none."""
    return None if mesh is None else shares_of(mesh, config.training.batch_size).watch


def stopped(stop: Callable[[], bool], others: Watch | None) -> bool:
    """Whether the run is to stop; of several processes, whether any of them says so."""
    if others is None:
        return stop()
    with others.together():
        return any_of_all(others, "the question whether to stop", stop())


def came_to_its_end(fitted: Fitted, config: SupervisedConfig, stop: Callable[[], bool], others: Watch | None) -> bool:
    """Whether a training was not stopped before its end."""
    return not stopped(stop, others) or len(fitted.history) == config.training.epochs


def checkpoints_of(
    config: SupervisedConfig, folder: Path, number: int, notice: Callable[[str], None]
) -> Checkpoints | None:
    """Where the training of a network, by its number, is saved in a run folder; None where it is not."""
    seconds = config.training.checkpoint_seconds
    return None if seconds is None else Checkpoints(folder / CHECKPOINTS / str(number), seconds, notice=notice)


def settings_of(config: SupervisedConfig, cell: Any, learning_rate: float) -> dict[str, Any]:
    """What `fit` is told of the section `training` for a cell."""
    names = ("epochs", "batch_size", "patience", "seed", "most_skipped")
    # Members go through one program, by `fit`, and not each in a thread by `training.members.side_by_side`, which takes
    # less time on a CPU with cores to spare: so there is one state to stop and to go on from, a line for each epoch of
    # all, and an accelerator is used as well.
    return {
        **{name: getattr(config.training, name) for name in names},
        "optimizer": config.training.rule(learning_rate),
        "members": config.training.members.varied or None,
        "calibrate": config.training.calibrate and can_be_calibrated(cell),
        "coarse": config.training.coarse(cell),
    }
