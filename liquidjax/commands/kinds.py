"""The kinds of settings that commands read from a YAML file."""

from typing import Any

from liquidjax.experiments.control.config import ControlConfig
from liquidjax.experiments.forecasting.config import ForecastingConfig
from liquidjax.experiments.gradient_memory.config import GradientMemoryConfig
from liquidjax.experiments.network_sizes.config import NetworkSizesConfig
from liquidjax.experiments.shift.config import ShiftConfig
from liquidjax.experiments.supervised.config import SupervisedConfig

KINDS: dict[str, type[Any]] = {
    "train": SupervisedConfig,
    "forecasting": ForecastingConfig,
    "gradient-memory": GradientMemoryConfig,
    "network-sizes": NetworkSizesConfig,
    "shift": ShiftConfig,
    "control": ControlConfig,
    "sweep": SupervisedConfig,
}
"""By the name of the command; what has none here has no settings."""
