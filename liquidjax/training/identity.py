"""What a training is, as text that is compared before it goes on from a checkpoint."""

import hashlib
from typing import Any

import jax
import numpy as np

from liquidjax.training import description
from liquidjax.training.examples import Examples

_MOST_LISTED = 10


def identity(settings: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """All on which the numbers of a training depend.

    Args:
        settings: what `description.describe` takes: cells, objectives, optimizers, numbers.
        data: arrays or trees of them, or `Examples`, or None; of these a hash is kept.

    Raises:
        ValueError: a setting has no description that another process could compare, such as a lambda.

    Example:
        >>> import numpy as np
        >>> identity({"epochs": 3}, {"rows": None})
        {'epochs': 3, 'rows': None}
    """
    found = {name: description.describe(value, name) for name, value in settings.items()}
    return found | {name: None if value is None else _hash(value) for name, value in data.items()}


def check_same(saved: dict[str, Any], given: dict[str, Any], folder: Any) -> None:
    """Raises the ValueError that lists what differs between a checkpoint and the training that is to go on from it."""
    found = description.differences(saved, given)
    if found:
        listed = "; ".join(f"{place}: saved {old}, given {new}" for place, old, new in found[:_MOST_LISTED])
        more = f"; and {len(found) - _MOST_LISTED} more" if len(found) > _MOST_LISTED else ""
        raise ValueError(
            f"the checkpoints in {folder} are of another training ({listed}{more}); give what it was begun with, or "
            "choose another folder"
        )


def _hash(value: Any) -> str:
    if isinstance(value, Examples):
        value = (value.inputs, value.dt, value.mask, value.targets)
    hashed = hashlib.sha256()
    for path, leaf in jax.tree.leaves_with_path(value):
        array = np.ascontiguousarray(leaf)
        hashed.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape} ".encode())
        hashed.update(array.tobytes())
    return hashed.hexdigest()
