"""What the forecasting experiment says: a table for each series, and how to read it, as Markdown."""

from collections.abc import Sequence

import numpy as np

from liquidjax.experiments.forecasting.config import ForecastingConfig
from liquidjax.experiments.forecasting.metrics import Study
from liquidjax.experiments.shared.tables import markdown
from liquidjax.tasks.series import Sampling


def section(config: ForecastingConfig, name: str, study: Study) -> str:
    """The table of one series, with a heading and what has to be known to read it."""
    sampling: Sampling = getattr(config, name)
    horizon = config.sections(sampling)[1]
    return f"""## {study.title}

{sampling.train} points to train, {sampling.test} to test, one every {sampling.interval:g} units of time; noise of \
{sampling.noise:g} standard deviations.

{table(study)}

The noise alone makes a test error of {spread(study.noise_errors, 4)}. Forecasts have {horizon} points, so at most \
{study.longest:.1f} {study.unit} can be valid.
"""


def report(config: ForecastingConfig, studies: dict[str, Study], interrupted: str | None = None) -> str:
    """The whole comparison as Markdown."""
    heading = "# Forecasts of noisy series\n\n"
    if interrupted:
        heading += f"{interrupted} What was not finished by then is missing.\n\n"
    rates = ", ".join(f"{rate:.2g}" for rate in config.learning_rates.values)
    text = f"""\
The numbers are medians over {config.seeds} seeds (lowest-highest); a seed draws the initial parameters and the noise.

* Errors: mean squared error of the prediction of the next point, noise included, from all points before it; in \
variances of the training section. The state goes from the training section into the test section.
* Valid: how long a network that is fed its own predictions stays within {config.threshold:g} standard deviations of \
the series without noise (root mean square over the dimensions); for each seed the median over {config.starts} starts.
* Training: Adam, full batch, {config.epochs} epochs, mean squared error. Each network chooses its learning rate from \
{rates}, by the median over all seeds of the error on the last {config.validation_share:.0%} of the training section, \
and is then trained from the start on all of it. Ridge regression chooses its penalty and its window, of up to \
{config.longest_window} points, in the same way; it is fitted and its train error counted where the window is full.
* A time step lasts {config.networks.dt:g} for the liquid layer, the LTC and the CfC. torch counts 4 more parameters \
for each unit of an LSTM, a second bias.
* Seconds: choice of the learning rate and training, all seeds at once, compilation included.

"""
    return (
        heading
        + text
        + "\n".join(
            f"{section(config, name, study)}\n![Forecasts of {study.title}]({name}.png)\n"
            for name, study in studies.items()
        )
    )


def table(study: Study) -> str:
    """The comparison of one series as Markdown that can be read as it is: medians over the seeds (lowest to highest).

    Example:
        >>> from liquidjax.experiments.forecasting.metrics import Row
        >>> row = Row("LTC", 1175, 0.01, [0.1, 0.3], [0.2], [5.0], 1.2)
        >>> print(table(Study("some series", "days", 9.0, [0.1], [row]))[:57])
        | network | parameters | learning rate |            train
    """
    valid = f"valid ({study.unit})"
    header = ["network", "parameters", "learning rate", "train error", "test error", valid, "seconds"]
    lines = [
        [
            row.network,
            f"{row.parameters:,}",
            "" if row.learning_rate is None else f"{row.learning_rate:.2g}",
            spread(row.train_errors, 4),
            spread(row.test_errors, 4),
            spread(row.valid_times, 1),
            f"{row.seconds:.1f}",
        ]
        for row in study.rows
    ]
    return markdown(header, lines)


def spread(values: Sequence[float], digits: int) -> str:
    """The median (lowest-highest).

    Example:
        >>> spread([3.0, 1.0, 2.5], 1)
        '2.5 (1.0-3.0)'
    """
    median, low, high = np.median(values), min(values), max(values)
    return f"{median:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"
