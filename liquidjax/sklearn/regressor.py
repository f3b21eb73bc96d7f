"""A liquid network as a regressor of series."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted

from liquidjax._checks import check_choice
from liquidjax.sklearn.answers import answers
from liquidjax.sklearn.learning import Parts, draws, learn, rows_of_parts
from liquidjax.sklearn.series import read
from liquidjax.sklearn.settings import Asked
from liquidjax.sklearn.targets import check_given, forget, tagged
from liquidjax.training.objectives import Regression


@dataclass(eq=False, repr=False)
class LiquidRegressor(RegressorMixin, Asked):
    """One or several values of a series, by a liquid network: a linear readout, trained on the squared error.

    Values are scaled by mean and spread of those that are learnt from, and answers are in their units.

    Args:
        cell, units, epochs, batch_size, learning_rate, optimizer, schedule, weight_decay, validation_fraction,
            patience, step, time_channel, random_state, verbose, at, indicators, since: see `LiquidClassifier`, as for X
            and, but for `classes_`, the attributes.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> y = rng.uniform(0.3, 1.5, 30)
        >>> X = np.sin(y[:, None] * np.arange(12))[:, None]  # (cases, channels, time)
        >>> regressor = LiquidRegressor("GRU", units=8, epochs=60, random_state=0).fit(X, y)
        >>> regressor.predict(X[:3]).shape, regressor.score(X, y) > 0.9
        ((3,), True)
    """

    def fit(self, X: Any, y: Any, times: Any = None) -> "LiquidRegressor":
        """Learns the values of cases.

        Args:
            X: the cases, see `LiquidClassifier`.
            y: (cases,) or (cases, outputs), finite.
            times: of each step, see `LiquidClassifier.fit`.

        Raises:
            ValueError: data or settings that do not fit.
        """
        forget(self)
        given = read(self, X, times, cases=2)
        check_given(self, y)
        finite: dict[str, Any] = {"dtype": np.float64, "ensure_2d": False, "input_name": "y"}
        values = np.asarray(check_array(y, estimator=self, **finite))
        check_consistent_length(given.values, values)
        check_choice("at", self.at, ("mean", "last"))
        seeds = draws(self.random_state)
        data = given.dataset(values)
        both = Parts.of(data, *rows_of_parts(self, np.zeros(len(data), int), seeds.split))
        reads = {"indicators": self.indicators, "since": self.since}
        self.model_, self.history_, self.n_iter_ = learn(self, Regression(self.at), both, seeds.network, **reads)
        self._form, self.n_channels_ = given.form, given.form.channels
        self._one = values.ndim == 1
        return self

    def predict(self, X: Any, times: Any = None) -> np.ndarray:
        """The values of each case, (cases,) or (cases, outputs), as y was."""
        check_is_fitted(self, "model_")
        found = answers(self.model_, read(self, X, times, self._form))
        return found[:, 0] if self._one else found

    def score(self, X: Any, y: Any, sample_weight: Any = None, times: Any = None) -> float:
        """R2, the share of the variance of the values that is explained; of several, the mean."""
        from sklearn.metrics import r2_score

        return float(r2_score(y, self.predict(X, times), sample_weight=sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = tagged(super().__sklearn_tags__())
        tags.target_tags.multi_output = True
        return tags
