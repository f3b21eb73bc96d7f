"""What the estimators have in common around the targets."""

from typing import Any


def forget(estimator: Any) -> None:
    """What was learnt before goes when something new is learnt, also where that fails."""
    vars(estimator).pop("model_", None)


def check_given(estimator: Any, y: Any) -> None:
    """Raises the ValueError of scikit-learn for a y that is missing."""
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None")


def tagged(tags: Any) -> Any:
    """The tags of an estimator that takes (cases, channels, time) and missing values."""
    tags.input_tags.three_d_array = True
    tags.input_tags.allow_nan = True
    return tags
