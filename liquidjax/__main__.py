"""The command line: `liquidjax COMMAND ...`, or `python -m liquidjax COMMAND ...`."""

import contextlib
import functools
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from liquidjax.experiments.digits import evaluate as later
from liquidjax.experiments.digits import run as training
from liquidjax.experiments.forecasting import run as forecasting
from liquidjax.experiments.gradient_memory import run as gradient_memory
from liquidjax.experiments.gradient_memory.report import report
from liquidjax.experiments.gradient_memory.sweep import MemoryConfig
from liquidjax.experiments.network_sizes import run as network_sizes
from liquidjax.experiments.shared import arguments as given
from liquidjax.experiments.shared import run_folder
from liquidjax.experiments.shared.interruption import interruptible
from liquidjax.experiments.shared.progress import bars, display
from liquidjax.tasks import digits

Flat = tyro.conf.arg(name="")  # --epochs, not --settings.epochs


def train(
    config: tyro.conf.Positional[Path],
    settings: Annotated[training.TrainConfig, Flat],
    folder: Path | None = None,
) -> int:
    """Train a liquid network on handwritten digits, and an LSTM, a GRU and logistic regression beside it.

    Ctrl-C stops it and keeps what is trained so far.

    Example: liquidjax train configs/digits.yaml --epochs 5

    Args:
        config: YAML file with the settings; the options below override it.
        folder: Where to write the run; runs/<config>-<date>-<time> when left out.
    """
    networks = training.networks(settings)
    with _folder_of(config, folder) as folder, interruptible(saves=True) as stop:
        print(f"{', '.join(networks)}: {_count(settings.epochs, 'epoch')} each; writing to {_path(folder)}", flush=True)
        with display(list(networks), settings.epochs) as show:
            result = training.run(settings, folder, show, stop)
    sample = f"liquidjax predict {_path(folder)} {_path(folder / 'sample.csv')}"
    if result.interrupted:
        print(f"\n{result.interrupted}")
        print(f"Its parameters (params.npz), its settings and its curves (metrics.jsonl) are in {_path(folder)}")
        print(f"Next: {sample}")
        print(f"To train from the start again: liquidjax train {_path(folder / 'config.yaml')}")
        return stop.status
    print(f"\n{training.table(result.rows)}\n")
    liquid = result.rows[0]
    print(f"The {liquid.network} named {liquid.test_accuracy:.1%} of the test images, which no network has trained on.")
    print(f"Everything about the run, and a picture (overview.png), is in {_path(folder)}")
    print(f"Next: {sample}")
    return stop.status


def evaluate(run: tyro.conf.Positional[Path]) -> int:
    """Measure the liquid network of a run on its test images again.

    Example: liquidjax evaluate runs/digits-20250101-120000

    Args:
        run: Folder that `train` has written.
    """
    with interruptible(saves=False):
        result = later.evaluate(run)
    _warn_of_interruption(run)
    print(f"test accuracy {result.accuracy:.4f} on {result.confusion.sum()} images")
    same = result.accuracy == result.recorded
    print(f"the same as training recorded: {'yes' if same else f'NO, it recorded {result.recorded:.4f}'}\n")
    print("digit  images  right    taken for " + "".join(f"{answer:>5}" for answer in range(digits.CLASSES)))
    for digit, answers in enumerate(result.confusion):
        counts = "".join(f"{count or '.':>5}" for count in answers.tolist())
        print(f"{digit:>5}  {answers.sum():>6}  {answers[digit] / answers.sum():>5.3f}              {counts}")
    return 0


def predict(run: tyro.conf.Positional[Path], file: tyro.conf.Positional[Path]) -> int:
    """Let the liquid network of a run read images from a CSV file; prints CSV.

    The first column of the answer, row, counts the images of the file from 1.

    Example: liquidjax predict runs/digits-20250101-120000 runs/digits-20250101-120000/sample.csv

    Args:
        run: Folder that `train` has written.
        file: One image a row: 64 pixel values from 0 (background) to 16, the image row by row. A header of 64 different
            names may come first.
    """
    with interruptible(saves=False):
        predictions = later.predict(run, file)
    _warn_of_interruption(run)
    print("row,digit,probability")
    for prediction in predictions:
        print(f"{prediction.row},{prediction.digit},{prediction.probability:.4f}")
    return 0


def sizes(
    settings: Annotated[network_sizes.SizesConfig, Flat],
    config: tyro.conf.Positional[Path | None] = None,
    folder: Path | None = None,
) -> int:
    """Count the networks of the NCP paper's size table (Lechner et al., 2020), after building and running each.

    Example: liquidjax sizes configs/network_sizes.yaml

    Args:
        config: YAML file with the settings, the defaults when left out; the options below override it.
        folder: Where to write the table, the numbers as JSON and a picture; nothing is written when left out.
    """
    if config is not None:
        given.check_yaml(config)
    with interruptible(saves=False):
        result = network_sizes.run(settings, folder)
    print(network_sizes.report(settings, result))
    if folder is not None:
        print(f"\nThe table, the numbers and a picture (sizes.png) are in {_path(folder)}")
    return 0


def chaos(
    config: tyro.conf.Positional[Path],
    settings: Annotated[forecasting.ChaosConfig, Flat],
    folder: Path | None = None,
) -> int:
    """Forecast noisy series (sines, Lorenz, Mackey-Glass) with liquid networks and LSTMs, beside ridge regression.

    Ctrl-C stops it and keeps the networks that are trained.

    Example: liquidjax chaos configs/forecasting.yaml --epochs 100

    Args:
        config: YAML file with the settings; the options below override it.
        folder: Where to write the run; runs/<config>-<date>-<time> when left out.
    """
    with _folder_of(config, folder) as folder, interruptible(saves=True) as stop:
        plan = f"{_count(settings.epochs, 'epoch')} to choose learning rates and again"
        print(f"{_count(settings.seeds, 'seed')}, {plan}; writing to {_path(folder)}", flush=True)
        with bars(forecasting.jobs(settings), 2 * settings.epochs) as tick:

            def show(job: str, epoch: int, error: float, seconds: float) -> None:
                tick(job, epoch, seconds, f"error {error:.4f}")

            result = forecasting.run(settings, folder, show, stop)
    for name, study in result.studies.items():
        print(f"\n{forecasting.section(settings, name, study)}")
    if result.interrupted:
        print(f"{result.interrupted} What was finished by then is in {_path(folder)}")
        print(f"To begin again: liquidjax chaos {_path(folder / 'config.yaml')}")
        return stop.status
    print(f"How to read the tables (report.md), every seed (results.json) and pictures are in {_path(folder)}")
    return stop.status


def memory(
    config: tyro.conf.Positional[Path],
    settings: Annotated[MemoryConfig, Flat],
    folder: Path | None = None,
) -> int:
    """Measure what a gradient takes by each method (BPTT, Remat, ... Backsolve): memory, time and error.

    Every point is measured in a fresh process; on a machine with an accelerator, on it. Ctrl-C stops it and keeps what
    is measured so far.

    Example: liquidjax memory configs/gradient_memory.yaml --long-steps 0

    Args:
        config: YAML file with the settings; the options below override it.
        folder: Where to write the run; runs/<config>-<date>-<time> when left out.
    """
    with _folder_of(config, folder) as folder, interruptible(saves=True) as stop:
        print(f"Writing to {_path(folder)}", flush=True)
        result = gradient_memory.run(settings, folder, lambda text: print(text, file=sys.stderr, flush=True), stop)
    if result.interrupted:
        print(f"\n{result.interrupted} They are in {_path(folder / 'results.json')}")
        print(f"To begin again: liquidjax memory {_path(folder / 'config.yaml')}")
        return stop.status
    print(f"\n{report(settings, result)}")
    print(f"The tables (report.md), every number (results.json) and pictures are in {_path(folder)}")
    return stop.status


def commands(arguments: Sequence[str]) -> dict[str, Callable[..., int]]:
    """Every command by its name; those with settings take their defaults from the YAML file among the arguments."""

    def with_settings(command: Callable[..., int], kind: type[Any]) -> Callable[..., int]:
        return functools.partial(command, settings=given.settings(command.__name__, kind, arguments))

    return {
        "train": with_settings(train, training.TrainConfig),
        "evaluate": evaluate,
        "predict": predict,
        "chaos": with_settings(chaos, forecasting.ChaosConfig),
        "memory": with_settings(memory, MemoryConfig),
        "sizes": with_settings(sizes, network_sizes.SizesConfig),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command. What the user can put right ends with one line on stderr and status 2.

    An interrupted one ends with the status a shell expects, 130 after Ctrl-C and 143 after SIGTERM.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
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


@contextlib.contextmanager
def _folder_of(config: Path, folder: Path | None) -> Iterator[Path]:
    """The folder asked for, or one named after the settings and the time, which is gone again if nothing came of it."""
    given.check_yaml(config)
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


def _warn_of_interruption(run: Path) -> None:
    if sentence := run_folder.interruption(run):
        print(f"liquidjax: this run did not come to its end: {sentence}", file=sys.stderr)


def _path(path: Path) -> str:
    """A path as a shell takes it, with quotes where it needs them."""
    return shlex.quote(str(path))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


if __name__ == "__main__":
    main()
