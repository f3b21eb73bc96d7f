"""Which of some periods a noisy sine has: what solves it is what a network knows of time, and nothing else."""

import numpy as np

from liquidjax._bounds import check_not_negative, check_positive, check_seed
from liquidjax._checks import check_size
from liquidjax.tasks.dataset import SequenceDataset

PERIODS = (5.0, 7.0, 10.0, 14.0)
"""With gaps of 4 the two shorter ones alias: a sine needs two readings in a period."""


def periods(
    series: int, duration: float = 32.0, gap: float = 1.0, noise: float = 0.1, seed: int = 0
) -> SequenceDataset:
    """Sines of four periods, with random phases and amplitudes, and the class of each.

        x(t) = a sin(2 pi t / p + phi) + noise,   a in [0.7, 1.3], phi in [0, 2 pi)

    A series of a seed is the same function of time whatever its gap, so that other rates sample the same sines.

    Args:
        series: how many; the classes take turns.
        duration: from the first step to the last.
        gap: from one step to the next.
        noise: standard deviation, independent from step to step.
        seed: of amplitudes, phases and noise.

    Example:
        >>> data = periods(8, gap=2.0)
        >>> data.inputs.shape, data.classes
        ((8, 17, 1), ('5', '7', '10', '14'))
    """
    check_size("series", series)
    check_positive("duration", duration)
    check_positive("gap", gap)
    check_not_negative("noise", noise)
    check_seed("seed", seed)
    rng = np.random.default_rng(seed)
    classes = np.arange(series) % len(PERIODS)
    amplitude, phase = rng.uniform(0.7, 1.3, series), rng.uniform(0, 2 * np.pi, series)
    times = gap * np.arange(int(duration / gap * (1 + 1e-9)) + 1)
    angle = 2 * np.pi * times / np.asarray(PERIODS)[classes][:, None] + phase[:, None]
    values = amplitude[:, None] * np.sin(angle) + noise * rng.normal(size=angle.shape)
    names = tuple(f"{period:g}" for period in PERIODS)
    return SequenceDataset(values[:, :, None].astype(np.float32), times, targets=classes, classes=names)
