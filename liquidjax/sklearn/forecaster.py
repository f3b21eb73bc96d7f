"""A liquid network as a forecaster of series."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from liquidjax._checks import check_size
from liquidjax.sklearn.ahead import go_on, steps_ahead
from liquidjax.sklearn.learning import Parts, draws, learn, rows_of_parts, share_held_out
from liquidjax.sklearn.series import Series, read
from liquidjax.sklearn.settings import Settings
from liquidjax.sklearn.targets import forget, tagged
from liquidjax.sklearn.windows import cut, split_off
from liquidjax.training.objectives import Forecast

FEW = 10
"""Cases below which what is held out is the end of each, and not some of them."""


@dataclass(eq=False, repr=False)
class LiquidForecaster(Settings):
    """What comes after a series, by a liquid network that learns the next step and then reads what it says itself.

    There is no y: `fit(X)` learns from the cases in X, and `predict(X)` goes on after the end of each, of the same ones
    or of others, longer or shorter. X is (cases, channels, time), a list of (channels, time_i), or (cases, time), for
    which `predict` gives (cases, horizon). One series alone is `series.reshape(1, -1)`, or `series[None]` of (channels,
    time). All channels are forecast.

    Args:
        horizon: steps that `predict` forecasts.
        window: the network learns from sections of so many steps, half of which overlap, where a case is longer; None
            for whole cases.
        cell, units, epochs, batch_size, learning_rate, optimizer, schedule, weight_decay, validation_fraction,
            patience, time_channel, step, random_state, verbose: see `LiquidClassifier`, as for the attributes, but
            `classes_`. Of fewer than 10 cases the end of each is held out, else some of them.

    Example:
        >>> X = np.sin(0.3 * np.arange(120)).reshape(1, -1)  # one case, one channel
        >>> forecaster = LiquidForecaster("GRU", units=16, horizon=5, epochs=150, random_state=0).fit(X[:, :110])
        >>> forecaster.predict(X[:, :110]).shape, bool(abs(forecaster.predict(X[:, :110]) - X[:, 110:115]).max() < 0.2)
        ((1, 5), True)
    """

    horizon: int = 1
    window: int | None = 64

    def fit(self, X: Any, y: Any = None, times: Any = None) -> "LiquidForecaster":
        """Learns the next step of cases.

        Args:
            X: the cases, of two steps at least.
            y: not used, there as everywhere in scikit-learn.
            times: of each step, see `LiquidClassifier.fit`. The network learns when a step was after it was; a forecast
                does not know how far ahead it is.

        Raises:
            ValueError: data or settings that do not fit.
        """
        forget(self)
        given = read(self, X, times, steps=2)
        check_size("horizon", self.horizon)
        window = None if self.window is None else check_size("window", self.window, 2)
        seeds = draws(self.random_state)
        both = self._parts(given, window, seeds.split)
        self.model_, self.history_, self.n_iter_ = learn(self, Forecast(), both, seeds.network)
        self._form, self.n_channels_ = given.form, given.form.channels
        return self

    def predict(self, X: Any, times: Any = None, future_times: Any = None) -> np.ndarray:
        """What comes after each case.

        Args:
            X: the cases, of one step at least.
            times: of their steps, where `fit` had them.
            future_times: of the steps that are forecast, (horizon,) for all cases, (cases, horizon) or a list of
                (horizon,); None for typical steps.

        Returns:
            (cases, channels, horizon), without a time channel; or (cases, horizon) where X is a table.
        """
        given = self._read(X, times)
        found = self._ahead(given, future_times)
        return found[:, 0] if given.form.table else found

    def score(self, X: Any, y: Any = None, times: Any = None) -> float:
        """R2 of the forecast of the last `horizon` steps of each case from those before; of channels, the mean.

        Args:
            X: the cases, of more steps than `horizon`.
            y: not used, there as everywhere in scikit-learn.
            times: of their steps, where `fit` had them.
        """
        given = self._read(X, times)
        before, after = split_off(given, [check_size("horizon", self.horizon)] * len(given.values), least=1)
        found = self._ahead(before, after.times).transpose(0, 2, 1)
        truth = np.stack(after.values)
        known = ~np.isnan(truth)
        channels = range(truth.shape[2])
        return float(np.mean([r2_score(truth[..., i][known[..., i]], found[..., i][known[..., i]]) for i in channels]))

    def _read(self, X: Any, times: Any) -> Series:
        """The cases to go on after; a table may have other columns than the one that was learnt from."""
        check_is_fitted(self, "model_")
        return read(self, X, times, self._form._replace(table=False))

    def _ahead(self, given: Series, future_times: Any) -> np.ndarray:
        steps = check_size("horizon", self.horizon)
        return go_on(self.model_, given, steps_ahead(self.model_, given, future_times, steps))

    def _parts(self, given: Series, window: int | None, seed: int) -> Parts:
        fraction, cases = share_held_out(self), len(given.values)
        if fraction and cases < FEW:
            both = split_off(given, [max(2, round(fraction * len(x))) for x in given.values], least=2)
            return Parts(*(cut(part, window).dataset() for part in both))
        rows, held = rows_of_parts(self, np.zeros(cases, int), seed)
        validation = None if held is None else cut(given.take(held), window).dataset()
        return Parts(cut(given.take(rows), window).dataset(), validation)

    def __sklearn_tags__(self) -> Any:
        return tagged(super().__sklearn_tags__())
