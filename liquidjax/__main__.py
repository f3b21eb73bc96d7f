"""The command line: `liquidjax COMMAND ...`, or `python -m liquidjax COMMAND ...`."""

import contextlib
import functools
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from liquidjax._files import there_already
from liquidjax.analysis.parameters import count_parameters
from liquidjax.cpu import tune_cpu
from liquidjax.experiments.control import report as control_report
from liquidjax.experiments.control import run as control_run
from liquidjax.experiments.control.config import ControlConfig
from liquidjax.experiments.forecasting import report as forecasting_report
from liquidjax.experiments.forecasting import run as forecasting_run
from liquidjax.experiments.forecasting.config import ForecastingConfig
from liquidjax.experiments.gradient_memory import report as gradient_memory_report
from liquidjax.experiments.gradient_memory import run as gradient_memory_run
from liquidjax.experiments.gradient_memory.config import GradientMemoryConfig
from liquidjax.experiments.network_sizes import report as network_sizes_report
from liquidjax.experiments.network_sizes import run as network_sizes_run
from liquidjax.experiments.network_sizes.config import NetworkSizesConfig
from liquidjax.experiments.shared import arguments as given
from liquidjax.experiments.shared import run_folder
from liquidjax.experiments.shared.interruption import interruptible
from liquidjax.experiments.shared.progress import Callback, bars
from liquidjax.experiments.shift import report as shift_report
from liquidjax.experiments.shift import run as shift_run
from liquidjax.experiments.shift.config import ShiftConfig
from liquidjax.experiments.supervised import evaluate as supervised_evaluate
from liquidjax.experiments.supervised import init as supervised_init
from liquidjax.experiments.supervised import report as supervised_report
from liquidjax.experiments.supervised import run as supervised_run
from liquidjax.experiments.supervised import runs as supervised_runs
from liquidjax.experiments.supervised.config import SupervisedConfig
from liquidjax.experiments.supervised.summary import described
from liquidjax.experiments.supervised.tables import write_predictions
from liquidjax.experiments.sweep import job as sweep_job
from liquidjax.experiments.sweep import report as sweep_report
from liquidjax.experiments.sweep import run as sweep_run
from liquidjax.experiments.sweep import space as sweep_space
from liquidjax.experiments.sweep.config import Sweep
from liquidjax.export.formats import FORMATS, Format
from liquidjax.export.formats import write as write_export
from liquidjax.training.model import load
from liquidjax.training.ncps_file import read_ncps


def train(
    settings: Annotated[SupervisedConfig, given.FLAT],
    config: tyro.conf.Positional[Path | None] = None,
    folder: Path | None = None,
    resume: Path | None = None,
    debug_nans: bool = False,
    tensorboard: bool = False,
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
    """
    place = _place("train", config, folder, resume)
    if settings.training.tune_cpu:
        _tune_cpu()
    planned = supervised_run.plan(settings)
    names, epochs = list(planned.networks), settings.training.epochs
    with place as folder, interruptible(saves=True) as stop:
        print(f"{', '.join(names)}: {_count(epochs, 'epoch')} each; writing to {_path(folder)}", flush=True)
        with bars(names, epochs) as callback, _how_to_go_on(folder):
            result = supervised_run.run(
                settings,
                folder,
                callback,
                stop,
                planned,
                resume=resume is not None,
                debug_nans=debug_nans,
                tensorboard=tensorboard,
                notice=_notice,
            )
    sample = f"liquidjax predict {_path(folder)} {_path(folder / 'sample.csv')}"
    if result.interrupted:
        print(f"\n{result.interrupted}")
        print(f"Its model ({supervised_run.MODEL}), its settings and its curves (metrics.jsonl) are in {_path(folder)}")
        print(f"Next: {sample}")
        if settings.training.checkpoint_seconds is None:
            print(f"To train from the start again: liquidjax train {_path(folder / 'config.yaml')}")
        else:
            print(f"To go on: liquidjax train --resume {_path(folder)}")
        return stop.status
    print(f"\n{supervised_report.table(result.rows)}\n")
    if sentence := supervised_report.members(result.rows):
        print(sentence)
    if sentence := supervised_report.samplings(settings.shift, settings.inputs.fill):
        print(sentence)
    print(f"The model ({supervised_run.MODEL}), a picture (overview.png) and all about the run are in {_path(folder)}")
    print(f"Next: {sample}")
    return stop.status


def evaluate(run: tyro.conf.Positional[Path]) -> int:
    """Measure the model of a run on its test data again, beside models without a network.

    Example: liquidjax evaluate runs/digits-20250101-120000

    Args:
        run: Folder that `train` has written.
    """
    with interruptible(saves=False):
        result = supervised_evaluate.evaluate(run)
    _warn_of_interruption(run)
    print(f"{_count(result.series, 'test series', 'test series')}\n")
    print(supervised_report.scores(result.scores, result.baselines))
    if sentence := supervised_report.samplings(result.config.shift, result.config.inputs.fill):
        print(f"\n{sentence}")
    same = supervised_evaluate.same(result.scores, result.recorded)
    print(f"\nthe same as training recorded: {'yes' if same else f'NO, it recorded {result.recorded}'}")
    if result.confusion is not None and len(result.confusion) <= supervised_report.MOST_CLASSES:
        print("\nConfusion matrix: how many of each class, by the class that was named")
        print(supervised_report.confusion_matrix(result.confusion, result.classes or ()))
    return 0


def predict(run: tyro.conf.Positional[Path], file: tyro.conf.Positional[str]) -> int:
    """Let the model of a run read other series; prints CSV.

    Example: liquidjax predict runs/digits-20250101-120000 runs/digits-20250101-120000/sample.csv

    Args:
        run: Folder that `train` has written.
        file: Series in any format that can be trained on. A table has the columns that the run was told, or `series`
            and `time`; what is to be learnt may be missing.
    """
    with interruptible(saves=False):
        found = supervised_evaluate.answer(run, file)
    _warn_of_interruption(run)
    write_predictions(sys.stdout, *found)
    return 0


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
    print(f"\nThe configuration is in {_path(config)}; please read it")
    print(f"Next: liquidjax train {_path(config)}")
    return 0


def runs(folder: tyro.conf.Positional[Path] = Path("runs"), picture: Path | None = None) -> int:
    """List the runs in a folder: their data, their first network and its scores.

    Example: liquidjax runs --picture curves.png

    Args:
        folder: Where the runs are, or one of them.
        picture: Where to draw their curves in one figure; nothing is drawn when left out.
    """
    others = {name: kind for name, (_, kind) in COMMANDS.items() if kind not in (None, SupervisedConfig)}
    with interruptible(saves=False):
        found = supervised_runs.find(folder, others)
        curves = supervised_runs.histories(found)
        if picture is not None and not curves:
            raise ValueError(f"{folder} must hold a run with an epoch to draw, and holds none")
        print(supervised_runs.table(found) if found else f"There are no runs in {_path(folder)}")
        if picture is not None:
            from liquidjax.experiments.supervised import figures  # with matplotlib

            figures.curves(curves).savefig(picture)
            print(f"\nThe curves are in {_path(picture)}")
    return 0


def export(
    source: tyro.conf.Positional[Path],
    format: Format,
    file: Path | None = None,
    dtype: Literal["float32", "float64"] | None = None,
    name: str | None = None,
    batch: int | None = None,
    time: int | None = None,
) -> int:
    """Write the model of a run for other machines and languages; it is run there and compared before it is done.

    Example: liquidjax export runs/digits-20250101-120000 --format c

    Args:
        source: Folder that `train` has written, or the file of a model.
        format: An archive for JAX alone (stablehlo), native code (iree), ONNX (onnx), the parameters by name
            (safetensors), one C99 file that allocates nothing (c), or a module for browsers and Node (javascript).
        file: Where to write it, which must not be there yet; beside the model when left out.
        dtype: What it computes in, for stablehlo, onnx and c; float32 when left out.
        name: What all names in the file begin with, for c; model when left out.
        batch: How many series it reads at once, for iree; 1 when left out. Others read any number, C one.
        time: How many steps a sequence has, for iree; when left out it knows steps only.
    """
    with interruptible(saves=False):
        model = supervised_evaluate.restore(source).model if source.is_dir() else load(source)
        if file is None:
            ending = FORMATS[format].ending
            file = source / f"model{ending}" if source.is_dir() else source.with_name(f"{source.stem}{ending}")
        options = {"dtype": dtype, "name": name, "batch": batch, "time": time}
        report = write_export(model, format, file, options, _path(file))
    _warn_of_interruption(source)
    print(f"{type(model.cell).__name__} as {format}: {_path(report.file)}", *report.sentences, sep="\n")
    return 0


def import_(
    file: tyro.conf.Positional[Path],
    network: str | None = None,
    wiring: Literal["units", "masks"] = "units",
    model: Path | None = None,
) -> int:
    """Make a model of weights of ncps for PyTorch that stand in a .safetensors file.

    Example: liquidjax import weights.safetensors --network "LTC(4, AutoNCP(16, 2))"

    Args:
        file: The state_dict of the module, written by safetensors.torch.save_file.
        network: The call that made the module, as in ncps; not needed where the metadata of the file say it as
            `network`.
        wiring: Draw the wiring again as the call says and compare it (units), or take the synapses of an LTC from the
            masks in the file (masks).
        model: Where to write the model, which must not be there yet; named after the file when left out.
    """
    place = file.with_name(f"{file.stem}-model.safetensors") if model is None else model
    with interruptible(saves=False):
        if place.exists():
            raise there_already(place, "--model")
        read = read_ncps(file, network, wiring)
        read.save(place)
    print(f"{read.cell}\n{_count(count_parameters(read.cell), 'parameter')}; the model is in {_path(place)}")
    print(f"Next, in Python: lj.load({str(place)!r}); or liquidjax export {_path(place)} --format c")
    return 0


def network_sizes(
    settings: Annotated[NetworkSizesConfig, given.FLAT],
    config: tyro.conf.Positional[Path | None] = None,
    folder: Path | None = None,
) -> int:
    """Count the networks of the NCP paper's size table (Lechner et al., 2020), after building and running each.

    Example: liquidjax network-sizes configs/network_sizes.yaml

    Args:
        config: YAML file with the settings, the defaults when left out; the options below override it.
        folder: Where to write the table, the numbers as JSON and a picture; nothing is written when left out.
    """
    with interruptible(saves=False):
        result = network_sizes_run.run(settings, folder)
    print(network_sizes_report.report(settings, result))
    if folder is not None:
        print(f"\nThe table, the numbers and a picture (sizes.png) are in {_path(folder)}")
    return 0


def forecasting(
    config: tyro.conf.Positional[Path],
    settings: Annotated[ForecastingConfig, given.FLAT],
    folder: Path | None = None,
) -> int:
    """Forecast noisy series (sines, Lorenz, Mackey-Glass) with liquid networks and LSTMs, beside ridge regression.

    Ctrl-C stops it and keeps the networks that are trained.

    Example: liquidjax forecasting configs/forecasting.yaml --epochs 100

    Args:
        config: YAML file with the settings; the options below override it.
        folder: Where to write the run; runs/<config>-<date>-<time> when left out.
    """
    with _folder_of(config, folder) as folder, interruptible(saves=True) as stop:
        plan = f"{_count(settings.epochs, 'epoch')} to choose learning rates and again"
        print(f"{_count(settings.seeds, 'seed')}, {plan}; writing to {_path(folder)}", flush=True)
        with bars(forecasting_run.jobs(settings), 2 * settings.epochs) as callback:
            result = forecasting_run.run(settings, folder, callback, stop)
    for name, study in result.studies.items():
        print(f"\n{forecasting_report.section(settings, name, study)}")
    if result.interrupted:
        print(f"{result.interrupted} What was finished by then is in {_path(folder)}")
        print(f"To begin again: liquidjax forecasting {_path(folder / 'config.yaml')}")
        return stop.status
    print(f"How to read the tables (report.md), every seed (results.json) and pictures are in {_path(folder)}")
    return stop.status


def gradient_memory(
    config: tyro.conf.Positional[Path],
    settings: Annotated[GradientMemoryConfig, given.FLAT],
    folder: Path | None = None,
) -> int:
    """Measure what a gradient takes by each method (BPTT, Remat, ... Backsolve): memory, time and error.

    Every point is measured in a fresh process; on a machine with an accelerator, on it. Ctrl-C stops it and keeps what
    is measured so far.

    Example: liquidjax gradient-memory configs/gradient_memory.yaml --long-steps 0

    Args:
        config: YAML file with the settings; the options below override it.
        folder: Where to write the run; runs/<config>-<date>-<time> when left out.
    """
    with _folder_of(config, folder) as folder, interruptible(saves=True) as stop:
        print(f"Writing to {_path(folder)}", flush=True)
        result = gradient_memory_run.run(settings, folder, _say, stop)
    if result.interrupted:
        print(f"\n{result.interrupted} They are in {_path(folder / 'results.json')}")
        print(f"To begin again: liquidjax gradient-memory {_path(folder / 'config.yaml')}")
        return stop.status
    print(f"\n{gradient_memory_report.report(settings, result)}")
    print(f"The tables (report.md), every number (results.json) and pictures are in {_path(folder)}")
    return stop.status


def shift(
    settings: Annotated[ShiftConfig, given.FLAT],
    config: tyro.conf.Positional[Path | None] = None,
    folder: Path | None = None,
    resume: Path | None = None,
) -> int:
    """Train networks at one sampling of time and test them at others: rates, lost steps, jitter and noise.

    Ctrl-C stops it and keeps the designs that are finished on a task; it goes on with --resume.

    Example: liquidjax shift configs/shift.yaml

    Args:
        config: YAML file with the settings; the options below override it.
        folder: Where to write the run; runs/<config>-<date>-<time> when left out.
        resume: Folder of a run that did not come to its end, to go on in it, in the place of a configuration.
    """
    place = _place("shift", config, folder, resume)
    run = functools.partial(shift_run.run, settings, resume=resume is not None)
    written = "All tables (report.md), every score (results.json) and pictures"
    return _of_designs("shift", settings, place, len(settings.designs), run, shift_report.headline, written)


def control(
    settings: Annotated[ControlConfig, given.FLAT],
    config: tyro.conf.Positional[Path | None] = None,
    folder: Path | None = None,
    resume: Path | None = None,
) -> int:
    """Imitate experts that balance poles and swim, from positions alone, and drive on with late, lost and noisy frames.

    Ctrl-C stops it and keeps the designs that are finished on a task; it goes on with --resume.

    Example: liquidjax control configs/control.yaml

    Args:
        config: YAML file with the settings; the options below override it.
        folder: Where to write the run; runs/<config>-<date>-<time> when left out.
        resume: Folder of a run that did not come to its end, to go on in it, in the place of a configuration.
    """
    place = _place("control", config, folder, resume)
    run = functools.partial(control_run.run, settings, resume=resume is not None)
    written = "All tables (report.md), all numbers (results.json), pictures and a GIF"
    return _of_designs("control", settings, place, control_run.jobs(settings), run, control_report.headline, written)


def sweep(
    settings: Annotated[SupervisedConfig, given.FLAT],
    config: tyro.conf.Positional[Path],
    space: Path,
    search: Annotated[Sweep, given.FLAT] = Sweep(),
    storage: str | None = None,
    study: str | None = None,
    folder: Path | None = None,
) -> int:
    """Train a configuration many times, with settings drawn from a space by Optuna, and find the best of them.

    The same command, started once more or on another device, is one more worker of the same study. Ctrl-C stops a
    worker after the step that it is at and saves; so does SIGTERM. What a worker has left, by these or by a kill, is
    taken up again by the next that looks. The networks to compare with are not trained.

    Example: liquidjax sweep configs/digits.yaml --space space.yaml --trials 20

    Args:
        config: YAML file with the settings that all trials have in common; the options below override it.
        space: YAML file of what varies: settings with dots, each with a list of choices or a range such as
            {low: 1e-4, high: 0.1, log: true}.
        storage: A journal file (.journal) on a disk of this machine, or a database that Optuna knows, such as
            postgresql+psycopg://user@host/database; a journal in the folder when left out.
        study: Name of the study in the storage; that of the configuration when left out.
        folder: Where to write the runs of all trials, the same for all workers; sweeps/<study> when left out.
    """
    name = _study_name(config, study)
    place = Path("sweeps") / name if folder is None else folder
    with interruptible(saves=True) as stop:
        job = sweep_job.Job(settings, sweep_space.read(space, settings), search, place, name, storage)
        if settings.training.tune_cpu and search.trials:
            _tune_cpu()
        ready = sweep_job.ready(job)
        if search.trials:
            plan = sweep_report.plan(ready.total, search.seeds, ready.measure)
            print(f"{plan}; writing to {_path(place)}", flush=True)
        result = sweep_run.run(ready, _bar, stop, lambda line: print(line, flush=True), _notice)
    print(f"\n{sweep_report.table(result.table)}")
    print(f"All trials (report.md) are in {_path(place)}; liquidjax runs {_path(place)} lists them as runs")
    if result.interrupted:
        print("To go on: the same command")
    elif result.table.best is not None:
        print(f"Next: liquidjax train {_path(place / sweep_run.BEST)}")
    return stop.status


COMMANDS: given.Commands = {
    "init": (init, None),
    "train": (train, SupervisedConfig),
    "evaluate": (evaluate, None),
    "predict": (predict, None),
    "runs": (runs, None),
    "export": (export, None),
    "import": (import_, None),
    "forecasting": (forecasting, ForecastingConfig),
    "gradient-memory": (gradient_memory, GradientMemoryConfig),
    "network-sizes": (network_sizes, NetworkSizesConfig),
    "shift": (shift, ShiftConfig),
    "control": (control, ControlConfig),
    "sweep": (sweep, SupervisedConfig),
}


def commands(arguments: Sequence[str]) -> dict[str, Callable[..., int]]:
    """The commands; the one that is asked for takes the defaults of its settings from the YAML file it names."""

    def with_settings(name: str, command: Callable[..., int], kind: type[Any] | None) -> Callable[..., int]:
        if kind is None:
            return command
        asked = list(arguments[:1]) == [name]
        return functools.partial(command, settings=given.settings(command, kind, arguments[1:]) if asked else kind())

    return {name: with_settings(name, *command) for name, command in COMMANDS.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command. What the user can put right ends with one line on stderr and status 2.

    An interrupted one ends with the status a shell expects, 130 after Ctrl-C and 143 after SIGTERM.
    """
    arguments = given.experiment(sys.argv[1:] if arguments is None else arguments, COMMANDS)
    description = "Liquid neural networks in JAX. `liquidjax COMMAND --help` explains a command, `--version` tells it."
    try:
        status = given.parse(commands(arguments), arguments, description)()
    except (ValueError, OSError, ImportError, FloatingPointError) as error:
        print(f"liquidjax: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("liquidjax: interrupted", file=sys.stderr)
        sys.exit(130)
    if status:
        sys.exit(status)


def _of_designs(
    command: str,
    settings: Any,
    place: contextlib.AbstractContextManager[Path],
    jobs: Any,
    run: Callable[..., Any],
    headline: Callable[..., str],
    written: str,
) -> int:
    """A run of designs on tasks, with a bar for each task, and what it says at its end."""
    _tune_cpu()
    with place as folder, interruptible(saves=True) as stop:
        designs = _count(len(settings.designs), "design")
        print(f"{designs} on {_count(len(settings.tasks), 'task')}; writing to {_path(folder)}", flush=True)
        with bars(settings.tasks, jobs) as callback:
            result = run(folder, callback, stop)
    if table := headline(settings, result.pairs):
        print(f"\n{table}\n")
    if result.interrupted:
        print(f"{result.interrupted} They are in {_path(folder)}")
        print(f"To go on: liquidjax {command} --resume {_path(folder)}")
        return stop.status
    print(f"{written} are in {_path(folder)}")
    return stop.status


def _place(
    command: str, config: Path | None, folder: Path | None, resume: Path | None
) -> contextlib.AbstractContextManager[Path]:
    """The folder of a run that begins, or of one that goes on.

    Raises:
        ValueError: neither is asked for, or both are.
    """
    if (config is None) == (resume is None):
        raise ValueError(f"{command} needs a configuration, or --resume with the folder of a run, and not both")
    if config is not None:
        return _folder_of(config, folder)
    if folder is not None:
        raise ValueError("a run goes on in its own folder: leave out --folder, or --resume")
    assert resume is not None  # one of the two is given
    return contextlib.nullcontext(resume)


@contextlib.contextmanager
def _folder_of(config: Path, folder: Path | None) -> Iterator[Path]:
    """The folder asked for, or one named after the settings and the time, which is gone again if nothing came of it."""
    if folder is not None:
        run_folder.check_new(folder)
        yield folder
        return
    folder = run_folder.fresh_folder(config.stem)
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()  # only if it is empty


def _study_name(config: Path, study: str | None) -> str:
    """The name of a study, which is one of a folder too.

    Raises:
        ValueError: it is none.
    """
    name = config.stem if study is None else study
    if not re.fullmatch(r"[\w][\w.-]{0,99}", name):
        raise ValueError(f"--study must be a name of letters, digits, points and dashes, got {name[:60]!r}")
    return name


@contextlib.contextmanager
def _bar(name: str, epochs: int) -> Iterator[Callback]:
    """A bar on a terminal; elsewhere a trial is a line when it has ended, for there are many."""
    if sys.stderr.isatty():
        with bars([name], epochs) as callback:
            yield callback
    else:
        yield lambda *_: None


def _tune_cpu() -> None:
    """In a process that has computed already, such as a notebook, it is too late: that costs time, not the run."""
    try:
        tune_cpu()
    except RuntimeError:
        _say("liquidjax: JAX has computed in this process already, so XLA is not tuned, and training takes longer")


@contextlib.contextmanager
def _how_to_go_on(folder: Path) -> Iterator[None]:
    """Says it in an error of the disk or the folder, where there is something to go on with."""
    try:
        yield
    except OSError as error:
        if (folder / run_folder.CONFIG).is_file() and (folder / run_folder.CHECKPOINTS).is_dir():
            raise OSError(f"{error}; once that is mended, go on: liquidjax train --resume {_path(folder)}") from error
        raise


def _warn_of_interruption(run: Path) -> None:
    if sentence := run_folder.interruption(run):
        print(f"liquidjax: this run did not come to its end: {sentence}", file=sys.stderr)


def _notice(sentence: str) -> None:
    _say(f"liquidjax: {sentence}")


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # a log on a full disk does not end a training
        print(text, file=sys.stderr, flush=True)


def _path(path: Path) -> str:
    """A path as a shell takes it, with quotes where it needs them."""
    return shlex.quote(str(path))


def _count(number: int, what: str, several: str = "") -> str:
    return f"{number} {what if number == 1 else several or f'{what}s'}"


if __name__ == "__main__":
    main()
