"""Handwritten digits, read piece by piece: a sequence classification task on real data that needs no download."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from liquidjax._bounds import check_seed, check_share

IMAGES = 1797
PIXELS = 64
CLASSES = 10
WHITE = 16.0
"""The largest value of a pixel; 0 is the background."""


@dataclass(frozen=True)
class Digits:
    """How scikit-learn's 1,797 images of 8 x 8 pixels become sequences, and who is held out.

    Raises:
        ValueError: `steps` does not divide an image, the shares leave nothing to train on, or a seed is no seed.

    Example:
        >>> Digits(steps=16).features
        4
    """

    steps: int = 8
    """Time steps an image is cut into, 1, 2, 4, ... or 64: 8 steps are its rows, 64 steps its single pixels."""
    test_share: float = 0.2
    """Share of the images held out for the test at the end."""
    validation_share: float = 0.15
    """Share of the images to choose settings by; they are not trained on either."""
    split_seed: int = 0
    """Seed of the split into training, validation and test images."""

    def __post_init__(self):
        if type(self.steps) is not int or self.steps not in (1, 2, 4, 8, 16, 32, 64):
            raise ValueError(f"steps must divide the {PIXELS} pixels: 1, 2, 4, 8, 16, 32 or 64; got {self.steps!r}")
        # Stratified splits need each class at least once in each part; 0.01 of 1,797 images is enough for that.
        for name in ("test_share", "validation_share"):
            check_share(name, getattr(self, name), 0.01, 0.8)
        if not self.test_share + self.validation_share <= 0.9:
            raise ValueError(
                "test_share + validation_share must be at most 0.9, so that some images are left to train "
                f"on; got {self.test_share} + {self.validation_share}"
            )
        check_seed("split_seed", self.split_seed)

    @property
    def held_out(self) -> tuple[int, int]:
        """Numbers of images (for the test, for the validation)."""
        return round(self.test_share * IMAGES), round(self.validation_share * IMAGES)

    @property
    def features(self) -> int:
        """Pixels of one time step."""
        return PIXELS // self.steps


class Samples(NamedTuple):
    """inputs: float32 (time, samples, features) in [0, 1]; labels: int32 (samples,)."""

    inputs: np.ndarray
    labels: np.ndarray


class Splits(NamedTuple):
    """Three parts without a common image, each with the same mix of classes."""

    train: Samples
    validation: Samples
    test: Samples


def load(task: Digits) -> Splits:
    """Loads the images and splits them; the same task always gives the same splits.

    Args:
        task: how to cut and split.

    Returns:
        The three splits, inputs time first.

    Raises:
        ImportError: scikit-learn, which brings the images, is not installed.

    Example:
        >>> splits = load(Digits(steps=8))
        >>> splits.train.inputs.shape, splits.validation.labels.shape, splits.test.labels.shape
        ((8, 1168, 8), (270,), (359,))

    Reference:
        E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning Repository (1998).
    """
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError as error:
        raise ImportError('the digits come with scikit-learn: pip install "liquidjax[demo]"') from error
    images, labels = load_digits(return_X_y=True)
    test, validation = task.held_out
    rest, test_rows = train_test_split(np.arange(IMAGES), test_size=test, stratify=labels, random_state=task.split_seed)
    train_rows, validation_rows = train_test_split(
        rest, test_size=validation, stratify=labels[rest], random_state=task.split_seed
    )

    def samples(rows: Any) -> Samples:
        return Samples(sequences(images[rows], task.steps), labels[rows].astype(np.int32))

    return Splits(samples(train_rows), samples(validation_rows), samples(test_rows))


def sequences(images: np.ndarray, steps: int) -> np.ndarray:
    """Rows of 64 pixel values 0 to 16 as inputs, float32 (steps, samples, 64 / steps) in [0, 1].

    Example:
        >>> sequences(np.full((5, 64), 8.0), steps=8).shape
        (8, 5, 8)
    """
    scaled = (np.asarray(images) / WHITE).astype(np.float32)
    return np.ascontiguousarray(scaled.reshape(len(scaled), steps, PIXELS // steps).swapaxes(0, 1))


def flat(inputs: np.ndarray) -> np.ndarray:
    """The pixels of each image in one row, (samples, 64) in [0, 1]: the inverse of `sequences`, but for the scale.

    Example:
        >>> bool((flat(sequences(np.eye(64), steps=16)) * 16 == np.eye(64)).all())
        True
    """
    return inputs.swapaxes(0, 1).reshape(inputs.shape[1], PIXELS)
