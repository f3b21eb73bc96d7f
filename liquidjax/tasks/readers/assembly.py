"""Rows of a table, each of some series at some time, put together into series."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from liquidjax._bounds import shown
from liquidjax.tasks.dataset import SequenceDataset, check_room
from liquidjax.tasks.readers.columns import Columns
from liquidjax.tasks.readers.roles import Roles
from liquidjax.tasks.readers.targets import Targets, constant, read_targets


class Owners(NamedTuple):
    """Whose each row is: the number of its series, int (rows,), and the names of the series."""

    numbers: np.ndarray
    names: tuple[str, ...]


def assemble(
    columns: Columns, owners: Owners, roles: Roles, series: str | None, targets: Targets | None = None
) -> SequenceDataset:
    """The data set of rows that each belong to a series.

    Args:
        columns: the table.
        owners: the series of each row; each has a row.
        roles: which column is what.
        series: the column that names the series, so that it is no feature; None where there is none.
        targets: for each series, where they do not come from these columns.
    """
    features = roles.features_of(columns, series)
    count = len(owners.names)
    times = None if roles.time is None else columns.times(roles.time, roles.time_unit)
    inputs = np.stack([columns.numbers(name, ", or features without this column") for name in features], axis=1)
    groups = None if roles.group is None else _groups(columns, roles.group, owners)
    of_rows = None
    if roles.target is not None:
        of_rows = targets = read_targets(columns, roles.target, roles.classes)
        if roles.target_at == "series":
            refuse = _differing(columns, owners, "target")
            targets = targets._replace(values=constant(targets.values, owners.numbers, count, refuse))
            of_rows = None

    order = _ordered(columns, owners, times, roles)
    owner = owners.numbers[order]
    begins = np.ones(len(order), bool)
    if times is not None:
        begins[1:] = (owner[1:] != owner[:-1]) | (times[order[1:]] != times[order[:-1]])
    if not begins.all() and roles.duplicates == "error":
        row = int(np.argmin(begins))
        _refuse_times(
            columns, owners, roles, order[row - 1], order[row], "duplicates='mean' or 'last' makes one of them"
        )
    starts = np.flatnonzero(begins)  # in `order`, of the steps
    values = None if of_rows is None else of_rows.values[order]
    if roles.duplicates == "mean":
        inputs = _mean(inputs[order], starts)
        if values is not None:
            refuse = _differing(columns, owners, "target at one time", order)
            values = constant(values, np.cumsum(begins) - 1, len(starts), refuse)
    else:
        last = np.append(starts[1:], len(order)) - 1
        inputs, values = inputs[order[last]], None if values is None else values[last]

    owner = owner[starts]
    lengths = np.bincount(owner, minlength=count)
    check_room((count, int(lengths.max()), len(features)))
    step = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)

    def padded(rows: np.ndarray) -> np.ndarray:
        whole = np.full((count, lengths.max(), *rows.shape[1:]), -1 if rows.dtype.kind == "i" else np.nan, rows.dtype)
        whole[owner, step] = rows
        return whole

    if targets is not None:
        targets = targets if values is None else targets._replace(values=padded(values))
        targets = targets if targets.classes is None else targets._replace(values=targets.values[..., 0])
    return SequenceDataset(
        padded(inputs),
        None if times is None else padded(times[order[starts]]),
        np.arange(lengths.max()) < lengths[:, None],
        None if targets is None else targets.values,
        features,
        roles.known_classes if targets is None else targets.classes,
        None if targets is None else targets.outputs,
        owners.names,
        groups,
    )


def _ordered(columns: Columns, owners: Owners, times: np.ndarray | None, roles: Roles) -> np.ndarray:
    """The rows series by series, those of each in the order of time; rows of one time in that of the file."""
    if times is not None and roles.unsorted == "sort":
        return np.lexsort((times, owners.numbers))
    order = np.argsort(owners.numbers, kind="stable")
    if times is not None:
        owner, stamps = owners.numbers[order], times[order]
        back = np.flatnonzero((owner[1:] == owner[:-1]) & (stamps[1:] < stamps[:-1]))
        if back.size:
            row, after = int(order[back[0]]), int(order[back[0] + 1])
            _refuse_times(columns, owners, roles, row, after, "unsorted='sort' sorts them")
    return order


def _refuse_times(columns: Columns, owners: Owners, roles: Roles, row: int, after: int, remedy: str) -> None:
    assert roles.time is not None
    name = owners.names[owners.numbers[row]]
    raise ValueError(
        f"{columns.both(row, after)}: times must increase within a series, got {columns.cell(row, roles.time)} and "
        f"then {columns.cell(after, roles.time)} in series {shown(name)}; {remedy}"
    )


def _differing(
    columns: Columns, owners: Owners, what: str, order: np.ndarray | None = None
) -> Callable[[int, int], str]:
    """The sentence for two rows of a series that should say the same; `order` says which rows of the table they are."""

    def sentence(row: int, other: int) -> str:
        row, other = (row, other) if order is None else (order[row], order[other])
        name = shown(owners.names[owners.numbers[row]])
        remedy = "; target_at='step' where it is that of the row" if what == "target" else ""
        return f"{columns.both(row, other)}: expected one {what} in series {name}, got two{remedy}"

    return sentence


def _groups(columns: Columns, name: str, owners: Owners) -> tuple[str, ...]:
    texts = columns.texts(name)
    known = sorted(set(texts.tolist()) - {""})
    number = {"": -1} | {text: number for number, text in enumerate(known)}
    of_rows = np.array([number[text] for text in texts], int)[:, None]
    of_series = constant(of_rows, owners.numbers, len(owners.names), _differing(columns, owners, "group"))[:, 0]
    if np.any(of_series < 0):
        row = int(np.argmax(owners.numbers == np.argmax(of_series < 0)))
        columns.refuse(row, name, f"a group in one row of series {shown(owners.names[owners.numbers[row]])}")
    return tuple(known[group] for group in of_series)


def _mean(rows: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The mean of what is observed in the rows from each start to the next, NaN where nothing is."""
    seen = ~np.isnan(rows)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.add.reduceat(np.where(seen, rows, 0), starts) / np.add.reduceat(seen.astype(float), starts)
