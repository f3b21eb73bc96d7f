"""Callbacks of `fit` that write down each epoch."""

import json
import os
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from liquidjax.training.progress import Epoch


class Writes(Protocol):
    """What `print` needs of a file."""

    def write(self, text: str, /) -> object: ...


def json_lines(file: Writes, **more: Any) -> Callable[[Epoch], None]:
    """Writes a line of JSON for each epoch; a number that is not finite becomes null, and of members there is a list.

    Args:
        file: an open file; open it with buffering=1 so that it can be read while it grows.
        more: what each line says beside it, such as the name of the network.

    Example:
        >>> import sys
        >>> json_lines(sys.stdout, network="LTC")(Epoch(1, 0.5, 0.6, {"accuracy": 0.9}, 1.0))
        {"network": "LTC", "epoch": 1, "loss": 0.5, "validation_loss": 0.6, "seconds": 1.0, "skipped": 0, \
"validation_accuracy": 0.9}
    """

    def report(epoch: Epoch) -> None:
        print(json.dumps(more | {name: _finite(value) for name, value in numbers_of(epoch).items()}), file=file)

    return report


def tensorboard(folder: str | os.PathLike) -> Callable[[Epoch], None]:
    """Writes each epoch for TensorBoard: `tensorboard --logdir folder` shows it. Of members each has a curve.

    Raises:
        ImportError: tensorboardX is not installed.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        raise ImportError('TensorBoard is written by tensorboardX: pip install "liquidjax[tensorboard]"') from error
    writer = SummaryWriter(os.fspath(folder), flush_secs=1)  # a thread writes; what it holds back goes out by then

    def report(epoch: Epoch) -> None:
        for name, value in numbers_of(epoch).items():
            if name in ("epoch", "seconds") or value is None:
                continue
            values = np.atleast_1d(value)
            for member, number in enumerate(values):
                writer.add_scalar(name if np.ndim(value) == 0 else f"{name}/{member}", float(number), epoch.epoch)
        writer.flush()

    return report


def numbers_of(epoch: Epoch) -> dict[str, Any]:
    """The numbers of an epoch by name, the scores as validation_<score>."""
    scores = {f"validation_{name}": value for name, value in epoch.validation.items()}
    return {name: value for name, value in epoch._asdict().items() if name != "validation"} | scores


def _finite(value: Any) -> Any:
    if np.ndim(value):
        return [_finite(each) for each in np.asarray(value).tolist()]
    return value if value is None or np.isfinite(value) else None
