"""The space of a sweep: which settings of a configuration vary, and over what, read as strictly as configurations."""

import dataclasses
import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from liquidjax._bounds import shown
from liquidjax.experiments.shared import configuration
from liquidjax.experiments.supervised.config import SupervisedConfig

MOST_POINTS = 100_000
"""Of a grid."""
EXAMPLE = "training.learning_rate: {low: 1e-4, high: 1e-1, log: true}, or a list of choices"
FIXED = {
    "model.compare": "a trial trains model.cell alone",
    "training.compare_learning_rates": "a trial trains model.cell alone",
    "training.members": "the members of a trial are its --seeds",
    "training.seed": "--seeds says by how many seeds each trial is trained",
    "training.checkpoint_seconds": "it changes nothing that is measured",
    "training.tune_cpu": "it holds for the process, not for a trial",
    **dict.fromkeys(
        ("data.source", "data.test", "data.split", "data.validation_share", "data.test_share", "data.split_seed"),
        "trials that are measured on other data cannot be compared",
    ),
}
"""What must not vary, and why."""


@dataclass(frozen=True)
class Range:
    """What stands behind a setting that is a number: {low: 1, high: 8}, with log: true, or with a step."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def __post_init__(self):
        for name in ("low", "high", "step"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name} must be finite, got {value}")
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got {self.low:g} and {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low must be above 0 with log: true, got {self.low:g}")
        if self.step is None:
            return
        if self.log:
            raise ValueError("step must be left out with log: true, which has none")
        steps = (self.high - self.low) / self.step if self.step > 0 else 0.0
        if round(steps) < 1 or not math.isclose(steps, round(steps), rel_tol=1e-9):
            raise ValueError(f"high must be some steps above low, got {self.low:g}, {self.high:g} and step {self.step}")


@dataclass(frozen=True)
class Choices:
    """A setting that takes one of these values, as YAML has them."""

    place: str
    values: tuple[Any, ...]

    @property
    def named(self) -> dict[Any, Any]:
        """The values by what a storage knows them by: themselves, or for a list its text."""
        return {plain(value): value for value in self.values}


@dataclass(frozen=True)
class Span:
    """A setting that takes numbers from low to high, both among them; whole numbers where the setting is one."""

    place: str
    low: float
    high: float
    log: bool
    step: float | None

    @property
    def values(self) -> tuple[float, float]:
        """The least and the largest."""
        return self.low, self.high


Space = tuple[Choices | Span, ...]
"""In the order of the file."""


def read(path: Path, base: SupervisedConfig) -> Space:
    """Reads the YAML file of a space; a key is the place of a setting, as on the command line, with dots.

    Args:
        path: the file.
        base: the configuration of which these settings vary; what it says elsewhere holds in every trial.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not read as strictly as a configuration, or a value in it is none that the setting takes, with
            the others as in `base`; the message names the file, the place and the nearest key.
    """
    given = configuration.mapping(path)
    try:
        return of(given, base)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def of(given: Any, base: SupervisedConfig) -> Space:
    """The space that a mapping says, see `read`.

    Example:
        >>> of({"training.learning_rat": [0.1, 0.2]}, SupervisedConfig())
        Traceback (most recent call last):
        ...
        ValueError: unknown key `training.learning_rat`; did you mean `training.learning_rate`?
    """
    if not isinstance(given, dict) or not given:
        raise ValueError(f"the space must name at least one setting, such as {EXAMPLE}; got {shown(given)}")
    return tuple(_setting(str(place), what, base) for place, what in given.items())


def applied(space: Space, base: SupervisedConfig, values: Mapping[str, Any]) -> SupervisedConfig:
    """The configuration with these values, as a storage knows them, in the places of the space.

    Raises:
        ValueError: the configuration refuses them together.

    Example:
        >>> space = of({"training.epochs": {"low": 1, "high": 9}, "inputs.fill": ["carry", "mean"]}, SupervisedConfig())
        >>> found = applied(space, SupervisedConfig(), {"training.epochs": 3, "inputs.fill": "mean"})
        >>> found.training.epochs, found.inputs.fill
        (3, 'mean')
    """
    sections: dict[str, Any] = {}
    for setting in space:
        value = values[setting.place]
        _put(sections, setting.place, setting.named[value] if isinstance(setting, Choices) else value)
    return configuration.build(SupervisedConfig, sections, default=base)


def first(space: Space) -> dict[str, Any]:
    """The first value of each setting, as a storage knows it."""
    return {setting.place: plain(setting.values[0]) for setting in space}


def points(space: Space) -> dict[str, list[Any]]:
    """Every value of each setting, by its place.

    Raises:
        ValueError: a setting has no end of values, or there are too many points.

    Example:
        >>> points(of({"training.epochs": {"low": 4, "high": 8, "step": 2}}, SupervisedConfig()))
        {'training.epochs': [4, 6, 8]}
    """
    found = {}
    for setting in space:
        if isinstance(setting, Choices):
            found[setting.place] = list(setting.named)
            continue
        step = setting.step or (1 if isinstance(setting.low, int) else None)
        if setting.log or step is None:
            raise ValueError(f"`{setting.place}` must be a list of choices, or have a step, for the sampler grid")
        steps = round((setting.high - setting.low) / step)
        if steps >= MOST_POINTS:
            raise ValueError(f"a grid must have at most {MOST_POINTS:,} points, and `{setting.place}` alone has more")
        found[setting.place] = [setting.low + number * step for number in range(steps + 1)]
    if (number := math.prod(map(len, found.values()))) > MOST_POINTS:
        raise ValueError(f"a grid must have at most {MOST_POINTS:,} points, got {number:,}")
    return found


def as_yaml(setting: Choices | Span) -> str:
    """The line of a setting in the file of a space.

    Example:
        >>> as_yaml(Span("training.epochs", 4, 8, False, 2)), as_yaml(Choices("inputs.fill", ("carry", "mean")))
        ('training.epochs: {low: 4, high: 8, step: 2}', 'inputs.fill: [carry, mean]')
    """
    if isinstance(setting, Choices):
        return f"{setting.place}: {configuration.one_line(setting.values)}"
    more = ", log: true" if setting.log else "" if setting.step is None else f", step: {_number(setting.step)}"
    return f"{setting.place}: {{low: {_number(setting.low)}, high: {_number(setting.high)}{more}}}"


def _number(value: float) -> str:
    return configuration.one_line(value)


def plain(value: Any) -> Any:
    """What a storage knows a value by: a list by its text, for it keeps texts, numbers, truths and None only."""
    return configuration.one_line(tuple(value)) if isinstance(value, list) else value


def _setting(place: str, what: Any, base: SupervisedConfig) -> Choices | Span:
    section: Any = base
    for part in place.split("."):
        section = getattr(section, part, None) if dataclasses.is_dataclass(section) else None
    _check_place(place)
    for fixed, why in FIXED.items():
        if place == fixed or place.startswith(f"{fixed}."):
            raise ValueError(f"`{place}` must be left out of a space: {why}")
    if dataclasses.is_dataclass(section):
        name = dataclasses.fields(section)[0].name
        raise ValueError(f"`{place}` is a section: name a setting in it with dots, such as `{place}.{name}`")
    if isinstance(what, list):
        return _choices(place, what, base)
    if isinstance(what, dict):
        return _span(place, what, base)
    raise ValueError(f"`{place}` must be a list of choices or a range such as {{low: 1, high: 8}}, got {shown(what)}")


def _choices(place: str, values: list[Any], base: SupervisedConfig) -> Choices:
    built = [_built(place, value, base) for value in values]
    if len(built) < 2:
        raise ValueError(f"`{place}` must have at least two choices, got {shown(values)}")
    for number, value in enumerate(values):
        if built[number] in built[:number]:
            raise ValueError(f"`{place}` has the choice {shown(value)} twice")
    found = Choices(place, tuple(values))
    if any(isinstance(value, dict) for value in values) or len(found.named) != len(values):
        raise ValueError(f"`{place}` must have choices that can be told apart by their texts, got {shown(values)}")
    return found


def _span(place: str, what: dict[Any, Any], base: SupervisedConfig) -> Span:
    checked = configuration.build(Range, what, place)
    kinds = {type(_built(place, what[name], base)) for name in ("low", "high")}
    if not kinds <= {int, float}:
        raise ValueError(f"`{place}` must have a list of choices, for it is no number")
    kind, step = (int if kinds == {int} else float), what.get("step")
    if kind is int and step is not None and type(step) is not int:
        raise ValueError(f"`{place}.step` must be a whole number, as the setting is, got {shown(step)}")
    return Span(place, kind(what["low"]), kind(what["high"]), checked.log, None if step is None else kind(step))


def _check_place(place: str) -> None:
    """Raises the ValueError that names the nearest place for one that does not exist."""
    known = [*configuration.places(SupervisedConfig)]
    if place not in known:
        ends = {each.rpartition(".")[2]: each for each in known}
        near = difflib.get_close_matches(place[:60], known, n=1) or difflib.get_close_matches(
            place[:60].rpartition(".")[2], ends, n=1, cutoff=0
        )
        raise ValueError(f"unknown key `{place[:60]}`; did you mean `{ends.get(near[0], near[0])}`?")


def _built(place: str, value: Any, base: SupervisedConfig) -> Any:
    """What the setting is when this is written there."""
    found: Any = configuration.build(SupervisedConfig, _put({}, place, value), default=base)
    for part in place.split("."):
        found = getattr(found, part)
    return found


def _put(sections: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """Puts a value into nested maps."""
    *above, name = place.split(".")
    inner = sections
    for part in above:
        inner = inner.setdefault(part, {})
    inner[name] = value
    return sections
