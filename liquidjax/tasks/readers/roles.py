"""Which column of a table is what."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from liquidjax._bounds import shown
from liquidjax._checks import check_choice, described, put
from liquidjax.sequences.times import UNITS, Unit
from liquidjax.tasks.readers.columns import Columns
from liquidjax.tasks.readers.names import check_known
from liquidjax.tasks.readers.targets import Classes, checked_classes

TargetAt = Literal["series", "step"]
Duplicates = Literal["error", "mean", "last"]
Unsorted = Literal["error", "sort"]


@dataclass(frozen=True)
class Roles:
    """Which column is what, and how rows become series; `table.read_table` says what each means.

    Raises:
        ValueError: an option that is none, or a column in two roles.

    Example:
        >>> Roles(time="t", target="speed", features=["x", "y"]).target
        ('speed',)
    """

    time: str | None = None
    target: Any = None
    features: Any = None
    group: str | None = None
    target_at: TargetAt = "series"
    classes: Classes = None
    time_unit: Unit | None = None
    duplicates: Duplicates = "error"
    unsorted: Unsorted = "error"

    def __post_init__(self):
        check_choice("target_at", self.target_at, ("series", "step"))
        check_choice("duplicates", self.duplicates, ("error", "mean", "last"))
        check_choice("unsorted", self.unsorted, ("error", "sort"))
        if self.time_unit is not None:
            check_choice("time_unit", self.time_unit, UNITS)
            if self.time is None:
                raise ValueError(f"time_unit must be left out where no column holds the times, got {self.time_unit!r}")
        target = (self.target,) if isinstance(self.target, str) else _texts("target", self.target)
        classes = checked_classes(self.classes)
        if target is None and isinstance(classes, bool):
            raise ValueError(f"classes must be left out where there is no target, got {classes}")
        for name in ("time", "group"):
            check_column(name, getattr(self, name))
        put(self, target=target, features=_texts("features", self.features), classes=classes)

    @property
    def known_classes(self) -> tuple[str, ...] | None:
        """The classes where they were named."""
        return self.classes if isinstance(self.classes, tuple) else None

    def features_of(self, columns: Columns, series: str | None) -> tuple[str, ...]:
        """The columns that are features: those named, or all that have no other role.

        Args:
            columns: the table.
            series: the column that names the series; None where there is none.

        Raises:
            ValueError: a column that does not exist or has two roles, or no feature.
        """
        roles = [("series", series), ("time", self.time), ("group", self.group)]
        roles += [("target", name) for name in self.target or ()]
        roles += [("features", name) for name in self.features or ()]
        taken: dict[str, str] = {}
        for role, name in roles:
            if name is None:
                continue
            check_known(name, columns.names, str(columns.paths[0]), "column")
            if name in taken:
                both = f"{taken[name]} and {role}" if taken[name] != role else f"{role} twice"
                raise ValueError(f"a column must have one role, but {shown(name)} is {both}")
            taken[name] = role
        features = self.features or tuple(name for name in columns.names if name not in taken)
        if not features:
            raise ValueError(f"{columns.paths[0]} must have a column that is a feature, besides {', '.join(taken)}")
        if self.features is None and "__index_level_0__" in features:
            raise ValueError(
                f"{columns.paths[0]} holds the index of pandas as column '__index_level_0__'; name the features, or "
                "write it with index=False"
            )
        return features


def check_column(name: str, value: Any) -> None:
    """Raises the ValueError for what is neither the name of a column nor None."""
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} must be the name of a column, got {described(value)}")


def _texts(name: str, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = () if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    if not names or not all(isinstance(text, str) for text in names):
        raise ValueError(f"{name} must be names of columns, at least one, got {described(value)}")
    return names
