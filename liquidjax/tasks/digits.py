"""Handwritten digits, read piece by piece: a sequence classification task on real data that needs no download.

The 1,797 images of 8 x 8 pixels that come with scikit-learn: E. Alpaydin and C. Kaynak, "Optical recognition of
handwritten digits", UCI Machine Learning Repository (1998). Everything is there: whoever trains on it splits it.
"""

import numpy as np

from liquidjax.tasks.dataset import SequenceDataset

PIXELS = 64
WHITE = 16.0
"""The largest value of a pixel; 0 is the background."""


def rows() -> SequenceDataset:
    """All images, read row by row: 8 steps of 8 pixels.

    Example:
        >>> data = rows()
        >>> data.inputs.shape, data.classes[3], data.names[0]
        ((1797, 8, 8), '3', 'image 1')
    """
    return whole(8)


def pixels() -> SequenceDataset:
    """All images, read pixel by pixel: 64 steps of one."""
    return whole(PIXELS)


def whole(steps: int) -> SequenceDataset:
    """All images in so many steps, which divide 64.

    Raises:
        ImportError: scikit-learn, which brings the images, is not installed.
        ValueError: 64 pixels are no whole number of so many steps.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError('the digits come with scikit-learn: pip install "liquidjax[demo]"') from error
    images, labels = map(np.asarray, load_digits(return_X_y=True))
    names = tuple(f"image {number}" for number in range(1, len(images) + 1))
    return SequenceDataset(sequences(images, steps), targets=labels, classes=tuple(map(str, range(10))), names=names)


def sequences(images: np.ndarray, steps: int) -> np.ndarray:
    """Rows of 64 pixel values 0 to 16 as series, float32 (images, steps, 64 / steps) in [0, 1].

    Example:
        >>> sequences(np.full((5, 64), 8.0), steps=16).shape
        (5, 16, 4)
    """
    if steps < 1 or PIXELS % steps:
        raise ValueError(f"steps must divide {PIXELS}, the pixels of an image, got {steps}")
    scaled = (np.asarray(images) / WHITE).astype(np.float32)
    return scaled.reshape(len(scaled), steps, PIXELS // steps)
