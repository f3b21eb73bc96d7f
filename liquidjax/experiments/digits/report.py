"""What the digits experiment says: the comparison, and the confusion matrix of one network."""

from collections.abc import Sequence

import numpy as np

from liquidjax.experiments.digits.run import Row
from liquidjax.experiments.shared.tables import plain


def table(rows: Sequence[Row]) -> str:
    """The comparison as plain text.

    Example:
        >>> print(table([Row("LTC", 3022, 0.97, 0.9612, 5.04)]))
        network  parameters  validation accuracy  test accuracy  training
        LTC           3,022                0.970          0.961     5.0 s
    """
    header = ["network", "parameters", "validation accuracy", "test accuracy", "training"]
    lines = [
        [
            row.network,
            f"{row.parameters:,}",
            f"{row.validation_accuracy:.3f}",
            f"{row.test_accuracy:.3f}",
            f"{row.seconds:.1f} s",
        ]
        for row in rows
    ]
    return plain(header, lines)


def confusion_matrix(confusion: np.ndarray) -> str:
    """How often each digit was predicted for the images of each, as plain text.

    Args:
        confusion: (digits, digits), number of images by true digit (row) and predicted digit (column).

    Example:
        >>> print(confusion_matrix(np.array([[3, 1], [0, 4]])))
        digit  images  recall  0  1
            0       4   0.750  3  1
            1       4   1.000  .  4
    """
    header = ["digit", "images", "recall", *map(str, range(len(confusion)))]
    lines = [
        [str(digit), str(row.sum()), f"{row[digit] / row.sum():.3f}", *(str(count or ".") for count in row.tolist())]
        for digit, row in enumerate(confusion)
    ]
    return plain(header, lines, align="r")
