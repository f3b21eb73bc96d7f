"""Data in three parts: to train on, to choose settings by, and for the test at the end."""

import dataclasses
import itertools
from typing import NamedTuple

import numpy as np

from liquidjax._bounds import check_seed, shown
from liquidjax._checks import check_flag, check_number
from liquidjax.tasks.dataset import SequenceDataset


class Parts(NamedTuple):
    """Three parts that have no step in common."""

    training: SequenceDataset
    validation: SequenceDataset
    test: SequenceDataset


def split(
    data: SequenceDataset, validation_share: float, test_share: float, seed: int, stratified: bool = True
) -> Parts:
    """Splits data by series: each is in one part as a whole, and so are all series of a group.

    Where series belong to groups, a greedy search puts one group after the other, the largest first, where it is needed
    most: the shares of the series, and with `stratified` those of each class, are as near to those asked for as that
    gets them.

    Args:
        data: what is split.
        validation_share: share of the series for validation.
        test_share: share of the series for the test.
        seed: of the split; the same one gives the same parts.
        stratified: whether each part has the same mix of classes, where series have classes; those of no known class
            are one more.

    Returns:
        The parts, each with at least one series, in the order of the data.

    Raises:
        ImportError: scikit-learn is not installed.
        ValueError: shares that leave a part without series, too few groups, or too few series of a class.

    Example:
        >>> data = SequenceDataset.of([np.ones((2, 1))] * 10, targets=[0, 1] * 5, classes=("idle", "walking"))
        >>> parts = split(data, validation_share=0.2, test_share=0.2, seed=0)
        >>> [len(part) for part in parts], parts.test.targets.tolist()
        ([6, 2, 2], [1, 0])
    """
    _check_shares(validation_share, test_share)
    check_seed("seed", seed)
    strata = np.zeros(len(data), int)
    if check_flag("stratified", stratified) and data.classes is not None and data.targets is not None:
        strata = strata if data.each_step else data.targets
    if data.groups is None:
        rows = _by_series(data, strata, validation_share, test_share, seed)
    else:
        rows = _by_groups(data.groups, strata, (1 - validation_share - test_share, validation_share, test_share), seed)
    return Parts(*(data.take(np.sort(part)) for part in rows))


def split_in_time(data: SequenceDataset, validation_share: float, test_share: float) -> Parts:
    """Cuts each series into sections that follow each other: the first for training, then validation, then the test.

    For forecasting, where what comes later must not be known earlier. Times stay as they are.

    Args:
        data: what is cut; its targets are for each step, or there are none.
        validation_share: share of the steps of each series for validation.
        test_share: share of its steps for the test.

    Returns:
        The parts, each with a section of every series, of at least two steps.

    Raises:
        ValueError: targets for the whole series, or shares that leave a section of fewer than two steps.

    Example:
        >>> data = SequenceDataset.of([np.arange(10.0)[:, None]])
        >>> [part.inputs[0, :, 0].tolist() for part in split_in_time(data, 0.2, 0.3)]
        [[0.0, 1.0, 2.0, 3.0, 4.0], [5.0, 6.0], [7.0, 8.0, 9.0]]
    """
    _check_shares(validation_share, test_share)
    if data.targets is not None and not data.each_step:
        raise ValueError("series with one target each must be split as a whole, by `split`: a section has no target")
    lengths = data.lengths
    validation, test = (np.rint(share * lengths).astype(int) for share in (validation_share, test_share))
    ends = np.cumsum([np.zeros(len(data), int), lengths - validation - test, validation, test], axis=0)
    for part, steps in zip(Parts._fields, np.diff(ends, axis=0), strict=True):
        if np.any(steps < 2):
            short = int(np.argmax(steps < 2))
            raise ValueError(
                f"each section must have at least 2 steps, but {part} has {steps[short]} of the {lengths[short]} of "
                f"series {shown(data.names[short])}; use other shares, or leave the series out"
            )
    return Parts(*(section(data, start, end) for start, end in itertools.pairwise(ends)))


def section(data: SequenceDataset, start: np.ndarray, end: np.ndarray) -> SequenceDataset:
    """The steps of each series from one to before another.

    Args:
        data: with targets for each step, or none.
        start, end: int (series,), the first step and the one behind the last, at least one apart.

    Example:
        >>> data = SequenceDataset.of([np.arange(5.0)[:, None], np.arange(4.0)[:, None]])
        >>> section(data, np.array([1, 3]), data.lengths).lengths.tolist()
        [4, 1]
    """
    steps = start[:, None] + np.arange((end - start).max(initial=1))
    mask = steps < end[:, None]
    place = np.arange(len(data))[:, None], np.minimum(steps, data.inputs.shape[1] - 1)
    targets = None if data.targets is None else data.targets[place]
    return dataclasses.replace(data, inputs=data.inputs[place], times=data.times[place], mask=mask, targets=targets)


def _by_series(
    data: SequenceDataset, strata: np.ndarray, validation_share: float, test_share: float, seed: int
) -> list[np.ndarray]:
    try:
        from sklearn.model_selection import train_test_split
    except ImportError as error:
        raise ImportError('data are split with scikit-learn: pip install "liquidjax[tasks]"') from error
    validation, test = round(validation_share * len(data)), round(test_share * len(data))
    for part, number in (("training", len(data) - validation - test), ("validation", validation), ("test", test)):
        if number < 1:
            raise ValueError(
                f"each part must have at least one series, but of {len(data)} {part} would have {number} with "
                f"validation_share {validation_share:g} and test_share {test_share:g}"
            )
    classes, numbers = np.unique(strata, return_counts=True)
    if len(classes) > 1 and numbers.min() < 3:
        assert data.classes is not None
        rare = classes[np.argmin(numbers)]
        name = f"class {shown(data.classes[rare])}" if rare >= 0 else "no known class"
        raise ValueError(
            f"each class must have at least 3 series, one for each part, but {name} has {numbers.min()}; use "
            "stratified=False, or leave them out"
        )
    rows = np.arange(len(data))
    parts: list[np.ndarray] = []
    for number in (test, validation):
        try:
            mix = strata[rows] if len(classes) > 1 else None
            rows, part = map(np.asarray, train_test_split(rows, test_size=number, stratify=mix, random_state=seed))
        except ValueError as error:
            raise ValueError(f"classes cannot be spread over the parts: {error}; use stratified=False") from error
        parts.append(part)
    return [rows, parts[1], parts[0]]


def _by_groups(
    groups: tuple[str, ...], strata: np.ndarray, shares: tuple[float, float, float], seed: int
) -> list[np.ndarray]:
    """Rows of the three parts. Scikit-learn keeps groups together in parts of equal sizes only, or without classes."""
    names, owner = np.unique(np.array(groups), return_inverse=True)
    if len(names) < 3:
        raise ValueError(f"there must be at least 3 groups, one for each part, got {len(names)}")
    classes, stratum = np.unique(strata, return_inverse=True)
    of_group = np.zeros((len(names), len(classes)))
    np.add.at(of_group, (owner, stratum), 1)
    wanted = np.outer(shares, of_group.sum(0))
    shuffled = np.random.default_rng(seed).permutation(len(names))
    order = shuffled[np.argsort(-of_group[shuffled].sum(1), kind="stable")]
    part_of, found, held = np.full(len(names), -1), np.zeros_like(wanted), np.zeros(3, int)
    for left, group in zip(range(len(names), 0, -1), order, strict=True):
        # By how much the squared distance to what is wanted grows, in shares of what is wanted.
        cost = np.sum(((found + of_group[group] - wanted) ** 2 - (found - wanted) ** 2) / wanted, axis=1)
        if left <= np.sum(held == 0):  # the last groups are for the parts that still have none
            cost[held > 0] = np.inf
        part = int(np.argmin(cost))
        part_of[group] = part
        found[part] += of_group[group]
        held[part] += 1
    return [np.flatnonzero(part_of[owner] == part) for part in range(3)]


def _check_shares(validation_share: float, test_share: float) -> None:
    for name, share in (("validation_share", validation_share), ("test_share", test_share)):
        check_number(name, share, 0, 1, above=True)
    if not validation_share + test_share < 1:
        raise ValueError(
            "validation_share + test_share must be below 1, so that something is left to train on; got "
            f"{validation_share} + {test_share}"
        )
