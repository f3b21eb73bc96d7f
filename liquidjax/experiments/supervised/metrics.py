"""How good answers are, in all the ways that fit the objective; scikit-learn computes what it knows."""

import warnings

import numpy as np


def of_classes(probabilities: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """AUROC and AUPRC, the mean over the classes that occur, each against all others; of two classes, of the second.

    Args:
        probabilities: (..., classes), or (...) of the second of two.
        targets: int (...), -1 where none is known.

    Returns:
        "auroc" and "auprc"; NaN where only one class occurs.

    Raises:
        ImportError: scikit-learn is not installed.

    Example:
        >>> of_classes(np.array([0.1, 0.4, 0.8]), np.array([0, 0, 1]))
        {'auroc': 1.0, 'auprc': 1.0}

    Reference:
        Davis and Goadrich, "The relationship between precision-recall and ROC curves", ICML 2006.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    known = targets >= 0
    found, labels = probabilities[known], targets[known]
    if found.ndim > 1 and found.shape[1] == 2:
        found = found[:, 1]
    pairs = [(labels == 1, found)] if found.ndim == 1 else [(labels == c, found[:, c]) for c in range(found.shape[1])]
    pairs = [(happened, score) for happened, score in pairs if happened.any() and not happened.all()]
    if not pairs:
        return {"auroc": float("nan"), "auprc": float("nan")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        auroc = [float(roc_auc_score(*pair)) for pair in pairs]
        auprc = [float(average_precision_score(*pair)) for pair in pairs]
    return {"auroc": sum(auroc) / len(pairs), "auprc": sum(auprc) / len(pairs)}


def confusion(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The number of targets of each class (row) by the class that is named (column).

    Args:
        probabilities: (..., classes), or (...) of the second of two.
        targets: int (...), -1 where none is known.

    Example:
        >>> confusion(np.array([0.1, 0.6, 0.8]), np.array([0, 0, 1])).tolist()
        [[1, 1], [0, 1]]
    """
    known = targets >= 0
    if probabilities.ndim == targets.ndim:
        probabilities = np.stack([1 - probabilities, probabilities], axis=-1)
    counts = np.zeros((probabilities.shape[-1],) * 2, int)
    np.add.at(counts, (targets[known], probabilities[known].argmax(-1)), 1)
    return counts
