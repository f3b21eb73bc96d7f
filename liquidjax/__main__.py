"""The command line: `liquidjax COMMAND ...`, or `python -m liquidjax COMMAND ...`."""

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro

from liquidjax.experiments import chaos as forecasting
from liquidjax.experiments import config as configs
from liquidjax.experiments import evaluate as later
from liquidjax.experiments import memory as gradient_memory
from liquidjax.experiments import sizes as network_sizes
from liquidjax.experiments import train as training
from liquidjax.experiments.memory_report import report
from liquidjax.experiments.memory_sweep import MemoryConfig
from liquidjax.experiments.progress import bars, display
from liquidjax.tasks import digits

Settings = TypeVar("Settings")
YAML = (".yaml", ".yml")
Flat = tyro.conf.arg(name="")  # --epochs, not --settings.epochs


def train(
    config: tyro.conf.Positional[Path],
    settings: Annotated[training.TrainConfig, Flat],
    folder: Path | None = None,
) -> None:
    """Train a liquid network on handwritten digits, and an LSTM, a GRU and logistic regression beside it.

    Example: liquidjax train configs/digits.yaml --epochs 5

    Args:
        config: YAML file with the settings; the options below override it.
        folder: Where to write the run; runs/<config>-<date>-<time> when left out.
    """
    folder = _run_folder(config, folder)
    networks = training.networks(settings)
    print(f"{', '.join(networks)}: {settings.epochs} epochs each; writing to {folder}")
    with display(list(networks), settings.epochs) as show:
        result = training.run(settings, folder, show)
    print(f"\n{training.table(result.rows)}\n")
    liquid = result.rows[0]
    print(f"The {liquid.network} named {liquid.test_accuracy:.1%} of the test images, which no network has trained on.")
    print(f"Everything about the run, and a picture (overview.png), is in {folder}")
    print(f"Next: liquidjax predict {folder} {folder / 'sample.csv'}")


def evaluate(run: tyro.conf.Positional[Path]) -> None:
    """Measure the liquid network of a run on its test images again.

    Example: liquidjax evaluate runs/digits-20250101-120000

    Args:
        run: Folder that `train` has written.
    """
    result = later.evaluate(run)
    print(f"test accuracy {result.accuracy:.4f} on {result.confusion.sum()} images")
    same = result.accuracy == result.recorded
    print(f"the same as training recorded: {'yes' if same else f'NO, it recorded {result.recorded:.4f}'}\n")
    print("digit  images  right    taken for " + "".join(f"{answer:>5}" for answer in range(digits.CLASSES)))
    for digit, answers in enumerate(result.confusion):
        counts = "".join(f"{count or '.':>5}" for count in answers.tolist())
        print(f"{digit:>5}  {answers.sum():>6}  {answers[digit] / answers.sum():>5.3f}              {counts}")


def predict(run: tyro.conf.Positional[Path], file: tyro.conf.Positional[Path]) -> None:
    """Let the liquid network of a run read images from a CSV file; prints CSV.

    Example: liquidjax predict runs/digits-20250101-120000 runs/digits-20250101-120000/sample.csv

    Args:
        run: Folder that `train` has written.
        file: One image a row: 64 pixel values from 0 (background) to 16, the image row by row; a header may come first.
    """
    predictions = later.predict(run, file)
    print("row,digit,probability")
    for prediction in predictions:
        print(f"{prediction.row},{prediction.digit},{prediction.probability:.4f}")


def sizes(
    settings: Annotated[network_sizes.SizesConfig, Flat],
    config: tyro.conf.Positional[Path | None] = None,
    folder: Path | None = None,
) -> None:
    """Count the networks of the NCP paper's size table (Lechner et al., 2020), after building and running each.

    Example: liquidjax sizes configs/sizes.yaml

    Args:
        config: YAML file with the settings, the defaults when left out; the options below override it.
        folder: Where to write the table, the numbers as JSON and a picture; nothing is written when left out.
    """
    if config is not None:
        _check_yaml(config)
    result = network_sizes.run(settings, folder)
    print(network_sizes.report(settings, result))
    if folder is not None:
        print(f"\nThe table, the numbers and a picture (sizes.png) are in {folder}")


def chaos(
    config: tyro.conf.Positional[Path],
    settings: Annotated[forecasting.ChaosConfig, Flat],
    folder: Path | None = None,
) -> None:
    """Forecast noisy series (sines, Lorenz, Mackey-Glass) with liquid networks and LSTMs, beside ridge regression.

    Example: liquidjax chaos configs/chaos.yaml --epochs 100

    Args:
        config: YAML file with the settings; the options below override it.
        folder: Where to write the run; runs/<config>-<date>-<time> when left out.
    """
    folder = _run_folder(config, folder)
    print(f"{settings.seeds} seeds, {settings.epochs} epochs to choose learning rates and again; writing to {folder}")
    with bars(forecasting.jobs(settings), 2 * settings.epochs) as tick:

        def show(job: str, epoch: int, error: float, seconds: float) -> None:
            tick(job, epoch, seconds, f"error {error:.4f}")

        result = forecasting.run(settings, folder, show)
    for name, study in result.studies.items():
        print(f"\n{forecasting.section(settings, name, study)}")
    print(f"How to read the tables (report.md), every seed (results.json) and pictures are in {folder}")


def memory(
    config: tyro.conf.Positional[Path],
    settings: Annotated[MemoryConfig, Flat],
    folder: Path | None = None,
) -> None:
    """Measure what a gradient takes by each method (BPTT, Remat, ... Backsolve): memory, time and error.

    Every point is measured in a fresh process; on a machine with an accelerator, on it.

    Example: liquidjax memory configs/memory.yaml --long-steps 0

    Args:
        config: YAML file with the settings; the options below override it.
        folder: Where to write the run; runs/<config>-<date>-<time> when left out.
    """
    folder = _run_folder(config, folder)
    print(f"Writing to {folder}")
    result = gradient_memory.run(settings, folder, lambda text: print(text, file=sys.stderr, flush=True))
    print(f"\n{report(settings, result)}")
    print(f"The tables (report.md), every number (results.json) and pictures are in {folder}")


def commands(arguments: Sequence[str]) -> dict[str, Callable[..., Any]]:
    """Every command by its name; those with settings take their defaults from the YAML file among the arguments."""
    return {
        "train": functools.partial(train, settings=_settings("train", training.TrainConfig, arguments)),
        "evaluate": evaluate,
        "predict": predict,
        "chaos": functools.partial(chaos, settings=_settings("chaos", forecasting.ChaosConfig, arguments)),
        "memory": functools.partial(memory, settings=_settings("memory", MemoryConfig, arguments)),
        "sizes": functools.partial(sizes, settings=_settings("sizes", network_sizes.SizesConfig, arguments)),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command. What the user can put right ends with one line on stderr and status 2."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        tyro.extras.subcommand_cli_from_dict(
            commands(arguments),
            prog="liquidjax",
            description="Liquid neural networks in JAX. `liquidjax COMMAND --help` explains a command.",
            args=arguments,
        )
    except (ValueError, OSError, ImportError, FloatingPointError) as error:
        print(f"liquidjax: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("liquidjax: interrupted", file=sys.stderr)
        sys.exit(130)


def _check_yaml(config: Path) -> None:
    if config.suffix not in YAML:
        raise ValueError(f"{config} must be a .yaml file")


def _run_folder(config: Path, folder: Path | None) -> Path:
    """The folder asked for, or one named after the settings and the time."""
    _check_yaml(config)
    return folder or training.fresh_folder(config.stem)


def _settings(command: str, kind: type[Settings], arguments: Sequence[str]) -> Settings:
    """The settings in the YAML file that follows `command`; the defaults where there is none to read."""
    files = [text for text in arguments[1:] if text.endswith(YAML)]
    return configs.read(files[0], kind) if files and arguments[0] == command else kind()


if __name__ == "__main__":
    main()
