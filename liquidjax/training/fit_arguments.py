"""What `fit` is given, looked at before anything is compiled, and refused where it does not fit together."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._belong import check_cell
from liquidjax._bounds import check_seed
from liquidjax._checks import check_choice, check_kind, check_size, described
from liquidjax._types import Cell, Params
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.examples import Examples
from liquidjax.training.objective import Objective, OfFunction
from liquidjax.training.optimizer import VARIED, Optimizer

_ROWS = 256
"""Series of which `check_known` looks at the targets together."""


class Members(NamedTuple):
    """varied: (members,) of each setting that differs; seeds: of each, None where they do not; number: None for one."""

    varied: dict[str, Any]
    seeds: list[int] | None
    number: int | None


def check_kinds(cell: Any, training: Any, validation: Any, preparation: Any, optimizer: Any) -> None:
    """Raises the ValueError for an argument of the wrong kind, and for validation data of another kind."""
    check_cell(cell)
    for name, data in (("training", training), ("validation", validation)):
        if name == "training" or data is not None:
            check_kind(name, data, SequenceDataset, "a SequenceDataset, such as SequenceDataset.of(series) makes it")
    if preparation is not None:
        check_kind("preparation", preparation, Preparation, "a Preparation, such as Preparation.learnt(data) makes it")
    check_kind("optimizer", optimizer, Optimizer, 'an Optimizer such as Optimizer("adam", 0.01)')
    for name in () if validation is None else ("features", "classes", "outputs"):
        known, got = getattr(training, name), getattr(validation, name)
        if known != got:
            raise ValueError(f"the validation data must have the {name} of the training data, {known}, got {got}")


def check_outputs(cell: Cell, objective: Objective, data: SequenceDataset) -> None:
    """Raises the ValueError for a cell with more or fewer outputs than are compared with the targets."""
    if isinstance(objective, OfFunction):
        return
    wanted = objective.outputs(data)
    if cell.outputs != wanted:
        raise ValueError(
            f"the cell must have {wanted} outputs for {type(objective).__name__} and these data, got {cell.outputs}; "
            f"lj.Readout(cell, outputs={wanted}) has them"
        )


def check_known(part: str, cell: Cell, objective: Objective, data: Examples, own: np.ndarray | None = None) -> None:
    """Raises the ValueError for data, or a member's own series of them, of which nothing counts: their loss is 0.

    What counts, only the objective knows: so it is asked, with outputs of 0.
    """
    for member, rows in enumerate([np.arange(len(data.mask))] if own is None else own):
        for some in np.array_split(rows, -(-len(rows) // _ROWS)):
            outputs = jnp.zeros((data.mask.shape[1], len(some), cell.outputs), data.inputs.dtype)
            losses = objective.losses(outputs, jax.tree.map(jnp.asarray, data.batch(some, len(outputs))))
            if jnp.any(losses.weight > 0):
                break
        else:
            whose = "" if own is None else f" of member {member}"
            raise ValueError(f"the {part} data{whose} must have a target that is known and counts, and have none")


def members_of(members: Mapping[str, Sequence[float]] | None, optimizer: Optimizer) -> Members:
    """The settings of members, or the ValueError for those that no single training could have."""
    if members is None:
        return Members({}, None, None)
    check_kind("members", members, Mapping, 'a mapping of values (members,), such as {"seed": [0, 1, 2]}')
    for name, values in members.items():
        check_choice("members", name, ("seed", *VARIED))
        if np.ndim(values) != 1:
            raise ValueError(f"members must have values (members,) for {name}, got {described(values)}")
    lengths = {name: len(values) for name, values in members.items()}
    if len(set(lengths.values())) != 1 or not next(iter(lengths.values())):
        raise ValueError(f"members must have values for the same number of members each, at least 1, got {lengths}")
    varied = {
        name: jnp.asarray([getattr(dataclasses.replace(optimizer, **{name: v}), name) for v in values], float)
        for name, values in members.items()
        if name != "seed"
    }
    seeds = [seed_of(seed) for seed in members["seed"]] if "seed" in members else None
    return Members(varied, seeds, next(iter(lengths.values())))


def seed_of(seed: Any) -> int:
    """The seed, or the ValueError for what is none."""
    seed = check_size("seed", seed, 0)
    check_seed("seed", seed)
    return seed


def own_rows(rows: Any, count: int | None, series: int) -> np.ndarray:
    """The series of each member, or the ValueError for others than there are."""
    rows = np.asarray(rows)
    if count is None or rows.ndim != 2 or len(rows) != count or rows.dtype.kind not in "iu" or not rows.size:
        raise ValueError(f"rows must be int (members, series), with members = {count}, got {described(rows)}")
    if rows.min() < 0 or rows.max() >= series:
        raise ValueError(f"rows must be in [0, {series}), the series of the data, got {rows.min()} to {rows.max()}")
    return rows


def check_members_params(params: Params, count: int) -> None:
    """Raises the ValueError for parameters that are not those of so many members."""
    for path, leaf in jax.tree.leaves_with_path(params):
        if np.shape(leaf)[:1] != (count,):
            raise ValueError(
                f"params must have a leading axis (members,) = ({count},) in every array, got shape {np.shape(leaf)} "
                f"at params{jax.tree_util.keystr(path)}"
            )
