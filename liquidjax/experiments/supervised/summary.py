"""What data hold, in a few sentences for whoever looks at them for the first time."""

from collections.abc import Sequence

import numpy as np

from liquidjax._bounds import shown
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.readers.names import listed

REGULAR = 1e-6
"""Share by which the steps may differ where they are called equal."""


def described(data: SequenceDataset, time_unit: str | None = None) -> list[str]:
    """What the data hold, in sentences without line ends.

    Args:
        data: the data.
        time_unit: in which times are counted, where that is known.

    Example:
        >>> data = SequenceDataset.of([[[1.0], [np.nan]], [[2.0], [3.0]]], targets=[0, 1], classes=("rest", "walk"))
        >>> for sentence in described(data, "h"):
        ...     print(sentence)
        2 series of 2 steps
        1 feature: x1
        missing values: 25 % of all
        steps of 1 h from one time to the next
        a class for each series: rest (1), walk (1)
    """
    lengths = data.lengths
    several = len(data) > 1
    if several and lengths.min() < lengths.max():
        steps = f"{lengths.min()} to {lengths.max()} steps, the median {np.median(lengths):g}"
    else:
        steps = f"{lengths[0]} steps"
    share = 1 - np.mean(data.observed[data.mask])
    gaps = np.diff(data.times, axis=1)[data.mask[:, 1:]]
    return [
        f"{len(data)} series of {steps}",
        f"{len(data.features)} {'feature' if len(data.features) == 1 else 'features'}: {_listed(data.features)}",
        f"missing values: {f'{100 * share:.2g} % of all' if share else 'none'}",
        _of_times(gaps, time_unit),
        _of_targets(data),
    ]


def class_counts(data: SequenceDataset) -> dict[str, int]:
    """How many known targets each class has; {} where there are no classes."""
    if data.classes is None or data.targets is None:
        return {}
    counts = np.bincount(data.targets[data.target_mask], minlength=len(data.classes))
    return dict(zip(data.classes, counts.tolist(), strict=True))


def _of_times(gaps: np.ndarray, time_unit: str | None) -> str:
    unit = f" {time_unit}" if time_unit else ""
    if not gaps.size:
        return "no series has a second step"
    if np.ptp(gaps) <= REGULAR * np.max(gaps):
        return f"steps of {gaps[0]:.6g}{unit} from one time to the next"
    least, most = (f"{gap:.3g}" for gap in (gaps.min(), gaps.max()))
    return f"steps of {least} to {most}{unit} from one time to the next, the median {np.median(gaps):.3g}"


def _of_targets(data: SequenceDataset) -> str:
    if data.targets is None:
        return "nothing to learn but the next step"
    place = "each step" if data.each_step else "each series"
    unknown = np.sum(data.mask if data.each_step else np.ones(len(data))) - np.sum(data.target_mask)
    gaps = f"; {unknown:.0f} not known" if unknown else ""
    if data.classes is None:
        return f"values for {place}: {_listed(data.outputs or ())}{gaps}"
    counts = [f"{listed([name])} ({number})" for name, number in class_counts(data).items()]
    more = f" and {len(counts) - 20} more" if len(counts) > 20 else ""
    return f"a class for {place}: {', '.join(counts[:20])}{more}{gaps}"


def _listed(names: Sequence[str]) -> str:
    """Names on one line; one with a comma in it in quotes, that it is not taken for two."""
    return listed([shown(name) if "," in name else name for name in names])
