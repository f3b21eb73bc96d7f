"""Liquid networks as estimators of aeon: those of `liquidjax.sklearn`, with aeon's base classes, tags and checks.

The times of steps are a channel of X (`time_channel`), for aeon hands nothing on beside X and y.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from aeon.classification import BaseClassifier
from aeon.regression import BaseRegressor

from liquidjax.sklearn import classifier, regressor
from liquidjax.sklearn.settings import Asked


@dataclass(eq=False, repr=False)
class _Liquid(Asked):
    """What both have: their tags, and the estimator of scikit-learn that does the work."""

    _tags = {  # noqa: RUF012  # aeon's form
        "X_inner_type": ["numpy3D", "np-list"],
        "capability:multivariate": True,
        "capability:unequal_length": True,
        "capability:missing_values": True,
        "algorithm_type": "deeplearning",
    }
    _works: ClassVar[type[Any]]

    def _fit(self, X: Any, y: Any) -> None:
        self.estimator_ = self._works(**self.get_params(deep=False)).fit(X, y)

    def _predict(self, X: Any) -> np.ndarray:
        return self.estimator_.predict(X)

    @classmethod
    def _get_test_params(cls, parameter_set: str = "default") -> dict[str, Any]:
        return {"cell": "GRU", "units": 4, "epochs": 2}


@dataclass(eq=False, repr=False)
class LiquidClassifier(_Liquid, BaseClassifier):
    """The class of a series, by a liquid network: `liquidjax.sklearn.LiquidClassifier`, of which `estimator_` is one.

    X is any collection that aeon knows, of one or several channels, equal or unequal lengths, with NaN where nothing
    was observed.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> y = np.array(["slow", "fast"] * 12)
        >>> X = [np.sin(np.arange(rng.integers(9, 16)) * (0.5 if label == "slow" else 1.0))[None] for label in y]
        >>> network = LiquidClassifier("GRU", units=8, epochs=40, random_state=0).fit(X, y)
        >>> network.predict(X)[:2].tolist(), network.get_tag("capability:unequal_length")
        (['slow', 'fast'], True)
    """

    class_weight: Any = None

    _works = classifier.LiquidClassifier

    def __post_init__(self):
        BaseClassifier.__init__(self)

    def _predict_proba(self, X: Any) -> np.ndarray:
        return self.estimator_.predict_proba(X)


@dataclass(eq=False, repr=False)
class LiquidRegressor(_Liquid, BaseRegressor):
    """A value of a series, by a liquid network: `liquidjax.sklearn.LiquidRegressor`, of which `estimator_` is one.

    X is as for `LiquidClassifier`; of several values aeon knows nothing.

    Example:
        >>> y = np.linspace(0.3, 1.5, 30)
        >>> X = np.sin(y[:, None] * np.arange(12))  # (cases, time)
        >>> network = LiquidRegressor("GRU", units=8, epochs=60, random_state=0).fit(X, y)
        >>> network.predict(X).shape, network.score(X, y) > 0.9
        ((30,), True)
    """

    _works = regressor.LiquidRegressor

    def __post_init__(self):
        BaseRegressor.__init__(self)
