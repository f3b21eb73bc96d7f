"""`liquidjax init` and `train`: from data to a run, in one process or in several."""

import contextlib
from pathlib import Path
from typing import Annotated

import jax
import tyro
from jax.sharding import Mesh

from liquidjax.commands.beginning import how_to_go_on, place_of, tune
from liquidjax.commands.words import count, notice, quoted
from liquidjax.experiments.shared import arguments as given
from liquidjax.experiments.shared.interruption import interruptible
from liquidjax.experiments.shared.progress import bars
from liquidjax.experiments.supervised import init as supervised_init
from liquidjax.experiments.supervised import report as supervised_report
from liquidjax.experiments.supervised import run as supervised_run
from liquidjax.experiments.supervised.config import SupervisedConfig
from liquidjax.experiments.supervised.part import take_part
from liquidjax.experiments.supervised.summary import described
from liquidjax.training.processes.joined import joined
from liquidjax.training.processes.watch import STATUS, TIMEOUT
from liquidjax.training.shares import shares_of


def init(file: tyro.conf.Positional[str], config: Path | None = None) -> int:
    """Look at data and write a configuration for them, with what was found and what can be chosen in its comments.

    Example: liquidjax init walks.csv

    Args:
        file: A .csv, .parquet, .npz or .ts file, a folder of CSV files, or package.module:function.
        config: Where to write the YAML file, which must not be there yet; named after the data when left out.
    """
    if config is None:
        place = Path(file)
        config = Path(f"{place.resolve().stem if place.exists() else file.rpartition(':')[2]}.yaml")
    with interruptible(saves=False):
        found = supervised_init.write(file, config)
    print("\n".join(described(found.whole, found.guess.data.time_unit)))
    print(f"\nThe configuration is in {quoted(config)}; please read it")
    print(f"Next: liquidjax train {quoted(config)}")
    return 0


def train(
    settings: Annotated[SupervisedConfig, given.FLAT],
    config: tyro.conf.Positional[Path | None] = None,
    folder: Path | None = None,
    resume: Path | None = None,
    debug_nans: bool = False,
    tensorboard: bool = False,
    distributed: bool = False,
    coordinator: str | None = None,
    process_id: int | None = None,
    processes: int | None = None,
    timeout: float = TIMEOUT,
) -> int:
    """Train a network on the series that a configuration names, beside other networks and models without one.

    Ctrl-C stops it after the step that it is at and saves; so does SIGTERM. It goes on with --resume, also after it was
    killed, from the last checkpoint. Settings of another experiment, such as configs/shift.yaml, go to its command.

    Example: liquidjax train configs/digits.yaml --training.epochs 5

    Example: liquidjax train --resume runs/digits-20250101-120000

    Args:
        config: YAML file with the settings; the options below override it.
        folder: Where to write the run; runs/<config>-<date>-<time> when left out.
        resume: Folder of a run that did not come to its end, to go on in it, in the place of a configuration.
        tensorboard: Write the curves for TensorBoard too: tensorboard --logdir RUN.
        debug_nans: Stop at the first step whose numbers are not finite, and name the operation and the line of code.
        distributed: Share every batch among all devices of all processes; start the same command in each of them, where
            it finds the same data. Process 0 writes the run.
        coordinator: HOST:PORT of process 0 where all meet; by JAX_COORDINATOR_ADDRESS, Slurm or Open MPI when left out.
        process_id: Number of this process, from 0; by JAX_PROCESS_ID, Slurm or Open MPI when left out.
        processes: How many there are; by JAX_NUM_PROCESSES, Slurm or Open MPI when left out.
        timeout: Seconds without a sign of a process, or with it behind the others, after which all others end.
    """
    place = place_of("train", config, folder, resume)
    if not distributed and (coordinator, process_id, processes) != (None, None, None):
        raise ValueError("--coordinator, --process-id and --processes are for --distributed, which is left out")
    if settings.training.tune_cpu:
        tune()
    if not distributed:
        return _train(settings, place, resume is not None, debug_nans, tensorboard)
    with joined(coordinator, process_id, processes, timeout=timeout) as watch:
        mesh = jax.make_mesh((jax.device_count(),), ("batch",))
        shares_of(mesh, settings.training.batch_size)  # refused before there is a folder
        if watch is None or watch.index == 0:
            return _train(settings, place, resume is not None, debug_nans, tensorboard, mesh)
        planned = supervised_run.plan(settings)
        with interruptible(saves=True) as stop:
            ended = take_part(settings, resume or folder or Path("runs"), *planned, stop, mesh, debug_nans)
        return stop.status or (0 if ended else STATUS)


def _train(
    settings: SupervisedConfig,
    place: contextlib.AbstractContextManager[Path],
    resume: bool,
    debug_nans: bool,
    tensorboard: bool,
    mesh: Mesh | None = None,
) -> int:
    planned = supervised_run.plan(settings)
    names, epochs = list(planned.networks), settings.training.epochs
    with place as folder, interruptible(saves=True) as stop:
        print(f"{', '.join(names)}: {count(epochs, 'epoch')} each; writing to {quoted(folder)}", flush=True)
        with bars(names, epochs) as callback, how_to_go_on(folder):
            result = supervised_run.run(
                settings,
                folder,
                callback,
                stop,
                planned,
                resume=resume,
                debug_nans=debug_nans,
                tensorboard=tensorboard,
                notice=notice,
                mesh=mesh,
            )
    sample = f"liquidjax predict {quoted(folder)} {quoted(folder / 'sample.csv')}"
    if result.interrupted:
        print(f"\n{result.interrupted}")
        print(
            f"Its model ({supervised_run.MODEL}), its settings and its curves (metrics.jsonl) are in {quoted(folder)}"
        )
        print(f"Next: {sample}")
        if settings.training.checkpoint_seconds is None:
            print(f"To train from the start again: liquidjax train {quoted(folder / 'config.yaml')}")
        else:
            print(
                f"To go on: liquidjax train --resume {quoted(folder)}{' --distributed ...' if mesh is not None else ''}"
            )
        return stop.status or (0 if mesh is None else STATUS)  # another process may have been asked
    print(f"\n{supervised_report.table(result.rows)}\n")
    if sentence := supervised_report.members(result.rows):
        print(sentence)
    if sentence := supervised_report.samplings(settings.shift, settings.inputs.fill):
        print(sentence)
    print(f"The model ({supervised_run.MODEL}), a picture (overview.png) and all about the run are in {quoted(folder)}")
    print(f"Next: {sample}")
    return stop.status
