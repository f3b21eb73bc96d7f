"""What a run says: the comparison, the scores of one model, and its confusion matrix."""

from collections.abc import Mapping, Sequence

import numpy as np

from liquidjax.experiments.shared.tables import plain
from liquidjax.experiments.supervised.run import Row

SHOWN = {"accuracy": "accuracy", "mse": "MSE", "r2": "R2", "auroc": "AUROC", "auprc": "AUPRC"}
"""Names of scores as tables say them."""
MOST_CLASSES = 30
"""Of a confusion matrix that is shown."""


def table(rows: Sequence[Row]) -> str:
    """The comparison as plain text.

    Example:
        >>> print(table([Row("LTC", 3022, {"accuracy": 0.97}, {"accuracy": 0.9612}, 5.04)]))
        network  parameters  validation accuracy  test accuracy  training
        LTC           3,022                0.970          0.961     5.0 s
    """
    names = list(rows[0].test)
    columns = [f"{part} {SHOWN.get(name, name)}" for name in names for part in ("validation", "test")]
    lines = [
        [
            row.name,
            f"{row.parameters:,}",
            *(figure(scores[name]) for name in names for scores in (row.validation, row.test)),
            f"{row.seconds:.1f} s",
        ]
        for row in rows
    ]
    return plain(["network", "parameters", *columns, "training"], lines)


def scores(of_model: Mapping[str, float], of_others: Mapping[str, Mapping[str, float]]) -> str:
    """The scores of a model, beside those of the baselines.

    Example:
        >>> print(scores({"mse": 0.01, "r2": 0.9}, {"persistence": {"mse": 0.02, "r2": 0.8}}))
                     MSE     R2
        model        0.0100  0.900
        persistence  0.0200  0.800
    """
    lines = [
        [name, *(figure(found[key]) if key in found else "" for key in of_model)]
        for name, found in (("model", of_model), *of_others.items())
    ]
    return plain(["", *(SHOWN.get(name, name) for name in of_model)], lines, align="l" * (len(of_model) + 1))


def confusion_matrix(confusion: np.ndarray, classes: Sequence[str]) -> str:
    """How often each class was named for the series, or the steps, of each, as plain text.

    Args:
        confusion: (classes, classes), by true class (row) and named class (column).
        classes: their names.

    Example:
        >>> print(confusion_matrix(np.array([[3, 1], [0, 4]]), ("rest", "walk")))
        class  number  recall  rest  walk
         rest       4   0.750     3     1
         walk       4   1.000     .     4
    """
    header = ["class", "number", "recall", *classes]
    lines = [
        [name, str(row.sum()), f"{row[i] / max(1, row.sum()):.3f}", *(str(count or ".") for count in row.tolist())]
        for i, (name, row) in enumerate(zip(classes, confusion, strict=True))
    ]
    return plain(header, lines, align="r")


def figure(value: float) -> str:
    """A score with three decimals, or three digits where it is small."""
    return f"{value:.3f}" if abs(value) >= 0.1 or not value else f"{value:.3g}" if abs(value) < 0.01 else f"{value:.4f}"
