"""Series of the UEA archive that come with aeon, so that nothing is downloaded: whose vowel, and which motion."""

from typing import Literal

import numpy as np

from liquidjax._checks import check_choice
from liquidjax.tasks.dataset import SequenceDataset

Name = Literal["JapaneseVowels", "BasicMotions"]
_LOADERS = {"JapaneseVowels": "load_japanese_vowels", "BasicMotions": "load_basic_motions"}


def archived(name: Name, part: Literal["train", "test"]) -> SequenceDataset:
    """The training or the test part of a set, as the archive divides it; steps are one unit of time apart.

    - JapaneseVowels: two vowels by nine speakers, 12 cepstral coefficients, 7 to 29 steps, 270 and 370 series. Kudo,
      Toyama, Shimbo, "Multidimensional curve classification using passing-through regions", 1999.
    - BasicMotions: four motions with a watch, acceleration and rotation, 100 steps, 40 and 40 series. Clements, 2016.

    Raises:
        ImportError: aeon is not installed.

    Example:
        >>> data = archived("BasicMotions", "train")
        >>> data.inputs.shape, data.classes
        ((40, 100, 6), ('badminton', 'running', 'standing', 'walking'))

    Reference:
        Bagnall et al., "The UEA multivariate time series classification archive, 2018", arXiv:1811.00075.
    """
    check_choice("name", name, tuple(_LOADERS))
    check_choice("part", part, ("train", "test"))
    try:
        import aeon.datasets
    except ImportError as error:
        raise ImportError('the archive comes with aeon: pip install "liquidjax[ts]"') from error
    series, labels = getattr(aeon.datasets, _LOADERS[name])(split=part)
    classes = tuple(sorted(set(map(str, labels))))
    targets = np.array([classes.index(str(label)) for label in labels])
    steps = [np.asarray(one, np.float32).T for one in series]
    names = tuple(f"{part} {number}" for number in range(1, len(steps) + 1))
    return SequenceDataset.of(steps, targets=targets, classes=classes, names=names)
